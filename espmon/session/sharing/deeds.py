"""What who writes from another program may do to the board besides: moves of its lines, and the rate of its port.

Flashing and probing are not among them: their progress, questions and reports are on the screen that holds the port.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from espmon.port.line_format import MAX_BREAK_SECONDS, LineFormat
from espmon.port.port_error import PortError, PortErrorKind
from espmon.session.sharing.share_protocol import Message

MAX_BAUD = 100_000_000
"""No port has a higher rate."""


class Deed(StrEnum):
    """What is asked for."""

    RESET = "reset"
    LOADER = "loader"
    BREAK = "break"
    """Of `seconds`."""

    LINES = "lines"
    """`dtr` and `rts`, each true, false or null."""

    BAUD = "baud"
    """To `baud`."""

    FORMAT = "format"
    """To `line`."""


DEED_WORDS = {
    Deed.RESET: "resets the board",
    Deed.LOADER: "resets the board into its ROM loader",
    Deed.BREAK: "sends a break",
    Deed.LINES: "moves DTR or RTS",
    Deed.BAUD: "changes the rate",
    Deed.FORMAT: "changes the data bits",
}
"""Deed -> what the log says of who does it."""


class SharedBoard(Protocol):
    """The board of the session that holds the port. Each returns why it was not done."""

    async def reset(self) -> PortError | None:
        """Hard-reset into the application."""

    async def reset_to_loader(self) -> PortError | None:
        """Reset into the ROM loader."""

    async def send_break(self, seconds: float) -> PortError | None:
        """Hold the line in a break for so long."""

    async def set_lines(self, dtr: bool | None = None, rts: bool | None = None) -> PortError | None:
        """Move DTR and RTS."""

    async def set_baud(self, baud: int) -> PortError | None:
        """Change the rate."""

    async def set_format(self, line: LineFormat) -> PortError | None:
        """Change data bits, parity, stop bits and flow control."""


def deed_of(message: Message) -> Deed | None:
    """What a message asks for, None where it is nothing that can be done."""
    text = message.text("deed")
    return Deed(text) if text in tuple(Deed) else None


async def do_deed(deed: Deed, message: Message, board: SharedBoard) -> PortError | None:
    """Do it. Returns why it was not done; what no port can do is refused here."""
    match deed:
        case Deed.RESET:
            return await board.reset()
        case Deed.LOADER:
            return await board.reset_to_loader()
        case Deed.LINES:
            levels = (message.fields.get(name) for name in ("dtr", "rts"))
            return await board.set_lines(*(level if isinstance(level, bool) else None for level in levels))
        case Deed.BREAK if 0 < (seconds := message.seconds("seconds") or 0.0) <= MAX_BREAK_SECONDS:
            return await board.send_break(seconds)
        case Deed.BAUD if 0 < (baud := message.number("baud")) <= MAX_BAUD:
            return await board.set_baud(baud)
        case Deed.FORMAT:
            try:
                return await board.set_format(LineFormat.parse(message.text("line")))
            except ValueError:
                pass
    return PortError(PortErrorKind.UNSUPPORTED, f"No port can do that: {deed.value}")
