"""When nothing can be sent, and why."""

from __future__ import annotations

from espmon.session.state import State
from espmon.session.status import WAITS, Activity, Status
from espmon.tui import action_kinds

NO_BOARD = "This is a recording: there is no board to send anything to"
LOOKING_ON = "You look on at another espmon's session: W asks to write"
NEEDS_PORT = "That needs the port itself: do it on the screen that has it, {}'s"
NOT_OPEN = "No port is open: o lists the ports"
NOT_SENT = {
    State.OPENING: "Not sent: the port is being opened",
    State.PROBING: "Not sent: the board is being probed",
}
"""State -> why nothing is sent in it."""

NO_PICTURE = {
    Activity.IN_LOADER: "The board waits in its loader and sends no picture: Ctrl-T R starts its application",
    Activity.HALTED: "The board is halted in its debug stub and sends no picture: D goes there",
}
"""What the board does -> why it sends no picture."""

WRITER_CALLS = frozenset(
    {"input", "raw", "raw_anywhere", "eol", "send_key", "interrupt", "app.writing"}
    | {"reset", "app.bootloader", "modem_line", "app.line", "app.baud", "screenshot", "app.abilities"}
)
"""Action strings, without what they are called with, of who writes by way of another espmon."""


def reads_only(status: Status) -> bool:
    """Whether there is no board to send anything to: a recording, or a session that is only looked at."""
    return status.replay is not None and not (status.looking is not None and status.looking.writes)


def board_missing(status: Status, call: str) -> bool:
    """Whether an action string needs a board that is not there, or is another espmon's; or a recording."""
    if call.startswith("app.pace"):
        return status.replay is None or status.looking is not None
    if status.replay is None or not action_kinds.needs_board(call):
        return False
    name = call.removeprefix("screen.").partition("(")[0]
    return status.looking is None or (name not in WRITER_CALLS if status.looking.writes else name != "app.writing")


def missing(status: Status) -> str:
    """Why an action is not there whose board is missing."""
    looking = status.looking
    if looking is None:
        return NO_BOARD
    return NEEDS_PORT.format(looking.holder) if looking.writes else LOOKING_ON


def connected(status: Status) -> bool:
    """Whether there is a board that bytes can be sent to, now or when it is its turn."""
    if reads_only(status) or status.sharing.writer:
        return False
    return status.state in (State.MONITORING, State.AWAITING_CONSENT, State.LEASED)


def refusal(status: Status) -> str:
    """Why a line cannot be sent now, "" when it can."""
    if reads_only(status):
        return missing(status)
    if status.sharing.writer:
        return f"Not sent: {status.sharing.writer} writes now. W takes it back"
    if status.state is State.LEASED:
        return f"Not sent: the port is used for {status.lease}"
    if status.sending is not None:
        return f"Not sent: {status.sending.action} is still being sent. Esc stops it"
    if connected(status):
        return ""
    return f"Not sent: the port is lost. {WAITS}" if status.waiting else NOT_SENT.get(status.state, NOT_OPEN)


def no_picture(status: Status) -> str:
    """Why a picture cannot be asked for now, "" when it can."""
    return refusal(status) or NO_PICTURE.get(status.activity, "")
