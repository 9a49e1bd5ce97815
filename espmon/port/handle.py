"""The one interface above every kind of port: local tty, PTY, socket, RFC 2217, any pyserial URL."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from espmon.port.line_format import LineFormat
from espmon.port.port_error import PortError, PortErrorKind

MAX_READ = 1 << 16
"""Most bytes that one `read` returns."""

CLOSE_SECONDS = 2.0
"""Seconds within which `close` returns, whatever the peer does."""


class PortWarningKind(StrEnum):
    """What a port warns of."""

    NO_LINES = "no modem lines"
    """DTR and RTS cannot be moved."""

    MAY_RESET = "may reset the board"
    """Opening the port may have restarted the board."""

    SHARED = "shared"
    """Another program has the port open too, and takes a part of the bytes."""

    OTHER_RATE = "other rate"
    """The server runs the port at another rate than was asked for."""

    UNCONFIRMED = "unconfirmed"
    """The server does not confirm what it is told."""

    SEQUENCES = "reset sequences"
    """What the user configured to reset boards with cannot be read."""

    LATE_CLOSE = "late close"
    """The port, or the connection, did not close in time."""


TO_ACT_ON = frozenset({PortWarningKind.SHARED, PortWarningKind.OTHER_RATE, PortWarningKind.SEQUENCES})
"""Kinds that the user should do something about; the others say what this port is like."""


@dataclass(frozen=True, slots=True)
class PortWarning:
    """What the user should know about a port."""

    kind: PortWarningKind
    text: str
    """One sentence, in plain words."""


@dataclass(frozen=True, slots=True)
class ResetSequence:
    """Named moves of DTR and RTS. `None` leaves a line as it is; 1 asserts it (pin low)."""

    name: str
    steps: tuple[tuple[int | None, int | None, float], ...]
    """(dtr, rts, seconds to sleep afterwards)."""

    atomic: bool = False
    """Both lines move in one system call (needs `Handle.atomic_lines`)."""

    rewrite_dtr: bool = False
    """Each write of RTS alone is followed by writing DTR as it is (a Windows driver passes DTR on only then)."""


class Handle(ABC):
    """An open port. Made by `open_handle`; used by one reader at a time (the session's leases see to that).

    All methods run on the event loop that opened the handle, and none blocks it.
    """

    url: str
    """What was opened: a device path or URL."""

    baud: int
    """The current rate in baud."""

    usb: tuple[int, int] | None
    """(VID, PID) when the port is a local USB device, else None."""

    remote: bool
    """True when bytes travel over a network."""

    recorded: bool = False
    """What it gives was received before, and recorded: there is no board."""

    has_rate: bool = True
    """False where bytes travel without one: a plain socket."""

    has_modem_lines: bool
    """False on a PTY or a plain socket: DTR and RTS cannot be moved."""

    atomic_lines: bool
    """DTR and RTS can be moved in one step."""

    warnings: tuple[PortWarning, ...] = ()
    """What the user should know about this port, each once, in the order in which it was noticed."""

    @abstractmethod
    async def read(self, timeout: float | None = None) -> bytes:
        """Wait for bytes and return all that are there (at most `MAX_READ`).

        Returns b"" when `timeout` seconds passed without any. Raises `PortError` of kind LOST when the port is gone,
        after every byte received before that has been returned. Cancelling loses nothing.
        """

    async def gather(self, seconds: float) -> None:
        """Wait so long for bytes to come together, without being woken by each of them. Cancelling loses nothing."""
        await asyncio.sleep(seconds)

    @abstractmethod
    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        """Queue `data`, waiting while the bounded write buffer is full.

        Raises `PortError` STALLED when the peer took nothing for `timeout` seconds, LOST when the port is gone.
        """

    @abstractmethod
    async def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Move DTR and/or RTS (True asserts); None leaves a line as it is. Raises UNSUPPORTED where there are none."""

    @abstractmethod
    async def set_baud(self, baud: int) -> None:
        """Change the rate. A no-op where the port has none."""

    async def set_format(self, line: LineFormat) -> None:
        """Change data bits, parity, stop bits and flow control. Raises UNSUPPORTED for what this port cannot do."""
        raise PortError(PortErrorKind.UNSUPPORTED, f"{self.url} has no data bits, parity, stop bits or flow control")

    async def send_break(self, seconds: float) -> None:
        """Hold the line in a break for so long. Raises UNSUPPORTED where it cannot be."""
        raise PortError(PortErrorKind.UNSUPPORTED, f"{self.url} cannot send a break")

    @abstractmethod
    async def close(self) -> None:
        """Close, within `CLOSE_SECONDS` seconds whatever the peer does. Safe to call twice."""

    def loader_entries(self) -> Sequence[ResetSequence]:
        """The sequences that enter the ROM loader on this kind of port, in the order to try; empty without lines."""
        raise NotImplementedError

    def hard_reset_sequence(self) -> ResetSequence | None:
        """The sequence that restarts the application on this kind of port; None without lines."""
        raise NotImplementedError

    async def run_sequence(self, sequence: ResetSequence) -> None:
        """Play a sequence on the lines."""
        raise NotImplementedError
