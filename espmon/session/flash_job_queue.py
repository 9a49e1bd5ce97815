"""A board kept in its loader for several flash jobs, one after another, until somebody leaves: the stub stays loaded.

One lease for all of it. A job can be cancelled alone; leaving brings the board back, and says how it was left.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from espmon.port import PortError
from espmon.rom.flash_regions import FlashOutcome
from espmon.rom.flasher import SECTOR
from espmon.rom.loader_session import LoaderSession
from espmon.rom.restart import DOWNLOAD_MODE
from espmon.rom.rom_error import RomError, RomErrorKind
from espmon.session.flash_action import failure_of, tell_flash
from espmon.session.flash_job import (
    FlashCancelled,
    FlashError,
    FlashJob,
    FlashPortError,
    carry_out,
    run_in_loader,
)
from espmon.session.lease import Lease
from espmon.session.reporter import Reporter
from espmon.session.session_events import Failure, SessionNote
from espmon.session.status import PANEL_LEASE, Activity, Progress, Severity
from espmon.session.tasks import stop_tasks
from espmon.time_limit import time_limit

IDLE_READ_SECONDS = 1.0
"""Longest single wait for what the board says while no job runs."""

IN_STEP_SECONDS = 20.0
"""Longest wait for a loader that is to be reached again after a job was cancelled or failed."""

WHOLE = (0, 1 << 32)
"""The range of an erase of everything."""

CHANGES = frozenset({"write", "erase"})
"""Actions that change flash."""

REFUSALS = frozenset({RomErrorKind.IMAGE, RomErrorKind.SECURE_DOWNLOAD, RomErrorKind.UNSUPPORTED})
"""Errors after which the loader is where it was: the job was refused."""


class FlashJobError(Exception):
    """A job did not do its work.

    Attributes:
        message: one line, what happened.
        hint: what the user can do, or "".
        can_force: it was refused for what it would do, and can be asked for all the same.
        cancelled: the user cancelled it.
    """

    def __init__(self, message: str, hint: str = "", *, can_force: bool = False, cancelled: bool = False) -> None:
        super().__init__(f"{message}. {hint}" if hint else message)
        self.message = message
        self.hint = hint
        self.can_force = can_force
        self.cancelled = cancelled


@dataclass(frozen=True, slots=True)
class _Asked:
    job: FlashJob
    answer: asyncio.Future[FlashOutcome]


@dataclass(frozen=True, slots=True)
class _Region:
    """What a job changes, from its first address to the one behind its last sector."""

    pending: str
    """What the loader calls it while it is not done."""

    name: str
    start: int
    end: int

    def covers(self, other: _Region) -> bool:
        return self.start <= other.start and other.end <= self.end


class FlashJobQueue:
    """Holds the port, and the board in its loader, until `leave`. All methods run on the session's loop.

    Args:
        use_stub: a stub may be uploaded where it is needed or pays.
        baud: the loader's rate, None: as fast as it pays.

    Attributes:
        left: how the board was left, one sentence; "" until then.
    """

    name = PANEL_LEASE

    def __init__(self, *, use_stub: bool = True, baud: int | None = None) -> None:
        self._use_stub = use_stub
        self._baud = baud
        self._asked: asyncio.Queue[_Asked | None] = asyncio.Queue()
        self._running: asyncio.Task[FlashOutcome] | None = None
        self._why_ended = ""
        self._unfinished: dict[str, _Region] = {}
        self.left = ""

    # -- who asks -----------------------------------------------------------------------------------------------

    async def do(self, job: FlashJob) -> FlashOutcome:
        """Carry out a job when those before it are done. The user has agreed to it.

        Raises:
            FlashJobError: it failed, was refused, was cancelled, or the queue has ended.
        """
        if self._why_ended:
            raise FlashJobError(self._why_ended)
        answer: asyncio.Future[FlashOutcome] = asyncio.get_running_loop().create_future()
        self._asked.put_nowait(_Asked(job, answer))
        return await answer

    def cancel(self) -> None:
        """End the running job; the queue goes on."""
        if self._running is not None:
            self._running.cancel()

    def leave(self) -> None:
        """Bring the board back as soon as the running job is done, and end."""
        self._asked.put_nowait(None)

    def end(self, why: str) -> None:
        """The queue has ended, or never began: who waits is told why."""
        self._why_ended = self._why_ended or why
        while not self._asked.empty():
            asked = self._asked.get_nowait()
            if asked is not None:
                self._refuse(asked)

    def _refuse(self, asked: _Asked) -> None:
        if not asked.answer.done():
            asked.answer.set_exception(FlashJobError(self._why_ended))

    # -- the action ---------------------------------------------------------------------------------------------

    async def run(self, lease: Lease, reporter: Reporter) -> bytes:
        """See `Action.run`."""
        began = reporter.clock()
        reporter.publish(replace(reporter.status, activity=Activity.RUNNING, unfinished=()))
        reporter.mark("flash panel")

        def progress(step: str, done: int, total: int) -> None:
            reporter.publish(replace(reporter.status, progress=Progress(self.name, step, done, total or None)))

        loader_session = LoaderSession(lease, use_stub=self._use_stub, baud=self._baud, report=progress)
        try:
            end = await run_in_loader(loader_session, lambda entered: self._serve(entered, lease, reporter))
        except (FlashPortError, FlashError, FlashCancelled) as error:
            failure = failure_of(error)
            self.left = failure.sentence
            self.end(failure.sentence)
            transcript = error.transcript if isinstance(error, FlashError) else ""
            told = isinstance(error, FlashPortError)  # the port's loss is told, with the same reason
            tell_flash(reporter, "panel", began, failure, transcript, toast=not told)
            raise
        self.left = end.left.sentence
        self.end(self.left)
        self._tell_left(reporter, began, end.outcome)
        return end.pushback

    def _tell_left(self, reporter: Reporter, began: float, outcome: FlashOutcome) -> None:
        in_loader = outcome.after == DOWNLOAD_MODE
        if in_loader:
            reporter.publish(replace(reporter.status, activity=Activity.IN_LOADER, unfinished=tuple(self._unfinished)))
        text = f"Flash panel left after {reporter.clock() - began:.0f} s. {self.left}"
        reporter.list_event(SessionNote(*reporter.here, text), reporter.mark(text))
        whole = outcome.after == "application" and not outcome.warnings
        reporter.notify(text, Severity.INFO if whole else Severity.WARNING)

    async def _serve(self, loader_session: LoaderSession, lease: Lease, reporter: Reporter) -> FlashOutcome:
        """Job after job, until somebody leaves."""
        # Several jobs will come: it pays to load the stub at once, where there is one.
        await loader_session.faster()
        try:
            while (asked := await self._next(lease, reporter)) is not None:
                await self._carry_out(loader_session, asked, reporter)
        finally:
            # What is half written keeps the board in its loader, whichever job it was.
            loader_session.flasher.pending = list(self._unfinished)
            loader_session.flasher.dirty = bool(self._unfinished)
        return FlashOutcome("panel", loader_session.loader.chip.name, loader_session.flasher.kind)

    async def _next(self, lease: Lease, reporter: Reporter) -> _Asked | None:
        """The next job, None to leave. Reads meanwhile, so that a lost port is noticed. Raises `PortError`."""
        reporter.publish(replace(reporter.status, progress=None))
        asking = asyncio.create_task(self._asked.get())
        watching = asyncio.create_task(self._watch(lease))
        try:
            await asyncio.wait([asking, watching], return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                watching.result()  # raises
        finally:
            await stop_tasks(watching)
            asking.cancel()
        return asking.result()

    async def _watch(self, lease: Lease) -> None:
        while True:
            await lease.read(IDLE_READ_SECONDS)

    async def _carry_out(self, loader_session: LoaderSession, asked: _Asked, reporter: Reporter) -> None:
        job, began = asked.job, reporter.clock()
        reporter.mark(f"flash {job.action}")
        loop = asyncio.get_running_loop()
        start = loop.time()
        loader_session.flasher.pending, loader_session.flasher.dirty = [], False
        running = self._running = asyncio.create_task(carry_out(loader_session, job), name="espmon-flash-job")
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError:
            running.cancel()
            await asyncio.wait([running])
            self._note_unfinished(loader_session, job, done=False)
            self._why_ended = "The flash panel was ended"
            self._refuse(asked)
            raise
        finally:
            self._running = None
        done = not running.cancelled() and running.exception() is None
        self._note_unfinished(loader_session, job, done=done)
        if not done:
            await self._failed(loader_session, asked, running, began, reporter)
            return
        outcome = running.result()
        outcome.elapsed = loop.time() - start
        tell_flash(reporter, job.action, began, outcome, toast=False)
        if not asked.answer.done():
            asked.answer.set_result(outcome)

    async def _failed(
        self,
        loader_session: LoaderSession,
        asked: _Asked,
        running: asyncio.Task[FlashOutcome],
        began: float,
        reporter: Reporter,
    ) -> None:
        """Tell who asked, and get into step with the loader again. Raises what ends the queue."""
        error = None if running.cancelled() else running.exception()
        unfinished = tuple(self._unfinished)
        if error is None:
            failure = Failure("Cancelled", cancelled=True, unfinished=unfinished)
        elif isinstance(error, RomError | PortError):
            failure = Failure(error.message, error.hint, unfinished=unfinished)
        else:
            failure = Failure(str(error) or type(error).__name__, unfinished=unfinished)
        tell_flash(reporter, asked.job.action, began, failure, toast=False)
        hint = ". ".join(part for part in (failure.hint, self._unfinished_text()) if part)
        force = isinstance(error, RomError) and error.can_force
        if not asked.answer.done():
            asked.answer.set_exception(
                FlashJobError(failure.message, hint, can_force=force, cancelled=failure.cancelled)
            )
        if error is not None and (isinstance(error, PortError) or not isinstance(error, RomError | OSError)):
            raise error
        if isinstance(error, RomError) and error.kind in REFUSALS:
            return
        await self._back_in_step(loader_session, failure.message)

    async def _back_in_step(self, loader_session: LoaderSession, why: str) -> None:
        try:
            async with time_limit(IN_STEP_SECONDS):
                await loader_session.back_in_step(why)
        except TimeoutError as late:
            raise RomError(RomErrorKind.SILENT, f"{why}, and the loader did not answer again") from late

    def _unfinished_text(self) -> str:
        return f"Unfinished: {', '.join(self._unfinished)}" if self._unfinished else ""

    def _note_unfinished(self, loader_session: LoaderSession, job: FlashJob, *, done: bool) -> None:
        """What is half written now, over all jobs; what was written or erased whole since is not."""
        if job.action not in CHANGES:
            return
        pending = loader_session.unfinished_files
        for region in _regions(job):
            if region.pending in pending:
                self._unfinished[region.name] = region
            elif done:
                self._unfinished = {name: other for name, other in self._unfinished.items() if not region.covers(other)}


def _regions(job: FlashJob) -> list[_Region]:
    """What a job that changes flash touches."""
    if job.action == "erase":
        if job.address is None or job.size is None:
            return [_Region("erasing", "the whole flash", *WHOLE)]
        return [_Region("erasing", f"0x{job.address:x} (erased)", job.address, job.address + job.size)]
    return [
        _Region(name, name, piece.address, -(-(piece.address + len(piece.data)) // SECTOR) * SECTOR)
        for piece in job.pieces
        for name in [piece.file or f"0x{piece.address:x}"]
    ]
