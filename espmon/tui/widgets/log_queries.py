"""Search and filter of one log pane: history in threads, then only new lines, each with a generation number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from espmon.session.line_rules import HighlightRule, LevelRule
from espmon.session.store import LiveRow, LogStore
from espmon.tui.log.history_scan import MAX_INLINE_LINES, MAX_PREVIEW_LINES, Scan, Scanner
from espmon.tui.log.layout import Layout, together
from espmon.tui.log.log_view import LogView
from espmon.tui.log.query import PAINT_SECONDS, LineFilter, TextQuery
from espmon.tui.log.rows import LiveReader
from espmon.tui.log.rule_matcher import RuleMatcher
from espmon.tui.log.selector import Selector
from espmon.user_pattern import PatternTooSlow

PAINT_FIRST_SECONDS = 0.016
"""From a key that changes what is searched to the search of much: the time of a frame."""

Rules = tuple[Sequence[LevelRule], Sequence[HighlightRule]]
"""For levels, and for what stands out."""


class Queried(Protocol):
    """What search and filter need of the pane they work for."""

    view: LogView
    drawing: Layout

    @property
    def store(self) -> LogStore:
        """The log shown."""

    @property
    def top_line(self) -> int | None:
        """The line at the top."""

    @property
    def visible_lines(self) -> list[int]:
        """The lines on the screen."""

    @property
    def follow(self) -> bool:
        """Whether the newest line is kept in view."""

    def repaint(self, *, forget: bool = False, lines: bool = False) -> None:
        """Draw again."""

    def go_to_line(self, line: int, *, inside: bool = False) -> bool:
        """Bring a line into view, and open what it is folded in."""

    def view_replaced(self) -> None:
        """Other lines are shown now."""

    def announce(self) -> None:
        """Tell the parents that something about the pane changed."""

    def warn(self, text: str) -> None:
        """Tell the user."""

    def call_in(self, seconds: float, work: Callable[[], None]) -> None:
        """On the screen's loop: do `work` after so long, or drop it when the screen is gone."""

    def call_soon(self, work: Callable[[], None]) -> None:
        """From any thread: do `work` on the screen's loop, or drop it when the screen is gone."""


class LogQueries:
    """What is filtered and searched in `pane`. All methods run on the screen's loop.

    Args:
        pane: the log pane.
    """

    def __init__(self, pane: Queried) -> None:
        self._pane = pane
        self.filter = LineFilter()
        self.query: TextQuery | None = None
        self.filtering = False
        """A new filter is reading history; the old view is still shown."""

        self.searching = False
        self.matches: Scan | None = None
        """Lines with a match, None while nothing is searched."""

        self._filters = Scanner(self._on_loop(self._filtered), "espmon-filter")
        self._searches = Scanner(self._on_loop(self._searched), "espmon-search")
        self._wanted: int | None = None
        """Where to go when a match is found: to the first from this line on, -1 the newest, None nowhere."""

        self._pending: Scan | None = None
        self._preview: Scan | None = None
        self._reader = LiveReader()
        self._searched_live: tuple[LiveRow, TextQuery] | None = None
        self._in_live: int | None = None
        pane.view.shows_live = self._shows_live

    def use_rules(self, levels: Sequence[LevelRule], highlights: Sequence[HighlightRule]) -> None:
        """Use the user's own rules; of one that has to be switched off, the user is told."""
        pane = self._pane
        if levels or highlights:
            pane.drawing.rules = RuleMatcher(levels, highlights, lambda text: pane.call_soon(partial(pane.warn, text)))

    def stop(self) -> None:
        """Drop what runs."""
        self._filters.stop()
        self._searches.stop()

    def stay(self) -> None:
        """The place was chosen: a search that still reads history takes nobody away from it."""
        self._wanted = None

    # -- filter -------------------------------------------------------------------------------------------------

    def set_filter(self, show: LineFilter) -> None:
        """Show only what passes `show`, once history has been read."""
        show = replace(show, rules=self._pane.drawing.rules)
        if show == self.filter and not self.filtering:
            return
        self.filter = show
        pane = self._pane
        if not show.active:
            self._filters.stop()
            self.filtering = False
            self._show(None)
        else:
            self.filtering = True
            self._pending = Scan(pane.store, Selector(show), pane.store.first)
            self._preview = self._part_looked_at(show) if self._pending.behind > MAX_PREVIEW_LINES else None
            self._filters.start(self._pending, self._preview)
            pane.announce()
        if self.query is not None:
            self._start_search(None)

    def _part_looked_at(self, show: LineFilter) -> Scan:
        """What is on the screen is filtered first."""
        pane = self._pane
        top = None if pane.follow else pane.top_line
        return Scan(pane.store, Selector(show), pane.store.rows_end - MAX_PREVIEW_LINES if top is None else top)

    def look_again(self) -> None:
        """The pane shows another log: filter that one, and look for the same in it."""
        show, query, self.filter = self.filter, self.query, LineFilter()
        self.stop()
        self.filtering, self.matches = False, None
        self._pane.view.use(None)
        if show.active:
            self.set_filter(show)
        if query is not None:
            self._start_search(None)

    def _on_loop(self, take: Callable[[int, Scan, bool], None]) -> Callable[[int, Scan, bool], None]:
        """What hands a scan's news to `take` on the screen's loop."""

        def passed_on(generation: int, scan: Scan, done: bool) -> None:
            self._pane.call_soon(lambda: take(generation, scan, done))

        return passed_on

    def _filtered(self, generation: int, scan: Scan, done: bool) -> None:
        if generation != self._filters.generation:
            return
        if not done:
            if scan is self._preview and scan.ids:
                self._show(scan)
            self._pane.announce()
            return
        self.filtering = False
        self._pending = None
        if scan.inline:
            scan.step()
        self._show(scan)

    def _show(self, scan: Scan | None) -> None:
        """Show what the filter found, or everything."""
        pane, around = self._pane, scan is not None and self.filter.context > 0
        pane.view.use(scan)
        pane.drawing.around = self.filter if around else None
        pane.drawing.apart = pane.view.apart if around else together
        pane.drawing.forget()
        pane.view_replaced()

    @property
    def filter_verdict(self) -> str:
        """What is wrong with the filter's regular expression; "" while all is well. Lines it cannot judge are shown."""
        scan = self._pane.view.scan
        return "" if scan is None else scan.verdict

    # -- search -------------------------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """Lines with a match so far."""
        return 0 if self.matches is None else len(self.matches.ids) + (self._in_live is not None)

    @property
    def ordinal(self) -> int:
        """Which match the current one is, from 1; 0 when there is no current one."""
        current = self._pane.drawing.current
        if self.matches is None or current is None:
            return 0
        return self.matches.ids.before(current + 1) + (current == self._in_live)

    @property
    def reading(self) -> bool:
        """A search is reading history: its count is not the last word."""
        return self.searching and self.matches is not None and self.matches.behind > MAX_INLINE_LINES

    @property
    def read(self) -> int:
        """Percent of the log that the search has looked at."""
        return 100 if self.matches is None else self.matches.percent

    @property
    def progress(self) -> int | None:
        """Percent of the log that a new filter has looked at, None when it has seen all."""
        return self._pending.percent if self.filtering and self._pending is not None else None

    @property
    def landing(self) -> bool:
        """A search has not found yet where to go."""
        return self.searching and self._wanted is not None

    @property
    def problem(self) -> str:
        """What is wrong with the search's regular expression; "" while all is well. It passes such lines over."""
        return "" if self.matches is None else self.matches.problem

    @property
    def verdict(self) -> str:
        """The same, without the number of lines."""
        return "" if self.matches is None else self.matches.verdict

    def set_search(self, query: TextQuery | None) -> None:
        """Look for `query`, None ends the search."""
        pane = self._pane
        self.query = query
        pane.drawing.query = query
        pane.drawing.current = None
        self.look_at_live()
        if query is None:
            self._searches.stop()
            self.matches = None
            self.searching = False
            pane.repaint(forget=True)
            pane.announce()
        else:
            self._start_search(pane.top_line if not pane.follow else None, jump=True)

    def _start_search(self, origin: int | None, *, jump: bool = False) -> None:
        if self.query is None:
            return
        pane = self._pane
        self._searches.stop()
        self.searching = True
        if jump:
            self._wanted = -1 if origin is None else origin
        before, start = self.matches, max(pane.view.base, pane.store.first)
        self.matches = scan = Scan(pane.store, Selector(self.filter, self.query), start)
        if before is not None:
            scan.go_on_from(before)
        pane.repaint(forget=True)
        if scan.behind > MAX_INLINE_LINES:
            # What was typed is painted first: a search that runs meanwhile would hold that up.
            pane.call_in(PAINT_FIRST_SECONDS, lambda: self._begin_search(scan))
        else:
            self._searches.start(scan)

    def _begin_search(self, scan: Scan) -> None:
        if scan is self.matches:
            self._searches.start(scan)

    def _searched(self, generation: int, scan: Scan, done: bool) -> None:
        if generation != self._searches.generation:
            return
        self.searching = not done
        pane, ids = self._pane, scan.ids
        if self._wanted is not None and not len(ids) and done and self._in_live is not None:
            self._land(self._in_live)
        elif self._wanted is not None and len(ids):
            wanted = self._wanted
            if wanted < 0:
                # Following: the newest match is the one looked for, and it is known at the end only.
                if done:
                    self._land(ids[-1] if self._in_live is None else self._in_live)
            elif ids[-1] >= wanted:
                self._land(ids[ids.before(wanted)])
            elif done:
                self._land(ids[0])
        if done:
            self._wanted = None
        pane.announce()

    def _land(self, line: int) -> None:
        self._wanted = None
        pane = self._pane
        pane.drawing.current = line
        pane.drawing.forget()
        if line not in pane.visible_lines or not pane.follow or pane.view.folds.closed(line):
            pane.go_to_line(line, inside=True)
        else:
            pane.repaint()

    def go(self, step: int) -> bool:
        """To the next or previous match, around the ends."""
        pane = self._pane
        if self.matches is None or not self.count:
            return False
        ids = self.matches.ids
        current = pane.drawing.current
        if current is None:
            current = (pane.top_line or 0) - (1 if step > 0 else 0)
        at = ids.before(current + 1) if step > 0 else ids.before(current) - 1
        if step > 0 and current == self._in_live:
            at = self.count
        at %= self.count
        line = ids[at] if at < len(ids) or self._in_live is None else self._in_live
        pane.drawing.current = line
        pane.drawing.forget()
        return pane.go_to_line(line, inside=True)

    # -- new lines ----------------------------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Look at the lines that came since the last call; many of them go to the thread."""
        scan = self._pane.view.scan
        if scan is not None and not self.filtering and scan.behind > 0:
            if scan.inline:
                scan.step()
            else:
                self.filtering = True
                self._filters.start(scan)
        matches = self.matches
        if matches is not None and not self.searching and matches.behind > 0:
            matches.evict()
            if matches.inline:
                matches.step()
            else:
                self.searching = True
                self._searches.start(matches)

    def look_at_live(self) -> None:
        """A search sees the row that still changes, as it stands."""
        live = self._pane.view.live
        if self.query is None or live is None:
            self._searched_live = self._in_live = None
        elif self._searched_live is None or self._searched_live != (live, self.query):
            self._searched_live = live, self.query
            found = next(self.query.spans(self._reader.line(self._pane.store, live).text(0)), None) is not None
            self._in_live = live.row if found else None

    def _shows_live(self, live: LiveRow) -> bool:
        """The filter's word on the row that still changes, as it stands; it must not hold up a frame."""
        if not self.filter.active:
            return True
        if self.filter.within(live.row, live.row + 1) != (live.row, live.row + 1):
            return False
        try:
            return self.filter.matches(self._reader.line(self._pane.store, live), 0, PAINT_SECONDS)
        except (PatternTooSlow, IndexError):
            return True
