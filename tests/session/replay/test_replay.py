"""A recorded session is opened again as it was: lines, marks, times, events; also one that is damaged."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from espmon.port import PortIdentity
from espmon.session.archive.compression import compress_session
from espmon.session.archive.past_sessions import look_at
from espmon.session.archive.session_index import INDEX, read_end, read_index
from espmon.session.clock import SessionClock
from espmon.session.connection import PortAccess
from espmon.session.pace import SPEEDS, Goal, stepped
from espmon.session.replay import replay as replay_module
from espmon.session.replay.opened_source import open_source
from espmon.session.replay.replay import Replay, ReplayWish, request_of
from espmon.session.replay.replay_source import Source
from espmon.session.sent import SentBy
from espmon.session.session import Session
from espmon.session.session_folder import SIDECAR, STREAM
from espmon.session.settings import Settings
from espmon.session.status import Notice, OpenRequest
from espmon.time_limit import time_limit
from tests.session.archive.recordings import BOOT, LINE, PANIC
from tests.session.fakes import Port, ScriptedHandle, Watch, shown

PATIENCE_SECONDS = 30.0


async def until(condition: Callable[[], object]) -> None:
    async with time_limit(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 any condition
            await asyncio.sleep(0.01)


async def record(root: Path) -> tuple[Path, Session]:
    """A session with boots, a crash, something sent, a mark, and a port that was lost and came back."""
    first, second = ScriptedHandle(), ScriptedHandle()

    async def wait(identity: PortIdentity) -> str:
        return "fake://board"

    access = PortAccess(opener=Port(first, second), resolver=lambda name: name, identifier=PortIdentity, waiter=wait)
    session = Session(folder=root, access=access)
    await session.open(OpenRequest("fake://board", name="bench"))
    first.push(BOOT + LINE * 20)
    await until(lambda: session.event_log.boot == 1)
    await session.send(b"help\r\n", SentBy.LINE)
    await session.mark("look here")
    first.push(PANIC)
    await first.taken()
    first.lose()
    await until(lambda: session.connection.opens == 2)
    second.push(BOOT + b"half a li")
    await until(lambda: session.event_log.boot == 2)
    await session.close()
    folder = session.status.recording
    assert folder is not None
    return folder, session


async def replayed(path: Path, wish: ReplayWish | None = None) -> Session:
    source = open_source(path)
    session = Replay(source, wish or ReplayWish()).begin(Settings())
    await session.open(request_of(path, source))
    await until(lambda: session.status.replay is not None and session.status.replay.finished)
    return session


def facts(session: Session) -> list[tuple[str, str]]:
    """What the events say, but for when this very session opened its port."""
    entries = [entry for entry in session.events if entry.record.type != "link" or entry.title != "Link opened"]
    return [(entry.record.type, entry.record.title) for entry in entries]


async def test_everything_is_there_again(tmp_path: Path) -> None:
    folder, before = await record(tmp_path)
    after = await replayed(folder)
    assert shown(after.store) == shown(before.store)
    assert sorted(facts(after)) == sorted(facts(before))
    times = [after.store.record(line).time for line in range(len(after.store))]
    meant = [before.store.record(line).time for line in range(len(before.store))]
    assert all(a is not None and b is not None and abs(a - b) < 0.1 for a, b in zip(times, meant, strict=True))
    await after.close()


async def test_a_second_port_of_a_session_has_a_recording_of_its_own(tmp_path: Path) -> None:
    later = 0.0
    clock = SessionClock(lambda: time.monotonic() + later, lambda: time.time() + later)
    first, second = ScriptedHandle(), ScriptedHandle()
    access = PortAccess(opener=Port(first, second), resolver=lambda name: name, identifier=PortIdentity)
    session = Session(folder=tmp_path, access=access, clock=clock)
    folders = []
    for handle, name in ((first, "one"), (second, "two")):
        later += 1000.0  # the list of ports was looked at for long
        await session.open(OpenRequest("fake://board", name=name))
        opened = time.time() + later
        handle.push(BOOT + PANIC + LINE * 20)
        if handle is second:
            await session.send(b"help\r\n", SentBy.LINE)
        await handle.taken()
        folders.append(session.status.recording)
        await session.close()
    assert folders[1] is not None
    stream = (folders[1] / STREAM).read_bytes()
    assert stream == BOOT + PANIC + LINE * 20
    rows = [json.loads(row) for name in (SIDECAR, INDEX) for row in (folders[1] / name).read_text().splitlines()]
    assert all(row["offset"] <= len(stream) and row["m"] < 500 for row in rows if "offset" in row)
    summary = look_at(folders[1]).summary
    assert (summary.boots, summary.crashes, summary.bytes) == (1, 1, len(stream))
    (folders[1] / INDEX).unlink()
    after = await replayed(folders[1])
    assert not any("missing" in line for line in shown(after.store))
    assert sum("help" in line for line in shown(after.store)) == 1
    assert abs((after.store.record(3).time or 0.0) - opened) < 500
    await until(lambda: read_end(folders[1] / INDEX) == summary)  # type: ignore[operator]
    await after.close()


async def test_nothing_can_be_sent(tmp_path: Path) -> None:
    folder, _ = await record(tmp_path)
    session = await replayed(folder)
    error = await session.send(b"help\r\n")
    assert error is not None
    assert "recording" in error.message
    assert await session.reset() is not None
    await session.close()


async def test_a_compressed_session_is_the_same(tmp_path: Path) -> None:
    folder, before = await record(tmp_path)
    assert compress_session(folder)
    after = await replayed(folder)
    assert shown(after.store) == shown(before.store)
    await after.close()


async def test_an_index_that_is_missing_is_made(tmp_path: Path) -> None:
    folder, _ = await record(tmp_path)
    was = read_index(folder / INDEX)
    (folder / INDEX).unlink()
    session = await replayed(folder)
    await until((folder / INDEX).exists)
    await session.close()
    made = read_index(folder / INDEX)
    assert made.summary == was.summary
    assert [(mark.offset, mark.event) for mark in made.events] == [(mark.offset, mark.event) for mark in was.events]


@pytest.mark.parametrize("kept", range(0, 1200, 193))
async def test_a_torn_stream_opens_with_what_it_has(tmp_path: Path, kept: int) -> None:
    folder, _ = await record(tmp_path)
    data = (folder / STREAM).read_bytes()
    kept = min(kept, len(data) - 1)
    (folder / STREAM).write_bytes(data[:kept])
    session = await replayed(folder)
    text = "".join(session.store.record(line).text for line in range(len(session.store)))
    assert "ets Jul" in text or kept < 8
    assert f"the last {len(data) - kept:,} bytes are missing" in text
    assert session.pipeline.demux.offset == kept
    await session.close()


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.83, 0.999])
async def test_a_torn_sidecar_costs_times_and_no_bytes(tmp_path: Path, share: float) -> None:
    folder, _ = await record(tmp_path)
    sidecar = (folder / SIDECAR).read_bytes()
    (folder / SIDECAR).write_bytes(sidecar[: int(len(sidecar) * share)])
    session = await replayed(folder)
    assert session.pipeline.demux.offset == (folder / STREAM).stat().st_size
    assert "half a li" in shown(session.store)[-1] or "half a li" in "".join(shown(session.store))
    await session.close()


async def test_hostile_sidecars_harm_nobody(tmp_path: Path) -> None:
    folder, _ = await record(tmp_path)
    lines = [
        {"t": "x", "m": -1, "event": "bytes", "offset": -5, "length": 1 << 80},
        {"t": 1e300, "m": 1e300, "event": "bytes", "offset": 1 << 61, "length": 1 << 61, "lease": "probe"},
        {"t": 1, "m": 1, "type": "sent", "by": "nobody", "data": "\x1b[2J"},
        {"t": 1, "m": 1, "type": "note", "derived": True, "evidence": 7, "text": "\x1b[2J\x9b", "offset": 3},
        {"t": 1, "m": 1, "type": "link", "state": "lost", "gap": "no", "reason": 5},
        {"t": 1, "m": 1, "event": "gap", "offset": 0, "length": 1 << 61, "reason": ["x"]},
        {"t": None, "event": "clock", "step": "x"},
    ]
    (folder / SIDECAR).write_text("".join(json.dumps(line) + "\n" for line in lines) + "[" * 100_000)
    session = await replayed(folder)
    assert session.pipeline.demux.offset == (folder / STREAM).stat().st_size
    assert not any("\x1b" in line or "\x9b" in line for line in shown(session.store))
    await session.close()


async def test_the_end_of_a_large_file_is_shown_first_and_all_of_it_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_module, "TAIL_FROM", 1 << 20)
    monkeypatch.setattr(replay_module, "TAIL_BYTES", 100_000)
    path = tmp_path / "board.log"
    path.write_bytes(BOOT + LINE * 50_000 + b"the end\n")
    whole: list[Session] = []
    source = open_source(path)
    first = Replay(source, ReplayWish()).begin(Settings(), whole.append)
    await first.open(request_of(path, source))
    await until(lambda: len(first.store) and first.store.record(len(first.store) - 1).text == "the end")
    assert 100_000 - 100 < path.stat().st_size - first.store.record(0).offset <= 100_000
    await until(lambda: whole)
    [second] = whole
    assert second.store.record(0).text.startswith("ets")
    assert second.store.line_at(first.store.record(5).offset) == len(second.store) - len(first.store) + 5
    await second.close()


def ends_with(session: Session, text: str) -> bool:
    return shown(session.store)[-1] == text


async def test_a_file_that_grows_is_followed_and_what_is_new_has_times(tmp_path: Path) -> None:
    path = tmp_path / "board.log"
    path.write_bytes(b"old\n")
    source = open_source(path, follow=True)
    session = Replay(source, ReplayWish(follow=True)).begin(Settings())
    await session.open(request_of(path, source))
    await until(lambda: len(session.store) == 2)
    for number in range(5):
        with path.open("ab") as file:
            file.write(b"new %d\n" % number)
        await until(partial(ends_with, session, f"new {number}"))
    path.rename(tmp_path / "board.log.1")
    path.write_bytes(b"another\n")
    await until(lambda: shown(session.store)[-1] == "another")
    assert "another file has this name now" in shown(session.store)[-2]
    assert session.store.record(0).time is None
    assert session.store.record(len(session.store) - 1).time is not None
    assert session.store.record(3).text == "new 1"
    await session.close()


async def test_real_time_takes_its_time_and_can_be_hurried(tmp_path: Path) -> None:
    path = tmp_path / "a.cast"
    events = [[float(number), "o", f"line {number}\r\n"] for number in range(1000)]
    path.write_text("".join(json.dumps(line) + "\n" for line in [{"version": 2, "width": 80, "height": 24}, *events]))
    source = open_source(path)
    replay = Replay(source, ReplayWish(speed=20.0))
    session = replay.begin(Settings())
    await session.open(request_of(path, source))
    await until(lambda: len(session.store) >= 3)
    assert len(session.store) < 1000
    replay.set_speed(None)
    await until(lambda: len(session.store) == 1000)
    last = session.store.record(999).time
    assert last is not None
    assert round(last - (session.store.record(0).time or 0.0)) == 999
    await session.close()


async def test_it_is_held_still_skipped_and_played_at_another_speed(tmp_path: Path) -> None:
    path = tmp_path / "a.cast"
    events = [[float(number), "o", f"line {number}\r\n"] for number in range(1000)]
    path.write_text("".join(json.dumps(line) + "\n" for line in [{"version": 2, "width": 80, "height": 24}, *events]))
    source = open_source(path)
    session = Replay(source, ReplayWish(speed=0.125)).begin(Settings())
    await session.open(request_of(path, source))
    pace = session.pace
    assert pace is not None
    await until(lambda: len(session.store) >= 1)
    pace.skip(500.5)
    await until(lambda: len(session.store) > 500)
    assert len(session.store) < 900
    pace.pause(True)
    assert session.status.replay is not None
    assert session.status.replay.paused
    pace.skip(400.0)
    held = len(session.store)
    for _ in range(3):
        await asyncio.sleep(0.05)
    assert len(session.store) <= held + 1  # what it was waiting for already
    pace.set_speed(stepped(256.0, 1))
    assert (pace.speed, pace.paused) == (256.0, False)
    await until(lambda: len(session.store) == 1000)
    await session.close()


def cast(path: Path, texts: Sequence[str]) -> Source:
    """A recording with one of these a second."""
    events = [[float(number), "o", text] for number, text in enumerate(texts)]
    path.write_text("".join(json.dumps(line) + "\n" for line in [{"version": 2, "width": 80, "height": 24}, *events]))
    return open_source(path)


async def test_it_is_played_at_once_to_a_boot_an_event_a_level_or_a_time(tmp_path: Path) -> None:
    texts = [f"I ({number}) app: line {number}\r\n" for number in range(3000)]
    for number in (300, 900, 1500):
        texts[number] = "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
    texts[1800] = "E (1) app: bad\r\n"
    source = cast(tmp_path / "a.cast", texts)
    session = Replay(source, ReplayWish(speed=0.125)).begin(Settings())
    await session.open(request_of(source.path, source))
    pace = session.pace
    assert pace is not None
    await until(lambda: len(session.store) >= 1)
    start = session.store.wall(session.store.record(0).time or 0.0)

    async def reaches(goal: Goal, line: int, boot: int) -> None:
        pace.seek(goal)
        await until(lambda: len(session.store) > line and session.event_log.boot == boot)
        assert len(session.store) <= line + 40, "what a reset was is told by lines that come after it"

    await reaches(Goal(boot=2), 900, 2)
    await reaches(Goal(events=frozenset({"reset"})), 1500, 3)
    await reaches(Goal(level="E"), 1800, 3)
    pace.pause(True)
    await reaches(Goal(wall=start + 2000.5), 2001, 3)
    assert pace.paused
    watch = Watch()
    session.subscribe(watch)
    pace.seek(Goal(boot=9))
    await watch.until(lambda: any(isinstance(it, Notice) and "ends before boot 9" in it.text for it in watch.changes))
    assert len(session.store) == 3000
    await session.close()


async def test_what_is_looked_for_is_changed_on_the_way(tmp_path: Path) -> None:
    source = cast(tmp_path / "a.cast", [f"I ({number}) app: line {number}\r\n" for number in range(2000)])
    session = Replay(source, ReplayWish(speed=0.125)).begin(Settings())
    await session.open(request_of(source.path, source))
    pace = session.pace
    assert pace is not None
    pace.seek(Goal(boot=1))
    pace.seek(Goal(events=frozenset({"panic"})))
    await until(lambda: len(session.store) == 2000)
    await session.close()


def test_speeds_go_in_steps() -> None:
    assert [stepped(1.0, 1), stepped(1.0, -1), stepped(3.0, 1), stepped(0.125, -1)] == [2.0, 0.5, 4.0, 0.125]
    assert stepped(None, -1) == max(SPEEDS)
