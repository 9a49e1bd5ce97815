"""One session on the simulated board, over its RFC 2217 server: everything a console command can produce."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from espmon.postmortem import CoreReport
from espmon.postmortem.panic_report import PanicReport
from espmon.session.flash_job import FlashJob
from espmon.session.flash_plan import from_pairs
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import ElfState, EventEntry, OpenRequest
from espmon.sim import BoardThread, SimulatedBoard
from tests.session.fakes import Watch, shown

pytestmark = pytest.mark.e2e


class Bench:
    """A board, a session on it, and ways to wait."""

    def __init__(self, session: Session, watch: Watch, board: BoardThread) -> None:
        self.session = session
        self.watch = watch
        self.board = board

    def texts(self) -> list[str]:
        return shown(self.session.store)

    def entries(self, kind: str) -> list[EventEntry]:
        return [entry for entry in self.session.events if entry.record.type == kind]

    async def log_has(self, text: str) -> None:
        await self.watch.until(lambda: any(text in line for line in self.texts()), limit=20)

    async def entry(self, kind: str, ready: Callable[[EventEntry], bool] = lambda entry: True) -> EventEntry:
        await self.watch.until(lambda: any(ready(entry) for entry in self.entries(kind)), limit=20)
        return next(entry for entry in self.entries(kind) if ready(entry))

    async def type(self, line: str) -> None:
        await self.log_has("esp>")
        await self.session.send(line.encode() + b"\r")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    with BoardThread(lambda: SimulatedBoard("esp32c3")) as board:
        session = Session(settings=Settings(), folder=tmp_path / "sessions")
        watch = Watch()
        session.subscribe(watch)
        await session.open(OpenRequest(board.url, probe=True, elf=(board.board.elf,)))
        assert session.state is State.AWAITING_CONSENT, session.status.reason
        yield Bench(session, watch, board)
        await session.close()


async def test_a_probe_after_consent_names_the_chip_and_the_log_goes_on(bench: Bench) -> None:
    await bench.log_has("esp>")
    await bench.session.consent()
    assert bench.session.state is State.MONITORING, bench.session.status.reason
    assert bench.session.status.chip is not None
    assert "ESP32-C3" in bench.session.status.chip
    before = len(bench.session.store)
    await bench.watch.until(lambda: any("esp>" in line for line in bench.texts()[before:]) or before == 0, limit=20)
    assert bench.session.connection.opens == 1
    (probe,) = bench.entries("probe")
    assert dict(probe.details).keys() >= {"chip", "mac", "transcript"}


async def test_before_consent_the_board_sees_no_line_move(bench: Bench) -> None:
    await bench.log_has("esp>")
    await bench.session.decline()
    bench.board.stop()
    happened = bench.board.board.events.events
    assert [event for event in happened if event.get("mode") == "loader"] == []
    assert [event for event in happened if event["event"] == "lines" and event["dtr"] != event["rts"]] == []


async def test_a_screenshot_becomes_a_file_with_the_right_size(bench: Bench) -> None:
    await bench.session.decline()
    await bench.log_has("esp>")
    await bench.session.screenshot()
    entry = await bench.entry("png", lambda entry: entry.path is not None)
    fields = entry.record.fields()
    assert (fields["width"], fields["height"], fields["complete"]) == (240, 135, True)
    assert entry.path is not None
    assert entry.path.read_bytes().startswith(b"\x89PNG")
    assert entry.path.stat().st_size == fields["bytes"]


async def test_a_panic_is_reported_with_its_source_line(bench: Bench) -> None:
    await bench.session.decline()
    await bench.watch.until(lambda: bench.session.status.elf_state is ElfState.MATCH, limit=20)
    await bench.type("panic")
    entry = await bench.entry("panic", lambda entry: entry.report is not None)
    report = entry.report
    assert isinstance(report, PanicReport)
    assert report.place is not None
    assert report.place.function == "read_register"
    assert str(report.place.file).endswith("sensor.h")
    assert report.elf_match is True
    assert [frame.function for frame in report.frames][-3:] == [
        "app_main",
        "main_task",
        "vPortTaskWrapper",
    ]


async def test_a_core_dump_is_captured_checked_decoded_and_saved(bench: Bench) -> None:
    await bench.session.decline()
    await bench.watch.until(lambda: bench.session.status.elf_state is ElfState.MATCH, limit=20)
    await bench.type("coredump")
    entry = await bench.entry("coredump", lambda entry: entry.report is not None and entry.path is not None)
    assert entry.record.fields()["checksum"] == "ok"
    assert isinstance(entry.report, CoreReport)
    assert entry.report.crashed.task == "main"
    names = {task.name for task in entry.report.tasks}
    assert {"main", "esp_timer", "IDLE"} <= names


async def test_the_debug_stub_is_inspected_here_and_the_log_goes_on(bench: Bench) -> None:
    await bench.session.decline()
    await bench.watch.until(lambda: bench.session.status.elf_state is ElfState.MATCH, limit=20)
    await bench.type("gdbstub")
    await bench.entry("gdb")
    snapshot = await bench.session.debugging.start()
    assert bench.session.state is State.LEASED
    assert snapshot.frames[0].function == "read_register"
    assert len(snapshot.threads) == 5
    await bench.session.debugging.resume()
    assert bench.session.status.state is State.MONITORING
    await bench.log_has("the debugger let go")


async def test_a_json_frame_carries_its_value(bench: Bench) -> None:
    await bench.session.decline()
    await bench.type("json")
    entry = await bench.entry("frame")
    fields = entry.record.fields()
    assert (fields["kind"], fields["crc"], fields["complete"]) == ("json", "ok", True)
    assert fields["value"]


async def test_a_flood_arrives_whole(bench: Bench) -> None:
    await bench.session.decline()
    await bench.type("flood 20000")
    await bench.log_has("flood")
    await bench.watch.until(lambda: len(bench.session.store) > 20000, limit=30)


async def test_an_unfinished_line_is_shown(bench: Bench) -> None:
    await bench.session.decline()
    await bench.type("partial")
    await bench.watch.until(
        lambda: (tail := bench.session.store.unfinished) is not None and b"esp>" not in tail.data, limit=20
    )


async def test_a_reboot_is_a_reset_and_a_new_boot(bench: Bench) -> None:
    await bench.session.decline()
    await bench.type("reboot")
    await bench.entry("reset", lambda entry: entry.record.fields()["code"] == 12)
    await bench.watch.until(lambda: bench.session.status.boot >= 1, limit=20)


async def test_the_recording_is_every_byte_and_the_sidecar_every_event(bench: Bench, tmp_path: Path) -> None:
    await bench.session.consent()
    await bench.log_has("esp>")
    await bench.session.close()
    (folder,) = (tmp_path / "sessions").iterdir()
    raw = (folder / "stream.bin").read_bytes()
    assert b"esp>" in raw
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text("utf-8").splitlines()]
    pieces = [event for event in events if event.get("event") == "bytes"]
    assert {piece["lease"] for piece in pieces} == {"pipeline", "probe"}
    assert sum(int(piece["length"]) for piece in pieces) <= len(raw)
    types = {event["type"] for event in events if "type" in event}
    assert {"link", "probe", "boot", "reset", "raw"} <= types


async def test_flash_is_written_over_the_same_handle_and_the_log_goes_on(bench: Bench, tmp_path: Path) -> None:
    await bench.session.decline()
    await bench.log_has("esp>")
    file = tmp_path / "data.bin"
    file.write_bytes(bytes(range(256)) * 300)
    plan = from_pairs(["0x110000", str(file)])
    for _ in range(2):
        await bench.session.flash(FlashJob("write", plan))
        assert bench.session.status.state is State.MONITORING
    first, second = bench.entries("flash")
    assert first.record.fields()["regions"][0]["written"] == 256 * 300
    assert second.record.fields()["regions"][0]["written"] == 0
    assert bench.session.connection.opens == 1
    await bench.watch.until(lambda: "esp>" in "".join(bench.texts()[-20:]), limit=20)


async def test_a_flash_that_cannot_work_is_an_event_and_the_log_goes_on(bench: Bench, tmp_path: Path) -> None:
    await bench.session.decline()
    await bench.log_has("esp>")
    file = tmp_path / "data.bin"
    file.write_bytes(b"x" * 100)
    await bench.session.flash(FlashJob("write", from_pairs(["0x110001", str(file)])))
    (entry,) = bench.entries("flash")
    assert "no multiple" in entry.title
    assert bench.session.status.state is State.MONITORING
