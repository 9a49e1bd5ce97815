"""The log: a line-API widget over the store's columns. Only visible lines are ever decoded, coloured or wrapped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from espmon.session.store import LogStore
from espmon.tui.log.layout import Layout, Mark, Shape, Timestamps
from espmon.tui.log.log_view import LogView
from espmon.tui.log.page import filtered, page_strips
from espmon.tui.log.pager import Pager
from espmon.tui.log.painter import Painter
from espmon.tui.log.query import LineFilter, TextQuery
from espmon.tui.log_colours import log_colours
from espmon.tui.widgets.log_queries import LogQueries, Rules

WHEEL_ROWS = 3
"""Rows that one notch of the mouse wheel moves."""

SIDE_CELLS = 16
"""Cells that one sideways step moves."""

MAX_COPIED_LINES = 200_000
"""Most lines that one copy takes."""


def _not_painted(pane: Widget, strips: Sequence[Strip]) -> bool:
    return False


class LogPane(ScrollView, can_focus=True):
    """Shows a `LogStore`. The position on the scroll is held as a line id, so it survives filters and dropped lines.

    Args:
        store: the log.
        rules: the user's own: for levels, and for what stands out.
    """

    DEFAULT_CSS = """
    LogPane { background: $background; color: $foreground; overflow-y: scroll; overflow-x: hidden;
              scrollbar-size-vertical: 1; height: 1fr; }
    """

    ALLOW_MAXIMIZE = False

    @dataclass
    class Changed(Message):
        """Follow, filter, search or position changed; look at the pane's properties."""

        pane: LogPane

        def can_replace(self, message: Message) -> bool:
            """Only the newest matters."""
            return isinstance(message, LogPane.Changed)

    def __init__(self, store: LogStore, *, id: str | None = None, rules: Rules = ((), ())) -> None:
        super().__init__(id=id)
        self.view = LogView(store)
        self.drawing = Layout(store, Painter(Style()))
        self.drawing.live = lambda: self.view.live
        self.pager = Pager(self.view, self.drawing)
        self.queries = LogQueries(self)
        self.queries.use_rules(*rules)
        self._thumb = (-1, -1)
        self._paint: Callable[[Widget, Sequence[Strip]], bool] = _not_painted

    # -- what others read ---------------------------------------------------------------------------------------

    @property
    def store(self) -> LogStore:
        """The log shown."""
        return self.view.store

    def use_store(self, store: LogStore) -> None:
        """Show another log."""
        self.view.store = self.drawing.store = store
        self.drawing.marks.clear()
        self.view.unclear()
        self.repaint(lines=True)
        self._update_scrollbar()

    @property
    def follow(self) -> bool:
        """Whether new lines scroll into view."""
        return self.pager.follow

    @property
    def unseen(self) -> int:
        """Lines that came (and pass the filter) since following stopped."""
        return self.pager.unseen

    @property
    def top_line(self) -> int | None:
        """Id of the first visible line."""
        page = self.pager.rows()
        return page[0][0] if page else None

    @property
    def visible_lines(self) -> list[int]:
        """Ids of the visible lines, in order."""
        return list(dict.fromkeys(line for line, _, _ in self.pager.rows()))

    # -- repainting ---------------------------------------------------------------------------------------------

    def repaint(self, *, forget: bool = False, lines: bool = False) -> None:
        """Draw again. `forget` drops drawn rows, `lines` also what was read from the lines."""
        if forget or lines:
            self.drawing.forget(lines=lines)
        self.pager.forget()
        self.refresh(self.size.region)

    def sync(self) -> None:
        """Take in what the store gained or lost, and repaint if that can be seen."""
        before = (self.view.finished, self.unseen, self.view.line(0) if len(self.view) else -1)
        live = self.view.live
        self.queries.catch_up()
        self.view.sync()
        self.queries.look_at_live()
        after = (self.view.finished, self.unseen, self.view.line(0) if len(self.view) else -1)
        if before != after:
            self.pager.forget()
            # Unless following, nothing that is looked at moves; the marker counts, and the page may have room left.
            full = self.pager.follow or self.pager.at_end or before[2] != after[2]
            self._rows_changed(self.size.region if full else Region(0, self.size.height - 1, self.size.width, 1))
            self._update_scrollbar()
        elif live is not self.view.live:
            self._live_changed()

    def _live_changed(self) -> None:
        """The row that still changes is all that changed: mostly it alone is drawn."""
        before = self.pager.rows()
        self.pager.forget()
        rows = self.pager.rows()
        if rows != before:
            self._rows_changed(self.size.region)
            self._update_scrollbar()
        elif self.view.live is not None:
            changed = [y for y, row in enumerate(rows) if row[0] == self.view.live.row]
            self._rows_changed(*(Region(0, y, self.size.width, 1) for y in changed))

    def _rows_changed(self, *regions: Region) -> None:
        """New lines: straight to the terminal, where nothing lies over the pane."""
        if regions and not self._paint(self, self.render_lines(self.size.region)):
            self.refresh(*regions)

    def notify_style_update(self) -> None:
        """The theme changed: styles are made again."""
        super().notify_style_update()
        if self.is_attached:
            self._repaint_all()

    def _repaint_all(self) -> None:
        app = self.app
        theme = app.current_theme
        self.drawing.painter = Painter(
            self.rich_style, dark=theme.dark, native=theme.name.startswith("ansi"), colours=log_colours(theme)
        )
        self.repaint(forget=True)

    def on_mount(self) -> None:
        """Take the theme's colours."""
        if (pictures := getattr(self.app, "pictures", None)) is not None:
            self._paint = pictures.paint
        self._repaint_all()

    def on_unmount(self) -> None:
        """Stop what runs in threads."""
        self.queries.stop()

    def on_resize(self) -> None:
        """Lines wrap and end elsewhere now."""
        self.drawing.width = max(1, self.size.width)
        self.pager.height = self.size.height
        self.repaint(forget=True)
        self._update_scrollbar()

    # -- rows ---------------------------------------------------------------------------------------------------

    def render_lines(self, crop: Region) -> list[Strip]:
        """The visible rows, without the generic style pass: every strip already has its exact width and colours."""
        strips = page_strips(self.pager, range(crop.y, crop.bottom), self.text_selection)
        if filters := self.app.get_line_filters():
            strips = filtered(strips, filters, self.background_colors[1])
        if crop.x or crop.width != self.size.width:
            strips = [strip.crop(crop.x, crop.right) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """Row `y` with the offsets that text selection needs: x is a character of the line, y the line's id."""
        rows = self.pager.rows()
        strip = self._strip(y)
        if not 0 <= y < len(rows):
            return strip
        line, sub, _ = rows[y]
        start = self.drawing.text_start(line, sub)
        if start is None:
            return strip
        gutter = self.drawing.gutter
        if not gutter:
            return strip.apply_offsets(start, line)
        return Strip.join([strip.crop(0, gutter), strip.crop(gutter).apply_offsets(start, line)])

    def _strip(self, y: int) -> Strip:
        return page_strips(self.pager, range(y, y + 1), self.text_selection)[0]

    # -- scrolling ----------------------------------------------------------------------------------------------

    def _update_scrollbar(self) -> None:
        """Tell the scrollbar, but only when its thumb would look different: drawing it costs as much as ten lines."""
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
            bar = self.vertical_scrollbar
            bar.window_virtual_size, bar.window_size, bar.position = virtual, height, float(top)

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

    def _moved(self) -> None:
        """The user, or what the user asked for, went somewhere."""
        self.queries.stay()
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

    def go_to_line(self, line: int) -> bool:
        """Bring line `line` into view. False when it is filtered out, cleared or not kept any more."""
        self.view.sync()
        if not self.view.shows(line):
            return False
        self.pager.put(line, self.size.height // 3)
        self._moved()
        return True

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

    def on_click(self, event: events.Click) -> None:
        """A click on the marker goes back to the tail."""
        if self.unseen and event.y == self.size.height - 1 and event.x > self.size.width - 24:
            self.go_to_end()

    # -- how lines look -----------------------------------------------------------------------------------------

    def set_wrap(self, wrap: bool) -> None:
        """Wrap long lines, or cut them at the edge."""
        self.drawing.wrap = wrap
        self.drawing.offset = 0
        self.repaint(forget=True)
        self._update_scrollbar()

    def set_timestamps(self, timestamps: Timestamps) -> None:
        """Show times before all lines, also those already there."""
        self.drawing.timestamps = timestamps
        self.repaint(forget=True)

    def set_shape(self, shape: Shape) -> None:
        """Show lines as text, as escaped bytes or as a hex dump."""
        self.drawing.shape = shape
        self.drawing.offset = 0
        self.repaint(lines=True)
        self._update_scrollbar()

    def add_mark(self, line: int, mark: Mark) -> None:
        """Put a remark above line `line` (which may still be to come)."""
        if self.drawing.add_mark(line, mark):
            self.repaint(forget=True)

    def decorations_changed(self, lines: Sequence[int]) -> None:
        """Locations for these lines are known now."""
        self.drawing.forget()
        if not set(lines).isdisjoint(self.visible_lines):
            self.repaint()

    def clear(self) -> None:
        """Empty the screen; lines and events stay in memory."""
        self.view.clear()
        self.go_to_end()

    # -- search and filter --------------------------------------------------------------------------------------

    def set_filter(self, show: LineFilter) -> None:
        """Show only these lines; takes effect when history has been read, the place that is looked at stays."""
        self.queries.set_filter(show)

    def set_search(self, query: TextQuery | None) -> None:
        """Highlight and count what `query` finds, and go to the first match at or after the first visible line."""
        self.queries.set_search(query)

    def next_match(self, step: int) -> bool:
        """Go to the next (1) or previous (-1) match, around the ends. False when there is none."""
        return self.queries.go(step)

    def view_replaced(self) -> None:
        """The filter shows other lines now: stay at the line that was looked at, or at the next one shown."""
        self.pager.forget()
        self._show_place()

    # -- selection ----------------------------------------------------------------------------------------------

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, without colour, timestamps or decorations."""
        start, end = selection.start, selection.end
        text = self.pager.text(
            None if start is None else (start.y, start.x), None if end is None else (end.y, end.x), MAX_COPIED_LINES
        )
        return None if text is None else (text, "\n")

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw the selection."""
        self.repaint(forget=selection is None)

    def warn(self, text: str) -> None:
        """Tell the user."""
        self.notify(text, severity="warning", markup=False)

    def announce(self) -> None:
        """Tell the parents that something about the pane changed."""
        self.post_message(self.Changed(self))

    def call_soon(self, work: Callable[[], None]) -> None:
        """From any thread: do `work` on the screen's loop; news for a screen that is gone is dropped."""
        if self.is_attached and self.app.is_running:
            loop = self.app._loop
            if loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(work)
