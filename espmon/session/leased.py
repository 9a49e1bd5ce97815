"""What takes the port away from the pipeline for a while: a probe and a flash, each over a lease that is given back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espmon.port import PortError, PortIdentity
from espmon.records.record import JsonObject
from espmon.session.controls import Controls
from espmon.session.event_log import FlashEvent, ProbeEvent
from espmon.session.lease import Lease
from espmon.session.probe_action import ActionError, run_probe
from espmon.session.rom_elves import revision_number
from espmon.session.settings import Settings
from espmon.session.state import State, Trigger
from espmon.session.status import Progress, Severity

if TYPE_CHECKING:
    from espmon.session.flash_action import FlashJob

DOWNLOAD_MODE = "download mode"
"""How the ROM room calls a board that was left in its loader."""

CANCEL_SECONDS = 5.0
"""Longest wait for an action that was cancelled."""


class LeasedActions(Controls):
    """The part of a session that runs actions over a lease of its handle, one at a time. Each can be cancelled.

    Args:
        settings: see `SessionCore`.
        folder: see `SessionCore`.
        clock: see `SessionCore`.
        remember: keeps what a probe found (identity, chip, MAC); runs in a thread.
    """

    def __init__(
        self,
        settings: Settings | None,
        folder: Path | None,
        clock: Callable[[], float] | None,
        remember: Callable[[PortIdentity, str, str], None],
    ) -> None:
        super().__init__(settings, folder, clock)
        self._remember_chip = remember
        self._identity = PortIdentity("")
        self._action: asyncio.Task[None] | None = None
        self._cancelled = asyncio.Event()

    async def close(self) -> None:
        """Close the port; the session says how."""
        raise NotImplementedError

    async def consent(self) -> None:
        """The user agreed to the probe: run it on the same handle, then monitor; failure ends in CLOSED."""
        await self._lease_for("probe", Trigger.CONSENT, lambda lease: self._probe(lease, Trigger.PROBE_DONE))

    async def decline(self) -> None:
        """The user does not want the probe: monitor without touching the board."""
        self._lifecycle.fire(Trigger.DECLINE)

    async def probe(self) -> None:
        """Probe again from MONITORING, over a lease (the user agreed)."""
        await self._lease_for("probe", Trigger.LEASE, lambda lease: self._probe(lease, Trigger.RELEASE))

    async def _lease_for(
        self, name: str, trigger: Trigger, action: Callable[[Lease], Coroutine[Any, Any, None]]
    ) -> None:
        self._cancelled.clear()
        self._lifecycle.fire(trigger)
        self._set(lease=name)
        began = asyncio.Event()

        async def work() -> None:
            lease = await self._link.borrow(name)
            began.set()
            await action(lease)

        await self._run(name, work(), began)

    async def _run(self, name: str, work: Coroutine[Any, Any, None], began: asyncio.Event) -> None:
        """Run an action that `cancel` can end, once it has begun: from then on it handles its own end and errors.

        `close` ends it at any time, also while it still waits for the lease.
        """
        self._action = asyncio.create_task(work, name=f"espmon-{name}")
        stop = asyncio.create_task(self._stop_wanted(began))
        try:
            await asyncio.wait([self._action, stop], return_when=asyncio.FIRST_COMPLETED)
            if not self._action.done():
                self._action.cancel()
                await asyncio.wait([self._action], timeout=CANCEL_SECONDS)
            if self._action.done() and not self._action.cancelled():
                self._action.result()
        finally:
            stop.cancel()
            self._action = None
            self._set(progress=None, lease=None)

    async def _stop_wanted(self, began: asyncio.Event) -> None:
        await began.wait()
        await self._cancelled.wait()

    async def _probe(self, lease: Lease, done: Trigger) -> None:
        pushback = b""
        try:
            outcome = await run_probe(lease, lambda step: self._set(progress=Progress("probe", step)))
            pushback = outcome.pushback
        except PortError as error:
            self._link.forfeit(lease)
            await self._lost(error)
            return
        except ActionError as error:
            await self._probe_failed(lease, done, error.message, error.hint, error.transcript, error.pushback)
            return
        except asyncio.CancelledError:
            await self._probe_failed(lease, done, "The probe was cancelled", "", "", b"")
            raise
        now = self._clock()
        self._link.give_back(lease, pushback)
        self._set(chip=outcome.result.get("description") or outcome.result.get("chip"), probe=outcome.result)
        self._pipeline.list_event(ProbeEvent(self._pipeline.demux.offset, now, outcome.result, outcome.transcript), now)
        for warning in outcome.result.get("warnings") or ():
            self.notify(str(warning), Severity.WARNING)
        self.notify(f"{self.status.chip}, {outcome.result.get('mac') or 'MAC unknown'}")
        self._lifecycle.fire(done)
        self._spawn(self._remember(outcome.result))
        self._spawn(self._use_rom(str(outcome.result.get("chip")), revision_number(outcome.result.get("revision"))))

    async def _remember(self, result: JsonObject) -> None:
        try:
            await asyncio.to_thread(
                self._remember_chip, self._identity, str(result.get("chip") or ""), str(result.get("mac") or "")
            )
        except PortError as error:
            self.notify(f"The board is not remembered: {error}", Severity.WARNING)

    async def _probe_failed(
        self, lease: Lease, done: Trigger, reason: str, hint: str, transcript: str, pushback: bytes
    ) -> None:
        now = self._clock()
        event = ProbeEvent(self._pipeline.demux.offset, now, {"error": reason, "hint": hint}, transcript)
        self._set(hint=hint)
        if done is Trigger.RELEASE:
            self._link.give_back(lease, pushback)
            self._lifecycle.fire(done, reason)
            self.notify(f"{reason}. {hint}".rstrip(". ") + ".", Severity.ERROR)
        else:
            self._link.forfeit(lease)
            await self._link.detach()
            self._lifecycle.fire(Trigger.PROBE_FAILED, reason)
        self._pipeline.list_event(event, now)

    async def flash(self, job: FlashJob) -> None:
        """Run a flash job over a lease of the same handle (the user agreed), then read the log on."""
        await self._lease_for("flash", Trigger.LEASE, lambda lease: self._flash(lease, job))

    async def _flash(self, lease: Lease, job: FlashJob) -> None:
        from espmon.session.flash_action import FlashError, run_flash

        began = self._clock()
        self._set(stuck="")
        self._pipeline.mark(f"── flash {job.action} ──", began)

        def report(step: str, done: int, total: int) -> None:
            self._set(progress=Progress("flash", step, done, total or None))

        pushback = b""
        try:
            end = await run_flash(lease, job, report)
        except PortError as error:
            self._link.forfeit(lease)
            self._flash_ended(began, job, {"action": job.action, "error": error.message}, "", Severity.ERROR)
            await self._lost(error)
            return
        except FlashError as error:
            pushback = error.pushback
            fields = {
                "action": job.action,
                "error": error.message,
                "hint": error.hint,
                "warnings": error.warnings,
                "after": error.after,
                "unfinished": error.unfinished,
            }
            self._flash_ended(began, job, fields, error.transcript, Severity.ERROR)
        except asyncio.CancelledError as cancelled:
            fields = {
                "action": job.action,
                "cancelled": str(cancelled) or "Cancelled",
                "after": getattr(cancelled, "after", "unknown"),
                "unfinished": getattr(cancelled, "unfinished", ""),
            }
            self._flash_ended(began, job, fields, "", Severity.WARNING)
            self._link.give_back(lease)
            self._lifecycle.fire(Trigger.RELEASE, "cancelled")
            raise
        else:
            pushback = end.pushback
            severity = Severity.INFO if end.outcome.ok else Severity.WARNING
            self._flash_ended(began, job, end.outcome.to_json(), end.transcript, severity)
        self._link.give_back(lease, pushback)
        self._lifecycle.fire(Trigger.RELEASE)

    def _flash_ended(
        self, began: float, job: FlashJob, fields: JsonObject, transcript: str, severity: Severity
    ) -> None:
        now = self._clock()
        event = FlashEvent(self._pipeline.demux.offset, now, fields, transcript)
        self._set(stuck=_stuck(fields))
        line = self._pipeline.mark(f"── flash {job.action} {_ending(fields, now - began)} ──", now)
        self._pipeline.list_event(event, now, line)
        for warning in fields.get("warnings") or ():
            self.notify(str(warning), Severity.WARNING)
        self.notify(event.summary, severity)

    async def cancel(self) -> None:
        """Cancel the running probe, flash or gdb lease; the board is reset back where that is possible."""
        if self.state in (State.PROBING, State.LEASED):
            action = self._action
            self._cancelled.set()
            if action is not None:
                await asyncio.wait([action], timeout=CANCEL_SECONDS)
        elif self.state is State.AWAITING_CONSENT:
            await self.close()


def _stuck(fields: JsonObject) -> str:
    """How a flash left a board that does not run now, "" when it may run."""
    if fields.get("after") != DOWNLOAD_MODE:
        return ""
    # Paths are too long for a line; the event has them.
    names = ", ".join(Path(path).name for path in str(fields.get("unfinished") or "").split(", "))
    return f"{DOWNLOAD_MODE}, unfinished: {names}" if names else DOWNLOAD_MODE


def _ending(fields: JsonObject, seconds: float) -> str:
    """How a flash ended, in the words of the log."""
    how = "cancelled" if "cancelled" in fields else "failed" if "error" in fields else f"ended after {seconds:.1f} s"
    stuck = _stuck(fields)
    return f"{how}; board in {stuck}" if stuck else how
