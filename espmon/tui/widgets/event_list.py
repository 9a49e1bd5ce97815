"""The events of a session, one row each, newest below, under headings for boots."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from espmon.session.status import MAX_EVENTS, EventEntry, Severity
from espmon.tui.sanitise import visible
from espmon.tui.theme import few_colours

SIGNS = {Severity.ERROR: "✖", Severity.WARNING: "▲", Severity.INFO: "·"}
"""Severity -> sign at the start of the row."""

KINDS = ("panic", "reset", "coredump", "png", "frame", "gdb", "probe", "flash", "link", "note", "boot", "caps")
"""Record types in the order in which the kind key goes through them."""


EVERYTHING = "all"
"""The kind that hides nothing."""

NOISE = frozenset({"boot", "caps", "link"})
"""Types that are hidden at first where they are no warning: the headings, the header and the log say the same."""

CRASHES = frozenset({"panic", "coredump"})


class EventList(ScrollView, can_focus=True):
    """Rows of `EventEntry`; the cursor follows new ones while it is on the last."""

    DEFAULT_CSS = """
    EventList { background: $surface; color: $foreground; height: 1fr; scrollbar-size-vertical: 1;
                overflow-x: hidden; overflow-y: auto; }
    EventList > .event--error { color: $error; }
    EventList > .event--warning { color: $warning; }
    EventList > .event--info { color: $success; }
    EventList > .event--time { color: $secondary; }
    EventList > .event--boot { color: $primary; text-style: bold; }
    EventList > .event--cursor { background: $primary 12%; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "event--error",
        "event--warning",
        "event--info",
        "event--time",
        "event--boot",
        "event--cursor",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="events.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="events.down"),
        Binding("pageup", "move(-10)", show=False, id="events.page_up"),
        Binding("pagedown", "move(10)", show=False, id="events.page_down"),
        Binding("home,g", "move(-1000000)", show=False, id="events.first"),
        Binding("end,G", "move(1000000)", show=False, id="events.last"),
        Binding("ctrl+down", "details(1)", show=False, id="events.details_down", tooltip="Scroll the details down"),
        Binding("ctrl+up", "details(-1)", show=False, id="events.details_up", tooltip="Scroll the details up"),
        Binding("enter", "jump", "To the line", id="events.jump", tooltip="Show the log line it belongs to"),
        Binding("v", "kind", "Kind", id="events.kind", tooltip="All events, or only one kind"),
        Binding("o", "open", "Open", id="events.open", tooltip="Picture, core dump or report"),
        Binding("O", "view", show=False, id="events.view", tooltip="Picture or text in the system's viewer"),
        Binding("b", "compare", show=False, id="events.compare", tooltip="Compare this boot with the one before"),
        Binding("escape", "screen.inspector", "Log", id="events.leave", tooltip="Back to the log"),
    ]

    @dataclass
    class Highlighted(Message):
        """The cursor is on this entry now (None: the list is empty)."""

        entry: EventEntry | None

    @dataclass
    class DetailsScrolled(Message):
        """Scroll what is told of the entry under the cursor."""

        pages: int
        """Half of what is seen of it, down where it is positive."""

    @dataclass
    class Compared(Message):
        """Compare this boot with the one before it."""

        boot: int

    @dataclass
    class Jump(Message):
        """Show the log line of this entry."""

        entry: EventEntry

    @dataclass
    class Opened(Message):
        """Show what this entry holds: a picture, a core dump, a report."""

        entry: EventEntry

    @dataclass
    class Viewed(Message):
        """Open the file of this entry in the system's viewer."""

        entry: EventEntry

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.entries: dict[int, EventEntry] = {}
        """Entries by id, in their order; at most `MAX_EVENTS`."""

        self.boot_words: Callable[[int], str] = lambda boot: ""
        """What else stands in the heading of a boot."""

        self.by_boots = True
        """Each boot has a heading; of several boards, no boot is before another."""

        self.kind: str | None = None
        self._rows: list[int | EventEntry] = []
        self._places: dict[int, int] = {}
        self._boot: int | None = None
        self._newest = -1
        self._cursor = -1

    @property
    def highlighted(self) -> EventEntry | None:
        """The entry under the cursor."""
        if 0 <= self._cursor < len(self._rows):
            row = self._rows[self._cursor]
            return row if isinstance(row, EventEntry) else None
        return None

    @property
    def shown(self) -> list[EventEntry]:
        """The entries that pass the kind filter, in order."""
        return [row for row in self._rows if isinstance(row, EventEntry)]

    def update_entries(self, entries: list[EventEntry]) -> None:
        """Add entries, or replace those with the same id; one that is counted no longer is taken out."""
        if not entries:
            return
        highlighted = self.highlighted
        at_last = self._cursor < 0 or self._cursor >= len(self._rows) - 1
        appended: list[EventEntry] = []
        in_place = True
        for entry in entries:
            known = self.entries.get(entry.id)
            if not entry.count:
                in_place = in_place and self.entries.pop(entry.id, None) is None
            elif known is None:
                in_place = in_place and entry.order >= self._newest
                self._newest = max(self._newest, entry.order)
                self.entries[entry.id] = entry
                appended.append(entry)
            elif entry.order >= known.order:
                in_place = in_place and entry.order == known.order
                self._newest = max(self._newest, entry.order)
                self.entries[entry.id] = entry
        if len(self.entries) > MAX_EVENTS:
            in_place = False
        if in_place:
            self._extend(entries, appended, follow=at_last or highlighted is None)
            return
        orders = [entry.order for entry in self.entries.values()]
        if any(later < earlier for earlier, later in pairwise(orders)):
            # One that is counted again moves to where it is now.
            self.entries = dict(sorted(self.entries.items(), key=lambda item: item[1].order))
        if len(self.entries) > MAX_EVENTS:
            for old in list(self.entries)[: len(self.entries) - MAX_EVENTS + MAX_EVENTS // 10]:
                del self.entries[old]
        self._rebuild(None if at_last or highlighted is None else highlighted.id)

    def forget(self) -> None:
        """Show none."""
        self.entries, self._newest = {}, -1
        self._rebuild(None)

    def _extend(self, entries: list[EventEntry], appended: list[EventEntry], *, follow: bool) -> None:
        """Nothing has moved: replace rows where they are, and add new ones below."""
        for entry in entries:
            if (at := self._places.get(entry.id)) is not None:
                self._rows[at] = self.entries[entry.id]
        for entry in appended:
            self._add_row(self.entries[entry.id])
        self.virtual_size = Size(self.size.width, len(self._rows))
        self._set_cursor(len(self._rows) - 1 if follow else self._cursor)
        self.refresh()

    def _add_row(self, entry: EventEntry) -> None:
        if not self._passes(entry):
            return
        if self.by_boots and entry.boot != self._boot:
            self._boot = entry.boot
            self._rows.append(entry.boot)
        self._places[entry.id] = len(self._rows)
        self._rows.append(entry)

    def _passes(self, entry: EventEntry) -> bool:
        if self.kind is None:
            return not _is_noise(entry)
        return self.kind in (EVERYTHING, entry.record.type)

    def set_kind(self, kind: str | None) -> None:
        """Show one record type, `EVERYTHING`, or None: all but noise."""
        highlighted = self.highlighted
        self.kind = kind
        self._rebuild(highlighted.id if highlighted else None)

    def _rebuild(self, keep: int | None) -> None:
        self._rows, self._places, self._boot = [], {}, None
        for entry in self.entries.values():
            self._add_row(entry)
        rows = self._rows
        cursor = -1 if keep is None else self._places.get(keep, -1)
        self.virtual_size = Size(self.size.width, len(rows))
        self._set_cursor(cursor if cursor >= 0 else len(rows) - 1)
        self.refresh()

    def _set_cursor(self, cursor: int) -> None:
        self._cursor = cursor
        height = self.size.height
        if height and cursor >= 0:
            top = round(self.scroll_y)
            if cursor < top + 1:
                self.scroll_to(y=max(0, cursor - 1), animate=False)
            elif cursor >= top + height:
                self.scroll_to(y=cursor - height + 1, animate=False)
        self.refresh()
        self.post_message(self.Highlighted(self.highlighted))

    def action_move(self, delta: int) -> None:
        """Move the cursor over entries; headings are stepped over."""
        target = min(max(self._cursor + delta, 0), len(self._rows) - 1)
        onward = range(target, len(self._rows)) if delta > 0 else range(target, -1, -1)
        back = range(target, -1, -1) if delta > 0 else range(target, len(self._rows))
        for index in (*onward, *back):
            if isinstance(self._rows[index], EventEntry):
                self._set_cursor(index)
                return

    def action_details(self, pages: int) -> None:
        """More of what is told of the entry under the cursor."""
        self.post_message(self.DetailsScrolled(pages))

    def select(self, identity: int) -> None:
        """Put the cursor on entry `identity`."""
        for index, row in enumerate(self._rows):
            if isinstance(row, EventEntry) and row.id == identity:
                self._set_cursor(index)

    def select_crash(self) -> None:
        """Put the cursor on the newest crash, unless it stands on something else than the newest event."""
        if self._cursor < len(self._rows) - 1:
            return
        crashes = [entry for entry in self.shown if entry.record.type in CRASHES]
        if crashes:
            self.select(crashes[-1].id)

    def action_jump(self) -> None:
        """To the log line."""
        if (entry := self.highlighted) is not None:
            self.post_message(self.Jump(entry))

    def action_open(self) -> None:
        """What the entry holds."""
        if (entry := self.highlighted) is not None:
            self.post_message(self.Opened(entry))

    def action_view(self) -> None:
        """The entry's file in the system's viewer."""
        if (entry := self.highlighted) is not None:
            self.post_message(self.Viewed(entry))

    def action_compare(self) -> None:
        """The boot under the cursor beside the one before it."""
        if (entry := self.highlighted) is not None:
            self.post_message(self.Compared(entry.boot))

    def action_kind(self) -> None:
        """The next kind that there is, then all again."""
        present = {entry.record.type for entry in self.entries.values()}
        everything = [EVERYTHING] if any(map(_is_noise, self.entries.values())) else []
        kinds = [None, *everything, *(kind for kind in KINDS if kind in present), *sorted(present.difference(KINDS))]
        at = kinds.index(self.kind) if self.kind in kinds else 0
        self.set_kind(kinds[(at + 1) % len(kinds)])

    def on_click(self, event: Click) -> None:
        """A click highlights, a second one jumps."""
        row = event.y + round(self.scroll_y)
        if 0 <= row < len(self._rows) and isinstance(self._rows[row], EventEntry):
            self._set_cursor(row)
            if event.chain > 1:
                self.action_jump()

    def on_resize(self) -> None:
        """Keep the cursor in view."""
        self._set_cursor(self._cursor)

    def render_line(self, y: int) -> Strip:
        """One row."""
        width = self.size.width
        index = y + self.scroll_offset.y
        base = self.rich_style
        if not 0 <= index < len(self._rows):
            return Strip.blank(width, base)
        row = self._rows[index]
        if isinstance(row, int):
            words = self.boot_words(row) if row else ""
            text = f"─ boot {row}{' · ' if words else ''}{words} " if row else "─ before the first reset "
            text = set_cell_size(text + "─" * max(0, width - cell_len(text)), width)
            return Strip([Segment(text, base + self.get_component_rich_style("event--boot", partial=True))], width)
        return self._entry(row, width, base, index == self._cursor)

    def _entry(self, entry: EventEntry, width: int, base: Style, cursor: bool) -> Strip:
        part = self.get_component_rich_style
        if cursor:
            chosen = part("event--cursor")  # whole: a part would not be blended
            base = base + Style(bgcolor=chosen.bgcolor, underline=chosen.underline or None)
            if self.has_focus:
                base = base + Style(bold=True)
        name = {Severity.ERROR: "error", Severity.WARNING: "warning"}.get(entry.severity, "info")
        colour, time_colour = part(f"event--{name}", partial=True), part("event--time", partial=True)
        if cursor and not self.app.no_color and (few_colours(self.app) or self.app.native_ansi_color):
            # Of sixteen colours none lies faintly under the others: red on blue, or on grey, cannot be read.
            base = self.rich_style + Style(reverse=True, bold=self.has_focus or None)
            colour = time_colour = Style()
        when = ""
        if entry.time is not None:
            when = datetime.datetime.fromtimestamp(entry.time).strftime("%H:%M:%S ")
        # The count stands first: at the end, a long title would push it out of the row.
        title = (f"×{entry.count} " if entry.count > 1 else "") + visible(entry.title)
        segments = [
            Segment(f" {SIGNS[entry.severity]} ", base + colour),
            Segment(when, base + time_colour),
            Segment(title, base + (colour if entry.severity is not Severity.INFO else Style())),
        ]
        return Strip(segments).adjust_cell_length(width, base)


def _is_noise(entry: EventEntry) -> bool:
    return entry.severity is Severity.INFO and entry.record.type in NOISE
