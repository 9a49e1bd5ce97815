"""Which part of the log is on the screen, and the ways to another one: by rows, pages, line, scrollbar, folds."""

from __future__ import annotations

from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.widget import Widget

from espmon.session.store import LogStore
from espmon.tui.log.folds import Fold
from espmon.tui.log.layout import Layout
from espmon.tui.log.log_view import LogView
from espmon.tui.log.pager import Pager
from espmon.tui.log.painter import Painter
from espmon.tui.widgets.map_bar import MapBar

WHEEL_ROWS = 3
"""Rows that one notch of the mouse wheel moves."""

SIDE_CELLS = 16
"""Cells that one sideways step moves."""


class LogScroll(ScrollView):
    """A place in a log. It is held as a line id, so it survives filters, folds and dropped lines.

    Args:
        store: the log.
    """

    def __init__(self, store: LogStore, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view = LogView(store)
        self.drawing = Layout(store, Painter(Style()))
        self.drawing.live = lambda: self.view.live
        self.drawing.folds = self.view.folds
        self.pager = Pager(self.view, self.drawing)
        self._thumb = (-1, -1)

    @property
    def vertical_scrollbar(self) -> MapBar:
        """The scrollbar, with the map on it; made when it is first asked for."""
        bar = self._vertical_scrollbar
        if not isinstance(bar, MapBar):
            self._vertical_scrollbar = bar = MapBar(self.scrollbar_size_vertical)
            bar.display = False
            self.app._start_widget(self, bar)
        return bar

    @property
    def top_line(self) -> int | None:
        """Id of the first visible line."""
        page = self.pager.rows()
        return page[0][0] if page else None

    @property
    def visible_lines(self) -> list[int]:
        """Ids of the visible lines, in order."""
        return list(dict.fromkeys(line for line, _, _ in self.pager.rows()))

    def repaint(self, *, forget: bool = False, lines: bool = False) -> None:
        """Draw again. `forget` drops drawn rows, `lines` also what was read from the lines."""
        if forget or lines:
            self.drawing.forget(lines=lines)
        self.pager.forget()
        self.refresh(self.size.region)

    def _update_scrollbar(self) -> None:
        """Tell the scrollbar, but only when its thumb would look different."""
        rows, height = self.pager.rows(), self.size.height
        lines = len(dict.fromkeys(line for line, _, _ in rows))
        virtual = max(height, len(self.view) + max(0, height - lines))
        top = self.view.position(rows[0][0]) if rows else 0
        self.set_reactive(Widget.virtual_size, Size(self.size.width, virtual))
        self.set_reactive(Widget.scroll_y, float(top))
        self.set_reactive(Widget.scroll_target_y, float(top))
        thumb = (height * height * 8 // max(1, virtual), height * top * 8 // max(1, virtual))
        if thumb != self._thumb and self.show_vertical_scrollbar:
            self._thumb = thumb
            self.vertical_scrollbar.place(virtual, height, float(top), soon=self.pager.follow)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The toolkit adjusts this when sizes change; the pager alone knows the place."""

    def scroll_to(self, x: float | None = None, y: float | None = None, **options: object) -> None:
        """The scrollbar was dragged or clicked: that line to the top, or follow when it is the last page."""
        count = len(self.view)
        if y is None or not count:
            return
        if y >= self.max_scroll_y:
            self.pager.tail()
        else:
            self.pager.put(self.view.line(min(max(0, round(y)), count - 1)))
        self._moved()

    def place_chosen(self) -> None:
        """The user, or what the user asked for, goes somewhere."""

    def announce(self) -> None:
        """Tell the parents that something about the pane changed."""

    def _moved(self) -> None:
        self.place_chosen()
        self._show_place()

    def _show_place(self) -> None:
        self.refresh(self.size.region)
        self._update_scrollbar()
        self.announce()

    def scroll_rows(self, delta: int) -> None:
        """Move by rows; up stops following, down to the very end starts it again."""
        self.pager.move(delta)
        self._moved()

    def go_to_end(self) -> None:
        """Back to the tail, and follow."""
        self.pager.tail()
        self._moved()

    def go_to_start(self) -> None:
        """The oldest line."""
        self.pager.put(self.view.line(0) if len(self.view) else 0)
        self._moved()

    def go_to_line(self, line: int, *, inside: bool = False) -> bool:
        """Bring line `line` into view, and open what it is folded in. False when it is hidden otherwise, or not kept.

        Args:
            line: its id.
            inside: open the fold that begins with it, too: the fold's own row does not show it.
        """
        self.view.sync()
        if self.view.folds.reveal(line, inside=inside):
            self.repaint(forget=True)
        if not self.view.shows(line):
            return False
        self.pager.put(line, self.size.height // 3)
        self.pager.walked = line
        self._moved()
        return True

    def show_row(self, line: int) -> None:
        """Bring a row of the view onto the screen, moving it no further than that; the log holds still."""
        self.pager.freeze()
        shown = self.visible_lines
        if line not in shown:
            self.pager.put(line, 0 if shown and line < shown[0] else self.size.height - 1)
        self._moved()

    def come_back(self, place: tuple[int, int] | None) -> None:
        """To where the pager's `place` was read; None follows."""
        self.pager.come_back(place)
        self._moved()

    def toggle_follow(self) -> None:
        """Stop or start following."""
        if self.pager.follow:
            self.pager.freeze()
        else:
            self.pager.tail()
        self._moved()

    def scroll_sideways(self, delta: int) -> None:
        """Move the window over long lines by cells; not while wrapping."""
        if not self.drawing.wrap:
            layout = self.drawing
            widest = max((layout.line(line).width for line in self.visible_lines), default=0)
            layout.offset = max(0, min(layout.offset + delta, max(0, widest - layout.text_width // 2)))
            self.repaint(forget=True)
            self.announce()

    def action_scroll_up(self) -> None:
        """One row up."""
        self.scroll_rows(-1)

    def action_scroll_down(self) -> None:
        """One row down."""
        self.scroll_rows(1)

    def action_page_up(self) -> None:
        """One page up."""
        self.scroll_rows(-max(1, self.size.height - 1))

    def action_page_down(self) -> None:
        """One page down."""
        self.scroll_rows(max(1, self.size.height - 1))

    def action_scroll_home(self) -> None:
        """The oldest line."""
        self.go_to_start()

    def action_scroll_end(self) -> None:
        """The newest line, and follow."""
        self.go_to_end()

    def action_scroll_left(self) -> None:
        """To the left."""
        self.scroll_sideways(-SIDE_CELLS)

    def action_scroll_right(self) -> None:
        """To the right."""
        self.scroll_sideways(SIDE_CELLS)

    def _on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop().prevent_default()
        self.scroll_rows(-WHEEL_ROWS)

    def _on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop().prevent_default()
        self.scroll_rows(WHEEL_ROWS)

    # -- folds --------------------------------------------------------------------------------------------------

    def fold(self, fold: Fold) -> None:
        """Show these lines as one row."""
        if self.view.folds.add(fold):
            self.repaint(forget=True)
            self._update_scrollbar()
            self.vertical_scrollbar.changed()

    def head_at(self, y: int) -> Fold | None:
        """The fold whose row is row `y` of the pane."""
        rows = self.pager.rows()
        return self.drawing.head(*rows[y][:2]) if 0 <= y < len(rows) else None

    def set_open(self, fold: Fold, opened: bool) -> None:
        """Show a fold's lines, or its row alone. Its row stays where it is, as far as its lines have room below it."""
        rows = self.pager.rows()
        at = next((y for y, (line, sub, _) in enumerate(rows) if self.drawing.head(line, sub) == fold), 0)
        self.pager.freeze()
        self.view.folds.set_open(fold, opened)
        self.repaint(forget=True)
        if opened:
            shown = self.view.position(fold.high) - self.view.position(fold.low)
            at = min(at, max(0, self.size.height - 2 - shown))
        self.pager.put(fold.low, at - len(self.drawing.marks.get(fold.low, ())))
        self._moved()
