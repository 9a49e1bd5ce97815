"""What stands in a session's place while there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from espmon.port import PortError, PortErrorKind
from espmon.session.pace import Pace
from espmon.session.share_state import WritingTurn
from espmon.session.status import Change, EventEntry, Status
from espmon.session.store import LogStore

if TYPE_CHECKING:
    from espmon.tui.monitor.session_interface import Debugging, OutgoingLike


class NoBoard:
    """What a session without a board does when it is asked for something: nothing."""

    lends_to_ide = False
    turn: WritingTurn | None = None
    pace: Pace | None = None

    @property
    def debugging(self) -> Debugging:
        """Nothing can have stopped."""
        from espmon.session.debug_lease import DebugError

        raise DebugError("No port is open")

    def stop_waiting_for_ide(self) -> None:
        """No IDE has anything."""

    def salvage(self) -> None:
        """Nothing was received."""

    async def _nothing(self, *_: object) -> None:
        """There is nobody to ask."""

    @property
    def outgoing(self) -> OutgoingLike:
        """Nothing is sent."""
        raise PortError(PortErrorKind.LOST, "No port is open")

    open = consent = decline = cancel = close = send = _nothing
    reset = reset_to_loader = probe = screenshot = abort_capture = set_log = set_elf = run = flash = _nothing
    decode_again = set_baud = set_format = set_lines = send_break = _nothing


class Waiting(NoBoard):
    """Stands for the session while that is still being made, so that the screen can be painted first."""

    def __init__(self, status: Status) -> None:
        self.status = status
        self.store = LogStore()
        self.events: tuple[EventEntry, ...] = ()

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """There is nothing to hear yet."""
        return lambda: None
