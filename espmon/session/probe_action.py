"""The probe: who is there? The board is reset into its loader, asked, and reset back into its application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from espmon.session.action import ActionError
from espmon.session.lease import Lease
from espmon.session.reporter import Reporter
from espmon.session.session_events import Failure, ProbeEvent
from espmon.session.state import State
from espmon.session.status import Progress, Severity

if TYPE_CHECKING:
    from espmon.rom import ProbeResult


class ProbeAction:
    """Probes the chip over a lease.

    Args:
        remember: keeps what was found for the next time.
    """

    name = "probe"

    def __init__(self, remember: Callable[[ProbeResult], None]) -> None:
        self._remember = remember

    async def run(self, lease: Lease, reporter: Reporter) -> bytes:
        """See `Action.run`."""
        from espmon.rom import RomError, probe

        def progress(step: str) -> None:
            reporter.publish(replace(reporter.status, progress=Progress(self.name, step)))

        try:
            result = await probe(lease, on_progress=progress)
        except RomError as error:
            _failed(reporter, Failure(error.message, error.hint), error.transcript)
            raise ActionError(error.message, error.hint, error.transcript, error.pushback) from error
        except asyncio.CancelledError:
            _failed(reporter, Failure("The probe was cancelled"), "")
            raise
        reporter.publish(replace(reporter.status, chip=result.description or result.chip, probe=result))
        reporter.list_event(ProbeEvent(*reporter.here, result, result.transcript))
        for warning in result.warnings:
            reporter.notify(warning, Severity.WARNING)
        reporter.notify(f"{reporter.status.chip}, {result.mac or 'MAC unknown'}")
        self._remember(result)
        return result.pushback


def _failed(reporter: Reporter, failure: Failure, transcript: str) -> None:
    reporter.list_event(ProbeEvent(*reporter.here, failure, transcript))
    if reporter.status.state is not State.PROBING:  # else the session closes, with this as its reason
        reporter.notify(f"{failure.message}. {failure.hint}".rstrip(". ") + ".", Severity.ERROR)
