"""A table that can be shown again and again without moving the reader's cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.coordinate import Coordinate
from textual.widgets import DataTable

from espmon.text import plain
from espmon.tui.screens.dialog import clip, clip_start


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    key: str
    label: str
    width: int
    """Cells at least."""

    share: int = 0
    """Weight in dividing the cells left over; 0 keeps `width`."""

    from_width: int = 0
    """Shown only where the table is at least this wide."""

    fit: bool = False
    """Only as wide as its widest text: `width` at most, more where the table has room, before others share that."""

    late: bool = False
    """Of those that fit their texts it gets more than `width` after the others have all that they want."""

    keep_end: bool = False
    """Where a text is too long its beginning is cut (paths, `file:line`)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a stable key and the text of each column, by column key."""

    key: str
    cells: Mapping[str, str]
    style: str = ""
    """A Rich style for the whole row ("dim", "bold")."""

    colours: Mapping[str, str] = field(default_factory=dict)
    """Column -> name of a colour of the theme ("success")."""


class KeyedTable(DataTable[Text]):
    """Rows by key. `show` replaces the rows; the cursor and the scroll position stay with what they were on.

    Cell text is sanitised, never markup, and cut to its column, so that no name can push another column away.
    """

    DEFAULT_CSS = """
    KeyedTable { height: 1fr; min-height: 4; background: $surface; }
    KeyedTable { scrollbar-size-horizontal: 0; scrollbar-size-vertical: 1; }
    KeyedTable > .datatable--header { background: $panel; color: $text-muted; text-style: none; }
    KeyedTable > .datatable--cursor { background: $primary 15%; color: $foreground; text-style: none; }
    KeyedTable:focus > .datatable--cursor { background: $primary 50%; color: $foreground; text-style: bold; }
    """

    def __init__(self, columns: Sequence[Column], *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(cursor_type="row", id=id, classes=classes, cell_padding=1)
        self._plan = tuple(columns)
        self._keep_end = {column.key for column in columns if column.keep_end}
        self._widths: dict[str, int] = {}
        self._shown: list[Row] = []

    @property
    def shown(self) -> Sequence[Row]:
        """The rows as last given."""
        return self._shown

    @property
    def selected(self) -> str | None:
        """Key of the row under the cursor."""
        if not self._shown or not self.row_count:
            return None
        return str(self.coordinate_to_cell_key(Coordinate(self.cursor_row, 0)).row_key.value)

    def on_resize(self, event: events.Resize) -> None:
        """Divide the width anew."""
        widths = self._divide(event.size.width)
        if widths != self._widths:
            self._widths = widths
            self._rebuild(self.selected)

    def show(self, listed: Sequence[Row]) -> None:
        """Show these rows: changed cells are updated in place; other keys or another order rebuild the table.

        Of rows with the same key the first is shown.
        """
        kept: dict[str, Row] = {}
        for row in listed:
            kept.setdefault(row.key, row)
        listed = list(kept.values())
        selected, old, self._shown = self.selected, self._shown, listed
        if not self._widths:
            return
        if (widths := self._divide(self.size.width)) != self._widths:
            self._widths = widths
            self._rebuild(selected)
            return
        if [row.key for row in old] != [row.key for row in listed] or self.row_count != len(listed):
            self._rebuild(selected)
            return
        for before, after in zip(old, listed, strict=True):
            if before != after:
                for column in self._widths:
                    self.update_cell(after.key, column, self._cell(after, column))

    def move_to(self, key: str) -> None:
        """Put the cursor on the row with `key`, if there is one."""
        for index, row in enumerate(self._shown):
            if row.key == key and index < self.row_count:
                self.move_cursor(row=index)

    def _divide(self, width: int) -> dict[str, int]:
        visible = [column for column in self._plan if width >= column.from_width]
        wanted = {column.key: self._widest(column) for column in visible if column.fit}
        widths = {column.key: min(column.width, wanted.get(column.key, column.width)) for column in visible}
        spare = max(0, width - 1 - sum(widths.values()) - len(visible) * 2 * self.cell_padding)
        for late in (False, True):
            growing = {column.key: wanted[column.key] for column in visible if column.fit and column.late is late}
            spare -= _grow(widths, growing, spare)
        shares = sum(column.share for column in visible) or 1
        return {column.key: widths[column.key] + spare * column.share // shares for column in visible}

    def _widest(self, column: Column) -> int:
        return max(cell_len(plain(text)) for text in (column.label, *(row.cells[column.key] for row in self._shown)))

    def _cell(self, row: Row, column: str) -> Text:
        cut = clip_start if column in self._keep_end else clip
        text = cut(row.cells.get(column, ""), self._widths[column])
        colour = self.app.theme_variables.get(row.colours.get(column, ""), "")
        return Text(text, style=f"{row.style} {colour}".strip(), no_wrap=True, end="")

    def _rebuild(self, selected: str | None) -> None:
        top = self.scroll_y
        self.clear(columns=True)
        for column in self._plan:
            if column.key in self._widths:
                self.add_column(column.label, width=self._widths[column.key], key=column.key)
        for row in self._shown:
            self.add_row(*(self._cell(row, column) for column in self._widths), key=row.key)
        if selected is not None:
            for index, row in enumerate(self._shown):
                if row.key == selected:
                    self.move_cursor(row=index, scroll=False)
                    self.scroll_to(y=top, animate=False, force=True)


def _grow(widths: dict[str, int], wanted: Mapping[str, int], spare: int) -> int:
    """Widen columns towards what they want, all alike as long as there are cells to spare; returns the cells given."""
    given = 0
    while given < spare and (short := [key for key, cells in wanted.items() if widths[key] < cells]):
        for key in short[: spare - given]:
            widths[key] += 1
            given += 1
    return given
