"""What an earlier monitor of this kind got wrong, where no other test shows that it is right here.

Each test names the defect that it guards against; most of these defects have their tests where they belong: fields and
hotkeys, search, filter, toasts and panels in tests/tui, captures and panics in tests/records, scans in tests/port.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import espmon.session.ticker
from espmon.port import Handle, PortError, PortErrorKind, PortIdentity
from espmon.records import Demultiplexer
from espmon.session.connection import PortAccess
from espmon.session.file_system import write_atomically
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import OpenRequest
from espmon.time_limit import time_limit
from tests.e2e.terminal import ESPMON
from tests.e2e.test_bad_input import CORE_START, SCENE, Bench
from tests.records.streams import core_image, core_lines
from tests.session.fakes import ScriptedHandle, Watch

pytestmark = pytest.mark.e2e


@pytest.fixture
def no_pause_matters() -> Settings:
    """Every pause between two bytes is an idle one."""
    return Settings(idle_seconds=0.001)


async def trickle(bench: Bench, data: bytes, piece: int) -> None:
    """Push `data` in pieces, with an idle pause after each."""
    pipeline, before = bench.session.pipeline, bench.session.connection.link.received
    for start in range(0, len(data), piece):
        bench.handles[0].push(data[start : start + piece])
        await bench.has_read(before + min(start + piece, len(data)))
        async with time_limit(10):
            while not pipeline._idled:  # noqa: ASYNC110 a pause that changes nothing is not announced
                await asyncio.sleep(0.001)


async def test_a_pause_in_a_base64_line_moves_nothing_into_the_log(tmp_path: Path, no_pause_matters: Settings) -> None:
    """The idle flush ignored that a core dump was being received."""
    bench = Bench(tmp_path, ScriptedHandle(), settings=no_pause_matters)
    await bench.open()
    lines = core_lines(core_image())
    end = b"================= CORE DUMP END =================\r\n"
    await trickle(bench, CORE_START + b"".join(lines) + end, 25)
    await bench.watch.until(lambda: bool(bench.entries("coredump")))
    (entry,) = bench.entries("coredump")
    assert entry.record.fields()["complete"] is True
    assert entry.record.fields()["checksum"] == "ok"
    assert not any(line[:20].decode() in text for line in lines for text in bench.texts())
    await bench.close()


async def test_a_paused_backtrace_line_is_read_whole(tmp_path: Path, no_pause_matters: Settings) -> None:
    """The idle flush split a `Backtrace:` line that paused."""
    bench = Bench(tmp_path, ScriptedHandle(), settings=no_pause_matters)
    await bench.open()
    crash = SCENE[SCENE.index(b"Guru") : SCENE.index(b"$T0b")] + b"\r\nRebooting...\r\n"
    banner = crash.index(b"\n") + 1
    bench.handles[0].push(crash[:banner])
    await bench.has_read(banner)
    await trickle(bench, crash[banner:], 31)
    bench.handles[0].push(b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n")
    await bench.watch.until(lambda: bool(bench.entries("panic")))
    (entry,) = bench.entries("panic")
    frames = [(frame["pc"], frame["sp"]) for frame in entry.record.fields()["backtrace"]]
    assert frames == [("0x400d1234", "0x3ffb5000"), ("0x400d2345", "0x3ffb5020")]
    assert entry.record.fields()["registers"]["PC"] == "0x400d1234"
    await bench.close()


async def test_aborting_a_dump_keeps_what_came_as_a_file(tmp_path: Path) -> None:
    """Abort threw the data away."""
    bench = Bench(tmp_path, ScriptedHandle())
    await bench.open()
    lines = core_lines(core_image(bytes(4000)))
    bench.handles[0].push(CORE_START + b"".join(lines[:30]))
    await bench.watch.until(lambda: bench.session.pipeline.demux.capture is not None)
    await bench.has_read(len(CORE_START + b"".join(lines[:30])))
    await bench.session.abort_capture()
    await bench.watch.until(lambda: any(entry.path for entry in bench.entries("coredump")))
    (entry,) = bench.entries("coredump")
    assert entry.record.fields()["complete"] is False
    assert entry.path is not None
    assert entry.path.stat().st_size >= 29 * 48
    await bench.still_reads()
    await bench.close()


class Dead(ScriptedHandle):
    """A port whose every read fails."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    async def read(self, timeout: float | None = None) -> bytes:
        self.reads += 1
        raise PortError(PortErrorKind.LOST, "input/output error")


async def test_a_port_that_only_fails_is_read_once_and_makes_one_line(tmp_path: Path) -> None:
    """A read error was retried at once and added a line each time."""
    tries = 0
    dead = Dead()

    async def opener(url: str, *, baud: int, no_reset: bool) -> Handle:
        nonlocal tries
        tries += 1
        if tries == 1:
            return dead
        raise PortError(PortErrorKind.MISSING, "no such port")

    async def at_once(identity: PortIdentity) -> str:
        return identity.url

    session = Session(
        folder=tmp_path,
        access=PortAccess(opener=opener, waiter=at_once, resolver=lambda name: name, identifier=PortIdentity),
    )
    watch = Watch()
    session.subscribe(watch)
    await session.open(OpenRequest("fake://dead"))
    await watch.until(lambda: tries >= 4)
    assert dead.reads == 1
    texts = [session.store.record(line).text for line in range(len(session.store))]
    assert texts == ["── port lost: input/output error ──"]
    await session.close()


async def test_a_quiet_board_changes_nothing_on_the_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole view was rebuilt on each tick."""
    monkeypatch.setattr(espmon.session.ticker, "TICK_SECONDS", 0.001)
    ticks = threading.Event()
    bench = Bench(tmp_path, ScriptedHandle())
    await bench.open()
    await bench.watch.until(lambda: bench.session.status.state is State.MONITORING)
    capture, seen = bench.session.pipeline.capture, 0

    def counted(now: float) -> Any:
        nonlocal seen
        seen += 1
        if seen == 20:
            ticks.set()
        return capture(now)

    bench.watch.changes.clear()
    monkeypatch.setattr(bench.session.pipeline, "capture", counted)
    assert await asyncio.to_thread(ticks.wait, 10)
    assert bench.watch.changes == []
    await bench.close()


def found(rows: Iterator[dict[str, Any]]) -> list[tuple[str, int, int]]:
    """What the board's bytes turned into, without the session's own events and the lines."""
    own = ("line", "link", "note", "raw")
    return sorted((row["type"], row["offset"], row["length"]) for row in rows if row.get("type", "link") not in own)


async def test_the_screen_and_the_command_find_the_same_records(tmp_path: Path) -> None:
    """The pipeline existed twice, and the copies drifted."""
    bench = Bench(tmp_path / "sessions", ScriptedHandle())
    await bench.open()
    bench.handles[0].push(SCENE)
    await bench.has_read(len(SCENE))
    recorded = await bench.close()
    folder = bench.session.status.recording
    assert folder is not None
    sidecar = await asyncio.to_thread((folder / "events.jsonl").read_text)
    done = await asyncio.to_thread(
        subprocess.run, [ESPMON, "decode", "-", "--json"], input=recorded, capture_output=True, timeout=30
    )
    decoded = found(json.loads(line) for line in done.stdout.splitlines())
    assert {kind for kind, _, _ in decoded} >= {"png", "frame", "coredump", "panic", "gdb", "reset"}
    assert found(json.loads(line) for line in sidecar.splitlines()) == decoded


def test_a_write_that_fails_leaves_no_temporary_file(tmp_path: Path) -> None:
    """Temporary files were never removed."""
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_atomically(tmp_path / "taken", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_pause_in_a_panic_s_banner_does_not_make_two_panics() -> None:
    demux = Demultiplexer()
    records = list(demux.feed(b"Guru Meditation Error: Core  0 "))
    records += demux.idle()
    records += demux.feed(
        b"panic'ed (LoadProhibited). Exception was unhandled.\r\n\r\nCore  0 register dump:\r\n"
        b"PC      : 0x400d1234  PS      : 0x00060030  A0      : 0x800d5678  A1      : 0x3ffb1230  \r\n\r\n"
        b"Backtrace: 0x400d1234:0x3ffb1230 0x400d5675:0x3ffb1250\r\n\r\nRebooting...\r\n"
    )
    records += demux.flush()
    (panic,) = [record for record in records if record.type == "panic"]
    assert panic.fields()["cause"] == "LoadProhibited"
