"""Log files of other tools: told by what is in them, whole, damaged, and growing."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from espmon.session.replay import unpacked_files
from espmon.session.replay.moment import Moment, SourceError
from espmon.session.replay.opened_source import open_source
from espmon.session.replay.plain_file import PlainFile


def read(path: Path) -> tuple[str, bytes, list[Moment]]:
    """Kind, bytes and moments of a file."""
    source = open_source(path)
    try:
        moments = list(source.moments())
    finally:
        source.close()
    return source.kind, b"".join(moment.data for moment in moments), moments


def remarks(moments: list[Moment]) -> list[str]:
    return [str(moment.event["text"]) for moment in moments if moment.event is not None]


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"I (1) boot: hello\n", "log file"),
        (b'Script started on 2026-01-01 10:00:00+00:00 [TERM="xterm"]\n', "script"),
        (b"=~=~=~=~=~=~=~=~=~=~=~= PuTTY log 2026.01.01 10:00:00 =~=~=~=~=~=~=~=~=~=~=~=\r\n", "PuTTY log"),
        (b'{"json": "log"}\n', "log file"),
        (b"", "log file"),
    ],
)
def test_every_byte_of_a_plain_file_is_log(tmp_path: Path, head: bytes, kind: str) -> None:
    path = tmp_path / "any.name"
    path.write_bytes(head + b"\x00\xff rest\r\n")
    assert read(path)[:2] == (kind, head + b"\x00\xff rest\r\n")


def test_gzip_of_several_parts_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n" * 100_000) + b"\0" * 512)
    assert read(path)[:2] == ("gzip", b"one\n" + b"two\n" * 100_000)


def test_a_gzip_file_that_is_cut_gives_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(os.urandom(1000) + b"line\n" * 10_000)[:1100])
    _, data, moments = read(path)
    assert len(data) >= 1000
    assert remarks(moments) == ["the gzip file is cut off: the rest is missing"]
    path.write_bytes(gzip.compress(b"x" * 100)[:-20] + b"garbage!" * 4)
    assert "damaged" in remarks(read(path)[2])[0]


def test_a_gzip_bomb_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked_files, "MAX_UNPACKED", 1 << 20)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"\0" * (8 << 20)))
    with pytest.raises(SourceError, match="more than 1,048,576 bytes"):
        read(path)


def cast(version: int, events: list[object], **head: object) -> bytes:
    lines = [{"version": version, "width": 80, "height": 24, **head}, *events]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def test_recordings_of_asciinema_give_what_was_printed_and_when(tmp_path: Path) -> None:
    path = tmp_path / "a.cast"
    path.write_bytes(cast(2, [[0.5, "o", "one\r\n"], [0.7, "i", "typed"], [2.0, "o", "zwö\r\n"]], timestamp=1000))
    kind, data, moments = read(path)
    assert (kind, data) == ("asciinema", "one\r\nzwö\r\n".encode())
    assert [moment.m for moment in moments if moment.data] == [0.5, 2.0]
    assert moments[0].wall == 1000.0


def test_the_times_of_the_third_version_are_distances(tmp_path: Path) -> None:
    path = tmp_path / "a.cast"
    path.write_bytes(cast(3, [[0.5, "o", "a"], [0.5, "o", "b"], [-4, "o", "c"], ["x", "o", "d"]]))
    assert [moment.m for moment in read(path)[2] if moment.data] == [0.5, 1.0, 1.0, 1.0]


def test_the_first_version_and_damaged_lines_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"version": 1, "width": 80, "height": 24, "stdout": [[0.1, "a"], [0.2, "b"], 7]}))
    assert read(path)[1] == b"ab"
    path.write_bytes(cast(2, [[0.5, "o", "one"]]) + b'[0.7, "o", "tw')
    _, data, moments = read(path)
    assert data == b"one"
    assert remarks(moments) == ["a line of the recording is damaged"]


def test_a_file_is_followed_over_growth_rotation_and_truncation(tmp_path: Path) -> None:
    path = tmp_path / "board.log"
    path.write_bytes(b"one\n")
    source = PlainFile(path, follow=True)
    moments = source.moments()
    got: list[bytes] = []

    def until_idle() -> bytes:
        got.clear()
        for moment in moments:
            if not moment.data and moment.event is None:
                return b"".join(got)
            got.append(moment.data)
        raise AssertionError("it ended")

    assert until_idle() == b"one\n"
    with path.open("ab") as file:
        file.write(b"two\n")
    assert until_idle() == b"two\n"
    with path.open("ab") as file:
        file.write(b"last\n")
    path.rename(tmp_path / "board.log.1")
    assert until_idle() == b"last\n"  # the new one is still to come
    path.write_bytes(b"new\n")
    assert until_idle() == b"new\n"
    path.write_bytes(b"x\n")
    assert until_idle() == b"x\n"
    assert source.backing.read_at(4, 4) == b"two\n"
    source.close()


@pytest.mark.parametrize("name", ["missing", "folder", "pipe"])
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    if name == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("this system has no named pipes")
        os.mkfifo(tmp_path / name)
    with pytest.raises(SourceError):
        open_source(tmp_path / name)


def test_only_plain_files_are_followed(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(b"x"))
    with pytest.raises(SourceError, match="cannot be followed"):
        open_source(path, follow=True)


SCRIPT = b'Script started on 2026-01-01 10:00:00+00:00 [TERM="xterm"]\n'


@pytest.mark.parametrize(
    ("name", "timing"),
    [
        ("board.timing", b"0.5 4\n1.25 10\n"),
        ("board.log.timing", b"H 0.0 SHELL /bin/sh\nO 0.5 4\nI 0.25 3\nS 0.0 SIGWINCH\nO 1.0 10\nH 0.0 EXIT_CODE 0\n"),
    ],
)
def test_a_typescript_with_its_times_has_them(tmp_path: Path, name: str, timing: bytes) -> None:
    path = tmp_path / "board.log"
    path.write_bytes(SCRIPT + b"one\nsecond two\nScript done\n")
    (tmp_path / name).write_bytes(timing)
    kind, data, moments = read(path)
    assert (kind, data) == ("script, timed", path.read_bytes())
    times = [(moment.m, moment.data) for moment in moments if moment.data]
    assert times == [(0.0, SCRIPT), (0.5, b"one\n"), (1.75, b"second two"), (1.75, b"\nScript done\n")]
    assert moments[0].wall == 1767261600.0


@pytest.mark.parametrize("timing", [b"", b"\xff\0nonsense\n" * 9, b"1e9 4\n-1 4\nnan 4\n", b"0.1 999999999\n", b"0.1"])
def test_times_that_mean_nothing_cost_no_bytes(tmp_path: Path, timing: bytes) -> None:
    path = tmp_path / "typescript"
    path.write_bytes(SCRIPT + b"one\n")
    (tmp_path / "typescript.timing").write_bytes(timing)
    assert read(path)[1] == SCRIPT + b"one\n"
    (tmp_path / "typescript.timing").unlink()
    (tmp_path / "typescript.timing").mkdir()
    assert read(path)[0] == "script"
