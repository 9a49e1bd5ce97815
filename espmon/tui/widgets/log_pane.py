"""The log: a line-API widget over the store's columns. Only visible lines are ever decoded, coloured or wrapped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events, on
from textual.geometry import Region
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from espmon.session.store import LogStore
from espmon.tui.log.base64_runs import Run
from espmon.tui.log.folds import Fold
from espmon.tui.log.layout import Shape
from espmon.tui.log.level_index import LevelIndex
from espmon.tui.log.line_times import Timestamps
from espmon.tui.log.log_map import CRASH, ERROR, MATCH, Cell, Source, map_cells
from espmon.tui.log.page import filtered, page_strips
from espmon.tui.log.painter import Painter
from espmon.tui.log.query import LineFilter, TextQuery
from espmon.tui.log.remarks import Mark
from espmon.tui.log_colours import log_colours
from espmon.tui.theme import few_colours
from espmon.tui.widgets.dragged_selection import DraggedSelection
from espmon.tui.widgets.log_queries import LogQueries, Rules
from espmon.tui.widgets.log_scroll import LogScroll
from espmon.tui.widgets.map_bar import MapBar
from espmon.tui.widgets.paced_row import DRAW_SECONDS

COUNTING_SECONDS = 0.02
"""Pause between two slices of counting errors, while nothing comes."""

FLOOD_LINES = 2000
"""Lines that come between two looks, from which on errors are counted when there is time again."""

MAP_ORDER = ("crash", "match", "mark", "error", "boot")
"""What stands on the map, the most important first."""

MAX_COPIED_LINES = 200_000
"""Most lines that one copy takes."""


def _not_painted(pane: Widget, strips: Sequence[Strip]) -> bool:
    return False


class LogPane(LogScroll, can_focus=True):
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

    _read_to: int = -1
    """Where the log ended when its heads were read last."""

    _oldest: int = 0
    """The oldest line that the store had at the last look."""

    @dataclass
    class Changed(Message):
        """Follow, filter, search or position changed; look at the pane's properties."""

        pane: LogPane

        def can_replace(self, message: Message) -> bool:
            """Only the newest matters."""
            return isinstance(message, LogPane.Changed)

    @dataclass
    class FoldToggled(Message):
        """The row of this fold was clicked."""

        fold: Fold

    def __init__(self, store: LogStore, *, id: str | None = None, rules: Rules = ((), ())) -> None:
        super().__init__(store, id=id)
        self.queries = LogQueries(self)
        self.queries.use_rules(*rules)
        self.dragged = DraggedSelection(self)
        self.levels = LevelIndex(store)
        """Where errors and warnings are."""

        self.fold_base64: Callable[[int, Run], None] | None = None
        """Takes a run of base64 lines of a board that was found, or got longer; None: nobody does."""

        self.landmarks: Callable[[], Sequence[Source]] = tuple
        """What else stands on the map: what the monitor knows of."""

        self._counting = False
        self._hidden = 0
        self._counting_hidden = False
        self._paint: Callable[[Widget, Sequence[Strip]], bool] = _not_painted

    # -- what others read ---------------------------------------------------------------------------------------

    @property
    def store(self) -> LogStore:
        """The log shown."""
        return self.view.store

    def use_store(self, store: LogStore) -> None:
        """Show another log."""
        self.drawing.use_store(store)
        self.levels, self._read_to = LevelIndex(store), -1
        self.pager.walked = None
        self.view.use_store(store)
        self.repaint(lines=True)
        self._update_scrollbar()
        self.read_levels()

    @property
    def follow(self) -> bool:
        """Whether new lines scroll into view."""
        return self.pager.follow

    @property
    def unseen(self) -> int:
        """Lines that came (and pass the filter) since following stopped."""
        return self.pager.unseen

    # -- repainting ---------------------------------------------------------------------------------------------

    def sync(self) -> None:
        """Take in what the store gained or lost, and repaint if that can be seen."""
        before = (self.view.finished, self.unseen, self.view.line(0) if len(self.view) else -1)
        live = self.view.live
        self.queries.catch_up()
        self.view.sync()
        self.queries.look_at_live()
        after = (self.view.finished, self.unseen, self.view.line(0) if len(self.view) else -1)
        if self._oldest != self.store.first:
            self._oldest = self.store.first
            self.drawing.forget()
        if before != after:
            self.pager.forget()
            # Unless following, nothing that is looked at moves; the marker counts, and the page may have room left.
            full = self.pager.follow or self.pager.at_end or before[2] != after[2]
            self._rows_changed(self.size.region if full else Region(0, self.size.height - 1, self.size.width, 1))
            self._update_scrollbar()
            self.read_levels()
        else:
            if live is not self.view.live:
                self._live_changed()
            if self.levels.behind:
                self._read_soon()  # a filter hides what came, which counts nevertheless
        if (
            self.view.scan is not None
            and not len(self.view)
            and len(self.store) != self._hidden
            and not self._counting_hidden
        ):
            self._counting_hidden = True
            self.set_timer(DRAW_SECONDS, self._count_hidden)

    def _count_hidden(self) -> None:
        """No line passes the filter: how many came is told at the status row's rate."""
        self._counting_hidden, self._hidden = False, len(self.store)
        if not len(self.view):
            self._rows_changed(Region(0, 0, self.size.width, 1))

    def read_levels(self) -> None:
        """Find the errors and warnings that are new, a slice at a time."""
        levels, end = self.levels, self.store.rows_end
        flooded, self._read_to = 0 <= self._read_to < end - FLOOD_LINES, end
        if not flooded:
            levels.read_ahead(lambda: self.levels is levels and self.is_attached and not self._floods(levels))
            levels.read()
            if self.fold_base64 is not None:
                for board, run in levels.take_base64():
                    self.fold_base64(board, run)
        self.vertical_scrollbar.changed()
        if self.levels.behind:
            self._read_soon()

    def _read_soon(self) -> None:
        if not self._counting:
            self._counting = True
            self.set_timer(COUNTING_SECONDS, self._read_more)

    def _floods(self, levels: LevelIndex) -> bool:
        """Whether lines come so fast that their heads are read later."""
        return levels.store.rows_end - self._read_to > FLOOD_LINES

    def _read_more(self) -> None:
        """Nothing has come meanwhile, or more than could be read: whoever shows the counts is told."""
        self._counting = False
        self.read_levels()
        self.announce()

    def _map(self) -> Sequence[Cell]:
        """The map of what is on the scroll."""
        folds, matches = self.view.folds, self.queries.matches
        known = {landmark.name: (landmark, lines) for landmark, lines in self.landmarks()}
        found: Sequence[int] = () if matches is None else matches.ids
        own = {"crash": (CRASH, folds.crashes), "match": (MATCH, found), "error": (ERROR, self.levels.errors)}
        sources = {**known, **own}
        return map_cells(self.view, self.size.height, [sources[name] for name in MAP_ORDER if name in sources])

    @on(Changed)
    def _draw_map(self) -> None:
        self.vertical_scrollbar.changed()

    @on(MapBar.Chosen)
    def _sign_chosen(self, event: MapBar.Chosen) -> None:
        event.stop()
        self.go_to_line(event.line)

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
        theme, sixteen = app.current_theme, few_colours(app)
        self.drawing.painter = Painter(
            self.rich_style,
            dark=theme.dark,
            native=sixteen or theme.name.startswith("ansi"),
            colours={} if app.no_color and app.native_ansi_color else log_colours(theme, sixteen=sixteen),
        )
        self.repaint(forget=True)

    def on_mount(self) -> None:
        """Take the theme's colours."""
        if (pictures := getattr(self.app, "pictures", None)) is not None:
            self._paint = pictures.paint
        self.vertical_scrollbar.look = self._map
        self.vertical_scrollbar.colour = lambda meaning: self.drawing.painter.style((meaning, None, 0))
        self._repaint_all()

    def on_unmount(self) -> None:
        """Stop what runs in threads."""
        self.queries.stop()

    def on_resize(self) -> None:
        """Lines wrap and end elsewhere now."""
        self.drawing.width = max(1, self.size.width)
        self.drawing.margin = min(self.scrollbar_size_vertical, self.size.width - 1)
        self.pager.height = self.size.height
        self.repaint(forget=True)
        self._update_scrollbar()
        self.vertical_scrollbar.changed()

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
        lead = 0 if self.drawing.head(line, sub) is not None else self.drawing.lead(line)
        if not lead:
            return strip.apply_offsets(start, line)
        return Strip.join([strip.crop(0, lead), strip.crop(lead).apply_offsets(start, line)])

    def _strip(self, y: int) -> Strip:
        return page_strips(self.pager, range(y, y + 1), self.text_selection)[0]

    # -- the mouse ----------------------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        """On the marker back to the tail, on the row of a fold opens or closes it; another row is the one keys mean."""
        if self.unseen and event.y == self.size.height - 1 and event.x > self.size.width - 24:
            self.go_to_end()
        elif (fold := self.head_at(event.y)) is not None:
            self.post_message(self.FoldToggled(fold))
        elif not self.follow and self.text_selection is None and event.y < len(rows := self.pager.rows()):
            self.pager.walked = rows[event.y][0]
            self.refresh()

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
            self.vertical_scrollbar.changed()

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
        self.dragged.updated(selection)
        self.repaint(forget=selection is None)
        self.announce()

    def warn(self, text: str) -> None:
        """Tell the user."""
        self.notify(text, severity="warning", markup=False)

    def place_chosen(self) -> None:
        """A search that still reads history takes nobody away from here."""
        self.queries.stay()

    def announce(self) -> None:
        """Tell the parents that something about the pane changed."""
        self.post_message(self.Changed(self))

    def call_in(self, seconds: float, work: Callable[[], None]) -> None:
        """On the screen's loop: do `work` after so long, or drop it when the screen is gone."""
        self.set_timer(seconds, work)

    def call_soon(self, work: Callable[[], None]) -> None:
        """From any thread: do `work` on the screen's loop; news for a screen that is gone is dropped."""
        if self.is_attached and self.app.is_running:
            loop = self.app._loop
            if loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(work)
