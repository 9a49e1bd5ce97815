"""Regular expressions that a user wrote, for an engine that can be stopped.

Python's `re` holds the interpreter until it is done, and what a user writes may never be done: `(a+)+$` on a line of
letters takes longer than the board lives. Below every room: filters, searches, levels, highlights and expectations
all compile here, and whatever calls `search` does so beside the reading loop, not on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

MAX_PATTERN = 500
"""Characters of a regular expression."""

MAX_REPEAT = 10_000
"""Repetitions that a regular expression may ask for, nested ones multiplied: they are unrolled."""

SEARCH_SECONDS = 0.25
"""For one search in one line (a usual one takes microseconds)."""

MAX_SLOW_LINES = 8
"""Lines on which it may take so long before it is switched off."""

_PLAIN = re.compile(r"[\w !\"#%&',/:;<=>@`~-]*", re.ASCII)
"""Characters that stand for themselves."""

_OTHER_GROUP = re.compile(r"\(\?(?![:P])")
"""A group that is more than a group: flags may stand in it that change what comes before it."""

_COUNTED = re.compile(r"\{(?:\d{0,9},)?(\d{1,9}),?\}")


class PatternError(ValueError):
    """What the user wrote is no usable regular expression; the message says why."""


class PatternTooSlow(Exception):
    """A search took longer than it may."""


class UserPattern:
    """One regular expression of the user's. May be used from several threads.

    Args:
        name: what the user calls it, for example `levels.tasmota`; it is named when it is switched off.
        expression: as it was written.
        case: upper and lower case differ.

    Raises:
        PatternError: it is no regular expression, or one that is too large.
    """

    def __init__(self, name: str, expression: str, *, case: bool = True) -> None:
        self.name = name
        self._slow = 0
        self.begins = _beginning(expression) if case else ""
        """ASCII text with which each match begins; "" where that is not known."""

        self._compiled = _compile(expression, case=case)

    @property
    def off(self) -> bool:
        """True when it was too slow too often: it is not searched for any more."""
        return self._slow >= MAX_SLOW_LINES

    @property
    def problem(self) -> str:
        """What to tell the user; "" while all is well."""
        if not self.off:
            return ""
        return f"{self.name} is switched off: its expression took over {SEARCH_SECONDS:g} s on {self._slow} lines"

    def search(self, text: str, seconds: float = SEARCH_SECONDS) -> regex.Match[str] | None:
        """The first match in `text`; None when there is none, and always once it is switched off.

        Raises:
            PatternTooSlow: it took longer than `seconds`. At the full time, the line counts as a slow one.
        """
        if self.off:
            return None
        try:
            # Other threads run meanwhile.
            return self._compiled.search(text, timeout=seconds, concurrent=True)
        except TimeoutError:
            if seconds >= SEARCH_SECONDS:
                self._slow += 1
            raise PatternTooSlow(self.name) from None

    def spans(self, text: str, seconds: float = SEARCH_SECONDS) -> Iterator[tuple[int, int]]:
        """Where `text` has it, as (start, end), from the left; ends early when that takes longer than `seconds`."""
        if self.off:
            return
        try:
            yield from (match.span() for match in self._compiled.finditer(text, timeout=seconds, concurrent=True))
        except TimeoutError:
            return


def _compile(expression: str, *, case: bool) -> regex.Pattern[str]:
    import regex  # only for those who use expressions: it takes longer to load than a search

    if len(expression) > MAX_PATTERN:
        raise PatternError(f"Not more than {MAX_PATTERN} characters")
    if prod(map(int, _COUNTED.findall(expression))) > MAX_REPEAT:
        raise PatternError(f"Not more than {MAX_REPEAT:,} repetitions")
    try:
        return regex.compile(expression, 0 if case else regex.IGNORECASE)
    except regex.error as error:
        raise PatternError(f"Not a regular expression: {str(error).partition(' at position')[0]}") from error
    except RecursionError:
        raise PatternError("Not a regular expression: nested too deeply") from None


def _beginning(expression: str) -> str:
    if "|" in expression or _OTHER_GROUP.search(expression):
        return ""
    expression = expression.removeprefix("^")
    found = _PLAIN.match(expression)
    text = found[0] if found else ""
    return text[:-1] if expression[len(text) : len(text) + 1] in ("*", "?", "{") else text
