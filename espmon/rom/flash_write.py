"""Writing a region: only what differs, compressed, sent again block by block until its digest is right.

Blocks of `BLOCK` bytes whose MD5 is right already are left alone; runs of the others are sent as compressed streams,
the next one being compressed while one is sent. When anything goes wrong on the way, the digests say what is still
missing and only that is sent again.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from espmon.rom.chips import MAGIC_REGISTER
from espmon.rom.flash_regions import RegionResult, blocks_of, bytes_in, runs_of
from espmon.rom.flasher import SECTOR, Flasher, digest_of, erase_wait
from espmon.rom.protocol import Op, data_block
from espmon.rom.rom_error import RomError, RomErrorKind

STREAMS = (128 << 10, 512 << 10)
"""Bytes in the first compressed streams of a region: what follows is compressed while they are sent."""

MAX_STREAM = 4 << 20
"""Most bytes in a later one: the longer it is, the better it packs."""

STUCK_ROUNDS = 3
"""Rounds in a row that bring nothing before a region is given up."""

PACKET_TRIES = 3
"""How often one packet is sent when the loader says that it arrived damaged."""

DAMAGED = frozenset({0x07, 0xC1})
"""Codes by which ROM and stub say "wrong checksum": the packet was not used."""

FULL_PART = 0.75
"""Above this part of differing blocks the whole region is sent."""

SAMPLES = (0.0, 0.5, 1.0)
"""Which blocks of a region are looked at first."""

DATA_SECONDS_PER_MEGABYTE = 40.0
DATA_SECONDS = 3.0
LEVEL = 9
"""Compression: the line is slower than any level."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A run of flash, ready to send."""

    size: int
    """Bytes it becomes in flash."""

    packets: tuple[tuple[bytes, int], ...]
    """Data and checksum of each request."""

    unpacked: tuple[int, ...]
    """Bytes that each packet becomes."""


def pack(data: bytes, block: int, *, compress: bool) -> Packed:
    """Cut `data` into packets (slow: off the event loop). Data is padded to whole words, plain packets to blocks."""
    padded = data + b"\xff" * (-len(data) % 4)
    stream = zlib.compress(padded, LEVEL) if compress else padded
    parts = [stream[start : start + block] for start in range(0, len(stream), block)]
    if compress:
        inflate = zlib.decompressobj()
        unpacked = [len(inflate.decompress(part)) for part in parts]
    else:
        unpacked = [len(part) for part in parts]
        parts = [part.ljust(block, b"\xff") for part in parts]
    packets = tuple(data_block(part, number) for number, part in enumerate(parts))
    return Packed(len(padded), packets, tuple(unpacked))


def streams_of(blocks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """(address, size) of what is sent as one compressed stream each: neighbours joined, a short stream first."""
    left = list(blocks)
    streams: list[tuple[int, int]] = []
    for most in STREAMS:
        for run in runs_of(left, most)[:1]:
            streams.append(run)
            left = [block for block in left if block[0] >= sum(run)]
    return streams + runs_of(left, MAX_STREAM)


class RegionWriter:
    """Brings one region of flash into the wanted state.

    Args:
        flasher: prepared.
        address: the region's start, a multiple of `SECTOR`.
        data: what it shall hold.
        name: the file, for messages; a member of `flasher.pending`.
        force: write what is right already, too.
    """

    def __init__(self, flasher: Flasher, address: int, data: bytes, name: str, *, force: bool = False) -> None:
        self.flasher = flasher
        self.address = address
        self.data = data
        self.name = name
        self.force = force
        self.result = RegionResult(address, len(data), name)
        self._wanted = digest_of(data)
        self._left = blocks_of(address, len(data))
        self._sent: set[tuple[int, int]] = set()

    async def look(self) -> int:
        """Compare with what is there; returns the bytes to write. Raises `RomError`."""
        if self.address % SECTOR:
            raise RomError(
                RomErrorKind.IMAGE,
                f"{self.name}: 0x{self.address:x} is no multiple of 0x{SECTOR:x}: flash is erased in sectors",
            )
        self.flasher.check_range(self.address, len(self.data))
        if self.force or not self.flasher.tells_digests:
            return len(self.data)
        flasher = self.flasher
        flasher.meter.tell(f"Comparing {self.name}")
        if await self._all_right():
            self._left = []
        elif await self._pays():
            # What is taken for different by a damaged answer is written once more: no need to be sure.
            differing = await flasher.differing(self.address, self.data, sure=False)
            if bytes_in(differing) <= FULL_PART * len(self.data):
                self._left = differing
        self.result.skipped = len(self.data) - bytes_in(self._left)
        return bytes_in(self._left)

    async def _all_right(self) -> bool:
        flasher = self.flasher
        same, self.result.md5_flash = await flasher.matches(self.address, self.data, sure=False, wanted=self._wanted)
        return same

    async def _pays(self) -> bool:
        """Whether single blocks are worth looking at: not when the first, the middle and the last one all differ."""
        blocks = self._left
        if len(blocks) <= len(SAMPLES):
            return len(blocks) > 1
        sample = [blocks[round(part * (len(blocks) - 1))] for part in SAMPLES]
        return len(await self.flasher.differing(self.address, self.data, among=sample, sure=False)) < len(sample)

    async def write(self) -> RegionResult:
        """Write what `look` found missing.

        Raises:
            RomError: FLASH when blocks are still wrong after `STUCK_ROUNDS` rounds without progress; it names the
                region, which is then half written.
        """
        flasher, result = self.flasher, self.result
        flasher.dirty = flasher.dirty or bool(self._left)
        stuck = 0
        while self._left:
            before, problem = bytes_in(self._left), await self._round()
            await self._settle(problem)
            stuck = 0 if bytes_in(self._left) < before else stuck + 1
            if stuck >= STUCK_ROUNDS:
                raise self._given_up(problem)
            if stuck:
                await flasher.slower()
        result.written = bytes_in(sorted(self._sent))
        result.md5_file = await self._wanted
        result.ok = True
        flasher.meter.tell(f"{'Writing' if self._sent else 'Comparing'} {self.name}", len(self.data))
        return result

    async def _round(self) -> RomError | None:
        """Send all that is missing once; what went wrong, if anything."""
        try:
            await self._send_runs(streams_of(self._left))
        except RomError as error:
            try:
                await self.flasher.recover(error)
            except RomError as gone:
                raise self._given_up(gone) from error
            return error
        return None

    async def _settle(self, problem: RomError | None) -> None:
        """Find out what is still missing."""
        flasher = self.flasher
        if not flasher.tells_digests:
            self._left = [] if problem is None else self._left
            return
        try:
            if problem is None and await self._all_right():
                self._left = []
                return
            self._left = await flasher.differing(self.address, self.data, among=self._left, sure=False)
            if not self._left:
                self._left = [] if await self._all_right() else blocks_of(self.address, len(self.data))
        except RomError as error:
            raise self._given_up(error) from error

    def _given_up(self, problem: RomError | None) -> RomError:
        at = self._left[0][0] if self._left else self.address
        why = f" ({problem.message})" if problem else ": its digest stays wrong, the flash may be worn out"
        error = RomError(
            RomErrorKind.FLASH,
            f"{self.name} is unfinished: the block at 0x{at:x} could not be written{why}",
            "Flash again: what is right already is skipped. Until then the board may not start",
        )
        error.names_unfinished = True
        return error

    # -- sending ------------------------------------------------------------------------------------------------

    async def _send_runs(self, runs: Sequence[tuple[int, int]]) -> None:
        ready: asyncio.Task[Packed] | None = None
        try:
            for index, (start, size) in enumerate(runs):
                packed = await (ready or self._pack(start, size))
                following = runs[index + 1] if index + 1 < len(runs) else None
                ready = self._pack(*following) if following else None
                await self._send(start, size, packed)
        finally:
            if ready is not None:
                ready.cancel()

    def _pack(self, start: int, size: int) -> asyncio.Task[Packed]:
        part = self.data[start - self.address : start - self.address + size]
        compress = not self.flasher.loader.is_basic
        return asyncio.ensure_future(asyncio.to_thread(pack, part, self._block(), compress=compress))

    def _block(self) -> int:
        loader = self.flasher.loader
        if not loader.is_stub:
            return loader.chip.rom_block
        over_otg = loader.channel.usb is not None and loader.channel.usb[1] == loader.chip.otg_pid
        return (loader.chip.otg_block if over_otg else None) or loader.chip.stub_block

    async def _send(self, start: int, size: int, packed: Packed) -> None:
        loader = self.flasher.loader
        begin, operation = (
            (Op.FLASH_BEGIN, Op.FLASH_DATA) if loader.is_basic else (Op.FLASH_DEFL_BEGIN, Op.FLASH_DEFL_DATA)
        )
        request = self.flasher.begin_request(start, packed.size, len(packed.packets), self._block())
        await loader.command(begin, request, timeout=erase_wait(packed.size))
        self._sent.update(blocks_of(start, size))
        step, base = f"Writing {self.name}", len(self.data) - bytes_in(self._left)
        base += sum(length for at, length in self._left if at < start)
        unpacked, last = 0, 0
        for number, packet in enumerate(packed.packets):
            # A stub answers first and writes then: its next answer waits for that.
            share = packed.unpacked[number]
            wait = DATA_SECONDS + DATA_SECONDS_PER_MEGABYTE * (share + last) / (1 << 20)
            await self._packet(operation, packet, wait)
            unpacked, last = unpacked + share, share
            self.flasher.meter.tell(step, base + min(unpacked, size))
        if loader.is_stub:
            # The answer to anything comes when the last packet is in flash.
            await loader.command(
                Op.READ_REG,
                MAGIC_REGISTER.to_bytes(4, "little"),
                timeout=DATA_SECONDS + DATA_SECONDS_PER_MEGABYTE * last / (1 << 20),
            )

    async def _packet(self, operation: Op, packet: tuple[bytes, int], wait: float) -> None:
        payload, check = packet
        for left in reversed(range(PACKET_TRIES)):
            try:
                await self.flasher.loader.command(operation, payload, checksum=check, timeout=wait)
                return
            except RomError as error:
                if error.code not in DAMAGED or not left:
                    raise
