"""Flash operations over a connected loader: attach, digest, compare, erase. Bounded retries.

Replies carry no checksum, so a digest that is not the wanted one is asked for until two answers agree: a byte that a
bad line changed is not taken for a difference in flash.
"""

from __future__ import annotations

import asyncio
import hashlib
import struct
from collections.abc import Awaitable, Callable, Sequence

from espmon.rom.flash_regions import BLOCK, Meter, RegionResult, blocks_of
from espmon.rom.loader import Loader
from espmon.rom.protocol import Op
from espmon.rom.rom_error import RomError, RomErrorKind

SECTOR = 4096
"""Bytes that flash erases at least."""

ERASE_SECONDS_PER_MEGABYTE = 40.0
ERASE_SECONDS = 10.0
CHIP_ERASE_SECONDS = 240.0
ERASE_STEP = 1 << 20
"""Bytes that one command erases through ROM, so that progress can be told."""

DIGEST_TRIES = 4
"""How often a digest is asked for until two answers agree."""

SILENT_TRIES = 3
"""How often a loader that fell silent is called before it counts as gone; it may be busy with its flash."""

NARROW_ADDRESSES = 1 << 24
"""Beyond 16 MB a flash chip needs addresses of 32 bits."""

DEFAULT_FLASH_SIZE = 4 << 20
"""What the loader is told when the flash id does not tell."""

BLOCK_64K, PAGE, STATUS_MASK = 0x10000, 0x100, 0xFFFF

PASSING = frozenset({RomErrorKind.SILENT, RomErrorKind.REFUSED, RomErrorKind.BAD_REPLY})
"""What a bad line or a reset chip can cause, and trying again may cure."""

Revive = Callable[[RomError], Awaitable[None]]
"""Reaches the loader again after the chip was lost, or raises."""


Slower = Callable[[], Awaitable[None]]
"""Goes back to a rate that is known to work, where another one is in use."""


async def _no_revival(error: RomError) -> None:
    raise error


async def _no_slower() -> None:
    return


def _md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def digest_of(data: bytes) -> asyncio.Future[str]:
    """The MD5 of `data` in hex; of much data on a thread, while the chip computes its own."""
    if len(data) > BLOCK:
        return asyncio.ensure_future(asyncio.to_thread(_md5, data))
    known: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    known.set_result(_md5(data))
    return known


class Flasher:
    """Flash operations; one object a session with the loader.

    Args:
        loader: connected, its chip detected.
        meter: told of progress.
        revive: reaches the loader again when the chip reset in the middle.
        slower: called when sending again brings nothing.
    """

    def __init__(
        self,
        loader: Loader,
        meter: Meter | None = None,
        revive: Revive = _no_revival,
        slower: Slower = _no_slower,
    ) -> None:
        self.loader = loader
        self.meter = meter or Meter(lambda step, done, total: None)
        self.flash_size: int | None = None
        self.pending: list[str] = []
        """What is still to be written of the running job, in order."""

        self.dirty = False
        """Flash was changed since the job began."""

        self.slower = slower
        self._revive = revive
        self._prepared: bool | None = None

    @property
    def unfinished(self) -> str | None:
        """What is half written: a reset now would start something incomplete. None when nothing is."""
        return ", ".join(self.unfinished_files) or None

    @property
    def unfinished_files(self) -> tuple[str, ...]:
        """The same, one by one."""
        return tuple(self.pending) if self.dirty else ()

    def finished(self, name: str) -> None:
        """`name` is as wanted."""
        self.pending.remove(name)
        self.dirty = self.dirty and bool(self.pending)

    @property
    def kind(self) -> str:
        """ "stub" or "rom"."""
        return "stub" if self.loader.is_stub else "rom"

    @property
    def tells_digests(self) -> bool:
        """Whether this loader computes an MD5 of flash."""
        return not self.loader.secure_download and (self.loader.is_stub or self.loader.chip.rom_md5)

    async def prepare(self) -> None:
        """Attach the flash chip and tell the loader its size; once per loader kind."""
        if self._prepared == self.loader.is_stub:
            return
        await self.loader.spi_attach()
        if self.flash_size is None and not self.loader.secure_download:
            found = await self.loader.flash_id()
            if found is None:
                raise RomError(RomErrorKind.NO_ANSWER, "No flash chip answers", "Check wiring, voltage strap and power")
            self.flash_size = found.size
        if not self.loader.is_basic:
            size = self.flash_size or DEFAULT_FLASH_SIZE
            parameters = struct.pack("<IIIIII", 0, size, BLOCK_64K, SECTOR, PAGE, STATUS_MASK)
            await self.loader.command(Op.SPI_SET_PARAMS, parameters, attempts=2)
        self._prepared = self.loader.is_stub

    def unprepared(self) -> None:
        """The loader started anew: what it was told is lost."""
        self._prepared = None

    def check_range(self, address: int, size: int) -> None:
        """Raises `RomError`: UNSUPPORTED beyond what this loader can address, IMAGE beyond the end of the flash."""
        end = address + size
        if self.flash_size is not None and end > self.flash_size:
            raise RomError(
                RomErrorKind.IMAGE,
                f"0x{address:x} to 0x{end:x} lies beyond the end of the flash (0x{self.flash_size:x})",
            )
        if end > NARROW_ADDRESSES and not (self.loader.is_stub and self.loader.chip.flash_32bit_addr):
            raise RomError(
                RomErrorKind.UNSUPPORTED,
                f"0x{address:x} to 0x{end:x} lies beyond 16 MB, which the {self.loader.chip.name} "
                f"{self.kind} cannot address",
                "Its stub can: allow it, and pip install 'espmon[stub]'" if self.loader.chip.flash_32bit_addr else "",
            )

    async def recover(self, error: RomError) -> None:
        """Get into step with the loader after `error`, entering it again when the chip has left it.

        Raises:
            RomError: `error` itself where trying again cannot help, or why the loader could not be reached.
        """
        if error.kind not in PASSING:
            raise error
        was_stub = self.loader.is_stub
        for _ in range(SILENT_TRIES):
            try:
                await self.loader.barrier()
            except RomError:
                continue
            if self.loader.is_stub == was_stub:
                return
            break  # another loader answers: the chip was reset into its ROM
        await self._revive(error)
        self.unprepared()
        await self.prepare()

    async def digest(self, address: int, size: int) -> str:
        """MD5 of flash in hex. Raises `RomError`: SECURE_DOWNLOAD, UNSUPPORTED, or what a lost chip causes."""
        if self.loader.secure_download:
            raise RomError(
                RomErrorKind.SECURE_DOWNLOAD,
                "The chip is in secure download mode, which forbids reading flash or its digest",
                "It can be written and not verified",
            )
        problem: RomError | None = None
        for _ in range(DIGEST_TRIES):
            try:
                await self.prepare()
                return (await self.loader.md5(address, size)).hex()
            except RomError as error:
                problem = error
                await self.recover(error)
        assert problem is not None
        raise problem

    async def matches(
        self, address: int, data: bytes, *, sure: bool = True, wanted: Awaitable[str] | None = None
    ) -> tuple[bool, str]:
        """Whether flash holds `data`, and the digest that says so.

        A difference is confirmed by a second answer, unless the caller need not be `sure` of it. `wanted` is the
        digest of `data` where somebody has asked for it already.
        """
        wanted = wanted or digest_of(data)
        seen: list[str] = []
        while len(seen) < DIGEST_TRIES:
            found = await self.digest(address, len(data))
            same = found == await wanted
            if same or found in seen or not sure:
                return same, found
            seen.append(found)
        raise RomError(
            RomErrorKind.BAD_REPLY,
            f"The digest of 0x{address:x} is another one each time it is asked for",
            "The line changes bytes; try another cable or a lower baud rate",
        )

    async def verify(self, address: int, data: bytes, file: str = "", *, first: int = 4) -> RegionResult:
        """Compare flash with `data`; a mismatch is narrowed to the first `first` blocks that differ."""
        result = RegionResult(address, len(data), file)
        self.check_range(address, len(data))
        wanted = digest_of(data)
        step = f"Verifying {file or hex(address)}"
        self.meter.tell(step)
        result.ok, result.md5_flash = await self.matches(address, data, wanted=wanted)
        result.md5_file = await wanted
        if not result.ok:
            result.mismatch = [block[0] for block in await self.differing(address, data, most=first)]
        self.meter.tell(step, len(data))
        return result

    async def differing(
        self,
        address: int,
        data: bytes,
        *,
        most: int | None = None,
        among: Sequence[tuple[int, int]] | None = None,
        sure: bool = True,
    ) -> list[tuple[int, int]]:
        """The blocks (`among` those given, or all of the region) whose digest is wrong, at most `most`."""
        found: list[tuple[int, int]] = []
        for start, size in among if among is not None else blocks_of(address, len(data)):
            if not (await self.matches(start, data[start - address : start - address + size], sure=sure))[0]:
                found.append((start, size))
                if most is not None and len(found) >= most:
                    break
        return found

    # -- erasing ------------------------------------------------------------------------------------------------

    async def erase_region(self, address: int, size: int) -> RegionResult:
        """Erase whole sectors and check that they are empty.

        Raises:
            RomError: IMAGE for a region that is not made of sectors, FLASH when it is not empty afterwards.
        """
        if address % SECTOR or size % SECTOR or not size:
            raise RomError(RomErrorKind.IMAGE, f"0x{address:x}, 0x{size:x}: flash is erased in sectors of 0x{SECTOR:x}")
        await self.prepare()
        self.check_range(address, size)
        step = f"Erasing 0x{size:x} bytes at 0x{address:x}"
        self.meter.tell(step)
        whole = self.loader.is_stub or size <= ERASE_STEP
        for start in range(address, address + size, size if whole else ERASE_STEP):
            part = min(size if whole else ERASE_STEP, address + size - start)
            await self._again(self._erase, start, part)
            self.meter.tell(step, start + part - address)
        return await self._empty(address, size)

    async def erase_chip(self) -> RegionResult:
        """Erase everything."""
        await self.prepare()
        size = self.flash_size
        if self.loader.is_stub and not self.loader.secure_download:
            self.meter.tell("Erasing the whole flash")
            await self._again(self._erase_all)
            return await self._empty(0, size) if size is not None else RegionResult(0, 0, "", ok=True)
        if size is None:
            raise RomError(RomErrorKind.UNSUPPORTED, "The flash size is unknown: erase a region instead")
        return await self.erase_region(0, size)

    async def _again(self, work: Callable[..., Awaitable[None]], *what: int) -> None:
        """Erasing twice does no harm: do it once more after a failure that may pass."""
        try:
            await work(*what)
        except RomError as error:
            await self.recover(error)
            await work(*what)

    async def _erase_all(self) -> None:
        await self.loader.command(Op.ERASE_FLASH, timeout=CHIP_ERASE_SECONDS)

    async def _erase(self, address: int, size: int) -> None:
        wait = erase_wait(size)
        if self.loader.is_stub:
            await self.loader.command(Op.ERASE_REGION, struct.pack("<II", address, size), timeout=wait)
        else:
            # The beginning of a write that never comes: a ROM erases then.
            blocks = size // self.loader.chip.rom_block
            await self.loader.command(Op.FLASH_BEGIN, self.begin_request(address, size, blocks), timeout=wait)

    async def _empty(self, address: int, size: int) -> RegionResult:
        result = RegionResult(address, size, "", ok=True)
        if self.tells_digests:
            # Block by block: a digest of all of it would need as much memory here.
            blank = b"\xff" * BLOCK
            for start, length in blocks_of(address, size):
                same, _ = await self.matches(start, blank[:length])
                if not same:
                    raise RomError(
                        RomErrorKind.FLASH,
                        f"0x{start:x} is not empty after erasing",
                        "The flash may be write-protected or worn out",
                    )
        return result

    def begin_request(self, address: int, size: int, blocks: int, block: int | None = None) -> bytes:
        """The payload of FLASH_BEGIN and FLASH_DEFL_BEGIN for this loader.

        A stub takes the exact size and erases while it writes. A ROM erases the given size first, rounded up to its
        blocks; that of the ESP8266 counts sectors wrongly and needs a smaller number to erase what is meant.
        """
        chip, stub = self.loader.chip, self.loader.is_stub
        block = block or (chip.stub_block if stub else chip.rom_block)
        erased = size
        if not stub:
            erased = sectors_8266(address, size) * SECTOR if chip.basic_rom else -(-size // block) * block
        request = struct.pack("<IIII", erased, blocks, block, address)
        # "Encrypt while writing": a fifth word that the oldest ROMs do not know.
        return request + (struct.pack("<I", 0) if stub or chip.begin_has_encrypt_word else b"")


def erase_wait(size: int) -> float:
    """Seconds that erasing `size` bytes may take."""
    return max(ERASE_SECONDS, ERASE_SECONDS_PER_MEGABYTE * size / (1 << 20))


SECTORS_A_BLOCK = 16


def sectors_8266(address: int, size: int) -> int:
    """The sectors that the ESP8266 ROM must be told so that it erases `size` bytes at `address`.

    It erases single sectors up to the next 64 KiB border and takes them off the count only once, so it erases twice
    the head that it should.
    """
    sectors = -(-size // SECTOR)
    head = min(sectors, SECTORS_A_BLOCK - address // SECTOR % SECTORS_A_BLOCK)
    return (sectors + 1) // 2 if sectors < 2 * head else sectors - head
