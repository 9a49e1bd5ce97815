"""What is claimed to be recorded is what was written, on every disk there is."""

from __future__ import annotations

import errno
import json
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from espmon.session import disk_writer
from espmon.session.clock import SessionClock
from espmon.session.file_system import FileSystem, write_atomically
from espmon.session.recording import Recording, start_recording
from espmon.session.session_folder import SIDECAR, STREAM, new_session_folder, prune_sessions
from espmon.session.settings import Settings
from tests.torture.disks import OPERATIONS, FaultyDisk, SmallDisk, at_call, chunks, error, from_call, gaps_of
from tests.torture.power_cuts import cut_power

LIMIT = 10.0


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.002)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_writer, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(disk_writer, "SYNC_SECONDS", 0.02)
    monkeypatch.setattr(disk_writer, "LOOK_SECONDS", 0.02)


def sidecar_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / SIDECAR).read_text().splitlines() if line]


def check(recording: Recording, sent: bytes) -> int:
    """The file is what was sent less what is said to be missing; returns the bytes missing."""
    stream = recording.folder / STREAM
    kept = stream.read_bytes() if stream.exists() else b""
    missing = recording.unwritten
    assert len(kept) + missing >= len(sent), "bytes are missing that nobody counted"
    whole = bytearray(sent)
    for offset, length in reversed(gaps_of(recording.folder / SIDECAR)):
        del whole[offset : offset + length]
    assert bytes(whole).startswith(kept), "the file is not the stream without the gaps"
    return missing


def record(folder: Path, files: FileSystem, *, count: int = 40) -> tuple[Recording, bytes, list[str]]:
    """Record a stream on a disk."""
    problems: list[str] = []
    recording = Recording(folder, limit=1 << 30, on_problem=problems.append, files=files)
    make, sent = chunks(), bytearray()
    for number in range(count):
        data = make()
        sent += data
        recording.raw(data, "pipeline", float(number))
        recording.event({"event": "state", "number": number}, float(number))
        time.sleep(0.001)
    return recording, bytes(sent), problems


@pytest.mark.parametrize("operation", ["write", "sync", "sync_names", "close"])
@pytest.mark.parametrize("number", [1, 2, 3, 5, 8])
def test_one_failing_call_costs_nothing_that_is_not_counted(operation: str, number: int, tmp_path: Path) -> None:
    folder = new_session_folder(tmp_path, "board", 0.0)
    files = FaultyDisk(at_call(operation, number))
    recording, sent, problems = record(folder, files)
    recording.close(1.0)
    missing = check(recording, sent)
    if files.calls[operation] >= number:
        assert problems
        assert not missing or operation in ("sync", "sync_names")
        assert recording.state.problem == "" or operation == "close" or missing


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_disk_that_fails_from_some_call_on_is_said_and_counted(operation: str, number: int, tmp_path: Path) -> None:
    files = FaultyDisk(from_call(operation, number, errno.ENOSPC))
    problems: list[str] = []
    try:
        recording = start_recording(tmp_path, "board", Settings(), SessionClock(), problems.append, files=files)
    except OSError:
        return  # told to whoever started it
    make, sent = chunks(), bytearray()
    for _ in range(20):
        sent += (data := make())
        recording.raw(data, "pipeline", 0.0)
        time.sleep(0.002)
    complete = recording.close(0.1)
    missing = check(recording, bytes(sent))
    assert complete or missing or recording.state.problem
    assert not missing or problems


def test_a_full_disk_is_waited_for_and_nothing_is_lost(tmp_path: Path) -> None:
    folder = new_session_folder(tmp_path, "board", 0.0)
    files = SmallDisk(10_000)
    recording, sent, problems = record(folder, files)
    until(lambda: recording.state.problem, "a full disk was not noticed")
    assert "the disk is full" in problems[0]
    assert recording.unwritten > 0
    files.room = 1 << 30
    until(lambda: not recording.state.problem, "room was not noticed")
    assert recording.close()
    assert check(recording, sent) == 0
    assert (folder / STREAM).read_bytes() == sent


def test_what_does_not_fit_into_memory_is_a_gap_with_its_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_writer, "MAX_BACKLOG", 5_000)
    folder = new_session_folder(tmp_path, "board", 0.0)
    files = SmallDisk(3_000)
    recording, sent, _ = record(folder, files)
    assert (lost := recording.state.unwritten) > 0
    files.room = 1 << 30
    until(lambda: not recording.state.problem and not recording.state.waiting, "room was not noticed")
    recording.raw(b"again", "pipeline", 99.0)
    recording.close()
    assert check(recording, sent + b"again") == lost
    assert (folder / STREAM).read_bytes().endswith(b"again")
    assert sum(event["length"] for event in sidecar_of(folder) if event["event"] == "gap") == lost
    assert sidecar_of(folder)[-1]["unwritten"] == lost


def test_a_disk_that_stays_full_is_given_up_and_the_sidecar_says_how_much_is_missing(tmp_path: Path) -> None:
    folder = new_session_folder(tmp_path, "board", 0.0)
    files = SmallDisk(8_000)
    recording, sent, _ = record(folder, files)
    begin = time.monotonic()
    files.room = 200  # the last block has room for one more line
    assert not recording.close(0.1)
    assert time.monotonic() - begin < LIMIT
    assert check(recording, sent) > 0


def test_a_slow_disk_is_behind_and_then_has_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_writer, "BEHIND_BYTES", 10_000)
    folder = new_session_folder(tmp_path, "board", 0.0)
    recording, sent, _ = record(folder, FaultyDisk(delay=0.01, cut=500))
    assert recording.behind
    assert recording.close(1.0)
    assert check(recording, sent) == 0


def test_a_disk_that_hangs_does_not_keep_anybody(tmp_path: Path) -> None:
    folder = new_session_folder(tmp_path, "board", 0.0)
    release = threading.Event()

    class Hanging(FaultyDisk):
        def write(self, descriptor: int, data: bytes | memoryview) -> int:
            release.wait(LIMIT)
            return super().write(descriptor, data)

    recording, sent, _ = record(folder, Hanging())
    begin = time.monotonic()
    assert not recording.close(0.2)
    assert time.monotonic() - begin < LIMIT / 2
    assert recording.unwritten == len(sent)
    release.set()


def test_a_folder_that_somebody_removes_is_made_again_and_its_loss_is_counted(tmp_path: Path) -> None:
    folder = new_session_folder(tmp_path, "board", 0.0)
    recording, sent, problems = record(folder, FileSystem())
    until(lambda: not recording.state.waiting, "not written")
    shutil.rmtree(folder)
    until(lambda: recording.state.unwritten == len(sent), "the removal was not noticed")
    assert "the folder is gone" in problems[0]
    recording.raw(b"after", "pipeline", 50.0)
    recording.close()
    assert (folder / STREAM).read_bytes() == b"after"
    assert recording.unwritten == len(sent)


def test_the_disk_is_waited_for_rarely_and_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_writer, "SYNC_SECONDS", 3600.0)
    folder = new_session_folder(tmp_path, "board", 0.0)
    files = FaultyDisk()
    recording, sent, _ = record(folder, files)
    until(lambda: not recording.state.waiting, "not written")
    assert files.calls["sync"] <= 2, "more than the first one of each file"
    assert recording.close()
    assert files.calls["sync"] in (2, 3, 4)
    assert check(recording, sent) == 0


def test_a_session_that_is_written_is_never_removed(tmp_path: Path) -> None:
    running = [
        start_recording(tmp_path, f"board{number}", Settings(), SessionClock(), pytest.fail) for number in range(3)
    ]
    mine = tmp_path / "20200101-000000-mine"
    (mine / "notes").mkdir(parents=True)
    copied = tmp_path / "20200101-000000-copy"
    shutil.copytree(running[0].folder, copied)
    closed = new_session_folder(tmp_path, "old", 0.0)
    assert prune_sessions(tmp_path, keep=1, limit=1, spare=running[0].folder) == [closed]
    for recording in running:
        recording.raw(b"still here", "pipeline", 0.0)
        assert recording.close()
        assert (recording.folder / STREAM).read_bytes() == b"still here"
    assert mine.is_dir()
    assert copied.is_dir()


def test_artifacts_count_as_size(tmp_path: Path) -> None:
    old, new = (new_session_folder(tmp_path, name, when) for name, when in (("old", 0.0), ("new", 1e6)))
    (old / "0000000000-png.png").write_bytes(bytes(10_000))
    assert prune_sessions(tmp_path, keep=100, limit=20_000, spare=new) == []
    (new / "0000000000-coredump.coredump.bin").write_bytes(bytes(15_000))
    assert prune_sessions(tmp_path, keep=100, limit=20_000, spare=new) == [old]


def test_artifacts_end_where_the_recording_s_limit_is(tmp_path: Path) -> None:
    recording = Recording(tmp_path, limit=1000, on_problem=pytest.fail)
    recording.raw(bytes(400), "pipeline", 0.0)
    assert recording.room_for(500)
    assert not recording.room_for(500)
    recording.close()


@pytest.mark.parametrize("operation", ["open_temporary", "write", "sync", "close", "rename"])
def test_a_file_is_written_whole_or_not_at_all(operation: str, tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    write_atomically(path, b"old")
    with pytest.raises(OSError, match=error(errno.ENOSPC).strerror):
        write_atomically(path, b"new", FaultyDisk(at_call(operation, 1, errno.ENOSPC)))
    assert [file.name for file in tmp_path.iterdir()] == ["report.txt"]
    assert path.read_bytes() == b"old"


def test_a_power_cut_takes_what_was_not_synced_and_nothing_else(tmp_path: Path) -> None:
    for number, delay in enumerate((0.0, 0.05, 0.2)):
        assert cut_power(tmp_path / str(number), delay).faults == []
