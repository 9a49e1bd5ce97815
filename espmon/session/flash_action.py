"""A flash job in a session: the log says when it began and how it ended, and the status where it left the board."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from espmon.rom.loader_session import FlashOutcome
from espmon.rom.restart import DOWNLOAD_MODE
from espmon.session.flash_job import FlashCancelled, FlashError, FlashJob, FlashPortError, run_flash
from espmon.session.lease import Lease
from espmon.session.reporter import Reporter
from espmon.session.session_events import Failure, FlashEvent
from espmon.session.status import Activity, Progress, Severity, loader_text


class FlashAction:
    """Runs a flash job in a session; the log says when it began and how it ended.

    Args:
        job: what to do.
    """

    name = "flash"

    def __init__(self, job: FlashJob) -> None:
        self._job = job

    async def run(self, lease: Lease, reporter: Reporter) -> bytes:
        """See `Action.run`."""
        job, began = self._job, reporter.clock()
        reporter.publish(replace(reporter.status, activity=Activity.RUNNING, unfinished=()))
        reporter.mark(f"flash {job.action}")

        def progress(step: str, done: int, total: int) -> None:
            reporter.publish(replace(reporter.status, progress=Progress(self.name, step, done, total or None)))

        try:
            end = await run_flash(lease, job, progress)
        except (FlashPortError, FlashError, FlashCancelled) as error:
            transcript = error.transcript if isinstance(error, FlashError) else ""
            told = isinstance(error, FlashPortError)  # the port's loss is told, with the same reason
            tell_flash(reporter, job.action, began, failure_of(error), transcript, toast=not told)
            raise
        tell_flash(reporter, job.action, began, end.outcome, end.transcript)
        return end.pushback


def tell_flash(
    reporter: Reporter,
    action: str,
    began: float,
    result: FlashOutcome | Failure,
    transcript: str = "",
    *,
    toast: bool = True,
) -> None:
    """Tell in the log, in the events and in the status how a flash action ended.

    Args:
        reporter: the session's voice.
        action: as in `FlashEvent`.
        began: when it began, by the session's clock.
        result: what it did, or why it did not.
        transcript: the exchange.
        toast: tell it on whatever screen is up, too.
    """
    event = FlashEvent(*reporter.here, action, result, transcript)
    failure = event.failure
    # Paths are too long for a line; the event has them.
    unfinished = tuple(Path(name).name for name in failure.unfinished) if failure is not None else ()
    in_loader = result.after == DOWNLOAD_MODE
    if in_loader:
        reporter.publish(replace(reporter.status, activity=Activity.IN_LOADER, unfinished=unfinished))
    how = f"ended after {reporter.clock() - began:.1f} s"
    if failure is not None:
        how = "cancelled" if failure.cancelled else "failed"
    stuck = f"; board in {loader_text(unfinished)}" if in_loader else ""
    line = reporter.mark(f"flash {action} {how}{stuck}")
    reporter.list_event(event, line)
    if not toast:
        return
    for warning in result.warnings:
        reporter.notify(warning, Severity.WARNING)
    severity = Severity.INFO
    if failure is not None:
        severity = Severity.WARNING if failure.cancelled else Severity.ERROR
    elif not event.right:
        severity = Severity.WARNING
    reporter.notify(event.title, severity)


def failure_of(error: FlashPortError | FlashError | FlashCancelled) -> Failure:
    """How an action failed, as the events have it."""
    if isinstance(error, FlashCancelled):
        return Failure(error.left, cancelled=True, after=error.after, unfinished=error.unfinished)
    warnings = tuple(error.warnings) if isinstance(error, FlashError) else ()
    return Failure(error.message, error.hint, after=error.after, warnings=warnings, unfinished=error.unfinished)
