"""The probe: who is there? The board is reset into its loader, asked, and reset back into its application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from espmon.port.port_error import PortError
from espmon.rom.restart import DOWNLOAD_MODE
from espmon.session.action import ActionError
from espmon.session.lease import Lease
from espmon.session.reporter import Reporter
from espmon.session.session_events import Failure, ProbeEvent
from espmon.session.state import State
from espmon.session.status import Activity, Progress, Severity

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
        from espmon.rom.departure import BoardLeft

        def progress(step: str) -> None:
            reporter.publish(replace(reporter.status, progress=Progress(self.name, step)))

        interrupted: list[BoardLeft] = []
        try:
            result = await probe(lease, on_progress=progress, on_interrupted=interrupted.append)
        except RomError as error:
            failure = Failure(error.message, error.hint, after=error.after, warnings=tuple(error.warnings))
            _failed(reporter, failure, error.transcript)
            raise ActionError(error.message, error.hint, error.transcript, error.pushback) from error
        except (PortError, asyncio.CancelledError) as error:
            message = error.message if isinstance(error, PortError) else "The probe was cancelled"
            left = interrupted[0] if interrupted else BoardLeft("", "")
            failure = Failure(message, left.sentence, after=left.after)
            _failed(reporter, failure, "", toast=not isinstance(error, PortError))
            raise
        status = reporter.status
        reporter.publish(replace(status, chip=result.description or result.chip, chip_key=result.key, probe=result))
        reporter.list_event(ProbeEvent(*reporter.here, result, result.transcript))
        for warning in result.warnings:
            reporter.notify(warning, Severity.WARNING)
        reporter.notify(f"{reporter.status.chip}, {result.mac or 'MAC unknown'}")
        self._remember(result)
        return result.pushback


def _failed(reporter: Reporter, failure: Failure, transcript: str, *, toast: bool = True) -> None:
    if failure.after == DOWNLOAD_MODE:
        reporter.publish(replace(reporter.status, activity=Activity.IN_LOADER))
    reporter.list_event(ProbeEvent(*reporter.here, failure, transcript))
    # While probing the session closes, and where the port is lost that is told, with this as its reason.
    if toast and reporter.status.state is not State.PROBING:
        reporter.notify(f"{failure.message}. {failure.hint}".rstrip(". ") + ".", Severity.ERROR)
