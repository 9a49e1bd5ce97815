"""A loader behind the shape that `espmon.rom` works on: `espmon.rom.channel.Channel`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from espmon.testing.loader_peer import LoaderPeer
from espmon.testing.quirks import Quirks
from espmon.time_limit import time_limit


class WireLost(OSError):
    """The far end cut the wire."""


@dataclass(frozen=True)
class LineSequence:
    """A named way of moving the lines; nothing but its name matters here."""

    name: str


ENTRIES = ("classic 50 ms", "classic 550 ms")
HARD_RESET = LineSequence("hard reset")


class MockChannel:
    """A `Channel` on a `LoaderPeer`, used as an async context manager.

    Args:
        chip: a name that esptool knows.
        quirks: what is special about this chip and its wire.
        in_loader: False: the application runs until one of the entry sequences is played.
        lines: whether the port has DTR and RTS.
        enters_with: name of the sequence that works; None: the first one.
        entries: names of the sequences offered.
        usb: (VID, PID) the port claims.
        flash: a flash image to share with another channel.

    Attributes:
        peer: the chip, with its counters and `mode`.
        played: names of the sequences, in the order they were played.
        written: every byte the host sent.

    Example:
        async with MockChannel("esp32s3", Quirks(error_repeats=8)) as channel:
            result = await probe(channel)
        assert channel.peer.counts[Operation.SYNC] == 1
    """

    def __init__(
        self,
        chip: str = "esp32c3",
        quirks: Quirks | None = None,
        *,
        in_loader: bool = True,
        lines: bool = True,
        enters_with: str | None = None,
        entries: Sequence[str] = ENTRIES,
        usb: tuple[int, int] | None = None,
        flash: Any = None,
        baud: int = 115200,
    ) -> None:
        self.peer = LoaderPeer(chip, quirks, in_loader=in_loader, flash=flash)
        self.peer.host_baud = baud
        self.played: list[str] = []
        self.written = bytearray()
        self._lines = lines
        self._usb = usb
        self._entries = tuple(LineSequence(name) for name in entries)
        self._enters_with = enters_with or (entries[0] if entries else "")

    async def __aenter__(self) -> MockChannel:
        await asyncio.to_thread(self.peer.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.peer.close)

    @property
    def baud(self) -> int:
        """The host's rate."""
        return self.peer.host_baud

    @property
    def usb(self) -> tuple[int, int] | None:
        """(VID, PID) or None, as given."""
        return self._usb

    @property
    def has_modem_lines(self) -> bool:
        """As given."""
        return self._lines

    async def read(self, timeout: float | None = None) -> bytes:
        """All bytes that are there; b"" after `timeout` seconds without any. Raises `WireLost` at the end."""
        try:
            data = self.peer.socket.recv(65536)
        except BlockingIOError:
            if not await self._readable(timeout):
                return b""
            data = self.peer.socket.recv(65536)
        except OSError as error:
            raise WireLost("the wire was cut") from error
        if not data:
            raise WireLost("the wire was cut")
        return data

    async def _readable(self, timeout: float | None) -> bool:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self.peer.socket, ready.set)
        try:
            async with time_limit(timeout):
                await ready.wait()
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(self.peer.socket)
        return True

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        """Send; raises TimeoutError when the peer takes nothing, `WireLost` when it is gone."""
        self.written += data
        try:
            async with time_limit(timeout):
                await asyncio.get_running_loop().sock_sendall(self.peer.socket, data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise WireLost("the wire was cut") from error

    async def set_baud(self, baud: int) -> None:
        """Change the host's rate; the chip hears nothing but garbage until both agree."""
        self.peer.host_baud = baud

    def loader_entries(self) -> Sequence[LineSequence]:
        """The sequences given, none without lines."""
        return self._entries if self._lines else ()

    def hard_reset_sequence(self) -> LineSequence | None:
        """The sequence that boots the application; None without lines."""
        return HARD_RESET if self._lines else None

    async def run_sequence(self, sequence: Any) -> None:
        """Play a sequence: the chip enters the loader, boots, or (a sequence that does not work here) boots too."""
        self.played.append(sequence.name)
        if sequence.name == self._enters_with:
            self.peer.enter_loader()
        else:
            self.peer.boot()
