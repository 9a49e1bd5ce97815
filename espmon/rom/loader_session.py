"""One session with the loader: enter once, act as often as wanted, leave once, and say how the board is left.

What only some actions need is imported by them: a verify shall take no longer than its work.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

from espmon.rom.channel import Channel
from espmon.rom.flash_regions import FlashOutcome, Meter, Piece, RegionResult, Report
from espmon.rom.flasher import Flasher
from espmon.rom.loader import Loader
from espmon.rom.restart import DOWNLOAD_MODE, ResetResult, finish, leave
from espmon.rom.rom_error import RomError, RomErrorKind
from espmon.time_limit import time_limit

__all__ = ["FlashOutcome", "LoaderSession", "Piece"]

FAST_BAUD = 921600
"""Rate for the transfer when a stub runs, unless the user says another."""

STUB_PAYS = 16 << 10
"""Bytes to write or read from which on uploading a stub costs less than it saves."""

READY_TRIES = 3
"""How often a loader is made ready for an action, when something goes wrong on the way."""

REVIVALS = 2
"""How often in a session a chip that left its loader is brought back into it."""

RESTORE_SECONDS = 1.0
"""Seconds that putting the chip's rate back may take."""

DESCRIPTION_BYTES = 288
"""Bytes of an image that hold its header and descriptor."""

MAX_APPLICATIONS = 18

WITHOUT_STUB = (
    "the ROM does the work: writing takes up to 8 times as long, since it stays at its rate and takes small blocks, "
    "and reading is done 64 bytes at a time"
)


class LoaderSession:
    """The loader, entered once.

    Args:
        channel: an open port that nobody else reads. The user has agreed to a reset.
        use_stub: a stub may be uploaded; it is when an action needs one or gains by it, once a session.
        baud: rate for the transfer; None: `FAST_BAUD` with a stub, else the port's rate.
        stubs: folder of stub images; None: those of the installed esptool package.
        report: told of progress.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        use_stub: bool = True,
        baud: int | None = None,
        stubs: Path | None = None,
        report: Report = lambda step, done, total: None,
    ) -> None:
        self.loader = Loader(channel)
        self.meter = Meter(report)
        self.flasher = Flasher(self.loader, self.meter, self._revive, self._slow_down)
        self.warnings: list[str] = []
        self._use_stub = use_stub
        self._baud = baud
        self._stubs = stubs
        self._revivals = 0
        self._had_stub = False

    @property
    def unfinished(self) -> str | None:
        """What is half written, None when nothing is."""
        return self.flasher.unfinished

    @property
    def unfinished_files(self) -> tuple[str, ...]:
        """The same, one by one."""
        return self.flasher.unfinished_files

    @property
    def touched(self) -> bool:
        """The board was reset, or is in its loader: leaving has something to do."""
        return self.loader.touched or self.loader.in_loader

    async def enter(self) -> None:
        """Connect and identify. Raises `RomError`."""
        loader = self.loader
        await loader.connect(on_progress=self.meter.tell)
        try:
            chip = await loader.detect()
        except RomError as error:
            if error.kind is not RomErrorKind.SILENT:
                raise
            loader.transcript.note("the chip fell silent; starting again")
            loader.forget()
            await loader.connect(on_progress=self.meter.tell)
            chip = await loader.detect()
        if chip.watchdog and chip.watchdog.disable_on_usb and _usb_product(loader) == chip.serial_jtag_pid:
            await loader.disable_watchdogs()
        if self._baud is not None or loader.is_stub:
            await self._raise_baud()

    async def faster(self) -> None:
        """Run the stub at a higher rate, where that is wanted and possible; otherwise say why not."""
        loader = self.loader
        if loader.is_stub or not self._use_stub:
            return
        from espmon.rom.flasher_stub import load_stub, run_stub, why_no_stub

        reason = await why_no_stub(loader)
        name = loader.chip.stub_file(await loader.revision())
        if reason is not None or name is None:
            self._without_stub(f"No stub: {reason}")
            return
        try:
            stub = await asyncio.to_thread(load_stub, name, self._stubs)
        except RomError as error:
            self._without_stub(f"{error.message} ({error.hint})" if error.hint else error.message)
            return
        self.meter.tell("Uploading the stub", 0)
        try:
            await run_stub(loader, stub)
        except RomError as error:
            self._without_stub(error.message)
            await self._revive(error)
            return
        self._had_stub = True
        await self._raise_baud()

    def _without_stub(self, why: str) -> None:
        self._use_stub = False
        self.warnings.append(f"{why}; {WITHOUT_STUB}")

    async def _raise_baud(self) -> None:
        loader, channel = self.loader, self.loader.channel
        rate = self._baud or (FAST_BAUD if loader.is_stub else None)
        on_usb = _usb_product(loader) in (loader.chip.serial_jtag_pid, loader.chip.otg_pid)
        if rate is None or rate == channel.baud or not channel.has_modem_lines or (channel.usb and on_usb):
            return
        try:
            await loader.change_baud(rate)
        except RomError as error:
            self._baud = loader.initial_baud
            self.warnings.append(f"{error.message}: staying at {loader.initial_baud} baud")
            if error.kind is not RomErrorKind.UNSUPPORTED:
                await self._revive(error)

    async def _slow_down(self) -> None:
        """Long packets may get lost at a rate that short ones survive."""
        loader = self.loader
        if loader.channel.baud == loader.initial_baud:
            return
        self.warnings.append(f"Data gets lost at {loader.channel.baud} baud: going on at {loader.initial_baud} baud")
        self._baud = loader.initial_baud
        try:
            await loader.change_baud(loader.initial_baud)
        except RomError as error:
            await self._revive(error)

    async def _revive(self, why: RomError) -> None:
        """The loader is gone: enter it again, a bounded number of times. Raises `RomError`."""
        loader = self.loader
        self._revivals += 1
        if self._revivals > REVIVALS:
            raise RomError(
                why.kind, f"The chip left its loader {self._revivals} times", "Check its power supply and the cable"
            )
        banner = re.search(rb"rst:0x[0-9a-fA-F]+[^\r\n]*", loader.recent)
        said = f' and said "{banner.group().decode("ascii", "replace")[:60]}"' if banner else ""
        self.warnings.append(
            f"The chip {'reset' if banner else 'stopped answering'} in the middle{said}; its loader was entered again"
        )
        loader.transcript.note(f"entering the loader again: {why.message}")
        chip = loader.chip
        if loader.channel.baud != loader.initial_baud:
            await loader.channel.set_baud(loader.initial_baud)
        loader.forget()
        self.flasher.unprepared()
        await self.enter()
        if loader.chip is not chip:
            raise RomError(RomErrorKind.UNKNOWN_CHIP, f"An {loader.chip.name} answers where the {chip.name} was")
        if self._had_stub:
            await self.faster()

    async def back_in_step(self, why: str) -> None:
        """Reach the loader again after an action was cancelled or failed, entering it anew where it has to be.

        Raises `RomError` when it cannot be reached.
        """
        self._revivals = 0
        await self.flasher.recover(RomError(RomErrorKind.SILENT, why))

    # -- what can be done ---------------------------------------------------------------------------------------

    async def verify(self, pieces: Sequence[Piece]) -> FlashOutcome:
        """Compare flash with files, through ROM where that can digest."""
        self.meter.begin(sum(len(piece.data) for piece in pieces))
        await self._prepare(sum(piece.address + len(piece.data) > (1 << 24) for piece in pieces) > 0)
        regions = []
        for piece in pieces:
            regions.append(await self.flasher.verify(piece.address, piece.data, piece.file))
            self.meter.next(len(piece.data))
        if not all(region.ok for region in regions):
            from espmon.rom.flash_checks import reading_warnings

            self.warnings += await reading_warnings(self.flasher)
        return self._outcome("verify", regions)

    async def write(
        self,
        pieces: Sequence[Piece],
        *,
        force: bool = False,
        erase_first: bool = False,
        built_for: str | None = None,
    ) -> FlashOutcome:
        """Write files, after checking all of them.

        Raises:
            RomError: IMAGE before anything is erased; FLASH naming what is unfinished.
        """
        from espmon.rom.flash_checks import erase_problems, judge
        from espmon.rom.flash_write import RegionWriter

        flasher = self.flasher
        self.meter.begin(sum(len(piece.data) for piece in pieces))
        await self._prepare(any(piece.address + len(piece.data) > (1 << 24) for piece in pieces))
        verdict = await judge(flasher, pieces, built_for=built_for)
        problems = verdict.problems + (await erase_problems(flasher) if erase_first else [])
        if problems and not force:
            raise RomError(
                RomErrorKind.IMAGE, "; ".join(dict.fromkeys(problems)), "Nothing was changed", can_force=True
            )
        self.warnings += [*verdict.warnings, *problems]
        flasher.pending = [piece.file or f"0x{piece.address:x}" for piece in pieces]
        flasher.dirty = False
        regions = []
        try:
            if erase_first:
                await self._prepare(True)
                flasher.dirty = True
                await flasher.erase_chip()
            for piece, name in zip(pieces, list(flasher.pending), strict=True):
                writer = RegionWriter(flasher, piece.address, piece.data, name, force=force)
                # At a rate that cannot be raised a stub writes no faster: both take compressed data.
                if await writer.look() >= STUB_PAYS and self.loader.channel.has_modem_lines:
                    await self._prepare(True)
                regions.append(await writer.write())
                flasher.finished(name)
                self.meter.next(len(piece.data))
        except RomError as error:
            if self.unfinished is None or error.names_unfinished:
                raise
            raise RomError(
                RomErrorKind.FLASH, f"{self.unfinished} is unfinished: {error.message}", error.hint
            ) from error
        return self._outcome("write", regions)

    async def erase(self, address: int | None = None, size: int | None = None, *, force: bool = False) -> FlashOutcome:
        """Erase a region, or everything. Raises `RomError` IMAGE before anything is erased."""
        from espmon.rom.flash_checks import erase_problems

        flasher = self.flasher
        self.meter.begin(size or 0)
        await self._prepare(True)
        problems = await erase_problems(flasher)
        if problems and not force:
            raise RomError(RomErrorKind.IMAGE, "; ".join(problems), "Nothing was changed", can_force=True)
        self.warnings += problems
        name = "erasing"
        flasher.pending, flasher.dirty = [name], True
        region = await (
            flasher.erase_chip() if address is None or size is None else flasher.erase_region(address, size)
        )
        flasher.finished(name)
        return self._outcome("erase", [region])

    async def read(self, address: int, size: int) -> FlashOutcome:
        """Read flash, checked by its MD5."""
        from espmon.rom import flash_read
        from espmon.rom.flash_checks import reading_warnings

        self.meter.begin(size)
        await self._prepare(size >= STUB_PAYS or address + size > (1 << 24))
        data = await flash_read.read(self.flasher, address, size)
        digest = await self.flasher.digest(address, size)
        self.warnings += await reading_warnings(self.flasher)
        outcome = self._outcome("read", [RegionResult(address, size, "", ok=True, md5_file=digest, md5_flash=digest)])
        outcome.data = data
        return outcome

    async def partitions(self, table_at: int | None = None) -> FlashOutcome:
        """The partition table alone."""
        from espmon.rom import flash_read
        from espmon.rom.app_image import PARTITION_TABLE_AT, PARTITION_TABLE_BYTES, parse_partitions

        table_at = PARTITION_TABLE_AT if table_at is None else table_at
        await self._prepare(False)
        outcome = self._outcome("info", [])
        self.meter.begin(PARTITION_TABLE_BYTES)
        table = await flash_read.read(self.flasher, table_at, PARTITION_TABLE_BYTES, "Reading the partition table")
        outcome.partitions, problems = parse_partitions(table)
        outcome.warnings += problems
        if not outcome.partitions and not problems:
            outcome.warnings.append(f"There is no partition table at 0x{table_at:x}")
        return outcome

    async def info(self, table_at: int | None = None) -> FlashOutcome:
        """The partition table (None: at its usual place) and what the applications say of themselves."""
        from espmon.rom import flash_read
        from espmon.rom.app_image import parse_description

        outcome = await self.partitions(table_at)
        for row in [row for row in outcome.partitions if row.type == 0][:MAX_APPLICATIONS]:
            self.meter.begin(DESCRIPTION_BYTES)
            try:
                head = await flash_read.read(self.flasher, row.offset, DESCRIPTION_BYTES, f"Reading {row.name}")
            except RomError as error:
                outcome.warnings.append(f"{row.name}: {error.message}")
                continue
            description = parse_description(head)
            if description is not None:
                outcome.applications.append((row.name, description))
        return outcome

    async def _prepare(self, stub_pays: bool) -> None:
        # A ROM without digests cannot do anything that is asked for here; the others verify as fast as a stub.
        faster = stub_pays or not self.loader.chip.rom_md5
        for left in reversed(range(READY_TRIES)):
            try:
                if faster:
                    await self.faster()
                await self.flasher.prepare()
                return
            except RomError as error:
                if not left:
                    raise
                await self.flasher.recover(error)

    def _outcome(self, action: str, regions: list[RegionResult]) -> FlashOutcome:
        warnings, self.warnings = self.warnings, []
        return FlashOutcome(action, self.loader.chip.name, self.flasher.kind, regions, warnings=warnings)

    # -- leaving ------------------------------------------------------------------------------------------------

    async def leave(self, *, reset: bool = True, look: bool = True) -> ResetResult:
        """End the session; bounded, also while being cancelled.

        With `reset` the application is started, unless something is half written: then the board stays in its loader,
        and the result says so.
        """
        loader = self.loader
        if self.unfinished is not None:
            warning = f"Unfinished: {self.unfinished}. The board was left in download mode, not reset: flash it again"
            return await finish(self._stay_here((warning,)))
        if not reset:
            return await finish(self._stay_here(()))
        if not self.touched:
            return ResetResult("unknown", b"")
        return await finish(leave(loader, look=look))

    async def _stay_here(self, warnings: tuple[str, ...]) -> ResetResult:
        """Leave the loader running, at the rate at which it was found."""
        loader = self.loader
        if loader.channel.baud != loader.initial_baud:
            try:
                async with time_limit(RESTORE_SECONDS):
                    await loader.change_baud(loader.initial_baud)
            except (RomError, TimeoutError):
                rate = loader.channel.baud
                warnings += (f"The chip may still be at {rate} baud: reset it before the next try",)
            except Exception as error:  # noqa: BLE001 - the channel's errors belong to another room; they are told
                return ResetResult("unknown", b"", (*warnings, f"The port failed while its rate was put back: {error}"))
            if loader.channel.baud != loader.initial_baud:
                await loader.channel.set_baud(loader.initial_baud)
        return ResetResult(DOWNLOAD_MODE if loader.in_loader else "unknown", b"", warnings)


def _usb_product(loader: Loader) -> int | None:
    return loader.channel.usb[1] if loader.channel.usb else None
