"""Counts of a session as OpenTelemetry metrics, read only when they are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from espmon.records.lines import LineBlock
from espmon.records.number_finder import numbers_in
from espmon.version import __version__

LEVEL_NAMES = {0: "none", ord("E"): "error", ord("W"): "warn", ord("I"): "info", ord("D"): "debug", ord("V"): "trace"}
"""Code of a level -> the attribute `level` of `espmon.lines`."""


@dataclass
class SessionCounts:
    """What is counted; written by the session's thread, read by the reader's."""

    lines: dict[int, int] = field(default_factory=dict)
    """Code of a level -> lines."""

    boots: int = 0
    crashes: int = 0
    losses: int = 0
    numbers: dict[str, float] = field(default_factory=dict)
    """Metric -> the newest value."""

    def add(self, block: LineBlock, wanted: Mapping[str, str]) -> None:
        """Count a block; `wanted`: name of a number in the log -> metric."""
        levels = block.levels
        for code in LEVEL_NAMES:
            if count := levels.count(code):
                self.lines[code] = self.lines.get(code, 0) + count
        if wanted:
            for number in numbers_in(block):
                if metric := wanted.get(number.name) or wanted.get(f"{number.group}.{number.name}"):
                    self.numbers[metric] = number.value


class MetricExport:
    """Sends the counts, every `OTEL_METRIC_EXPORT_INTERVAL` milliseconds and at the end.

    Args:
        resource: what the session was known as when it began.
        counts: what is counted.
        received: bytes so far.
        dropped: log records so far that no collector has.
    """

    def __init__(
        self, resource: Resource, counts: SessionCounts, received: Callable[[], int], dropped: Callable[[], int],
        numbers: Mapping[str, str],
    ) -> None:  # fmt: skip
        self._provider = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource)
        meter = self._provider.get_meter("espmon", __version__)

        def observed(read: Callable[[], int]) -> Callable[[CallbackOptions], Iterable[Observation]]:
            return lambda options: [Observation(read())]

        def lines(options: CallbackOptions) -> Iterator[Observation]:
            for code, count in list(counts.lines.items()):
                yield Observation(count, {"espmon.level": LEVEL_NAMES[code]})

        def number(metric: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
            return lambda options: [Observation(counts.numbers[metric])] if metric in counts.numbers else []

        counter = meter.create_observable_counter
        counter("espmon.received", [observed(received)], "By", "Bytes received")
        counter("espmon.lines", [lines], "{line}", "Lines by level")
        counter("espmon.boots", [observed(lambda: counts.boots)], "{boot}", "Starts of the board")
        counter("espmon.crashes", [observed(lambda: counts.crashes)], "{crash}", "Crashes")
        counter("espmon.link.losses", [observed(lambda: counts.losses)], "{loss}", "Times that the port was lost")
        counter("espmon.otlp.dropped", [observed(dropped)], "{record}", "Log records that no collector has")
        for metric in set(numbers.values()):
            meter.create_observable_gauge(metric, [number(metric)], description="A number found in the log")

    def stop(self, seconds: float) -> None:
        """Send the last counts, and stop. Blocks for about so long at most."""
        self._provider.shutdown(timeout_millis=seconds * 1000)
