"""Flash operations over a connected loader: digest, write, erase, read. Bounded retries, a digest after every write.

A write is cut into blocks of `BLOCK` bytes. Blocks whose MD5 is right already are left alone; runs of the others are
sent compressed. When anything goes wrong on the way, the digests say what is still missing and only that is sent again.
"""

from __future__ import annotations

import asyncio
import hashlib
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from espmon.rom.errors import RomError, RomErrorKind
from espmon.rom.loader import Loader
from espmon.rom.protocol import Op, data_block

BLOCK = 64 << 10
"""What mismatches are narrowed to, and what is written again after a failure."""

SECTOR = 4096
ROUNDS = 5
"""How often a region's missing blocks are sent before it is given up."""

ERASE_WAIT_PER_MEGABYTE = 40.0
ERASE_WAIT = 10.0
DATA_WAIT_PER_MEGABYTE = 40.0
DATA_WAIT = 3.0
CHIP_ERASE_WAIT = 240.0
READ_PIECE = 4096
READ_AHEAD = 64
READ_WAIT = 3.0
SLOW_READ = 64
"""Bytes that a ROM reads at once."""

FULL_PART = 0.75
"""Above this part of differing blocks the whole region is sent as one stream."""

DEFAULT_FLASH_SIZE = 4 << 20
"""What the loader is told when the flash id does not tell."""

BLOCK_64K, PAGE, STATUS_MASK = 0x10000, 0x100, 0xFFFF

Report = Callable[[str, int, int], None]
"""(step in words, bytes done, bytes in all)."""


@dataclass(slots=True)
class RegionResult:
    """What became of one region; the row of `espmon flash --json`."""

    address: int
    size: int
    file: str
    ok: bool = False
    md5_file: str = ""
    md5_flash: str = ""
    written: int = 0
    """Bytes sent to flash."""

    skipped: int = 0
    """Bytes that were right already."""

    mismatch: list[int] = field(default_factory=list)
    """Addresses of the first blocks that differ."""

    def to_json(self) -> dict[str, Any]:
        """The region as JSON."""
        return {
            "address": self.address,
            "size": self.size,
            "file": self.file,
            "ok": self.ok,
            "md5_file": self.md5_file,
            "md5_flash": self.md5_flash,
            "written": self.written,
            "skipped": self.skipped,
            "mismatch": self.mismatch,
        }


def blocks_of(address: int, size: int) -> list[tuple[int, int]]:
    """(address, size) of the blocks of a region, cut where addresses are multiples of `BLOCK`."""
    blocks = []
    at, end = address, address + size
    while at < end:
        stop = min(end, (at // BLOCK + 1) * BLOCK)
        blocks.append((at, stop - at))
        at = stop
    return blocks


def runs_of(blocks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbouring blocks joined."""
    runs: list[tuple[int, int]] = []
    for address, size in blocks:
        if runs and runs[-1][0] + runs[-1][1] == address:
            runs[-1] = (runs[-1][0], runs[-1][1] + size)
        else:
            runs.append((address, size))
    return runs


class Flasher:
    """Flash operations; one object a stay in the loader.

    Args:
        loader: connected, its chip detected.
        report: told of progress.
    """

    def __init__(self, loader: Loader, report: Report = lambda step, done, total: None) -> None:
        self.loader = loader
        self.flash_size: int | None = None
        self._report = report
        self._prepared: bool | None = None
        self.unfinished: str | None = None
        """A region that is being written: a reset now would start something half written."""

    @property
    def kind(self) -> str:
        """ "stub" or "rom"."""
        return "stub" if self.loader.is_stub else "rom"

    async def prepare(self) -> None:
        """Attach the flash chip and tell the loader its size; once per loader kind."""
        if self._prepared == self.loader.is_stub:
            return
        await self.loader.spi_attach()
        if self.flash_size is None and not self.loader.secure_download:
            found = await self.loader.flash_id()
            if found is None:
                raise RomError(RomErrorKind.FLASH, "No flash chip answers", "Check wiring, voltage strap and power")
            self.flash_size = found.size
        if self.loader.chip.key != "esp8266" or self.loader.is_stub:
            size = self.flash_size or DEFAULT_FLASH_SIZE
            parameters = struct.pack("<IIIIII", 0, size, BLOCK_64K, SECTOR, PAGE, STATUS_MASK)
            await self.loader.command(Op.SPI_SET_PARAMS, parameters, attempts=2)
        self._prepared = self.loader.is_stub

    def check_range(self, address: int, size: int) -> None:
        """Raises `RomError` FLASH for a region beyond the end of the flash."""
        if self.flash_size is not None and address + size > self.flash_size:
            raise RomError(
                RomErrorKind.FLASH,
                f"0x{address:x} to 0x{address + size:x} lies beyond the end of the flash (0x{self.flash_size:x})",
            )

    async def digest(self, address: int, size: int) -> str:
        """MD5 of flash in hex."""
        await self.prepare()
        return (await self.loader.md5(address, size)).hex()

    async def verify(self, address: int, data: bytes, file: str = "", *, first: int = 4) -> RegionResult:
        """Compare flash with `data`; a mismatch is narrowed to the first `first` blocks that differ."""
        result = RegionResult(address, len(data), file)
        self.check_range(address, len(data))
        self._report(f"Verifying {file or hex(address)}", 0, len(data))
        result.md5_file = hashlib.md5(data).hexdigest()
        result.md5_flash = await self.digest(address, len(data))
        result.ok = result.md5_file == result.md5_flash
        if not result.ok:
            result.mismatch = [block[0] for block in await self._differing(address, data, first)]
        self._report(f"Verifying {file or hex(address)}", len(data), len(data))
        return result

    async def _differing(
        self, address: int, data: bytes, most: int | None = None, among: Sequence[tuple[int, int]] | None = None
    ) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for start, size in among if among is not None else blocks_of(address, len(data)):
            part = data[start - address : start - address + size]
            if await self.digest(start, size) != hashlib.md5(part).hexdigest():
                found.append((start, size))
                if most is not None and len(found) >= most:
                    break
        return found

    async def write(self, address: int, data: bytes, file: str = "", *, force: bool = False) -> RegionResult:
        """Make flash hold `data`; what is right already is skipped unless `force`.

        Raises `RomError` FLASH when blocks are still wrong after `ROUNDS` tries: it names the region, which is then
        half written.
        """
        if address % SECTOR:
            raise RomError(
                RomErrorKind.FLASH, f"0x{address:x} is no multiple of 0x{SECTOR:x}: flash is erased in sectors"
            )
        self.check_range(address, len(data))
        await self.prepare()
        result = RegionResult(address, len(data), file, md5_file=hashlib.md5(data).hexdigest())
        digests = self.loader.is_stub or self.loader.chip.rom_md5
        left = blocks_of(address, len(data))
        if digests and not force:
            result.md5_flash = await self.digest(address, len(data))
            if result.md5_flash == result.md5_file:
                result.ok, result.skipped = True, len(data)
                return result
            differing = await self._differing(address, data)
            if sum(size for _, size in differing) <= FULL_PART * len(data):
                left = differing
        result.skipped = len(data) - sum(size for _, size in left)
        self.unfinished = file or f"0x{address:x}"
        await self._send_all(address, data, left, result, digests)
        if digests:
            result.md5_flash = await self.digest(address, len(data))
        result.ok = not digests or result.md5_flash == result.md5_file
        if not result.ok:
            raise RomError(RomErrorKind.FLASH, f"{self.unfinished} is not what was written: the flash may be worn out")
        self.unfinished = None
        return result

    async def _send_all(
        self, address: int, data: bytes, left: list[tuple[int, int]], result: RegionResult, digests: bool
    ) -> None:
        problem: RomError | None = None
        for _ in range(ROUNDS):
            for start, size in runs_of(left):
                part = data[start - address : start - address + size]
                try:
                    await self._send(start, part, result, len(data))
                except RomError as error:
                    problem = error
                    await self.loader.barrier()
                    break
            else:
                if not digests:
                    return
            left = await self._differing(address, data, among=left)
            if not left:
                return
        first = left[0][0] if left else address
        raise RomError(
            RomErrorKind.FLASH,
            f"{self.unfinished} is unfinished: the block at 0x{first:x} could not be written"
            + (f" ({problem.message})" if problem else ""),
            "Flash again: what is right already is skipped. Until then the board may not start",
        )

    async def _send(self, address: int, data: bytes, result: RegionResult, total: int) -> None:
        """One compressed stream; falls back to plain blocks where the ROM knows no compression."""
        loader = self.loader
        padded = data + b"\xff" * (-len(data) % 4)
        plain = loader.chip.key == "esp8266" and not loader.is_stub
        packed = padded if plain else await asyncio.to_thread(zlib.compress, padded, 9)
        size = loader.chip.stub_block if loader.is_stub else loader.chip.rom_block
        count = (len(packed) + size - 1) // size
        begin, send = (Op.FLASH_BEGIN, Op.FLASH_DATA) if plain else (Op.FLASH_DEFL_BEGIN, Op.FLASH_DEFL_DATA)
        erased = len(padded) if loader.is_stub else (len(padded) + size - 1) // size * size
        request = struct.pack("<IIII", erased, count, size, address)
        if loader.chip.begin_has_encrypt_word and not loader.is_stub:
            request += struct.pack("<I", 0)
        wait = max(ERASE_WAIT, ERASE_WAIT_PER_MEGABYTE * len(padded) / (1 << 20))
        await loader.command(begin, request, timeout=wait)
        for number in range(count):
            piece = packed[number * size : (number + 1) * size]
            if plain:
                piece = piece.ljust(size, b"\xff")
            payload, check = data_block(piece, number)
            # The loader writes what a packet unpacks to before it answers.
            share = len(padded) / count * 4
            await loader.command(
                send, payload, checksum=check, timeout=max(DATA_WAIT, DATA_WAIT_PER_MEGABYTE * share / (1 << 20))
            )
            done = len(data) * (number + 1) // count
            self._report(f"Writing {result.file or hex(result.address)}", result.skipped + done, total)
        result.written += len(data)
        if loader.is_stub:
            # The stub answers the last packet before it has written it: the next answer comes when it has.
            await loader.barrier()

    async def erase_region(self, address: int, size: int) -> None:
        """Erase whole sectors. Raises `RomError` FLASH for a region that is not made of them."""
        if address % SECTOR or size % SECTOR or not size:
            raise RomError(RomErrorKind.FLASH, f"0x{address:x}, 0x{size:x}: flash is erased in sectors of 0x{SECTOR:x}")
        self.check_range(address, size)
        await self.prepare()
        wait = max(ERASE_WAIT, ERASE_WAIT_PER_MEGABYTE * size / (1 << 20))
        self._report(f"Erasing 0x{size:x} bytes at 0x{address:x}", 0, size)
        if self.loader.is_stub:
            await self.loader.command(Op.ERASE_REGION, struct.pack("<II", address, size), timeout=wait)
        else:
            request = struct.pack("<IIII", size, 0, self.loader.chip.rom_block, address)
            if self.loader.chip.begin_has_encrypt_word:
                request += struct.pack("<I", 0)
            await self.loader.command(Op.FLASH_BEGIN, request, timeout=wait)
        self._report(f"Erasing 0x{size:x} bytes at 0x{address:x}", size, size)

    async def erase_chip(self) -> None:
        """Erase everything."""
        await self.prepare()
        if self.loader.is_stub:
            self._report("Erasing the whole flash", 0, self.flash_size or 1)
            await self.loader.command(Op.ERASE_FLASH, timeout=CHIP_ERASE_WAIT)
            return
        if self.flash_size is None:
            raise RomError(RomErrorKind.FLASH, "The flash size is unknown: erase a region instead")
        for start in range(0, self.flash_size, BLOCK * 16):
            await self.erase_region(start, min(BLOCK * 16, self.flash_size - start))

    async def read(self, address: int, size: int) -> bytes:
        """Flash content, checked by MD5. Raises `RomError` FLASH when it arrives damaged `ROUNDS` times."""
        self.check_range(address, size)
        await self.prepare()
        for _ in range(ROUNDS):
            data = await (self._read_stub(address, size) if self.loader.is_stub else self._read_rom(address, size))
            if not (self.loader.is_stub or self.loader.chip.rom_md5):
                return data
            if data is not None and await self.digest(address, size) == hashlib.md5(data).hexdigest():
                return data
        raise RomError(RomErrorKind.FLASH, f"0x{size:x} bytes at 0x{address:x} arrive damaged each time they are read")

    async def _read_stub(self, address: int, size: int) -> bytes:
        loader = self.loader
        piece = min(READ_PIECE, size)
        await loader.command(Op.READ_FLASH, struct.pack("<IIII", address, size, piece, READ_AHEAD))
        data = bytearray()
        while len(data) < size:
            packet = await loader.read_packet(READ_WAIT)
            if packet is None:
                break
            data += packet
            await loader.write_packet(struct.pack("<I", len(data)))
            self._report(f"Reading 0x{size:x} bytes", min(len(data), size), size)
        else:
            await loader.read_packet(READ_WAIT)  # the stub's own digest; ours is asked for afterwards
            return bytes(data)
        await loader.barrier()
        return bytes(data)

    async def _read_rom(self, address: int, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            want = min(SLOW_READ, size - len(data))
            request = struct.pack("<II", address + len(data), want)
            reply = await self.loader.command(
                Op.READ_FLASH_SLOW, request, payload=(SLOW_READ,), attempts=3, ask_again=True
            )
            data += reply.data[:want]
            self._report(f"Reading 0x{size:x} bytes", len(data), size)
        return bytes(data)
