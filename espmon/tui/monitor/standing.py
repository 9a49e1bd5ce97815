"""What the bars around the log say: header, status row, the count of the search, and the words in an empty log."""

from __future__ import annotations

from typing import Protocol

from textual.dom import DOMNode

from espmon.session.settings import Settings
from espmon.session.status import Status
from espmon.tui.log.line_times import SAID
from espmon.tui.log.row_selection import rows_selected
from espmon.tui.monitor.folding import Folding
from espmon.tui.monitor.session_link import SessionLink
from espmon.tui.monitor.walking import Walking
from espmon.tui.widgets.header import BoardHeader
from espmon.tui.widgets.log_pane import LogPane
from espmon.tui.widgets.log_queries import LogQueries
from espmon.tui.widgets.search_bar import SearchBar
from espmon.tui.widgets.silence import EmptyLog
from espmon.tui.widgets.status_bar import StatusBar
from espmon.tui.widgets.status_words import PaneState


class Stated(Protocol):
    """What the bars need of the monitor."""

    link: SessionLink
    settings: Settings
    folding: Folding | None
    walking: Walking
    output_since: int | None
    """Lines in the store when the output was switched off; None while it is on."""

    @property
    def pane(self) -> LogPane:
        """The log."""

    @property
    def status(self) -> Status:
        """The session's status."""

    @property
    def mode(self) -> str:
        """Where keys go."""

    @property
    def bars(self) -> DOMNode:
        """Where the bars are found."""

    def warn(self, text: str) -> None:
        """Tell the user that something is wrong."""


class Standing:
    """Keeps the bars of a monitor up to date.

    Args:
        view: the monitor.
    """

    def __init__(self, view: Stated) -> None:
        self._view = view
        self._keymap = view.settings.chosen_keys
        self._told_slow: set[str] = set()

    def show(self) -> None:
        """Bring them up to date."""
        view, status, mode = self._view, self._view.status, self._view.mode
        pane, queries = view.pane, view.pane.queries
        lines = len(view.link.session.store)
        self._tell_slow(queries)
        errors, warnings = pane.levels.since(0 if view.folding is None else view.folding.boot)
        view.bars.query_one(BoardHeader).show(status, mode)
        view.bars.query_one(EmptyLog).show(status, mode, self._keymap, empty=not lines)
        view.bars.query_one(StatusBar).show(
            status,
            PaneState(
                mode=mode,
                follow=pane.follow,
                unseen=pane.unseen,
                lines=lines,
                shown=len(pane.view),
                line=0 if (walked := view.walking.last) is None else walked + 1,
                filter=queries.filter.describe(),
                filtering=queries.progress,
                gone=view.link.session.store.first,
                search=self._search(queries),
                errors=errors,
                warnings=warnings,
                counting=pane.levels.behind,
                output=view.output_since is None,
                hidden=0 if view.output_since is None else lines - view.output_since,
                times=SAID[pane.drawing.timestamps],
                shape=pane.drawing.shape.value,
                wrap=pane.drawing.wrap,
                offset=pane.drawing.offset,
                selected=rows_selected(pane.view, pane.text_selection),
            ),
        )

    def _search(self, queries: LogQueries) -> str:
        """The search in words, "" for none; the search bar gets its count."""
        if queries.query is None:
            return ""
        more = f" in {queries.read} %" if queries.reading else ""
        place = f"{queries.ordinal:,}/{queries.count:,}" if queries.ordinal else f"{queries.count:,}"
        for bar in self._view.bars.query(SearchBar):
            gone = self._view.link.session.store.first
            unseen = f"{gone:,} older lines are gone" if gone else ""
            words = ", ".join(filter(None, (f"{place} lines{more}", unseen, queries.problem)))
            bar.show_count(words, bad=bool(queries.problem))
        return f"{queries.query.pattern} {place}{more}{', too slow' if queries.problem else ''}"

    def _tell_slow(self, queries: LogQueries) -> None:
        """An expression that takes too long is told once, and once more when it is given up."""
        verdicts = {
            "The filter": (queries.filter_verdict, "such lines are shown unfiltered"),
            "The search": (queries.verdict, "such lines are passed over"),
        }
        slow = {f"{what} is {verdict}: {meaning}" for what, (verdict, meaning) in verdicts.items() if verdict}
        for text in slow - self._told_slow:
            self._view.warn(text)
        self._told_slow = slow
