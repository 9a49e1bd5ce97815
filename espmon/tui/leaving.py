"""Leaving: asked first while something runs, which it ends; waits for the disk where somebody can see it, and says
afterwards how the board was left and what was not written.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from espmon.session.status import Status
from espmon.text import counted
from espmon.tui.actions import written
from espmon.tui.board_like import BoardLike
from espmon.tui.host import Host
from espmon.tui.interruptible_work import WORK, Interrupted, OwnWork, interrupted, running, what_runs

if TYPE_CHECKING:
    from textual.timer import Timer

    from espmon.tui.screens.confirm import ConfirmScreen

EXIT_CODE = 1
"""Of leaving in the middle: what was begun is not done."""

SHOW_SECONDS = 0.3
"""What leaving waits for is shown from then on."""

LOOK_SECONDS = 0.1
"""Time between two looks at how far it is."""

ENDED = "It has ended meanwhile: leave?"
NOTHING_LOST = "Nothing is lost by leaving now."
"""The question once what ran has ended, and what leaving means then."""


class Leaving:
    """Leads the user out.

    Args:
        app: the app.
        limit: returns the longest wait for the port, in seconds; for the disk there is none while it takes something.
        own_work: what the program does without a board, and leaving would end.
    """

    def __init__(self, app: Host, limit: Callable[[], float], own_work: Callable[[], Sequence[OwnWork]]) -> None:
        self._app = app
        self.limit = limit
        self._own_work = own_work
        self._question: ConfirmScreen | None = None
        self._asked: tuple[str, ...] = ()
        """What the question says that leaving means."""

        self._about: list[Interrupted] = []
        """What ran when it was asked."""

        self._looking: Timer | None = None
        self._after_question: list[Callable[[], object]] = []
        self._interrupted: list[Interrupted] = []
        self._own_ended: list[str] = []
        self._closing: asyncio.Task[None] | None = None
        self.agreed = False
        """Whether the user wants to leave in the middle, and what runs is worth waiting for."""

    @property
    def _busy(self) -> list[BoardLike]:
        """The boards that something runs on."""
        return [board for board in self._app.boards if running(board.status)]

    @property
    def asking(self) -> bool:
        """Whether the question stands: nothing may open over it, since a finger may be on its way to its key."""
        return self._question is not None

    def not_over_the_question(self, show: Callable[[], object]) -> None:
        """Call `show`, which may open a screen: at once, or when the user has decided not to leave."""
        if self._question is None:
            show()
        else:
            self._after_question.append(show)

    def leave(self) -> None:
        """Leave, or ask first while something runs. The second time means now."""
        if self._closing is not None:
            for board in self._app.boards:
                board.link.session.salvage()
            self._app.exit(EXIT_CODE)
        elif self._question is None:
            busy, own = self._busy, self._own_work()
            if busy or own:
                self._ask(busy, own)
            else:
                self._begin_closing(0)

    def _begin_closing(self, code: int) -> None:
        self._closing = asyncio.create_task(self._close(code), name="espmon-leaving")

    async def _close(self, code: int) -> None:
        """Close the sessions, with all that they have received on disk, while the screen is still there to show it."""
        from espmon.tui.screens.leaving_screen import LeavingScreen

        app = self._app
        screen: LeavingScreen | None = None
        closing = {board: asyncio.ensure_future(self._close_board(board)) for board in app.boards}
        own = asyncio.ensure_future(self._end_own_work())
        waited = [*closing.values(), own]
        try:
            end = time.monotonic() + self.limit()
            await asyncio.wait(waited, timeout=min(SHOW_SECONDS, self.limit()))
            while not all(future.done() for future in waited):
                left = [board for board, future in closing.items() if not future.done()]
                if time.monotonic() >= end and not any(board.status.recorder.waiting for board in left):
                    break
                if screen is None:
                    screen = LeavingScreen(written(app.chosen_keys["app.exit"]))
                    await app.push_screen(screen)
                screen.show({board.name if len(app.boards) > 1 else "": board.status for board in left})
                await asyncio.wait(waited, timeout=LOOK_SECONDS)
            for future in waited:
                if future.done():
                    future.result()
        finally:
            app.exit(code)

    async def _close_board(self, board: BoardLike) -> None:
        for one in self._interrupted:
            if one.board is board:
                await one.end()
        await board.link.run(board.link.session.close())

    async def _end_own_work(self) -> None:
        self._own_ended += await asyncio.gather(*(work.end() for work in self._own_work()))

    def _ask(self, busy: Sequence[BoardLike], own: Sequence[OwnWork]) -> None:
        from espmon.tui.screens.confirm import ConfirmScreen

        title = WORK[running(busy[0].status)].question if busy else own[0].question

        def answered(sure: bool | None) -> None:
            self._question = None
            if self._looking is not None:
                self._looking.stop()
            held, self._after_question = self._after_question, []
            if sure:
                self.agreed = bool(self._busy or self._own_work())
                self.begin()
                self._begin_closing(EXIT_CODE if self.agreed else 0)
            else:
                for show in held:
                    show()

        self._asked = self._meanings()
        self._about = [interrupted(board) for board in busy]
        question = ConfirmScreen(title, self._asked, "Leave", danger=True)
        self._app.push_screen(question, answered)
        self._question = question
        self._looking = self._app.set_interval(LOOK_SECONDS, self._look)

    def _meanings(self) -> tuple[str, ...]:
        """What leaving means for each that runs."""
        return (*(what_runs(board) for board in self._busy), *(work.means for work in self._own_work()))

    def _look(self) -> None:
        """What runs has changed, or ended: the question says so. It stays, and its keys mean what they meant."""
        question, now = self._question, self._meanings()
        if question is None or not question.is_mounted or now == self._asked:
            return
        self._asked = now
        if now:
            question.say(*now)
        else:
            question.ask_instead(ENDED, *(self._failures() or [NOTHING_LOST]))

    def _failures(self) -> list[str]:
        """How what was asked about has failed since, where leaving did not end it."""
        ended = {one.board for one in self._interrupted}
        failed = ((one.board, one.failure) for one in self._about if one.board not in ended)
        return [f"{board.name}: {said}" for board, said in failed if said]

    def begin(self) -> None:
        """The screen goes, for whatever reason: remember what runs."""
        if not self._interrupted:
            self._interrupted = [interrupted(board) for board in self._busy]

    def exit_message(self) -> str:
        """What is to be said at the end, "" for nothing. Call when the ports are closed."""
        several = len(self._app.boards) > 1
        parts = [(one.board, one.sentence()) for one in self._interrupted]
        parts += [(board, _missing(board.status)) for board in self._app.boards]
        told = [f"{board.name}: {said}" if several else said for board, said in parts if said]
        return "; ".join([*told, *self._failures(), *(said for said in self._own_ended if said)])


def _missing(status: Status) -> str:
    """What was received and is not in the recording."""
    recorder = status.recorder
    count = recorder.unwritten + recorder.waiting
    if not count:
        return ""
    why = f": {recorder.problem}" if recorder.problem else ""
    return f"{counted(count, 'byte')} of this session could not be recorded{why}"
