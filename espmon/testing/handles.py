"""A port without a port: handles in memory, for tests of everything above `espmon.port`.

A scripted peer:

    handle = MemoryHandle()
    handle.inject(b"boot\\r\\n")                  # the board says something
    assert await handle.read() == b"boot\\r\\n"
    await handle.write(b"help\\r\\n")
    assert handle.written == b"help\\r\\n"        # what the board received
    handle.lose("unplugged")                     # what is still unread comes first, then PortError LOST

A peer that answers: `MemoryHandle(respond=lambda data: b"> " + data)` gets each write and returns what comes back.

Two ends, each a full `Handle` (run a simulated board on one, the code under test on the other):

    ours, board = pair()
    await board.write(b"hello"); assert await ours.read() == b"hello"

Lines: `handle.moves` lists every (dtr, rts) asked for, None meaning unchanged; `on_lines` is told of each. A PTY is
`MemoryHandle(modem_lines=False)`; an Espressif USB port is `MemoryHandle(usb=(0x303A, 0x1001))`; a rfc2217 port is
`MemoryHandle(atomic=False, remote=True)`. `stall()` makes writes fail with STALLED (at once, no clock).
"""

from __future__ import annotations

from collections.abc import Callable

from espmon.port.base_handle import BaseHandle
from espmon.port.port_error import PortError, PortErrorKind

Respond = Callable[[bytes], bytes | None]
OnLines = Callable[[bool | None, bool | None], None]


class MemoryHandle(BaseHandle):
    """A `Handle` whose other end is the test.

    Args:
        url: what it claims to have opened.
        baud: its rate.
        respond: called with each write; what it returns (None: nothing) is received.
        on_lines: called with (dtr, rts) for each move.
        usb: (VID, PID) to claim.
        modem_lines: False: like a PTY.
        atomic: both lines move in one step, as on a local POSIX port.
        remote: bytes travel over a network.
    """

    def __init__(
        self,
        url: str = "memory://",
        *,
        baud: int = 115200,
        respond: Respond | None = None,
        on_lines: OnLines | None = None,
        usb: tuple[int, int] | None = None,
        modem_lines: bool = True,
        atomic: bool = True,
        remote: bool = False,
    ) -> None:
        super().__init__(url, baud)
        self.respond = respond
        self.on_lines = on_lines
        self.usb = usb
        self.has_modem_lines = modem_lines
        self.atomic_lines = atomic and modem_lines
        self.remote = remote
        self.written = bytearray()
        self.moves: list[tuple[bool | None, bool | None]] = []
        self.bauds: list[int] = []
        self._stalled = False
        self._peer: MemoryHandle | None = None

    @property
    def lines(self) -> tuple[bool | None, bool | None]:
        """(dtr, rts) as last set; None where never set."""
        return self._dtr, self._rts

    @property
    def unread(self) -> int:
        """Bytes injected and not read yet."""
        return len(self._receive)

    def inject(self, data: bytes) -> None:
        """The board sends `data`."""
        self._receive.put(bytes(data))

    def lose(self, why: str = "the device was unplugged") -> None:
        """The port is gone: reads give what is left, then raise LOST; writes raise LOST."""
        self._receive.fail(self.lost(why))

    def stall(self, stalled: bool = True) -> None:
        """The board takes no more bytes (or takes them again)."""
        self._stalled = stalled

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        """Hand `data` to the peer at once."""
        self._check_open()
        if self._stalled:
            raise PortError(PortErrorKind.STALLED, f"{self.url}: the peer took nothing for {timeout:g} s")
        self.written += data
        if self._peer is not None:
            self._peer.inject(data)
        if self.respond is not None:
            self.inject(self.respond(bytes(data)) or b"")

    async def _move_lines(self, dtr: bool | None, rts: bool | None) -> None:
        self.moves.append((dtr, rts))
        if self.on_lines is not None:
            self.on_lines(dtr, rts)

    async def set_baud(self, baud: int) -> None:
        """Remember the rate."""
        self._check_open()
        self.baud = baud
        self.bauds.append(baud)

    async def close(self) -> None:
        """Close; the other end of a `pair` is lost."""
        if self._closed:
            return
        self._closed = True
        self._receive.fail(self.lost("the port was closed"))
        if self._peer is not None:
            self._peer.lose("the other end closed")


def pair(*, modem_lines: bool = True) -> tuple[MemoryHandle, MemoryHandle]:
    """Two handles wired to each other: what one writes, the other reads."""
    one = MemoryHandle("memory://one", modem_lines=modem_lines)
    two = MemoryHandle("memory://two", modem_lines=modem_lines)
    one._peer, two._peer = two, one
    return one, two
