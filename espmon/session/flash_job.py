"""Flash jobs: what is asked for, carried out over a channel, and cleaned up. Screen and commands use it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from espmon.port.port_error import PortError, PortErrorKind
from espmon.rom.channel import Channel
from espmon.rom.departure import BoardLeft, Departure
from espmon.rom.loader_session import FlashOutcome, LoaderSession, Piece
from espmon.rom.restart import APPLICATION, ResetResult, run_to_end
from espmon.rom.rom_error import RomError, RomErrorKind
from espmon.session.action import ActionError
from espmon.session.flash_plan import FlashPlan

Action = Literal["verify", "write", "erase", "read", "info", "coredump", "check"]

IMAGE_ROLES = frozenset({"bootloader", "application"})
"""Regions that must begin with an image header."""

JOB_FAILED = frozenset({RomErrorKind.FLASH, RomErrorKind.IMAGE})
"""The chip answers, and the job did not succeed or was refused by us."""


class FlashError(ActionError):
    """A flash action failed.

    Args:
        error: what the ROM room says.
        left: what leaving the loader brought.
        where: how the board was left.
        warnings: what else happened on the way.
        transcript: the exchange, for bug reports.

    Attributes:
        can_force: it was refused for what it would do, and can be asked for all the same.
        job_failed: the chip answers, but flash is not as wanted or the files do not fit; False: the chip itself.
        after: "application", "download mode" or "unknown".
        warnings: what the user should know, in order.
        unfinished: the files that are half written.
    """

    def __init__(
        self, error: RomError, left: ResetResult, where: BoardLeft, warnings: list[str], transcript: str
    ) -> None:
        told = () if left.after == APPLICATION and not left.warnings else (where.sentence,)
        hint = ". ".join(part.rstrip(".") for part in (error.hint, *told) if part)
        super().__init__(error.message, hint, transcript, left.pushback)
        self.can_force = error.can_force
        self.job_failed = error.kind in JOB_FAILED
        self.after = left.after
        self.warnings = warnings
        self.unfinished = where.unfinished

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class FlashPortError(PortError):
    """The port failed, or went away, during a flash action.

    Attributes:
        after: how the board was left: "application", "download mode" or "unknown".
        unfinished: the files that are half written.
    """

    def __init__(self, error: PortError, where: BoardLeft) -> None:
        message = error.message
        if where.unfinished:
            message += f"; unfinished: {', '.join(where.unfinished)}"
        super().__init__(error.kind, message, where.sentence)
        self.after = where.after
        self.unfinished = where.unfinished


class FlashCancelled(asyncio.CancelledError):
    """The user cancelled.

    Attributes:
        left: how the board was left, one sentence.
        after: "application" when it was reset, "download mode" when something is unfinished.
        unfinished: the files that are half written.
    """

    def __init__(self, where: BoardLeft) -> None:
        super().__init__(where.sentence)
        self.left = where.sentence
        self.after = where.after
        self.unfinished = where.unfinished

    @property
    def message(self) -> str:
        """What happened, for people."""
        return f"Cancelled. {self.left}"


@dataclass(frozen=True, slots=True)
class FlashJob:
    """One flash action, as the user confirmed it."""

    action: Action
    plan: FlashPlan | None = None
    address: int | None = None
    """`erase`, `read`: where; `info`, `coredump`, `check`: where the partition table is (None: its usual place)."""

    size: int | None = None
    output: Path | None = None
    """Where `read` puts the bytes."""

    erase_first: bool = False
    """Erase the whole flash before writing (Ctrl-T E)."""

    force: bool = False
    """Write what is the same, and what does not fit."""

    use_stub: bool = True
    """A stub may be uploaded where it is needed or pays."""

    baud: int | None = None
    reset: bool = True
    """Start the application afterwards."""

    @property
    def pieces(self) -> list[Piece]:
        """The plan's regions for the ROM room."""
        regions = self.plan.regions if self.plan else ()
        return [
            Piece(region.address, region.data, str(region.file), region.role in IMAGE_ROLES, region.encrypted)
            for region in regions
        ]


@dataclass(frozen=True, slots=True)
class FlashEnd:
    """An outcome, and what the board said after it."""

    outcome: FlashOutcome
    pushback: bytes
    transcript: str
    left: BoardLeft
    """Where the board was left."""


Work = Callable[[LoaderSession], Awaitable[FlashOutcome]]
"""What is done in a loader."""


async def run_flash(channel: Channel, job: FlashJob, report: Callable[[str, int, int], None]) -> FlashEnd:
    """Enter the loader, act, leave. The user has agreed.

    Args:
        channel: a lease, or an open port.
        job: what to do.
        report: told of each step in words, with bytes done and bytes in all (0: unknown); done never falls.

    Raises:
        FlashError: the message says what is unfinished, the hint how the board was left.
        FlashPortError: the port went away; the message says what is unfinished, the hint how the board was left.
        FlashCancelled: the board is reset, or left in its loader when something is half written.
    """
    loader_session = LoaderSession(channel, use_stub=job.use_stub, baud=job.baud, report=report)
    return await run_in_loader(loader_session, lambda entered: carry_out(entered, job), reset=job.reset)


async def run_in_loader(loader_session: LoaderSession, work: Work, *, reset: bool = True) -> FlashEnd:
    """Enter the loader, do `work` there, leave: whatever happens, the board is brought back as far as possible.

    Raises: as `run_flash`.
    """
    start = asyncio.get_running_loop().time()
    try:
        await loader_session.enter()
        outcome = await work(loader_session)
    except RomError as error:
        departure = Departure(loader_session.loader, loader_session.unfinished_files)
        left, cancelled = await run_to_end(loader_session.leave(reset=reset))
        if cancelled:
            raise FlashCancelled(departure.left(left, reset=reset)) from error
        where = departure.left(left, reset=reset)
        raise FlashError(
            error, left, where, loader_session.warnings, loader_session.loader.transcript.text()
        ) from error
    except PortError as error:
        departure = Departure(loader_session.loader, loader_session.unfinished_files)
        where = departure.deserted()
        if error.kind is not PortErrorKind.LOST:
            left, _ = await run_to_end(loader_session.leave(reset=reset, look=False))
            where = departure.left(left, reset=reset)
        raise FlashPortError(error, where) from error
    except asyncio.CancelledError as error:
        departure = Departure(loader_session.loader, loader_session.unfinished_files)
        left, _ = await run_to_end(loader_session.leave(reset=reset, look=False))
        raise FlashCancelled(departure.left(left, reset=reset)) from error
    except BaseException:
        await loader_session.leave(reset=reset, look=False)
        raise
    # The work is done: who cancels now cancels nothing any more, and is told what came of it.
    departure = Departure(loader_session.loader, loader_session.unfinished_files)
    left, _ = await run_to_end(loader_session.leave(reset=reset))
    outcome.after = left.after
    outcome.warnings += left.warnings
    outcome.elapsed = asyncio.get_running_loop().time() - start
    where = departure.left(left, reset=reset)
    return FlashEnd(outcome, left.pushback, loader_session.loader.transcript.text(), where)


async def carry_out(loader_session: LoaderSession, job: FlashJob) -> FlashOutcome:
    """Do a job in a loader that was entered. Raises `RomError`, `PortError`."""
    if job.action == "verify":
        return await loader_session.verify(job.pieces)
    if job.action == "write":
        built_for = job.plan.chip if job.plan else None
        return await loader_session.write(job.pieces, force=job.force, erase_first=job.erase_first, built_for=built_for)
    if job.action == "erase":
        return await loader_session.erase(job.address, job.size, force=job.force)
    if job.action == "read":
        return await _read(loader_session, job)
    if job.action == "coredump":
        from espmon.session.core_partition import read_core_partition

        return await read_core_partition(loader_session, job.address)
    if job.action == "check":
        from espmon.session.image_check import check_images

        return await check_images(loader_session, job.address)
    return await loader_session.info(job.address)


async def _read(loader_session: LoaderSession, job: FlashJob) -> FlashOutcome:
    outcome = await loader_session.read(job.address or 0, job.size or 0)
    if job.output is not None:
        from espmon.session.file_system import write_atomically

        await asyncio.to_thread(write_atomically, job.output, outcome.data)
        outcome.regions[0].file = str(job.output)
    return outcome
