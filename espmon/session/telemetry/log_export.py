"""Lines, crashes and events as OpenTelemetry log records.

Attributes have the names of the semantic conventions (1.37) where there is one; the others begin with `espmon.`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from espmon.records.lines import LineBlock
from espmon.session.archive.blanking import Secrets, SecretsError
from espmon.session.clock import SessionClock
from espmon.text import plain
from espmon.version import __version__

LEVELS: Mapping[str | None, tuple[SeverityNumber, str]] = {
    "E": (SeverityNumber.ERROR, "ERROR"),
    "W": (SeverityNumber.WARN, "WARN"),
    "I": (SeverityNumber.INFO, "INFO"),
    "D": (SeverityNumber.DEBUG, "DEBUG"),
    "V": (SeverityNumber.TRACE, "TRACE"),
}
"""Level of a line -> its severity."""

NO_LEVEL = (SeverityNumber.UNSPECIFIED, "")

SCOPE = InstrumentationScope("espmon", __version__)

Attributes = Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that wait, and what was known when they came."""

    block: LineBlock
    resource: Resource
    attributes: Attributes
    clock: SessionClock
    """Makes the session's times those of the calendar."""

    def __len__(self) -> int:
        return len(self.block)

    def cut(self, first: int, stop: int) -> Lines:
        """Some of the lines."""
        return Lines(self.block.part(first, stop), self.resource, self.attributes, self.clock)


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One record that is no line: a crash, a reset, a lost port."""

    body: str
    severity: tuple[SeverityNumber, str]
    event_name: str
    resource: Resource
    attributes: Attributes
    seconds: float
    """Seconds since the epoch."""

    def __len__(self) -> int:
        return 1

    def cut(self, first: int, stop: int) -> EventRecord:
        """There is one."""
        return self


class LogExport:
    """Makes records and sends them. Used by one thread.

    Args:
        secrets: what is taken out of every text.
    """

    def __init__(self, secrets: Secrets) -> None:
        # The SDK tells of its troubles by logging, which would print them over the screen.
        logger = logging.getLogger("opentelemetry")
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        self._secrets = secrets
        self._exporter = OTLPLogExporter()

    def send(self, items: Sequence[Lines | EventRecord]) -> bool:
        """Send a batch; returns whether it was taken. Blocks for as long as `OTEL_EXPORTER_OTLP_TIMEOUT`."""
        try:
            records = [record for item in items for record in self._records(item)]
        except SecretsError:
            return False  # an expression of the user's is too slow: what it should have taken out must not leave
        return self._exporter.export(records) is LogRecordExportResult.SUCCESS

    def stop(self) -> None:
        """Send nothing more; a try that is under way is given up."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _records(self, item: Lines | EventRecord) -> Iterator[ReadableLogRecord]:
        if isinstance(item, EventRecord):
            number, name = item.severity
            yield ReadableLogRecord(
                LogRecord(
                    timestamp=int(item.seconds * 1e9),
                    observed_timestamp=int(item.seconds * 1e9),
                    severity_number=number,
                    severity_text=name,
                    body=self._clean(item.body),
                    event_name=item.event_name,
                    attributes={
                        key: self._clean(value) if isinstance(value, str) else value
                        for key, value in item.attributes.items()
                    },
                ),
                item.resource,
                SCOPE,
            )
            return
        block, now = item.block, time.time_ns()
        levels, tags, times = block.levels, block.tags, block.times
        for index in range(len(block)):
            attributes = dict(item.attributes)
            if (tag := tags[index]) is not None:
                attributes["espmon.tag"] = plain(tag)
            if (device := times[index]) is not None:
                attributes["espmon.device.time_ms"] = device
            host = block.host_time(index)
            level = chr(levels[index]) if levels[index] else None
            severity, name = LEVELS.get(level, NO_LEVEL)
            yield ReadableLogRecord(
                LogRecord(
                    timestamp=now if host is None else int(item.clock.wall(host) * 1e9),
                    observed_timestamp=now,
                    severity_number=severity,
                    severity_text=name,
                    body=plain(self._secrets.blank_line(block.text(index))),
                    attributes=attributes,
                ),
                item.resource,
                SCOPE,
            )

    def _clean(self, text: str) -> str:
        return "\n".join(plain(self._secrets.blank_line(line)) for line in text.split("\n"))
