"""What all commands share: exit codes, cleaned lines, tracebacks only with --debug."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import NoReturn

import pytest

from espmon.cli.command_runner import Exit, clean, command_parser, fail, run_command
from espmon.port import PortError, PortErrorKind


def run(command: Callable[[argparse.Namespace], int], *words: str) -> int:
    return run_command(command_parser("test", "For tests."), words, command, {LookupError: 4})


def raising(error: BaseException) -> Callable[[argparse.Namespace], int]:
    def command(options: argparse.Namespace) -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PortError(PortErrorKind.BUSY, "in use"), Exit.PORT),
        (LookupError("no chip"), Exit.CHIP),
        (FileNotFoundError(2, "No such file", "x.elf"), Exit.FAILED),
        (ZeroDivisionError("bug"), Exit.FAILED),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
    ],
)
def test_every_failure_is_an_exit_code_and_no_traceback(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(raising(error)) == code
    assert "Traceback" not in capsys.readouterr().err


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(raising(ZeroDivisionError("bug")), "--debug") == Exit.FAILED
    assert "Traceback" in capsys.readouterr().err


def test_a_command_ends_with_its_own_code_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def command(options: argparse.Namespace) -> int:
        fail(Exit.LIMIT, "too\nlong\x1b[2J")

    assert run(command) == Exit.LIMIT
    assert capsys.readouterr().err == "espmon: too␊long␛[2J\n"


def test_help_is_no_failure_and_a_wrong_word_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda options: 0, "--help") == Exit.DONE
    assert run(lambda options: 0, "--nonsense") == Exit.USAGE
    assert "--nonsense" in capsys.readouterr().err


def test_cleaned_text_is_short_printable_and_on_one_line() -> None:
    assert clean("plain é ✓") == "plain é ✓"
    assert clean("a\x1b]0;x\x07\x9b\u2028\ud800").isprintable()
    assert len(clean("x" * 5000)) == 300


@pytest.mark.parametrize("limit", [7, 16, 300])
def test_what_is_too_long_keeps_its_start_and_its_end(limit: int) -> None:
    shown = clean("start \x1b " + "/a long folder" * 60 + "/file \x1b: no such file", limit)
    assert len(shown) == limit
    assert "start".startswith(shown.split("…")[0][:5])
    assert "no such file".endswith(shown.split("…")[1][-12:])
    assert shown.isprintable()


@pytest.mark.parametrize(("columns", "wide"), [("60", 58), ("0", 78), ("many", 78)])
def test_help_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: str, wide: int) -> None:
    def no_terminal(*descriptor: int) -> NoReturn:
        raise OSError("not a terminal")

    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(os, "get_terminal_size", no_terminal)
    parser = command_parser("x", "word " * 100)
    lines = parser.format_help().splitlines()
    assert wide - 5 <= max(map(len, lines)) <= wide
