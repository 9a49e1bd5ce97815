"""What a session sends to an OpenTelemetry collector, and what it does when that is slow or dead."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from opentelemetry._logs import SeverityNumber

from espmon.cli import main
from espmon.session.connection import PortAccess
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.status import Notice, OpenRequest
from espmon.session.telemetry import telemetry_start
from espmon.session.telemetry.export_queue import ExportQueue
from espmon.sim import BoardThread, SimulatedBoard
from tests.session.collector import Collector, Value, attributes_of
from tests.session.fakes import Port, ScriptedHandle, Watch

BOOT = (
    b"ESP-ROM:esp32c3-api1-20210207\r\nrst:0x1 (POWERON),boot:0xd (SPI_FAST_FLASH_BOOT)\r\n"
    b"I (24) boot: ESP-IDF v5.3 2nd stage bootloader\r\nI (183) app_init: Project name:     thermostat\r\n"
    b"I (188) app_init: App version:      1.4.0\r\nI (258) main_task: Calling app_main()\r\n"
)
LINES = (
    b"I (300) wifi: connected, heap 123456\r\nW (310) wifi: weak\r\nE (320) app: password=hunter2hunter2\r\n"
    b"plain text\r\n"
)
CRASH = (
    b"Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n\r\n"
    b"Core  0 register dump:\r\nPC      : 0x400d1234  PS      : 0x00060030\r\n\r\n"
    b"Backtrace: 0x400d1234:0x3ffb1230 0x400d5678:0x3ffb1250\r\n\r\nRebooting...\r\n"
)
SECONDS = 30.0


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "5")
        monkeypatch.setenv("OTEL_BLRP_SCHEDULE_DELAY", "20")
        yield collector


@dataclass
class Sent:
    session: Session
    handle: ScriptedHandle
    watch: Watch = field(default_factory=Watch)

    @property
    def told(self) -> list[str]:
        return [change.text for change in self.watch.changes if isinstance(change, Notice)]


@asynccontextmanager
async def sending(folder: Path, *extra: ScriptedHandle, **settings: object) -> AsyncIterator[Sent]:
    handle = ScriptedHandle()
    access = PortAccess(Port(handle, *extra), waiter=lambda identity: asyncio.sleep(0, "fake://board"))
    wanted = Settings(recording=False, otlp=True, **settings)  # type: ignore[arg-type]
    session = Session(settings=wanted, folder=folder, access=access)
    sent = Sent(session, handle)
    session.subscribe(sent.watch)
    try:
        await session.open(OpenRequest("fake://board", name="lab-3"))
        yield sent
    finally:
        await session.close()


async def until(condition: object) -> None:
    """Of another thread's making: there is nothing to wait on."""
    assert callable(condition)

    def look() -> None:
        end = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.01)

    await asyncio.to_thread(look)


def bodies(collector: Collector) -> dict[str, tuple[dict[str, Value], int, dict[str, Value]]]:
    return {
        record.body.string_value: (attributes_of(record.attributes), record.severity_number, resource)
        for resource, record in list(collector.logs)
    }


async def test_lines_leave_with_severity_times_and_who_sent_them(tmp_path: Path, collector: Collector) -> None:
    before = time.time()
    async with sending(tmp_path) as sent:
        sent.handle.push(BOOT + LINES)
        await until(lambda: "plain text" in bodies(collector))
    found = bodies(collector)
    attributes, severity, resource = found["I (300) wifi: connected, heap 123456"]
    assert attributes == {
        "espmon.boot": 1,
        "espmon.reset.reason": "POWERON",
        "espmon.tag": "wifi",
        "espmon.device.time_ms": 300,
    }
    assert severity == SeverityNumber.INFO.value
    assert found["W (310) wifi: weak"][1] == SeverityNumber.WARN.value
    assert found["plain text"][1] == SeverityNumber.UNSPECIFIED.value
    assert resource["espmon.port"] == "lab-3"
    assert resource["host.name"]
    (record,) = [record for _, record in collector.logs if record.body.string_value == "plain text"]
    assert before <= record.time_unix_nano / 1e9 <= time.time()


async def test_the_service_is_the_application_unless_the_environment_says_otherwise(
    tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sending(tmp_path) as sent:
        sent.handle.push(BOOT)
        await sent.watch.until(lambda: "boot" in [entry.record.type for entry in sent.session.events], SECONDS)
        sent.handle.push(b"I (400) app: later\r\n")
        await until(lambda: "I (400) app: later" in bodies(collector))
    resource = bodies(collector)["I (400) app: later"][2]
    assert (resource["service.name"], resource["service.version"]) == ("thermostat", "1.4.0")
    assert (resource["espmon.chip"], resource["espmon.idf.version"]) == ("esp32c3", "v5.3")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "hall")
    async with sending(tmp_path) as sent:
        sent.handle.push(b"I (1) app: named\r\n")
        await until(lambda: "I (1) app: named" in bodies(collector))
    assert bodies(collector)["I (1) app: named"][2]["service.name"] == "hall"


async def test_secrets_stay_here(tmp_path: Path, collector: Collector) -> None:
    async with sending(tmp_path, secrets={"badge": "B[0-9]{6}"}) as sent:
        sent.handle.push(LINES + b"I (1) door: B123456 came\r\n")
        await until(lambda: len(collector.logs) >= 5)
    text = " ".join(bodies(collector))
    assert "hunter2" not in text
    assert "B123456" not in text
    assert "password=" in text


async def test_a_crash_is_one_record_with_its_exception(tmp_path: Path, collector: Collector) -> None:
    async with sending(tmp_path) as sent:
        sent.handle.push(BOOT + CRASH + BOOT)
        await until(lambda: any(record.event_name == "espmon.panic" for _, record in list(collector.logs)))
    (crash,) = [record for _, record in collector.logs if record.event_name == "espmon.panic"]
    attributes = attributes_of(crash.attributes)
    assert attributes["exception.type"] == "LoadProhibited"
    assert attributes["exception.message"] == crash.body.string_value
    assert "400d5678" in str(attributes["exception.stacktrace"]).lower()
    assert crash.severity_number == SeverityNumber.FATAL.value
    assert collector.metrics["espmon.crashes"] == [({}, 1)]
    assert collector.metrics["espmon.boots"] == [({}, 2)]


async def test_metrics_count_and_take_the_numbers_that_are_named(tmp_path: Path, collector: Collector) -> None:
    back = ScriptedHandle()
    async with sending(tmp_path, back, otlp_numbers={"heap": "heap.free"}) as sent:
        sent.handle.push(LINES)
        await sent.watch.until(lambda: len(sent.session.store) >= 4, SECONDS)
        sent.handle.lose()
        await sent.watch.until(lambda: sent.session.connection.opens == 2, SECONDS)
    assert collector.metrics["espmon.received"] == [({}, len(LINES))]
    assert collector.metrics["espmon.link.losses"] == [({}, 1)]
    lines = {attributes["espmon.level"]: count for attributes, count in collector.metrics["espmon.lines"]}
    assert lines == {"error": 1, "warn": 1, "info": 1, "none": 1}
    assert collector.metrics["heap.free"] == [({}, 123456)]


async def test_a_dead_collector_costs_its_records_and_nothing_else(
    tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BLRP_MAX_QUEUE_SIZE", "100")
    collector.status = 400
    async with sending(tmp_path) as sent:
        sent.handle.push(b"".join(b"I (%d) app: x\r\n" % number for number in range(1000)))
        await sent.watch.until(lambda: len(sent.session.store) >= 1000, SECONDS)
        await sent.watch.until(lambda: any("takes no records" in text for text in sent.told), SECONDS)
        collector.status = 200
        sent.handle.push(b"I (1) app: again\r\n")
        await until(lambda: "I (1) app: again" in bodies(collector))
        assert sent.session._telemetry is not None
        counts = sent.session._telemetry.queue.counts
    assert counts.offered == counts.exported + counts.dropped
    assert counts.exported == len(collector.logs)
    assert counts.overflowed > 0
    assert any("takes records again" in text for text in sent.told)
    assert any(f"{counts.dropped:,} of {counts.offered:,} records were dropped" in text for text in sent.told)


async def test_without_the_extra_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry_start, "installed", lambda: False)
    told: list[str] = []
    session = Session(settings=Settings(recording=False, otlp=True), folder=tmp_path)
    assert session._telemetry is None
    session.subscribe(lambda change: told.append(str(change)))
    await session.close()


async def test_a_rule_that_is_no_expression_sends_nothing(tmp_path: Path) -> None:
    session = Session(settings=Settings(recording=False, otlp=True, secrets={"x": "("}), folder=tmp_path)
    assert session._telemetry is None
    await session.close()


class Numbers(tuple[int, ...]):
    """Records that are numbers."""

    def cut(self, first: int, stop: int) -> Numbers:
        return Numbers(self[first:stop])


@pytest.mark.parametrize("stuck", [True, False])
def test_every_record_is_counted_once(stuck: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BLRP_MAX_QUEUE_SIZE", "1000")
    monkeypatch.setenv("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "64")
    monkeypatch.setenv("OTEL_BLRP_SCHEDULE_DELAY", "1")
    got: list[int] = []
    free = threading.Event()

    def send(items: Sequence[Numbers]) -> bool:
        if stuck and len(got) >= 640:
            free.wait(SECONDS)
        numbers = [number for item in items for number in item]
        assert len(numbers) <= 64
        if numbers[0] % 5 == 0:
            return False
        got.extend(numbers)
        return True

    queue: ExportQueue[Numbers] = ExportQueue(send, lambda takes: None)
    for first in range(0, 20_000, 137):
        queue.put(Numbers(range(first, first + 137)))
    queue.close(0.1 if stuck else SECONDS)
    counts = queue.counts
    assert counts.offered == 20_002
    assert counts.exported + counts.dropped == counts.offered
    assert counts.exported == len(got) == len(set(got))
    assert got == sorted(got)
    assert (counts.left > 0) == stuck
    free.set()


def test_a_run_sends_when_it_is_asked_to(
    tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with BoardThread(lambda: SimulatedBoard("esp32c3", "quiet", power_delay=0)) as board:
        words = ["run", board.url, "--no-stdin", "--send", "heap", "--until", "command: heap", "--timeout", "60"]
        assert main(words) == 0
        assert not collector.logs
        assert main([*words, "--otlp"]) == 0
        assert any("command: heap" in body for body in bodies(collector))
        monkeypatch.setattr(telemetry_start, "installed", lambda: False)
        assert main([*words, "--otlp"]) == 2
    assert "pip install 'espmon[otlp]'" in capfd.readouterr().err
