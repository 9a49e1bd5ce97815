"""What leaving would end: on a board an action, a debug lease, a text, a payload; and what the program does itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from espmon.records.record import PayloadRecord, Record
from espmon.session.session_events import FlashEvent, ProbeEvent, SessionNote
from espmon.session.state import State
from espmon.session.status import PANEL_LEASE, TRANSFER_LEASE, Status
from espmon.tui.board_like import BoardLike

GDB, TEXT, CAPTURE = "gdb", "text", "capture"
"""What has no action of the session's, beside the leases that have."""

CAPTURE_SECONDS = 1.0
"""Age of a payload that is being received from which on leaving asks: small ones come all the time."""


class Work(NamedTuple):
    """What runs on a board, in words."""

    question: str
    means: str
    """What leaving means for it."""

    too_late: str
    """What is said when nobody saw how it ended."""

    events: tuple[type[Record], ...] = ()
    """The events that tell how it ended."""


WORK = {
    "flash": Work(
        "Flashing: really leave?",
        "The board stays half written, in its ROM loader, until it is flashed again.",
        "Cancelled, and the board did not answer in time. It may be half written: flash it again",
        (FlashEvent,),
    ),
    PANEL_LEASE: Work(
        "The board waits in its loader: really leave?",
        "What runs is cancelled, and the board is reset back into its application unless it is half written.",
        "The board did not answer in time. It may wait in its ROM loader: press its EN (RST) key",
        (FlashEvent,),
    ),
    "probe": Work(
        "Probing: really leave?",
        "The probe is cancelled, and the board is reset back into its application where that can be done.",
        "Cancelled, and the board did not answer in time. It may wait in its ROM loader: press its EN (RST) key",
        (ProbeEvent,),
    ),
    GDB: Work(
        "The board is held in its debug stub: really leave?",
        "The inspection ends, and the program is told to go on; after a panic it starts anew.",
        "The board still waits in its debug stub: press its EN (RST) key",
    ),
    TRANSFER_LEASE: Work(
        "A file is on its way: really leave?",
        "The transfer is cancelled, and the board is told so. The file does not arrive whole.",
        "The transfer was cut off, and the board may wait for the rest of it",
        (SessionNote,),
    ),
    TEXT: Work("A text is being sent: really leave?", "The rest of it is not sent.", "The text was cut off"),
    CAPTURE: Work(
        "The board is sending: really leave?",
        "What has come of it is kept as it is, and the rest is lost.",
        "What had come of it is in the recording",
        (PayloadRecord,),
    ),
}
"""What runs on a board (a lease's name, or one of the above) -> what is said of it."""


class OwnWork(NamedTuple):
    """Something that the program does without a board."""

    question: str
    means: str
    end: Callable[[], Awaitable[str]]
    """Ends it; returns how it was left."""


def running(status: Status) -> str:
    """What does not like to be left now: a key of `WORK`, or "" for nothing."""
    if status.state is State.PROBING:
        return "probe"
    if status.state is State.LEASED:
        return status.lease if status.lease in WORK else ""
    if status.sending is not None:
        return TEXT
    capture = status.capture
    return CAPTURE if capture is not None and capture.elapsed >= CAPTURE_SECONDS else ""


def what_runs(board: BoardLike) -> str:
    """What leaving a board would end, in words."""
    return f"{board.name}: {WORK[running(board.status)].means}"


@dataclass(slots=True)
class Interrupted:
    """What is ended on a board by leaving."""

    board: BoardLike
    what: str
    """A key of `WORK`."""

    newest: int
    """The newest event by then."""

    left: str = ""
    """How it was left, where whoever ended it says so."""

    async def end(self) -> None:
        """End what the session does not end by itself when it is closed, in bounded time."""
        self.left = await self.board.bring_back()

    @property
    def failure(self) -> str:
        """How it failed since, and what that left, "" where it did not."""
        for entry in reversed(self.board.link.session.events):
            record = entry.record
            if entry.id > self.newest and isinstance(record, ProbeEvent | FlashEvent) and record.failure is not None:
                return ". ".join(part for part in (record.failure.sentence, record.failure.hint) if part)
        return ""

    def sentence(self) -> str:
        """How it was ended, as the commands say it. Call when the port is closed."""
        if said := self.left or self.failure:
            return said
        work = WORK[self.what]
        for entry in reversed(self.board.link.session.events):
            if entry.id > self.newest and isinstance(entry.record, work.events):
                kept = f", kept in {entry.path}" if entry.path is not None else ""
                return entry.title + kept
        return work.too_late


def interrupted(board: BoardLike) -> Interrupted:
    """What runs on a board, remembered before it is ended."""
    newest = max((entry.id for entry in board.link.session.events), default=-1)
    return Interrupted(board, running(board.status), newest)
