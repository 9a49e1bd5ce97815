"""XMODEM (checksum, CRC, 1K) and YMODEM over a channel that is lent: bytes in, bytes out, no port and no file.

Of PyPI's packages, `xmodem` 0.5 has no YMODEM, and it and `ymodem` 1.5 wait in blocking calls that nothing but their
own retries end (up to sixteen times sixty seconds): a transfer here is cancelled at any point, and tells the peer so.
Source: Chuck Forsberg, "XMODEM/YMODEM Protocol Reference", 1988; checked against lrzsz.
"""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

SOH, STX, EOT, ACK, NAK, CAN, CRC = 0x01, 0x02, 0x04, 0x06, 0x15, 0x18, 0x43
"""Header of 128 bytes, header of 1024 bytes, end of a file, good, bad, cancel, "C": begin with CRCs."""

SHORT, LONG = 128, 1024
PAD = b"\x1a"
"""What fills the last block of XMODEM: it tells no size."""

ABORT = bytes((CAN,)) * 8 + b"\x08" * 8
"""Ends the peer's program, and takes what a shell would make of it back."""

START_SECONDS = 60.0
"""Longest wait for the peer to begin."""

QUIET_SECONDS = 0.1
"""A "C" with nothing behind it for so long asks for a file; any other is a letter of the log."""

REPLY_SECONDS = 10.0
"""Longest wait for an answer, or for the next block; then it counts as a bad one."""

ASK_SECONDS = 3.0
"""Time between two times of asking the peer to begin."""

END_SECONDS = 3.0
"""Longest wait for each word of a peer that has its file already."""

SETTLE_SECONDS = 0.5
"""Longest wait for that answer when a transfer is given up."""

MAX_HEARD = 1 << 16
"""Bytes of a log that came where the peer should have asked."""

MAX_RETRIES = 10
"""Bad blocks in a row."""

MAX_FILE = 64 << 20
"""Bytes of a file that is sent or received."""

MAX_FILES = 100
"""Files of one batch that is received."""

MAX_NAME = 100
"""Bytes of a file's name that are told to the peer: with its size they fit the short block."""

Progress = Callable[[int], object]
"""Called with the bytes of the file that have arrived."""


class TransferError(Exception):
    """A transfer failed; the message says why, in one sentence without its full stop."""


class Channel(Protocol):
    """Bytes in and out."""

    async def read(self, timeout: float | None = None) -> bytes:
        """All bytes that are there; b"" after `timeout` seconds without any."""

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        """Send, bounded in time."""


class _Wire:
    """A channel byte by byte."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.rest = bytearray()

    async def write(self, *data: int | bytes) -> None:
        await self._channel.write(b"".join(bytes((one,)) if isinstance(one, int) else one for one in data))

    async def take(self, count: int, timeout: float) -> bytes | None:
        """So many bytes; None when they did not all come in time (those that did are gone)."""
        end = asyncio.get_running_loop().time() + timeout
        while len(self.rest) < count:
            left = end - asyncio.get_running_loop().time()
            if left <= 0 or not (data := await self._channel.read(left)):
                self.rest.clear()
                return None
            self.rest += data
        taken = bytes(self.rest[:count])
        del self.rest[:count]
        return taken

    async def byte(self, timeout: float) -> int | None:
        """The next byte, None when none came. Raises `TransferError` when the peer cancels."""
        taken = await self.take(1, timeout)
        if taken is None:
            return None
        if taken[0] == CAN and await self.take(1, QUIET_SECONDS) == bytes((CAN,)):
            raise TransferError("the board cancelled it")
        return taken[0]

    async def settle(self) -> None:
        """Let the peer answer what is on its way: lrzsz throws away what comes before its answer to a block."""
        self.rest.clear()
        await self._channel.read(SETTLE_SECONDS)

    async def asked(self, seconds: float) -> int:
        """Wait until the peer asks for a file: CRC or NAK. Raises `TransferError`; what it said is kept then."""
        end = asyncio.get_running_loop().time() + seconds
        heard, last, cancels = bytearray(), b"", 0
        while (left := end - asyncio.get_running_loop().time()) > 0:
            data = bytes(self.rest) or await self._channel.read(min(left, 1.0 if not last else QUIET_SECONDS))
            self.rest.clear()
            heard = (heard + data)[-MAX_HEARD:]
            if data:
                cancels = data.count(CAN) + (cancels if data.strip(bytes((CAN,))) == b"" else 0)
                if cancels >= 2:
                    raise TransferError("the board cancelled it")
                last = data[-1:]
            elif last and last[0] in (CRC, NAK):
                return last[0]
            else:
                last = b""
        self.rest += heard
        raise TransferError(f"the board did not ask for a file within {seconds:g} s")


def _check(data: bytes, crc: bool) -> bytes:
    return binascii.crc_hqx(data, 0).to_bytes(2, "big") if crc else bytes((sum(data) & 0xFF,))


async def _cancelled_with_notice(wire: _Wire, work: Awaitable[None]) -> None:
    """Do `work`; where it does not come to its end, tell the peer."""
    try:
        await work
    except (asyncio.CancelledError, TransferError):
        await wire.settle()
        await wire.write(ABORT)
        raise


# -- sending ------------------------------------------------------------------------------------------------------


async def _send_block(
    wire: _Wire, number: int, data: bytes, *, crc: bool, tries: int = MAX_RETRIES, seconds: float = REPLY_SECONDS
) -> None:
    head = bytes((STX if len(data) == LONG else SOH, number & 0xFF, ~number & 0xFF))
    for _ in range(tries):
        await wire.write(head, data, _check(data, crc))
        while (reply := await wire.byte(seconds)) not in (ACK, NAK, None):
            continue  # a "C" more, or noise
        if reply == ACK:
            return
    raise TransferError(f"block {number} did not arrive after {tries} tries")


async def _end_batch(wire: _Wire) -> None:
    """Say that there is no other file. The peer has this one: some end without asking, and rz without an answer."""
    with suppress(TransferError):
        await wire.asked(END_SECONDS)
        await _send_block(wire, 0, bytes(SHORT), crc=True, tries=1, seconds=END_SECONDS)


async def _send_data(wire: _Wire, data: bytes, *, crc: bool, long: bool, progress: Progress) -> None:
    at, number = 0, 1
    while at < len(data):
        # A last piece that a few short blocks hold is not filled up to a long one.
        size = LONG if long and crc and len(data) - at > LONG - SHORT else SHORT
        await _send_block(wire, number, data[at : at + size].ljust(size, PAD), crc=crc)
        at, number = at + size, number + 1
        progress(min(at, len(data)))
    for _ in range(MAX_RETRIES):
        await wire.write(EOT)
        if await wire.byte(REPLY_SECONDS) == ACK:
            return
    raise TransferError("the board did not confirm the end of the file")


async def send_xmodem(channel: Channel, data: bytes, *, long: bool, progress: Progress) -> bytes:
    """Send a file to a peer that waits for it; returns what the peer said behind it.

    Args:
        channel: where the peer is.
        data: the file.
        long: in blocks of 1024 bytes, where the peer asks for CRCs.
        progress: see `Progress`.

    Raises `TransferError`, and what the channel raises.
    """
    wire = _Wire(channel)

    async def work() -> None:
        crc = await wire.asked(START_SECONDS) == CRC
        await _send_data(wire, data, crc=crc, long=long, progress=progress)

    await _cancelled_with_notice(wire, work())
    return bytes(wire.rest)


async def send_ymodem(channel: Channel, name: str, data: bytes, *, progress: Progress) -> bytes:
    """Send one file with its name and size; see `send_xmodem`."""
    wire = _Wire(channel)

    async def work() -> None:
        if await wire.asked(START_SECONDS) != CRC:
            raise TransferError("the board wants checksums, which YMODEM has not: try XMODEM")
        about = name.encode("utf-8", "replace")[:MAX_NAME] + b"\0" + str(len(data)).encode()
        await _send_block(wire, 0, about.ljust(SHORT, b"\0"), crc=True)
        await wire.asked(START_SECONDS)
        await _send_data(wire, data, crc=True, long=True, progress=progress)
        await _end_batch(wire)

    await _cancelled_with_notice(wire, work())
    return bytes(wire.rest)


# -- receiving ----------------------------------------------------------------------------------------------------


async def _first(wire: _Wire, *, crc_only: bool) -> tuple[int, bool]:
    """Ask the peer to begin; its first header, and whether it sends CRCs."""
    for attempt in range(int(START_SECONDS / ASK_SECONDS)):
        crc = crc_only or attempt < 4
        await wire.write(CRC if crc else NAK)
        head = await wire.byte(ASK_SECONDS)
        while head is not None and head not in (SOH, STX, EOT):
            head = await wire.byte(QUIET_SECONDS)  # what the board printed before
        if head is not None:
            return head, crc
    raise TransferError(f"the board sent nothing within {START_SECONDS:g} s")


async def _block(wire: _Wire, head: int, crc: bool) -> tuple[int, bytes] | None:
    """Number and data of the block that begins with `head`; None for a damaged one."""
    size = LONG if head == STX else SHORT
    body = await wire.take(2 + size + (2 if crc else 1), REPLY_SECONDS)
    if body is None or body[0] ^ body[1] != 0xFF or _check(body[2 : 2 + size], crc) != body[2 + size :]:
        return None
    return body[0], body[2 : 2 + size]


async def _receive_data(wire: _Wire, progress: Progress, *, crc_only: bool, size: int | None) -> bytes:
    """The blocks of one file up to its end, which is acknowledged."""
    head: int | None
    head, crc = await _first(wire, crc_only=crc_only)
    data, number, bad = bytearray(), 1, 0
    while bad < MAX_RETRIES:
        if head == EOT:
            await wire.write(ACK)
            return bytes(data if size is None else data[:size])
        block = await _block(wire, head, crc) if head in (SOH, STX) and head is not None else None
        if block is not None and block[0] in (number & 0xFF, (number - 1) & 0xFF):
            if block[0] == number & 0xFF:
                data += block[1]
                number += 1
                if len(data) > MAX_FILE:
                    raise TransferError(f"the file is larger than {MAX_FILE:,} bytes")
                progress(len(data) if size is None else min(size, len(data)))
            bad = 0
            await wire.write(ACK)
        else:
            bad += 1
            while await wire.byte(QUIET_SECONDS) is not None:
                continue  # the rest of the damaged block
            await wire.write(NAK)
        head = await wire.byte(REPLY_SECONDS)
    raise TransferError(f"block {number} did not arrive after {MAX_RETRIES} tries")


async def receive_xmodem(channel: Channel, *, progress: Progress) -> tuple[bytes, bytes]:
    """Receive a file from a peer that sends it; returns it with what fills its last block, and what came behind it.

    Raises `TransferError`, and what the channel raises.
    """
    wire = _Wire(channel)
    found = b""

    async def work() -> None:
        nonlocal found
        found = await _receive_data(wire, progress, crc_only=False, size=None)

    await _cancelled_with_notice(wire, work())
    return found, bytes(wire.rest)


async def receive_ymodem(channel: Channel, *, progress: Progress) -> tuple[list[tuple[str, bytes]], bytes]:
    """Receive a batch of files; returns (name as the peer tells it, content) of each, and what came behind them.

    The names are the peer's: nothing to use as a path. Raises `TransferError`, and what the channel raises.
    """
    wire = _Wire(channel)
    files: list[tuple[str, bytes]] = []

    async def work() -> None:
        total = 0
        while len(files) < MAX_FILES and total <= MAX_FILE:
            head, crc = await _first(wire, crc_only=True)
            block = await _block(wire, head, crc) if head != EOT else None
            if block is None or block[0] != 0:
                await wire.write(ACK if head == EOT else NAK)
                continue
            await wire.write(ACK)
            name, _, about = block[1].partition(b"\0")
            if not name:
                return
            told = about.split(b"\0")[0].split(b" ")[0]
            size = int(told) if told.isdigit() and len(told) < 12 else None
            if size is not None and size > MAX_FILE:
                raise TransferError(f"the file is larger than {MAX_FILE:,} bytes")
            data = await _receive_data(wire, progress, crc_only=True, size=size)
            total += len(data)
            files.append((name.decode("utf-8", "replace"), data))
        raise TransferError("the board sent too much")

    await _cancelled_with_notice(wire, work())
    return files, bytes(wire.rest)
