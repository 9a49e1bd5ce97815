"""Flash actions over a lease: what is asked for, carried out, and cleaned up. Screen and commands use it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from espmon.rom import RomError
from espmon.rom.channel import Channel
from espmon.rom.stay import FlashOutcome, Piece, Stay
from espmon.session.actions import ActionError
from espmon.session.flash_plan import FlashPlan
from espmon.session.recording import write_atomically

Action = Literal["verify", "write", "erase", "read", "info"]


@dataclass(frozen=True, slots=True)
class FlashJob:
    """One flash action, as the user confirmed it."""

    action: Action
    plan: FlashPlan | None = None
    address: int | None = None
    size: int | None = None
    output: Path | None = None
    """Where `read` puts the bytes."""

    erase_first: bool = False
    """Erase the whole flash before writing (Ctrl-T E)."""

    force: bool = False
    use_stub: bool = True
    baud: int | None = None
    reset: bool = True
    """Start the application afterwards."""

    @property
    def pieces(self) -> list[Piece]:
        """The plan's regions for the ROM room."""
        regions = self.plan.regions if self.plan else ()
        return [Piece(region.address, region.data, str(region.file)) for region in regions]


@dataclass(frozen=True, slots=True)
class FlashEnd:
    """An outcome, and what the board said after it."""

    outcome: FlashOutcome
    pushback: bytes
    transcript: str


async def run_flash(channel: Channel, job: FlashJob, report: Callable[[str, int, int], None]) -> FlashEnd:
    """Enter the loader, act, leave. The user has agreed.

    Raises:
        ActionError: the message says what is unfinished and how the board was left.
    """
    stay = Stay(channel, use_stub=job.use_stub, baud=job.baud, report=report)
    start = asyncio.get_running_loop().time()
    try:
        await stay.enter()
        outcome = await _act(stay, job)
    except RomError as error:
        left = await stay.leave(reset=job.reset)
        hint = ". ".join([part for part in (error.hint, *left.warnings) if part])
        raise ActionError(error.message, hint, stay.loader.transcript.text(), left.pushback) from error
    except BaseException:
        await stay.leave(reset=job.reset, look=False)
        raise
    left = await stay.leave(reset=job.reset)
    outcome.after = left.after
    outcome.warnings += left.warnings
    outcome.elapsed = asyncio.get_running_loop().time() - start
    return FlashEnd(outcome, left.pushback, stay.loader.transcript.text())


async def _act(stay: Stay, job: FlashJob) -> FlashOutcome:
    if job.action == "verify":
        return await stay.verify(job.pieces)
    if job.action == "write":
        if job.erase_first:
            problems = await stay.problems(job.pieces)
            if not problems or job.force:
                await stay.erase()
        return await stay.write(job.pieces, force=job.force)
    if job.action == "erase":
        return await stay.erase(job.address, job.size)
    if job.action == "read":
        outcome = await stay.read(job.address or 0, job.size or 0)
        if job.output is not None:
            await asyncio.to_thread(write_atomically, job.output, outcome.data)
            outcome.regions[0].file = str(job.output)
        return outcome
    return await stay.info()
