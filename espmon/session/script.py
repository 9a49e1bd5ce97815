"""Scripts for a run: the commands of idf.py monitor's scripts with their meaning, and espmon's own. Sans-IO.

A line is a command and, behind one space, its argument. Empty lines and lines that begin with # are left out. The whole
script is read before anything runs, so that a mistake in its last line touches no board.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from espmon.text import plain
from espmon.user_pattern import PatternError, UserPattern

MAX_SCRIPT_BYTES = 1 << 20
"""Largest script that is read."""

MAX_PROBLEMS = 20
"""Mistakes that are named."""

MAX_QUOTED = 80
"""Characters of a line that a mistake quotes."""

TIMEOUT = "--timeout"


class Consent(StrEnum):
    """What a command does to the board, for the question before it."""

    NOTHING = ""
    RESETS = "resets the board"
    WRITES = "writes its flash"


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a script."""

    line: int
    """Number of its line, from 1."""

    command: str
    text: str = ""
    """The argument as it is written."""

    pattern: UserPattern | None = None
    """`expect`: what is waited for."""

    seconds: float | None = None
    """`sleep`: how long; `expect`: how long at most, None without a limit."""

    @property
    def path(self) -> Path | None:
        """The argument as a file or folder, None where it is left out."""
        return Path(self.text).expanduser() if self.text else None

    @property
    def consent(self) -> Consent:
        """What it does to the board."""
        return COMMANDS[self.command].consent

    def __str__(self) -> str:
        return f"{self.command} {self.text}" if self.text else self.command


class ScriptError(Exception):
    """A script that cannot be run.

    Attributes:
        problems: one line a mistake, `FILE:LINE: what is wrong`.
    """

    def __init__(self, problems: list[str]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(problems[0] + more)
        self.problems = problems


class _Mistake(ValueError):
    """What is wrong with one line."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that scripts know."""

    help: str
    read: Callable[[int, str, str], Step]
    """(line, command, argument) -> the step. Raises `_Mistake`."""

    consent: Consent = Consent.NOTHING


def _alone(line: int, command: str, text: str) -> Step:
    if text.strip():
        raise _Mistake(f"{command} takes nothing behind it")
    return Step(line, command)


def _with_path(line: int, command: str, text: str) -> Step:
    return Step(line, command, text.strip())


def _with_text(line: int, command: str, text: str) -> Step:
    return Step(line, command, text)


def _mark(line: int, command: str, text: str) -> Step:
    if not text.strip():
        raise _Mistake("mark needs a text")
    return Step(line, command, text.strip())


def _seconds(text: str, *, zero: bool) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise _Mistake(f"{_quoted(text)} is no number of seconds")
    return value


def _sleep(line: int, command: str, text: str) -> Step:
    return Step(line, command, text.strip(), seconds=_seconds(text.strip(), zero=True))


def _expect(line: int, command: str, text: str) -> Step:
    expression, seconds = text, None
    if text.startswith(TIMEOUT):
        words = text.split(None, 2)
        if words[0] != TIMEOUT or len(words) < 3:
            raise _Mistake(f"expect {TIMEOUT} needs the seconds and a regular expression behind them")
        seconds, expression = _seconds(words[1], zero=False), words[2]
    if not expression.strip():
        raise _Mistake("expect needs a regular expression")
    try:
        pattern = UserPattern(expression, expression)
    except PatternError as error:
        raise _Mistake(f"{_quoted(expression)}: {error}") from None
    return Step(line, command, text, pattern, seconds)


COMMANDS: Mapping[str, Command] = {
    "reset": Command("reset the board", _alone, Consent.RESETS),
    "bootloader": Command("reset the board into its loader", _alone, Consent.RESETS),
    "flash": Command("[DIR]: flash the build; what is right already is skipped", _with_path, Consent.WRITES),
    "flash-all": Command("[DIR]: the same", _with_path, Consent.WRITES),
    "app-flash": Command("[DIR]: flash the build's application alone", _with_path, Consent.WRITES),
    "output": Command("the log is printed or not, in turn", _alone),
    "log": Command("[FILE]: the log is written to a file or not, in turn", _with_path),
    "timestamps": Command("host times before lines or not, in turn", _alone),
    "send": Command("TEXT: a line to the board", _with_text),
    "sleep": Command("S: wait so many seconds", _sleep),
    "expect": Command("[--timeout S] RE: wait for a line; what came before and was not expected yet counts", _expect),
    "exit": Command("end the run", _alone),
    "probe": Command("identify the chip", _alone, Consent.RESETS),
    "screenshot": Command("[FILE]: save a picture of the display", _with_path),
    "coredump": Command("[FILE]: save the core dump in the board's flash", _with_path, Consent.RESETS),
    "mark": Command("TEXT: a line of yours in the log and the recording", _mark),
}
"""Name -> command; the first twelve are those of idf.py monitor."""


def parse_script(data: bytes, name: str) -> list[Step]:
    """The steps of a script.

    Args:
        data: its content.
        name: what its mistakes call it.

    Raises:
        ScriptError: with every mistake in it.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ScriptError([f"{name}:{line}: not UTF-8"]) from None
    steps, problems = [], []
    for number, row in enumerate(text.split("\n"), 1):
        if not row.strip() or row.lstrip().startswith("#"):
            continue
        try:
            steps.append(_step(number, row.rstrip("\r").lstrip()))
        except _Mistake as mistake:
            problems.append(f"{name}:{number}: {mistake}")
    if problems:
        raise ScriptError(problems[:MAX_PROBLEMS])
    return steps


def _step(number: int, row: str) -> Step:
    word, _, argument = row.partition(" ")
    command = COMMANDS.get(word.lower())
    if command is None:
        raise _Mistake(f"unknown command {_quoted(word)}; there are {', '.join(COMMANDS)}")
    return command.read(number, word.lower(), argument)


def _quoted(text: str) -> str:
    return f"`{plain(text[:MAX_QUOTED])}`"
