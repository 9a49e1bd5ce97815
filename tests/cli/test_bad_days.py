"""No terminal, a reader that leaves, a full disk, closed standard streams: an exit code, a sentence, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from espmon.sim import BoardThread, SimulatedBoard
from espmon.sim.firmware_image import TCB_BYTES, Image
from espmon.sim.simulated_dump import pieces

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")

SECONDS = 90.0
PROGRAM = (sys.executable, "-m", "espmon")
PRINTING = {
    "screenshot": ["screenshot", "{port}", "-o", "-", "--timeout", "60"],
    "coredump": ["coredump", "d.bin", "--json"],
    "coredump --port": ["coredump", "--port", "{port}", "--yes"],
    "decode": ["decode", "capture.log"],
    "decode --json": ["decode", "capture.log", "--json"],
    "run --script": ["run", "{port}", "--script", "script.txt", "--timeout", "60"],
}
"""Command lines that print something, by a name for the test."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bad-days")
    image = Image()
    (path / "d.bin").write_bytes(b"".join(pieces(image.snapshot("panic"), image.sha256, 5, TCB_BYTES)))
    (path / "capture.log").write_bytes(b"I (1) app: a line of the log\n" * 20_000)
    (path / "script.txt").write_text("send help\nexpect null pointer\n")
    return path


@pytest.fixture
def board() -> Iterator[BoardThread]:
    """A board that runs, with a core dump in its flash."""
    image = Image()
    with BoardThread(lambda: SimulatedBoard("esp32c3", "quiet")) as server:
        server.board.keep_dump(b"".join(pieces(image.snapshot("panic"), image.sha256, 5, TCB_BYTES)))
        yield server


@contextmanager
def output_to(where: str) -> Iterator[int]:
    """A standard output: a full disk, or a pipe that nobody reads."""
    if where == "full":
        with open("/dev/full", "wb") as full:
            yield full.fileno()
        return
    reading, writing = os.pipe()
    os.close(reading)
    try:
        yield writing
    finally:
        os.close(writing)


def run(words: list[str], board: BoardThread, folder: Path, stdout: int, *shell: str) -> tuple[int, str]:
    line = [word.replace("{port}", board.url) for word in words]
    environment = {
        **os.environ,
        "TERM": "dumb",
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    result = subprocess.run(
        [*shell, *PROGRAM, *line], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, cwd=folder,
        env=environment, timeout=SECONDS, check=False, text=True,
    )  # fmt: skip
    return result.returncode, result.stderr


@pytest.mark.parametrize("name", ["decode --json", "coredump --port", "run --script"])
def test_a_reader_that_left_is_no_failure(name: str, board: BoardThread, folder: Path) -> None:
    with output_to("nobody") as stdout:
        code, error = run(PRINTING[name], board, folder, stdout)
    assert code == 0, error
    assert "Traceback" not in error
    assert "roken" not in error


@pytest.mark.parametrize("name", ["screenshot", "coredump", "decode", "decode --json", "run --script"])
def test_a_full_disk_is_one_sentence_and_1(name: str, board: BoardThread, folder: Path) -> None:
    with output_to("full") as stdout:
        code, error = run(PRINTING[name], board, folder, stdout)
    assert code == 1, error
    assert "No space left on device" in error.splitlines()[-1]
    assert "Traceback" not in error
    assert "Exception ignored" not in error


def test_a_failure_that_cannot_be_printed_in_json_keeps_its_code(board: BoardThread, folder: Path) -> None:
    with output_to("full") as stdout:
        code, error = run(["selftest", "/dev/nonexistent", "--yes", "--json"], board, folder, stdout)
    assert code == 3
    assert error.splitlines()[-1].startswith("espmon: ")
    assert "Traceback" not in error


@pytest.mark.parametrize("name", ["screenshot", "coredump --port", "run --script"])
def test_closed_standard_streams_do_not_matter(name: str, board: BoardThread, folder: Path) -> None:
    closed = ("/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")
    code, _ = run(PRINTING[name], board, folder, subprocess.DEVNULL, *closed)
    assert code == 0


def test_a_dumb_terminal_and_a_full_error_output_are_enough(board: BoardThread, folder: Path) -> None:
    line = [word.replace("{port}", board.url) for word in PRINTING["coredump --port"]]
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [*PROGRAM, *line], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=full, cwd=folder,
            env={**os.environ, "TERM": "dumb"}, timeout=SECONDS, check=False,
        )  # fmt: skip
    assert result.returncode == 0
    assert b"core dump report" in result.stdout
