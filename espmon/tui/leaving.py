"""Leaving: asked first while a flash or a probe runs, waits for the disk where somebody can see it, and says afterwards
how the board was left and what was not written.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from espmon.session.session_events import FlashEvent, ProbeEvent
from espmon.session.state import State
from espmon.session.status import PANEL_LEASE, Status
from espmon.text import counted
from espmon.tui.actions import written
from espmon.tui.host import BoardLike, Host

if TYPE_CHECKING:
    from espmon.tui.screens.confirm import ConfirmScreen

EXIT_CODE = 1
"""Of leaving in the middle: what was begun is not done."""

SHOW_SECONDS = 0.3
"""What leaving waits for is shown from then on."""

LOOK_SECONDS = 0.1
"""Time between two looks at how far it is."""

QUESTIONS = {
    "flash": (
        "Flashing: really leave?",
        "The board stays half written, in its ROM loader, until it is flashed again.",
    ),
    PANEL_LEASE: (
        "The board waits in its loader: really leave?",
        "What runs is cancelled, and the board is reset back into its application unless it is half written.",
    ),
    "probe": (
        "Probing: really leave?",
        "The probe is cancelled, and the board is reset back into its application where that can be done.",
    ),
}
"""What runs -> the question, and what leaving means."""

ENDED = ("It has ended meanwhile: leave?", "Nothing is lost by leaving now.")
"""The question once what ran has ended, and what leaving means then."""

TOO_LATE = {
    "flash": "Cancelled, and the board did not answer in time. It may be half written: flash it again",
    PANEL_LEASE: "The board did not answer in time. It may wait in its ROM loader: press its EN (RST) key",
    "probe": "Cancelled, and the board did not answer in time. It may wait in its ROM loader: press its EN (RST) key",
}
"""What runs -> what is said when it did not end in time."""


def running(status: Status) -> str:
    """What has the board now and does not like to be left: "flash", "probe", or ""."""
    if status.state is State.PROBING:
        return "probe"
    return status.lease if status.state is State.LEASED and status.lease in QUESTIONS else ""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """What is ended by leaving."""

    board: BoardLike
    what: str
    """A key of `QUESTIONS`."""

    newest: int
    """The newest event by then."""


def what_runs(board: BoardLike) -> str:
    """What leaving a board would end, in words."""
    return f"{board.name}: {QUESTIONS[running(board.status)][1]}"


class Leaving:
    """Leads the user out.

    Args:
        app: the app.
        limit: returns the longest wait for the port, in seconds; for the disk there is none while it takes something.
    """

    def __init__(self, app: Host, limit: Callable[[], float]) -> None:
        self._app = app
        self.limit = limit
        self._question: ConfirmScreen | None = None
        self._after_question: Callable[[], None] | None = None
        self._interrupted: list[Interrupted] = []
        self._closing: asyncio.Task[None] | None = None

    @property
    def agreed(self) -> bool:
        """Whether the user wants to leave in the middle, and what runs is worth waiting for."""
        return bool(self._interrupted)

    @property
    def _busy(self) -> list[BoardLike]:
        """The boards that something runs on."""
        return [board for board in self._app.boards if running(board.status)]

    def not_over_the_question(self, show: Callable[[], None]) -> None:
        """Call `show`, which may open a screen: at once, or when the user has decided not to leave."""
        if self._question is None:
            show()
        else:
            self._after_question = show

    def leave(self) -> None:
        """Leave, or ask first while something runs. The second time means now."""
        if self._closing is not None:
            for board in self._app.boards:
                board.link.session.salvage()
            self._app.exit(EXIT_CODE)
            return
        busy = self._busy
        if not busy:
            self._begin_closing(0)
        elif self._question is None:
            self._ask(busy)

    def _begin_closing(self, code: int) -> None:
        self._closing = asyncio.create_task(self._close(code), name="espmon-leaving")

    async def _close(self, code: int) -> None:
        """Close the sessions, with all that they have received on disk, while the screen is still there to show it."""
        from espmon.tui.screens.leaving_screen import LeavingScreen

        app = self._app
        screen: LeavingScreen | None = None
        closing = {board: asyncio.ensure_future(board.link.run(board.link.session.close())) for board in app.boards}
        try:
            end = time.monotonic() + self.limit()
            await asyncio.wait(closing.values(), timeout=min(SHOW_SECONDS, self.limit()))
            while left := [board for board, future in closing.items() if not future.done()]:
                if time.monotonic() >= end and not any(board.status.recorder.waiting for board in left):
                    break
                if screen is None:
                    screen = LeavingScreen(written(app.chosen_keys["app.exit"]))
                    await app.push_screen(screen)
                screen.show({board.name if len(app.boards) > 1 else "": board.status for board in left})
                await asyncio.wait(closing.values(), timeout=LOOK_SECONDS)
            for future in closing.values():
                if future.done():
                    future.result()
        finally:
            app.exit(code)

    def _ask(self, busy: list[BoardLike]) -> None:
        from espmon.tui.screens.confirm import ConfirmScreen

        title, _ = QUESTIONS[running(busy[0].status)]

        def answered(sure: bool | None) -> None:
            self._question = None
            show, self._after_question = self._after_question, None
            if sure:
                self.begin()
                self._begin_closing(EXIT_CODE if self.agreed else 0)
            elif show is not None:
                show()

        self._question = ConfirmScreen(title, [what_runs(board) for board in busy], "Leave", danger=True)
        self._app.push_screen(self._question, answered)

    def follow_status(self, status: Status) -> None:
        """What ran has ended: the question says so. It stays, since a finger may be on its way to its key."""
        question = self._question
        if question is not None and question.is_mounted and not running(status) and not self._busy:
            question.ask_instead(*ENDED)

    def begin(self) -> None:
        """The screen goes, for whatever reason: remember what runs."""
        if self._interrupted:
            return
        for board in self._busy:
            newest = max((entry.id for entry in board.link.session.events), default=-1)
            self._interrupted.append(Interrupted(board, running(board.status), newest))

    def exit_message(self) -> str:
        """What is to be said at the end, "" for nothing. Call when the ports are closed."""
        several = len(self._app.boards) > 1
        parts = [(one.board, self._ended(one)) for one in self._interrupted]
        parts += [(board, _missing(board.status)) for board in self._app.boards]
        return "; ".join(f"{board.name}: {said}" if several else said for board, said in parts if said)

    def _ended(self, one: Interrupted) -> str:
        """How what ran was ended, as the commands say it."""
        for entry in reversed(one.board.link.session.events):
            record = entry.record
            if entry.id > one.newest and isinstance(record, ProbeEvent | FlashEvent):
                return record.failure.sentence if record.failure is not None else entry.title
        return TOO_LATE[one.what]


def _missing(status: Status) -> str:
    """What was received and is not in the recording."""
    recorder = status.recorder
    count = recorder.unwritten + recorder.waiting
    if not count:
        return ""
    why = f": {recorder.problem}" if recorder.problem else ""
    return f"{counted(count, 'byte')} of this session could not be recorded{why}"
