"""The commands that a console lists when `help` is typed, read from what it prints. Pure: lines in, commands out.

Two layouts are known, both of ESP-IDF's `esp_console`. The usual one has a command and its arguments at the start of a
line, its help indented by two columns below, and the arguments' own help after that; up to ESP-IDF 5.0 the help is
wrapped at 78 columns. `help -v 0` (ESP-IDF 5.3) prints the first lines alone. Consoles of other makers often print
`name   what it does`, which is read, too. An answer that does not list `help` itself is none of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from espmon.records.capabilities import MAX_COMMANDS, MAX_HELP, MAX_WORD, Command, command_line
from espmon.text import plain

MAX_HELP_LINES = 4096
"""Lines of an answer that are looked at."""

HELP_COLUMNS = 2
"""By so much a command's help is indented; what is indented further belongs to an argument."""

_COMMAND = re.compile(rf"(?P<name>[!-~]{{1,{MAX_WORD}}})(?P<gap> *)(?P<rest>.*)")
_HINT = re.compile(r"[<\[({-]")
"""How the arguments of a command begin."""

_OPTION = re.compile(r" *-|  +[^\s<>|]*[<>|]\S*  ")
"""How the help of an argument begins, indented."""


def help_commands(lines: Sequence[str]) -> tuple[Command, ...]:
    """The commands that these lines list, in their order; () where they are no answer to `help`.

    Args:
        lines: the console's answer, without prompts and log lines, as text without line ends.
    """
    found: dict[str, Command] = {}
    for command in _commands([line.rstrip() for line in lines[:MAX_HELP_LINES]]):
        if len(found) < MAX_COMMANDS and command_line(command.line):
            found.setdefault(command.line, command)
    return tuple(found.values()) if "help" in found else ()


def _commands(lines: Sequence[str]) -> Iterator[Command]:
    indented = any(line.startswith(" " * HELP_COLUMNS) for line in lines)
    for index, line in enumerate(lines):
        match = _COMMAND.fullmatch(line)
        if match is None:
            continue
        name, gap, rest = match["name"], len(match["gap"]), match["rest"]
        below = lines[index + 1] if index + 1 < len(lines) else ""
        if below.startswith(" " * HELP_COLUMNS):
            yield Command(name, _shown(_help_below(lines, index + 1)), _shown(rest))
        elif not rest or _HINT.match(rest):
            if not indented:
                yield Command(name, "", _shown(rest))
        elif gap > 1 or not indented:
            yield Command(name, _shown(rest))


def _help_below(lines: Sequence[str], start: int) -> str:
    """The help of a command, its wrapped lines joined; an argument's help ends it."""
    words: list[str] = []
    length = 0
    for line in lines[start:]:
        text = line[HELP_COLUMNS:]
        own = line.startswith(" " * HELP_COLUMNS) and text[:1].strip() and not _OPTION.match(line)
        if not own or length > MAX_HELP:
            break
        words.append(text)
        length += len(text)
    joined = " ".join(words)
    return "" if joined == "-" else joined


def _shown(text: str) -> str:
    shown = plain(text[: MAX_HELP + 1]).strip()
    return shown if len(shown) <= MAX_HELP else f"{shown[: MAX_HELP - 1]}…"
