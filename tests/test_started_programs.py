"""Programs of the user's system: started by their absolute path alone, and ended with what they start."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from espmon import programs
from espmon.regular_file import open_regular, read_regular
from espmon.text import counted, plain

PYTHON = sys.executable


@pytest.mark.parametrize(
    "start",
    [
        lambda words: programs.start_beside(words),
        lambda words: programs.start(words),
        lambda words: programs.start_reading(words, Path(), {}),
        lambda words: programs.output_of(words, 1),
        lambda words: programs.result_of(words, 1),
    ],
)
@pytest.mark.parametrize("words", [[], ["ls"], ["./ls"]])
def test_only_an_absolute_path_is_started(start: Callable[[Sequence[str]], object], words: list[str]) -> None:
    with pytest.raises(ValueError, match="no absolute path"):
        start(words)


def test_a_program_beside_leaves_its_mark_and_no_child(tmp_path: Path) -> None:
    program = programs.start_beside([PYTHON, "-c", f"open({str(tmp_path / 'mark')!r}, 'w')"])
    assert program.wait(30) == 0
    assert (tmp_path / "mark").exists()


def test_a_started_program_has_nothing_to_read() -> None:
    assert programs.start([PYTHON, "-c", "import sys; sys.exit(len(sys.stdin.read()))"]).wait(30) == 0


def test_what_a_program_prints_is_read_and_it_runs_where_it_was_told(tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd(), os.environ['X'], flush=True); print('odd', file=sys.stderr)"
    program = programs.start_reading([PYTHON, "-c", code], tmp_path, {**os.environ, "X": "set"})
    assert program.stdout is not None
    with program.stdout:
        assert program.stdout.read().decode().split() == [str(tmp_path.resolve()), "set", "odd"]
    assert program.wait(30) == 0


@pytest.mark.parametrize("ignores", [False, True], ids=["polite", "stubborn"])
def test_a_program_is_ended_with_what_it_has_started(ignores: bool, tmp_path: Path) -> None:
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN);" if ignores else ""
    sleeping = f"import signal, time; {ignore} print('up', flush=True); time.sleep(600)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {sleeping!r}])"
    program = programs.start_reading([PYTHON, "-c", code], tmp_path, dict(os.environ))
    assert program.stdout is not None
    with program.stdout:
        assert program.stdout.readline() == b"up\n"
        programs.end_with_children(program, 0.1)
        assert program.stdout.read() == b"", "somebody still holds the pipe"
    assert program.returncode is not None


def test_output_and_errors_are_together_or_apart() -> None:
    command = [PYTHON, "-c", "import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(3)"]
    assert programs.output_of(command, 30)[0] == 3
    assert programs.output_of(command, 30)[1].split() == [b"out", b"err"]
    assert programs.result_of(command, 30) == (3, b"out" + os.linesep.encode(), b"err" + os.linesep.encode())


def test_a_program_that_takes_too_long_is_ended() -> None:
    with pytest.raises(TimeoutError, match=r"longer than 0\.1 seconds"):
        programs.output_of([PYTHON, "-c", "import time; time.sleep(600)"], 0.1)


def test_files_behind_the_options_are_no_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert programs.command_line("/bin/ls", ["-l"], ["-x"]) == ["/bin/ls", "-l", "--", str(tmp_path / "-x")]
    with pytest.raises(ValueError, match="no absolute path"):
        programs.command_line("ls", [], [])


def test_only_regular_files_are_read_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"four")
    assert read_regular(tmp_path / "x", 4) == b"four"
    with pytest.raises(OSError, match="larger than 3 bytes"):
        read_regular(tmp_path / "x", 3)
    for path in (tmp_path, tmp_path / "\0"):
        with pytest.raises(OSError, match=r"not a regular file|null"):
            open_regular(path)


def test_texts_for_people() -> None:
    assert (counted(1, "line"), counted(1234, "line")) == ("1 line", "1,234 lines")
    assert "\x1b" not in plain("\x1b[31mred\x1b[0m\x07")
