"""What a user's settings say about lines: levels of formats that espmon does not know, what stands out, and what is
sent because of them.

    [levels.modem]                     [highlights.wifi]
    regex = '^\\+CME (?P<tag>\\w+)'      regex = "disconnected|roaming"
    level = "E"                        color = "magenta"
    tag = "modem"                      whole_line = true

An expression may name its groups `level` and `tag` in place of the settings of that name.

    [replies.login]
    regex = "login: $"
    send = "root"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from espmon.records.columns import LEVELS
from espmon.text import plain
from espmon.user_pattern import PatternError, UserPattern

MAX_RULES = 64
"""Rules of one kind."""

MAX_REPLY = 1000
"""Characters of a text that is sent because of a line."""

LEVEL_LETTERS = tuple(map(chr, LEVELS))

COLOURS = (
    "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white",
    "bright_black", "bright_red", "bright_green", "bright_yellow", "bright_blue", "bright_magenta", "bright_cyan",
    "bright_white",
)  # fmt: skip
"""The sixteen colours by name, in the order of their numbers; `#rrggbb` is any other one."""

_HEX = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")


class RuleError(ValueError):
    """A rule that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class LevelRule:
    """A line that `regex` finds has this level and tag. Without them, its groups of that name tell."""

    name: str
    regex: str
    level: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class HighlightRule:
    """What `regex` finds, or the whole line, has this colour."""

    name: str
    regex: str
    colour: int | tuple[int, int, int]
    """Number of one of the sixteen, or red, green and blue."""

    whole_line: bool = False


@dataclass(frozen=True, slots=True)
class ReplyRule:
    """A line that `regex` finds is answered with `send`."""

    name: str
    regex: str
    send: str
    line_end: bool = True
    """With the line end of the input line behind it."""

    once: bool = False
    """Once a boot."""


Rule: TypeAlias = LevelRule | HighlightRule | ReplyRule


def _level(name: str, table: Mapping[str, object]) -> LevelRule:
    regex = _regex(f"levels.{name}", table, {"level", "tag"})
    level, tag = _text(table, "level"), _text(table, "tag")
    if level is None and "(?P<level>" not in regex:
        raise RuleError(f"needs a level: one of {' '.join(LEVEL_LETTERS)}")
    if level is not None and level not in LEVEL_LETTERS:
        raise RuleError(f"level should be one of {' '.join(LEVEL_LETTERS)}")
    return LevelRule(name, regex, level, tag)


def _highlight(name: str, table: Mapping[str, object]) -> HighlightRule:
    regex = _regex(f"highlights.{name}", table, {"color", "whole_line"})
    colour = _text(table, "color") or ""
    whole = _flag(table, "whole_line", False)
    if exact := _HEX.fullmatch(colour):
        red, green, blue = (int(part, 16) for part in exact.groups())
        return HighlightRule(name, regex, (red, green, blue), whole)
    if colour not in COLOURS:
        raise RuleError(f"color should be #rrggbb or one of {', '.join(COLOURS)}")
    return HighlightRule(name, regex, COLOURS.index(colour), whole)


def _reply(name: str, table: Mapping[str, object]) -> ReplyRule:
    regex = _regex(f"replies.{name}", table, {"send", "line_end", "once"})
    send = _text(table, "send")
    if send is None:
        raise RuleError("needs send, the text that is sent")
    if len(send) > MAX_REPLY:
        raise RuleError(f"send should have no more than {MAX_REPLY:,} characters")
    line_end = _flag(table, "line_end", True)
    if not send and not line_end:
        raise RuleError("send is empty, and no line end follows it")
    return ReplyRule(name, regex, send, line_end, _flag(table, "once", False))


def _regex(name: str, table: Mapping[str, object], others: set[str]) -> str:
    unknown = sorted(set(table) - {"regex", *others})
    if unknown:
        raise RuleError(f"unknown {plain(unknown[0][:40])}: it can have regex, {', '.join(sorted(others))}")
    regex = _text(table, "regex")
    if regex is None:
        raise RuleError("needs a regex")
    try:
        UserPattern(name, regex)
    except PatternError as error:
        raise RuleError(str(error)) from error
    return regex


def _text(table: Mapping[str, object], name: str) -> str | None:
    value = table.get(name)
    if value is not None and not isinstance(value, str):
        raise RuleError(f"{name} should be a text")
    return value


def _flag(table: Mapping[str, object], name: str, default: bool) -> bool:
    value = table.get(name, default)
    if not isinstance(value, bool):
        raise RuleError(f"{name} should be true or false")
    return value


_MAKERS: dict[str, Callable[[str, Mapping[str, object]], Rule]] = {
    "levels": _level,
    "highlights": _highlight,
    "replies": _reply,
}


def read_rules(kind: str, value: object, problems: list[str]) -> Iterator[Rule]:
    """The rules of a table of the settings; what is wrong with the others is added to `problems`.

    Args:
        kind: "levels", "highlights" or "replies".
        value: what the file has under that name.
        problems: gets one line a rule that is ignored.
    """
    if not isinstance(value, Mapping):
        problems.append(f"[{kind}] should be tables, one a rule; it is ignored")
        return
    for name, table in list(value.items())[:MAX_RULES]:
        shown = f"[{kind}.{plain(str(name)[:40])}]"
        if not isinstance(table, Mapping):
            problems.append(f"{shown} should be a table; it is ignored")
            continue
        try:
            yield _MAKERS[kind](str(name), table)
        except RuleError as error:
            problems.append(f"{shown}: {error}; the rule is ignored")
    if len(value) > MAX_RULES:
        problems.append(f"[{kind}] has more than {MAX_RULES} rules; the rest is ignored")
