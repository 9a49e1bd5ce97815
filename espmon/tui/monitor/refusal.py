"""When nothing can be sent, and why."""

from __future__ import annotations

from espmon.session.state import State
from espmon.session.status import WAITS, Status

NO_BOARD = "This is a recording: there is no board to send anything to"
NOT_OPEN = "No port is open: o lists the ports"
NOT_SENT = {
    State.OPENING: "Not sent: the port is being opened",
    State.PROBING: "Not sent: the board is being probed",
}
"""State -> why nothing is sent in it."""


def connected(status: Status) -> bool:
    """Whether there is a board that bytes can be sent to, now or when it is its turn."""
    return status.replay is None and status.state in (State.MONITORING, State.AWAITING_CONSENT, State.LEASED)


def refusal(status: Status) -> str:
    """Why a line cannot be sent now, "" when it can."""
    if status.replay is not None:
        return NO_BOARD
    if status.state is State.LEASED:
        return f"Not sent: the port is used for {status.lease}"
    if status.sending is not None:
        return f"Not sent: {status.sending.action} is still being sent. Esc stops it"
    if connected(status):
        return ""
    return f"Not sent: the port is lost. {WAITS}" if status.waiting else NOT_SENT.get(status.state, NOT_OPEN)
