"""The boards that are open beside each other: which one is looked at, how the others are doing, adding and closing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from espmon.session.state import State
from espmon.session.status import Activity, EventEntry, Notice, OpenRequest, Severity, Status
from espmon.tui.host import Host
from espmon.tui.interruptible_work import interrupted, running, what_runs
from espmon.tui.log_colours import board_colours, text_colour
from espmon.tui.monitor.absent_session import Waiting
from espmon.tui.monitor.screen import MonitorScreen
from espmon.tui.monitor.session_interface import SessionLike
from espmon.tui.monitor.session_link import PendingChanges, SessionLink
from espmon.tui.open_board import OpenBoard
from espmon.tui.sharing_dialogs import NO_HOLDER_TEXT, held_by
from espmon.tui.theme import few_colours
from espmon.tui.widgets.tab_bar import Tab, TabBar

if TYPE_CHECKING:
    from espmon.session.timeline import Timeline
    from espmon.session.viewing.share_link import ShareLink

Result = TypeVar("Result")

MAX_BOARDS = 16
"""Most boards of one screen."""

CRASH_CALL = "app.crash"
"""The action that shows the report of a crash: of the one walked to, where there is one."""

ACTIVITIES = {
    Activity.HALTED: ("■ halted", "$warning"),
    Activity.AWAITING_ENTER: ("■ Enter?", "$warning"),
    Activity.IN_LOADER: ("● loader", "$warning"),
    Activity.LENT_TO_IDE: ("■ IDE", "$warning"),
}
STATES = {
    State.CLOSED: ("✗ closed", "$error"),
    State.OPENING: ("◌ opening", "$warning"),
    State.AWAITING_CONSENT: ("? asks", "$warning"),
    State.PROBING: ("◌ probing", "$warning"),
    State.LEASED: ("◌ in use", "$warning"),
    State.LOST: ("✗ lost", "$error"),
    State.REOPENING: ("◌ reopening", "$warning"),
}
"""Activity, and state -> what its tab says, and in which colour. Nothing of a board that is open and runs."""


def state_words(status: Status) -> tuple[str, str]:
    """How a board is doing, in a word or two, and their style."""
    if status.state is not State.MONITORING:
        return STATES[status.state]
    if status.sharing.asked:
        return "? asks", "$warning"
    if status.looking is not None:
        return ("✗ gone", "$error") if status.looking.gone else ("▶ looks on", "")
    return ACTIVITIES.get(status.activity, ("", ""))


class BoardFactory(Protocol):
    """Makes a board."""

    def __call__(
        self, session: SessionLike, request: OpenRequest | None, number: int, kind: type[OpenBoard] = ...
    ) -> OpenBoard:
        """Of a session, what to open, its number from 0, and what kind of board it is."""


MonitorFactory = Callable[[SessionLink, type[MonitorScreen]], MonitorScreen]
"""Makes the screen of a session."""


class BoardTabs:
    """All boards of one screen. With one board there are no tabs, and nothing here costs anything.

    Args:
        app: the app.
        first: the board that it begins with.
        open_board: makes a board of a session, a request, and a number from 0.
        new_monitor: makes the screen of a session.
        make: makes the session of one more board, on the session's thread. None: there can be one board only.
    """

    def __init__(
        self,
        app: Host,
        first: OpenBoard,
        open_board: BoardFactory,
        new_monitor: MonitorFactory,
        make: Callable[[], SessionLike] | None,
    ) -> None:
        self._app = app
        self._open_board = open_board
        self._new_monitor = new_monitor
        self._make = make
        self._made = 1
        self._timelines = 0
        self._colours: tuple[str, Sequence[str]] = "", ()
        """The theme, and the boards' colours in it: they are asked for with every frame."""

        self._merged: Timeline | None = None
        self._then: tuple[OpenBoard, str] | None = None
        """What is to be done on a board's screen once that is there."""

        self.boards: list[OpenBoard] = [first]
        self.timeline: OpenBoard | None = None
        """All of them, while they are several."""

        self.current = first
        """The board that is looked at."""

        self.closed: list[Path] = []
        """Recordings of those that were closed."""

    @property
    def several(self) -> bool:
        """Whether more than one board is open."""
        return len(self.boards) > 1

    @property
    def can_add(self) -> bool:
        """Whether one more board can be opened beside those that are."""
        return self._make is not None and len(self.boards) < MAX_BOARDS

    # -- adding and closing -------------------------------------------------------------------------------------

    async def begin(self, requests: Sequence[OpenRequest]) -> None:
        """Open these beside the first one, which stays the one that is looked at."""
        for request in requests:
            await self.add(request, look=False)

    async def add(self, request: OpenRequest, *, look: bool = True) -> None:
        """Open one more board; one that is open already is looked at instead."""
        app = self._app
        there = next((board for board in self.boards if _same(board, request)), None)
        if there is not None:
            app.notify(f"{there.name} is open already", markup=False)
            await self.look_at(there)
            return
        if self._make is None or not self.can_add:
            app.notify(f"No more than {MAX_BOARDS} boards at once", severity="warning", markup=False)
            return
        sharing = self.current.sharing
        holder = await sharing.find(request)
        if holder is None and sharing.unasked:
            app.notify(NO_HOLDER_TEXT.format(request.url), severity="warning", markup=False)
        elif holder is None or sharing.unasked:
            await self._add(request, holder, look)
        else:

            def answered(agreed: bool) -> None:
                if agreed:
                    app.run_worker(self._add(request, holder, look), group="add-board")
                else:
                    app.notify(held_by(request, holder), severity="warning", markup=False)

            sharing.offer(holder, answered)

    async def _add(self, request: OpenRequest, holder: ShareLink | None, look: bool) -> None:
        """Make a tab for a port, or for the session of the espmon that holds it."""
        assert self._make is not None
        if self.timeline is None:
            await self._begin_timeline()
        waiting = Waiting(Status(State.OPENING, url=request.url, name=request.name))
        board = self._open_board(waiting, request, self._made)
        self._made += 1
        link = self._put_aside(board)
        self.boards.append(board)
        if holder is None:
            link.attach(await link.run(_called(self._make)))
        else:
            looking = await board.sharing.look_on(holder)
            link.attach(looking.session)
            request = looking.request
        board.begin_counting()
        await self._merge(lambda merged: merged.add(board.number, board.name, link.session))
        link.ask(link.session.open(request))
        await self.dress()
        if look:
            await self.look_at(board)

    def _put_aside(self, board: OpenBoard, kind: type[MonitorScreen] = MonitorScreen) -> SessionLink:
        """Listen to a board that nobody looks at yet; its screen is made when somebody does."""
        link = board.link
        link.hide(True)
        link.start()
        self._app.add_mode(board.mode, lambda: self._new_monitor(link, kind))
        return link

    async def _begin_timeline(self) -> None:
        """From the second board on, there is a timeline of all."""
        from espmon.session.timeline import Timeline
        from espmon.tui.monitor.timeline_screen import TimelineScreen, TimelineSession
        from espmon.tui.timeline_tab import TimelineTab

        first, merged = self.boards[0], Timeline()
        if self._made == 1:  # the toolkit goes back only to what it was told of
            self._app.add_mode(first.mode, lambda: self._new_monitor(first.link, MonitorScreen))
        self._merged = merged
        self._timelines += 1
        self.timeline = self._open_board(TimelineSession(merged), None, -self._timelines, TimelineTab)
        self._put_aside(self.timeline, TimelineScreen)
        await self._merge(lambda merged: merged.add(first.number, first.name, first.link.session))

    async def _merge(self, work: Callable[[Timeline], None]) -> None:
        """Change what the timeline consists of, on the sessions' thread."""
        merged = self._merged
        if merged is not None:
            await self.boards[0].link.run(_called(lambda: work(merged)))

    async def _end_timeline(self) -> None:
        """One board is left: its own log is the timeline."""
        timeline, self.timeline = self.timeline, None
        if timeline is not None:
            timeline.link.stop()
            last = self.boards[0].number
            await self._merge(lambda merged: merged.remove(last))
            self._merged = None
            await self._app.remove_mode(timeline.mode)

    def close(self, board: OpenBoard) -> None:
        """Close a board and its tab, with a question first while something runs on it. The last one stays."""
        from espmon.tui.screens.confirm import ConfirmScreen

        if not self.several:
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self._app.run_worker(self._close(board), group="close-tab")

        if running(board.status):
            self._app.push_screen(
                ConfirmScreen(f"Close {board.name} now?", [what_runs(board)], "Close", danger=True), answered
            )
        else:
            answered(True)

    async def _close(self, board: OpenBoard) -> None:
        app, name = self._app, board.name
        if not self.several or board not in self.boards:
            return
        others = [other for other in self.boards if other is not board]
        if self.current is board or len(others) == 1:
            await self.look_at(others[max(0, self.boards.index(board) - 1)])
        self.boards = others
        if not self.several:
            await self._end_timeline()
        await self.dress()
        app.notify(f"Closing {name}", markup=False)
        await self._merge(lambda merged: merged.remove(board.number))
        ended = interrupted(board) if running(board.status) else None
        if ended is not None:
            await ended.end()
        await board.link.run(board.link.session.close())
        board.link.stop()
        if ended is not None:
            app.notify(f"{name}: {ended.sentence()}", severity="warning", markup=False)
        where = ""
        if board.recorded is not None and not board.status.recorder.removed:
            self.closed.append(board.recorded)
            where = f". Recorded in {board.recorded}"
        app.notify(f"{name} is closed{where}", markup=False)
        await app.remove_mode(board.mode)

    def stop(self) -> None:
        """The screen goes: listen to none of them."""
        for board in self._all:
            board.link.stop()

    @property
    def _all(self) -> Sequence[OpenBoard]:
        """What has a tab, in the order in which they stand."""
        return self.boards if self.timeline is None else (self.timeline, *self.boards)

    # -- looking ------------------------------------------------------------------------------------------------

    async def step(self, step: int) -> None:
        """Look at the next board (1), or the one before (-1), around the ends."""
        tabs = self._all
        await self.look_at(tabs[(tabs.index(self.current) + step) % len(tabs)])

    async def go(self, number: int) -> None:
        """Look at the board with this number, or with 0 at all of them."""
        if not number and self.timeline is not None:
            await self.look_at(self.timeline)
        elif 1 <= number <= len(self.boards):
            await self.look_at(self.boards[number - 1])
        else:
            self._app.notify(f"There is no board {number}", markup=False)

    async def look_at(self, board: OpenBoard) -> None:
        """Look at a board: its screens come up as they were, and what it asked meanwhile is asked now."""
        app, before = self._app, self.current
        if board is before:
            return
        before.link.hide(True)
        before.begin_counting()
        app.monitor.look_away()
        self.current = board
        app.touched()
        await app.switch_mode(board.mode)
        statuses, events = board.kept()
        board.link.hide(False)
        if app.monitor.completed:
            app.monitor.look_again()
            app.monitor.take(PendingChanges(True, board.status, statuses, events))
        await self.dress()
        board.follow(PendingChanges(statuses=statuses, events=events))

    def take_hidden(self, link: SessionLink, changes: PendingChanges) -> None:
        """What came of a board that nobody looks at: its tab tells, and what is wrong is said with its name."""
        board = next((one for one in self._all if one.link is link), None)
        if board is None:
            return
        board.keep(changes)
        board.count()
        for notice in changes.notices:
            if notice.severity is not Severity.INFO:
                self._app.toast(Notice(notice.text, notice.severity, title=board.name))
        self.draw()

    # -- what is for one board ----------------------------------------------------------------------------------

    def choose(self, call: str) -> None:
        """An action is for one board, and all of them are looked at: it is for that of the line that was walked to, or
        for the one that the user names. It is done in the tab of that."""
        from espmon.tui.monitor.timeline_screen import TimelineScreen
        from espmon.tui.screens.prompt import TextPrompt

        app, screen = self._app, self._app.monitor
        crash = screen.crash_here if isinstance(screen, TimelineScreen) and call == CRASH_CALL else None
        if crash is not None:
            self.show_event(crash)
            return
        here = screen.board_here if isinstance(screen, TimelineScreen) else None
        board = next((board for board in self.boards if board.number == here), None)
        if board is not None:
            app.notify(f"For {board.name}, whose line this is", markup=False)
            app.run_worker(self._do_on(board, call), group="on-board")
            return
        names = {board.name: board for board in self.boards}

        def answered(name: str | None) -> None:
            if name is not None and name in names:
                app.run_worker(self._do_on(names[name], call), group="on-board")

        def check(text: str) -> str:
            return "" if text in names else "Enter the name of a board"

        note = "This is for one board. It is done in the tab of that."
        app.push_screen(
            TextPrompt("Which board?", self.boards[0].name, check=check, candidates=list(names), note=note, label="Go"),
            answered,
        )

    async def _do_on(self, board: OpenBoard, call: str) -> None:
        self._then = board, call
        await self.look_at(board)

    def show_event(self, entry: EventEntry) -> None:
        """Show what an event of the timeline holds, in the tab of its board."""
        from espmon.session.timeline import own_id

        number, identity = own_id(entry.id)
        board = next((board for board in self.boards if board.number == number), None)
        own = None if board is None else next((one for one in board.link.session.events if one.id == identity), None)
        if board is None or own is None:
            self._app.notify("The board of this event is closed", markup=False)
            return

        async def show() -> None:
            await self.look_at(board)
            board.artifacts.show(own)

        self._app.run_worker(show(), group="on-board")

    # -- the row of tabs ----------------------------------------------------------------------------------------

    async def dress(self) -> None:
        """Put the row of tabs on the monitor that is looked at, or take it away from the last one."""
        monitor = self._app.monitor
        bars = monitor.query(TabBar)
        if self.several and not bars:
            await monitor.mount(TabBar(id="tabs"), before="#header")
            monitor.refresh_bindings()
        elif bars and not self.several:
            await bars.remove()
            monitor.refresh_bindings()
        self.draw()
        if self._then is not None and self._then[0] is self.current and monitor.completed:
            (_, call), self._then = self._then, None
            await monitor.run_from_elsewhere(call)

    def draw(self) -> None:
        """Bring the tabs up to date."""
        if self.several:
            for bar in self._app.monitor.query(TabBar):
                bar.show([self._tab(number, board) for number, board in enumerate(self._all)])
        if (merged := self._merged) is not None:
            merged.names.update({board.number: board.name for board in self.boards})

    def _colour(self, board: OpenBoard) -> str:
        theme = self._app.current_theme
        if self._colours[0] != theme.name:
            colours = board_colours(theme, sixteen=few_colours(self._app))
            self._colours = theme.name, [text_colour(colour) for colour in colours]
        own = self._colours[1]
        return own[board.number % len(own)]

    def _tab(self, number: int, board: OpenBoard) -> Tab:
        words, style = ("", "") if board is self.timeline else state_words(board.status)
        current = board is self.current
        colour = "$foreground" if board is self.timeline else self._colour(board)
        return Tab(number, board.name, colour, words, style, "" if current else board.unread, current)


async def _called(function: Callable[[], Result]) -> Result:
    """For a plain function that has to run on the sessions' thread."""
    return function()


def _same(board: OpenBoard, request: OpenRequest) -> bool:
    """Whether a board has this port already."""
    if board.status.looking is not None and board.request is not None and not board.status.looking.gone:
        return board.request.url == request.url
    return board.status.state is not State.CLOSED and board.status.url == request.url
