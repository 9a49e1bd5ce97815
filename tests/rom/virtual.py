"""A board on a clock of its own: waiting costs nothing, and how long something takes is exact."""

from __future__ import annotations

import asyncio
import selectors
import struct
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from espmon.testing import LineSequence
from espmon.testing.slip_peer import Splitter, reply
from espmon.time_limit import time_limit

Result = TypeVar("Result")

SYNC, WRITE_REG, READ_REG, SPI_ATTACH, SECURITY_INFO = 0x08, 0x09, 0x0A, 0x0D, 0x14
BITS_PER_BYTE = 10
BOOT = b"ESP-ROM:x\r\nrst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)\r\nI (24) boot: hello\r\n"
DOWNLOAD = b"ESP-ROM:x\r\nrst:0x1 (POWERON),boot:0x0 (DOWNLOAD(USB/UART0))\r\nwaiting for download\r\n"
HARD_RESET_SECONDS = 0.1
ENTRY_SECONDS = 0.15


class _Selector(selectors.SelectSelector):
    """Never sleeps: what would be slept is added to the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everything waits and nothing is scheduled"
            self.now += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer."""

    def __init__(self) -> None:
        self.virtual = _Selector()
        super().__init__(self.virtual)

    def time(self) -> float:
        return self.virtual.now


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work` on a fresh virtual clock."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def now() -> float:
    """Seconds on the clock of the running loop."""
    return asyncio.get_running_loop().time()


class Board:
    """A `Channel` with a chip behind it that obeys the documented protocol.

    Args:
        chip_id: what the security info says; None: the command is refused.
        registers: register contents; others read 0.
        paced: bytes take their line time.
        deliver: how a reply reaches the host, as pieces; the place for noise, loss and fragments.
        refuses: op codes that are refused.
        repeats: how often a refusal is sent.
        in_loader: whether it starts in its loader.
        lines: whether the port has modem lines.
        enters: numbers of the entry sequences (0 is the first one played) that work.
        entries: names of the sequences the port offers.
        boot: what it says after a reset into the application.
        usb: the port's (VID, PID).
        status: the status bytes after a payload.
    """

    def __init__(
        self,
        *,
        chip_id: int | None = 5,
        registers: Mapping[int, int] | None = None,
        paced: bool = False,
        deliver: Callable[[bytes], Iterable[bytes]] = lambda data: (data,),
        refuses: Iterable[int] = (),
        repeats: int = 1,
        in_loader: bool = False,
        lines: bool = True,
        enters: Callable[[int], bool] = lambda number: True,
        entries: Sequence[str] = ("tight", "classic"),
        boot: bytes = BOOT,
        usb: tuple[int, int] | None = None,
        status: bytes = bytes(4),
        flags: int = 0,
    ) -> None:
        self.baud = 115200
        self.usb = usb
        self.has_modem_lines = lines
        self.in_loader = in_loader
        self.stub = False
        self.requests: list[tuple[int, bytes]] = []
        self.played: list[str] = []
        self.bauds: list[int] = []
        self.reset_after: int | None = None
        """The chip resets into its application instead of answering this request (once)."""

        self.silent: set[int] = set()
        self._registers = dict(registers or {})
        self._chip_id = chip_id
        self._paced = paced
        self._deliver = deliver
        self._refuses = set(refuses)
        self._repeats = repeats
        self._enters = enters
        self._entries = [LineSequence(name) for name in entries]
        self._boot = boot
        self._status = status
        self._flags = flags
        self._splitter = Splitter()
        self._waiting = bytearray()
        self._arrived = asyncio.Event()
        self._line_free = 0.0

    def say(self, data: bytes) -> None:
        """The board sends something of its own accord."""
        self._waiting += data
        if data:
            self._arrived.set()

    async def read(self, timeout: float | None = None) -> bytes:
        try:
            async with time_limit(timeout):
                await self._arrived.wait()
        except TimeoutError:
            return b""
        data = bytes(self._waiting)
        self._waiting.clear()
        self._arrived.clear()
        return data

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        await asyncio.sleep(0)
        if not self.in_loader:
            return
        answers = b"".join(self._answer(frame) for frame in self._splitter.feed(data))
        for piece in self._deliver(answers) if answers else ():
            self._send(piece, len(data))

    def _send(self, piece: bytes, asked: int) -> None:
        if not self._paced:
            self.say(piece)
            return
        seconds = (asked + len(piece)) * BITS_PER_BYTE / self.baud
        asyncio.get_running_loop().call_later(seconds, self.say, piece)

    async def set_baud(self, baud: int) -> None:
        self.baud = baud
        self.bauds.append(baud)

    def loader_entries(self) -> Sequence[LineSequence]:
        return self._entries if self.has_modem_lines else ()

    def hard_reset_sequence(self) -> LineSequence | None:
        return LineSequence("hard") if self.has_modem_lines else None

    async def run_sequence(self, sequence: Any) -> None:
        number = len([name for name in self.played if name != "hard"])
        self.played.append(sequence.name)
        self.in_loader = False
        await asyncio.sleep(HARD_RESET_SECONDS if sequence.name == "hard" else ENTRY_SECONDS)
        self.stub = False
        self.in_loader = sequence.name != "hard" and self._enters(number)
        self.say(DOWNLOAD if self.in_loader else self._boot)

    def _answer(self, frame: bytes) -> bytes:
        op, data = frame[1], frame[8:]
        if len(self.requests) == self.reset_after:
            self.reset_after, self.in_loader = None, False
            self.say(self._boot)
            return b""
        self.requests.append((op, data))
        if op in self.silent:
            return b""
        if op in self._refuses or (op == SECURITY_INFO and self._chip_id is None):
            return reply(op, 0, b"", b"\x01\x05" + self._status[2:]) * self._repeats
        if op == SYNC:
            return reply(op, 0 if self.stub else 0x20120707, b"", self._status) * 8
        if op == SECURITY_INFO:
            info = struct.pack("<IBBBBBBBBII", self._flags, 0, 0, 0, 0, 0, 0, 0, 0, self._chip_id, 0)
            return reply(op, 0, info, self._status)
        if op == READ_REG:
            return reply(op, self._registers.get(struct.unpack("<I", data)[0], 0), b"", self._status)
        if op == WRITE_REG:
            address, value, mask, _ = struct.unpack("<IIII", data)
            self._registers[address] = (self._registers.get(address, 0) & ~mask) | (value & mask & ~(1 << 18))
        return reply(op, 0, b"", self._status)
