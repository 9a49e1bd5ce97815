"""The monitor as far as it finds things in the log: the search and the filter."""

from __future__ import annotations

from dataclasses import replace

from textual import on

from espmon.tui.log.filter_form import FilterForm
from espmon.tui.log.query import LineFilter
from espmon.tui.monitor.looking_view import LookingView
from espmon.tui.widgets.filter_bar import FilterBar
from espmon.tui.widgets.search_bar import SearchBar


class FindingView(LookingView):
    """Search and filter of one log."""

    _before_search: tuple[int, int] | None = None
    _walked_before: int | None = None

    several = False
    """Whether the log has lines of several boards."""

    def boards_named(self, text: str) -> frozenset[int] | None:
        """The boards that `text` names; None for all. Raises ValueError where it names none."""
        return None

    # -- search and filter --------------------------------------------------------------------------------------

    async def action_search(self) -> None:
        """Type what to look for."""
        if not self.query(SearchBar):
            await self.mount(SearchBar(id="search"), after="#body")
        self._before_search, self._walked_before = self.pane.pager.place, self.pane.pager.walked
        self.query_one(SearchBar).open()

    def action_match(self, step: int) -> None:
        """Next or previous match."""
        queries = self.pane.queries
        if queries.query is None:
            self.say("Nothing is searched: / begins")
        elif not self.pane.next_match(step):
            self.say("No match")
        self.show_state()

    @on(SearchBar.Changed)
    def _search(self, event: SearchBar.Changed) -> None:
        self.pane.set_search(event.query)

    @on(SearchBar.Step)
    def _search_step(self, event: SearchBar.Step) -> None:
        self.action_match(event.step)

    @on(SearchBar.Accepted)
    def _search_accepted(self) -> None:
        self.pane.focus()

    @on(SearchBar.Closed)
    def _search_closed(self) -> None:
        self.pane.set_search(None)
        self.pane.come_back(self._before_search)
        self.pane.pager.walked = self._walked_before
        self.pane.focus()

    async def action_filter(self) -> None:
        """Type what to show."""
        if not self.query(FilterBar):
            bar = FilterBar(self.pane.queries.filter.printed, several=self.several, id="filter")
            await self.mount(bar, after="#body")
            self.query_one(FilterBar).tags = lambda: self.pane.levels.tags
        self.query_one(FilterBar).open()

    def action_close_filter(self) -> None:
        """Back to the log, the filter stays."""
        for bar in self.query(FilterBar):
            bar.close()
        self.pane.focus()

    def action_unfilter(self) -> None:
        """Show all lines."""
        for bar in self.query(FilterBar):
            bar.reset()
        self.pane.set_filter(LineFilter())

    @property
    def filter_form(self) -> FilterForm:
        """The filter as it is typed. Raises QueryError."""
        bars = self.query(FilterBar)
        return bars.first().form if bars else FilterForm(tags=self.pane.queries.filter.printed)

    async def use_form(self, form: FilterForm) -> None:
        """Show what a saved filter shows, and put it into the fields."""
        await self.action_filter()
        self.query_one(FilterBar).fill(form)

    @on(FilterBar.Changed)
    async def _filter(self, event: FilterBar.Changed) -> None:
        span = await self.walking.span(event.span) if event.span else (0, None)
        self.query_one(FilterBar).mark_bad("span", span is None)
        boards = None
        if self.several:
            try:
                boards = self.boards_named(event.boards)
            except ValueError:
                self.query_one(FilterBar).mark_bad("boards", True)
            else:
                self.query_one(FilterBar).mark_bad("boards", False)
        self.pane.set_filter(replace(event.show, span=span or (0, None), place=event.span, boards=boards))
        self.show_state()
