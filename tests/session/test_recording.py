"""What is received is on disk, whole, soon, and under names that the device did not choose."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from espmon.records.record import Record
from espmon.session import disk_writer
from espmon.session.artifact_files import artifact_name
from espmon.session.clock import SessionClock
from espmon.session.file_system import FileSystem, write_atomically
from espmon.session.recording import Recording
from espmon.session.session_folder import STREAM, new_session_folder, prune_sessions, safe_name


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def still() -> SessionClock:
    """Times are what they are given as."""
    return SessionClock(lambda: 0.0, lambda: 0.0)


def test_the_raw_file_holds_every_byte_in_order(tmp_path: Path) -> None:
    recording = Recording(tmp_path, limit=1 << 20, on_problem=pytest.fail)
    parts = [bytes([value]) * (value + 1) for value in range(200)]
    for number, part in enumerate(parts):
        recording.raw(part, "pipeline", float(number))
    recording.close()
    assert (tmp_path / "stream.bin").read_bytes() == b"".join(parts)


def test_the_sidecar_says_when_bytes_came_and_whose_they_were(tmp_path: Path) -> None:
    recording = Recording(tmp_path, limit=1 << 20, on_problem=pytest.fail, clock=still())
    recording.raw(b"log", "pipeline", 1.0)
    recording.raw(b"\xc0\xc0", "probe", 2.0)
    recording.close()
    assert lines_of(tmp_path / "events.jsonl") == [
        {"t": 1.0, "m": 1.0, "event": "bytes", "offset": 0, "length": 3, "lease": "pipeline"},
        {"t": 2.0, "m": 2.0, "event": "bytes", "offset": 3, "length": 2, "lease": "probe"},
    ]


def test_reaching_the_limit_is_said_once_and_stops_the_recording(tmp_path: Path) -> None:
    problems: list[str] = []
    recording = Recording(tmp_path, limit=10, on_problem=problems.append)
    for _ in range(5):
        recording.raw(b"12345678", "pipeline", 0.0)
    recording.close()
    assert (tmp_path / "stream.bin").read_bytes() == b"12345678"
    assert len(problems) == 1
    assert "limit" in problems[0]


def test_a_text_log_can_be_started_and_stopped_while_recording(tmp_path: Path) -> None:
    recording = Recording(tmp_path, limit=1 << 20, on_problem=pytest.fail)
    recording.log_text(b"before\n")
    recording.start_log(tmp_path / "mine.log")
    recording.log_text(b"during\n")
    recording.stop_log()
    recording.log_text(b"after\n")
    recording.close()
    assert (tmp_path / "mine.log").read_bytes() == b"during\n"


def test_two_sessions_in_one_second_get_two_folders(tmp_path: Path) -> None:
    first = new_session_folder(tmp_path, "ttyUSB0", 1_700_000_000.0)
    second = new_session_folder(tmp_path, "ttyUSB0", 1_700_000_000.0)
    assert first != second
    assert first.is_dir()
    assert second.is_dir()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="this system's files have no modes")
def test_nobody_else_can_read_a_session(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = new_session_folder(tmp_path / "sessions", "ttyUSB0", 0.0)
        recording = Recording(folder, limit=1 << 20, on_problem=pytest.fail)
        recording.raw(b"password: hunter2", "pipeline", 0.0)
        recording.close()
        write_atomically(folder / "a.png", b"data")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in [folder.parent, folder, *folder.iterdir()]}
    assert {name: f"{mode:o}" for name, mode in modes.items()} == {
        "sessions": "700",
        folder.name: "700",
        "stream.bin": "600",
        "events.jsonl": "600",
        "index.jsonl": "600",
        "a.png": "600",
    }


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b\\c", "\x1b]0;x\x07", "", "...", "x" * 500])
def test_no_name_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    folder = new_session_folder(tmp_path, name, 0.0)
    assert folder.parent == tmp_path
    assert len(safe_name(name)) <= 40


def test_the_oldest_sessions_go_first_and_the_running_one_stays(tmp_path: Path) -> None:
    folders = [new_session_folder(tmp_path, f"s{number}", number * 1e6) for number in range(5)]
    for folder in folders:
        (folder / "stream.bin").write_bytes(b"x" * 100)
    removed = prune_sessions(tmp_path, keep=3, limit=1 << 20, spare=folders[0])
    assert folders[0].exists()
    assert set(removed) == {folders[1], folders[2]}


def test_an_atomic_write_leaves_no_temporary_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.png", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"data"


class Named(Record):
    __slots__ = ("complete", "kind", "name")

    def __init__(self, name: str, kind: str = "file", complete: bool = True) -> None:
        super().__init__(7, 1)
        self.name = name
        self.kind = kind
        self.complete = complete


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("report.csv", "0000000007-file-report.csv"),
        ("../../.bashrc", "0000000007-file-session.bashrc"),
        ("C:\\x\\y.txt", "0000000007-file-y.txt"),
        ("a.b/../../c", "0000000007-file-c.bin"),
        ("x.sh; rm -rf", "0000000007-file-x.bin"),
    ],
)
def test_a_device_chosen_name_is_only_a_label(name: str, expected: str) -> None:
    assert artifact_name(Named(name)) == expected


def test_an_incomplete_payload_is_named_partial() -> None:
    assert artifact_name(Named("", "json", complete=False)) == "0000000007-json.partial.json"


class FullDisk(FileSystem):
    """A disk with no room for the raw bytes; the log is on another."""

    def __init__(self) -> None:
        self._full: set[int] = set()

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        descriptor = super().open(path, flags, mode)
        if path.name == STREAM:
            self._full.add(descriptor)
        return descriptor

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        if descriptor in self._full:
            raise OSError(28, "No space left on device")
        return super().write(descriptor, data)


def test_a_log_on_another_disk_goes_on_when_the_recording_s_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_writer, "MAX_BACKLOG", 1000)
    told = threading.Event()
    record = Recording(tmp_path, limit=10_000, on_problem=lambda text: told.set(), files=FullDisk())
    record.start_log(tmp_path / "log.txt")
    record.raw(b"x" * 600, "flash", 0.0)
    assert told.wait(10.0)
    record.log_text(b"y" * 600)
    record.close(0.1)
    assert (tmp_path / "log.txt").read_bytes() == b"y" * 600


def test_files_that_another_espmon_removes_meanwhile_count_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(path: str) -> os.stat_result:
        raise FileNotFoundError(path)

    for name in ("a", "b"):
        (new_session_folder(tmp_path, name, 0.0) / "stream.bin").write_bytes(bytes(10))
    monkeypatch.setattr(os, "lstat", gone)
    assert prune_sessions(tmp_path, keep=5, limit=1, spare=tmp_path / "none") == []


def test_a_log_file_is_rotated_by_its_size_between_lines(tmp_path: Path) -> None:
    path = tmp_path / "mine.log"
    path.write_bytes(b"there before\n" * 5)
    recording = Recording(tmp_path, limit=1 << 20, on_problem=pytest.fail)
    recording.start_log(path, 100, 2)
    for number in range(12):
        recording.log_text(b"a line of thirty bytes: %05d\n" % number)
        waited = recording._log
        assert waited is not None
        while waited.waiting:
            threading.Event().wait(0.001)
    recording.close()
    files = [tmp_path / name for name in ("mine.log.2", "mine.log.1", "mine.log")]
    assert all(0 < file.stat().st_size <= 100 for file in files)
    lines = b"".join(file.read_bytes() for file in files).splitlines()
    assert lines == [b"a line of thirty bytes: %05d" % number for number in range(12 - len(lines), 12)]
    assert not (tmp_path / "mine.log.3").exists()


def test_a_log_file_that_keeps_none_begins_anew(tmp_path: Path) -> None:
    recording = Recording(tmp_path, limit=1 << 20, on_problem=pytest.fail)
    recording.start_log(tmp_path / "mine.log", 50, 0)
    for number in range(3):
        recording.log_text(b"a line of thirty bytes: %05d\n" % number)
        while recording._log is not None and recording._log.waiting:
            threading.Event().wait(0.001)
    recording.close()
    assert (tmp_path / "mine.log").read_bytes() == b"a line of thirty bytes: 00002\n"
    assert not list(tmp_path.glob("mine.log.*"))


class Unmoved(FileSystem):
    """A disk on which nothing is renamed while it is open."""

    def rename(self, old: Path, new: Path) -> None:
        raise PermissionError(13, "in use")


def test_a_log_file_that_cannot_be_renamed_grows(tmp_path: Path) -> None:
    recording = Recording(tmp_path, limit=1 << 20, on_problem=pytest.fail, files=Unmoved())
    recording.start_log(tmp_path / "mine.log", 50, 2)
    for number in range(5):
        recording.log_text(b"a line of thirty bytes: %05d\n" % number)
        while recording._log is not None and recording._log.waiting:
            threading.Event().wait(0.001)
    recording.close()
    assert (tmp_path / "mine.log").read_bytes().count(b"\n") == 5
