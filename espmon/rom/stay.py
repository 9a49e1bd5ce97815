"""One stay in the loader: enter once, act as often as wanted, leave once, and say in which state the board is left."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from espmon.rom.channel import Channel
from espmon.rom.errors import RomError, RomErrorKind
from espmon.rom.flash import Flasher, RegionResult, Report
from espmon.rom.image import (
    HEADER_BYTES,
    IMAGE_MAGIC,
    PARTITION_TABLE_AT,
    PARTITION_TABLE_BYTES,
    AppDescription,
    Partition,
    image_problems,
    overlaps,
    parse_description,
    parse_partitions,
)
from espmon.rom.leave import DOWNLOAD_MODE, Left, finish, leave
from espmon.rom.loader import Loader
from espmon.rom.stub import load_stub, run_stub, why_no_stub

FAST_BAUD = 921600
"""Rate for the transfer when a stub runs, unless the user says another."""

DESCRIPTION_BYTES = 288
"""Bytes of an image that hold its header and descriptor."""

MOST_APPLICATIONS = 18


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes to be written or compared."""

    address: int
    data: bytes
    file: str = ""


@dataclass(slots=True)
class FlashOutcome:
    """What an action did; `espmon flash --json` prints it."""

    action: str
    chip: str = ""
    loader: str = "rom"
    regions: list[RegionResult] = field(default_factory=list)
    after: str = "unknown"
    elapsed: float = 0.0
    warnings: list[str] = field(default_factory=list)
    partitions: list[Partition] = field(default_factory=list)
    applications: list[tuple[str, AppDescription]] = field(default_factory=list)
    data: bytes = b""
    """What `read` brought."""

    @property
    def ok(self) -> bool:
        """Every region is as wanted."""
        return all(region.ok for region in self.regions)

    def to_json(self) -> dict[str, Any]:
        """The outcome as JSON."""
        result: dict[str, Any] = {
            "action": self.action,
            "chip": self.chip,
            "loader": self.loader,
            "regions": [region.to_json() for region in self.regions],
            "after": self.after,
            "elapsed": round(self.elapsed, 4),
            "warnings": self.warnings,
        }
        if self.action == "info":
            result["partitions"] = [partition.to_json() for partition in self.partitions]
            result["applications"] = [
                {"partition": name, **description.to_json()} for name, description in self.applications
            ]
        return result


class Stay:
    """The loader, entered once.

    Args:
        channel: an open port that nobody else reads. The user has agreed to a reset.
        use_stub: upload a stub where there is one.
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
        self.flasher = Flasher(self.loader, report)
        self.warnings: list[str] = []
        self._use_stub = use_stub
        self._baud = baud
        self._stubs = stubs
        self._report = report

    @property
    def unfinished(self) -> str | None:
        """A region that is half written, None when there is none."""
        return self.flasher.unfinished

    async def enter(self) -> None:
        """Connect, identify, and (where wanted and possible) run the stub at a higher rate. Raises `RomError`."""
        loader = self.loader
        await loader.connect(on_progress=lambda text: self._report(text, 0, 0))
        chip = await loader.detect()
        if chip.watchdog and chip.watchdog.disable_on_usb and _serial_jtag(loader):
            await loader.disable_watchdogs()
        if self._use_stub and not loader.is_stub:
            await self._start_stub()
        rate = self._baud or (FAST_BAUD if loader.is_stub else None)
        if rate is not None and rate != loader.channel.baud and loader.channel.has_modem_lines:
            await self._raise_baud(rate)

    async def _start_stub(self) -> None:
        reason = await why_no_stub(self.loader)
        name = self.loader.chip.stub_file(await self.loader.revision())
        if reason is not None or name is None:
            self.warnings.append(f"No stub: {reason}. The ROM does the work, which takes longer")
            return
        try:
            stub = await asyncio.to_thread(load_stub, name, self._stubs)
        except RomError as error:
            self.warnings.append(f"{error.message}: the ROM does the work, which takes longer. {error.hint}".strip())
            return
        self._report("Uploading the stub", 0, 0)
        await run_stub(self.loader, stub)

    async def _raise_baud(self, rate: int) -> None:
        try:
            await self.loader.change_baud(rate)
        except RomError as error:
            if error.kind is not RomErrorKind.UNSUPPORTED:
                raise
            self.warnings.append(error.message)

    # -- what can be done ---------------------------------------------------------------------------------------

    async def verify(self, pieces: Sequence[Piece]) -> FlashOutcome:
        """Compare flash with files."""
        outcome = self._outcome("verify")
        await self.flasher.prepare()
        for piece in pieces:
            outcome.regions.append(await self.flasher.verify(piece.address, piece.data, piece.file))
        return outcome

    async def write(self, pieces: Sequence[Piece], *, force: bool = False) -> FlashOutcome:
        """Write files, after checking all of them. Raises `RomError` IMAGE before anything is erased."""
        await self.flasher.prepare()
        problems = await self.problems(pieces)
        if problems and not force:
            raise RomError(RomErrorKind.IMAGE, "; ".join(problems), "--force writes anyway")
        outcome = self._outcome("write")
        outcome.warnings += problems
        for piece in pieces:
            outcome.regions.append(await self.flasher.write(piece.address, piece.data, piece.file, force=force))
        return outcome

    async def problems(self, pieces: Sequence[Piece]) -> list[str]:
        """Why these files should not be written, one line a reason, before anything is erased."""
        loader, chip = self.loader, self.loader.chip
        found = overlaps([(piece.address, len(piece.data), piece.file) for piece in pieces])
        revision = await loader.revision() if chip.has_revision and not loader.secure_download else None
        for piece in pieces:
            if piece.address % 0x1000:
                found.append(f"{piece.file}: 0x{piece.address:x} is no multiple of 0x1000")
            if piece.address == chip.bootloader_offset or (
                piece.data[:1] == bytes([IMAGE_MAGIC]) and len(piece.data) > HEADER_BYTES
            ):
                reasons = image_problems(
                    piece.data,
                    chip=chip.name,
                    chip_id=chip.image_chip_id,
                    flash_size=self.flasher.flash_size,
                    revision=revision,
                )
                found += [f"{piece.file}: {reason}" for reason in reasons]
        return found + await self._fuses(pieces)

    async def _fuses(self, pieces: Sequence[Piece]) -> list[str]:
        from espmon.rom.probing import security_flags

        flags = await security_flags(self.loader)
        found = []
        if flags.get("flash_encryption"):
            found.append("flash encryption is on: what is written in plain text will not start")
        if flags.get("secure_boot_en") and any(piece.address == self.loader.chip.bootloader_offset for piece in pieces):
            found.append("secure boot is on: a bootloader that is not signed for this chip will not start")
        return found

    async def erase(self, address: int | None = None, size: int | None = None) -> FlashOutcome:
        """Erase a region, or everything."""
        outcome = self._outcome("erase")
        await self.flasher.prepare()
        if address is None or size is None:
            await self.flasher.erase_chip()
            outcome.regions.append(RegionResult(0, self.flasher.flash_size or 0, "", ok=True))
        else:
            await self.flasher.erase_region(address, size)
            outcome.regions.append(RegionResult(address, size, "", ok=True))
        return outcome

    async def read(self, address: int, size: int) -> FlashOutcome:
        """Read flash, checked by its MD5."""
        outcome = self._outcome("read")
        outcome.data = await self.flasher.read(address, size)
        outcome.regions.append(RegionResult(address, size, "", ok=True))
        return outcome

    async def info(self, table_at: int = PARTITION_TABLE_AT) -> FlashOutcome:
        """The partition table and what the applications say of themselves."""
        outcome = self._outcome("info")
        outcome.partitions, problems = parse_partitions(await self.flasher.read(table_at, PARTITION_TABLE_BYTES))
        outcome.warnings += problems
        applications = [row for row in outcome.partitions if row.type == 0][:MOST_APPLICATIONS]
        for row in applications:
            try:
                description = parse_description(await self.flasher.read(row.offset, DESCRIPTION_BYTES))
            except RomError as error:
                outcome.warnings.append(f"{row.name}: {error.message}")
                continue
            if description is not None:
                outcome.applications.append((row.name, description))
        return outcome

    def _outcome(self, action: str) -> FlashOutcome:
        return FlashOutcome(action, self.loader.chip.name, self.flasher.kind, warnings=list(self.warnings))

    # -- leaving ------------------------------------------------------------------------------------------------

    async def leave(self, *, reset: bool = True, look: bool = True) -> Left:
        """End the stay; bounded, also while being cancelled.

        With `reset` the application is started, unless a region is half written: then the board stays in its loader,
        and the result says so.
        """
        loader = self.loader
        if self.unfinished is not None:
            warning = f"{self.unfinished} is half written: the board was left in download mode, flash it again"
            await finish(self._restore_baud())
            return Left(DOWNLOAD_MODE, b"", (warning,))
        if not reset:
            await finish(self._restore_baud())
            return Left(DOWNLOAD_MODE if loader.in_loader else "unknown", b"")
        if not (loader.touched or loader.in_loader):
            return Left("unknown", b"")
        return await finish(leave(loader, look=look))

    async def _restore_baud(self) -> None:
        channel = self.loader.channel
        if channel.baud != self.loader.initial_baud:
            await channel.set_baud(self.loader.initial_baud)


def _serial_jtag(loader: Loader) -> bool:
    usb = loader.channel.usb
    return usb is not None and usb[1] == loader.chip.serial_jtag_pid
