"""Takes what a session sees to a collector: lines, crashes, events, metrics. The port never waits for it."""

from __future__ import annotations

import asyncio
import platform
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress

from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from espmon.port.threads import run_bounded
from espmon.postmortem.panic_report import PanicReport
from espmon.records.batch import Part
from espmon.records.events.boot import Boot
from espmon.records.events.panic_record import Panic
from espmon.records.events.reset_record import Reset
from espmon.records.lines import LineBlock
from espmon.session.archive.blanking import Secrets
from espmon.session.clock import SessionClock
from espmon.session.pipeline import Pipeline
from espmon.session.port_link import Link
from espmon.session.publisher import Publisher
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import Change, EventAdded, EventEntry, Severity, StatusChanged
from espmon.session.telemetry.export_queue import ExportQueue
from espmon.session.telemetry.log_export import LEVELS, Attributes, EventRecord, Lines, LogExport
from espmon.session.telemetry.metric_export import MetricExport, SessionCounts

CLOSE_SECONDS = 5.0
"""For what waits to be sent at the end."""

METRICS_SECONDS = 2.0
"""For the last metrics."""

MAX_TOLD = 1024
"""Crashes and events remembered as sent; the oldest go first."""

FATAL = (SeverityNumber.FATAL, "FATAL")

SEVERITIES = {Severity.ERROR: LEVELS["E"], Severity.WARNING: LEVELS["W"], Severity.INFO: LEVELS["I"]}


class Telemetry:
    """One session's way to a collector, configured by `OTEL_*` variables. Belongs to the session's loop.

    Args: see `telemetry_of`.

    Raises `SecretsError` for an expression of the settings that is none.
    """

    def __init__(
        self, settings: Settings, clock: SessionClock, pipeline: Pipeline, link: Link, publisher: Publisher
    ) -> None:
        self._clock = clock
        self._publisher = publisher
        self._numbers = dict(settings.otlp_numbers)
        self._logs = LogExport(Secrets(settings.secrets))
        self._counts = SessionCounts()
        self._base = Resource.create()
        self._boot: Boot | None = None
        self._known: tuple[str, str, str] | None = None
        self._resource = self._resource_of(None)
        self._attributes: Attributes = {"espmon.boot": 0}
        self._told: OrderedDict[tuple[int, int], None] = OrderedDict()
        self._state = State.CLOSED
        self._loop = asyncio.get_event_loop()
        self.queue: ExportQueue[Lines | EventRecord] = ExportQueue(self._logs.send, self._collector_changed)
        counts = self.queue.counts
        self._metrics = MetricExport(
            self._resource, self._counts, lambda: link.received, lambda: counts.dropped, self._numbers
        )
        pipeline.sinks.append(self._take)
        self._unsubscribe: Callable[[], None] = publisher.subscribe(self._changed)

    # -- what happens -------------------------------------------------------------------------------------------

    def _take(self, part: Part, entry: int | None) -> None:
        """See `Sink`."""
        if isinstance(part, LineBlock):
            if part.source != "mark":
                self._counts.add(part, self._numbers)
                self.queue.put(Lines(part, self._resource, self._attributes, self._clock))
        elif isinstance(part, Boot):
            self._boot = part
            self._resource = self._resource_of(part)
        elif isinstance(part, Reset):
            self._counts.boots += 1
            self._attributes = {"espmon.boot": self._counts.boots, "espmon.reset.reason": part.reason}
        elif isinstance(part, Panic) and part.fatal and not part.previous_boot:
            self._counts.crashes += 1

    def _changed(self, change: Change) -> None:
        match change:
            case StatusChanged(status):
                if status.state is State.LOST and self._state is not State.LOST:
                    self._counts.losses += 1
                self._state = status.state
                known = (status.name, status.url, (status.probe.mac if status.probe is not None else None) or "")
                if known != self._known:
                    self._known, self._resource = known, self._resource_of(self._boot)
            case EventAdded(entry):
                self._tell(entry)

    def _tell(self, entry: EventEntry) -> None:
        record = entry.record
        crash = isinstance(record, Panic)
        if crash and not isinstance(entry.report, PanicReport):
            return  # it is told when it is decoded
        key = (entry.id, record.offset if crash else 0)
        if key in self._told:
            return
        self._told[key] = None
        if len(self._told) > MAX_TOLD:
            self._told.popitem(last=False)
        attributes, severity, body = dict(self._attributes), SEVERITIES[entry.severity], entry.title
        if isinstance(record, Panic) and isinstance(entry.report, PanicReport):
            report, body = entry.report, entry.report.sentence
            severity = FATAL if record.fatal else severity
            attributes |= {
                "exception.type": record.cause or record.kind,
                "exception.message": report.sentence,
                "exception.stacktrace": report.to_text(),
            }
        seconds = self._clock.wall(self._clock() if entry.time is None else entry.time)
        self.queue.put(EventRecord(body, severity, f"espmon.{record.type}", self._resource, attributes, seconds))

    def _resource_of(self, boot: Boot | None) -> Resource:
        """What a collector knows the board by; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` go before."""
        status = self._publisher.status
        known: dict[str, str | None] = {
            "service.name": (boot.app if boot is not None else None) or "espmon",
            "service.version": boot.app_version if boot is not None else None,
            "host.name": platform.node(),
            "device.id": status.probe.mac if status.probe is not None else None,
            "espmon.port": status.name or status.url,
            "espmon.chip": (boot.chip if boot is not None else None) or status.chip,
            "espmon.idf.version": boot.idf_version if boot is not None else None,
            "espmon.elf.sha256": boot.elf_sha256 if boot is not None else None,
        }
        named = Resource({key: value for key, value in known.items() if value})
        return self._base.merge(named).merge(OTELResourceDetector().detect())

    # -- the collector ------------------------------------------------------------------------------------------

    def _collector_changed(self, takes: bool) -> None:
        """On the queue's thread."""
        dropped = self.queue.counts.dropped
        text, severity = "the collector takes no records; what does not fit is dropped", Severity.WARNING
        if takes:
            text, severity = (
                f"the collector takes records again; {dropped:,} were dropped",
                Severity.INFO,
            )
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._publisher.notify, f"OpenTelemetry: {text}", severity)

    async def close(self) -> None:
        """Send what waits; bounded. What was dropped is told."""
        self._unsubscribe()
        with suppress(TimeoutError):
            await run_bounded(self._stop, CLOSE_SECONDS + 2 * METRICS_SECONDS, name="otlp-close")
        counts = self.queue.counts
        if counts.dropped:
            self._publisher.notify(
                f"OpenTelemetry: {counts.dropped:,} of {counts.offered:,} records were dropped "
                f"({counts.overflowed:,} did not fit the queue, {counts.refused:,} were not taken, "
                f"{counts.left:,} were left at the end)",
                Severity.WARNING,
            )

    def _stop(self) -> None:
        self.queue.close(CLOSE_SECONDS)
        self._logs.stop()
        self._metrics.stop(METRICS_SECONDS)
