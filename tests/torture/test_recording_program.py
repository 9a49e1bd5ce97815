"""The program says what it records, and records what it says."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.torture.window import LIMIT, PtyBoard, Window

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals and POSIX limits"),
]

MAX_FILE = 20_000


def small_files() -> None:
    """As `ulimit -f` does it."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE, MAX_FILE))


@contextmanager
def windows(folder: Path, count: int = 1, limited: bool = False) -> Iterator[list[tuple[Window, PtyBoard]]]:
    """Instances of the program that share a data folder, each on a board of its own."""
    made: list[tuple[Window, PtyBoard]] = []
    try:
        for _ in range(count):
            board = PtyBoard()
            before = small_files if limited else (lambda: None)
            made.append((Window(folder, [board.path], before_start=before), board))
            made[-1][0].shows(b"rec")
        yield made
    finally:
        for window, board in made:
            window.end()
            board.close()


def test_a_file_that_may_not_grow_is_said_and_leaving_counts_what_is_missing(tmp_path: Path) -> None:
    with windows(tmp_path, limited=True) as [(window, board)]:
        line = b"I (1) app: a line of the board that fills the file\r\n"
        for _ in range(60):
            board.send(line * 10)
        window.shows("✗ not recorded".encode())
        window.type(b"\x1d")
        window.shows(b"Leaving")
        assert window.ended(LIMIT) == 1
        window.shows(b"could not be recorded")
        folder = window.session_folder()
        recorded = (folder / "stream.bin").read_bytes()
        assert recorded == (line * 600)[:MAX_FILE]
        assert window.sidecar()[-1]["unwritten"] == 600 * len(line) - MAX_FILE


def test_the_second_quit_does_not_wait(tmp_path: Path) -> None:
    with windows(tmp_path, limited=True) as [(window, board)]:
        for _ in range(60):
            board.send(b"x" * 500 + b"\n")
        window.shows("✗ not recorded".encode())
        window.type(b"\x1d")
        window.shows(b"Leaving")
        window.type(b"\x1d")
        assert window.ended(2.0) == 1


def test_a_folder_that_is_removed_is_made_again(tmp_path: Path) -> None:
    with windows(tmp_path) as [(window, board)]:
        board.send(b"before\n")
        window.until(lambda: window.recorded() == b"before\n", "the recording")
        shutil.rmtree(window.session_folder())
        window.until(lambda: any(window.data.rglob("stream.bin")), "the folder again")
        board.send(b"after\n")
        window.until(lambda: window.recorded() == b"after\n", "what came after")
        window.shows(b"7 B missing")
        window.type(b"\x1d")
        assert window.ended(LIMIT) == 1
        window.shows(b"7 bytes of this session could not be recorded")


def test_another_start_leaves_the_running_ones_alone(tmp_path: Path) -> None:
    (tmp_path / "config" / "espmon").mkdir(parents=True)
    (tmp_path / "config" / "espmon" / "config.toml").write_text("sessions_kept = 2\n")
    with windows(tmp_path, 4) as made:
        for number, (window, board) in enumerate(made):
            board.send(b"board %d\n" % number)
            window.shows(b"board %d" % number)
        for window, _ in made:
            window.type(b"\x1d")
            assert window.ended(LIMIT) == 0
            window.shows(b"Recorded in")
        streams = sorted(path.read_bytes() for path in (tmp_path / "data").rglob("stream.bin"))
        assert streams == [b"board %d\n" % number for number in range(4)]


def test_a_place_where_nothing_can_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    board = PtyBoard()
    window = Window(tmp_path, [board.path])
    try:
        window.shows(b"not recorded")
        board.send(b"hello\n")
        window.shows(b"hello")
        window.type(b"\x1d")
        assert window.ended(LIMIT) == 1
        window.shows(b"6 bytes of this session could not be recorded")
        assert b"Recorded in" not in window.seen
    finally:
        window.end()
        board.close()
