"""Inputs on which a regular expression is slowest, made from the expression itself.

A backtracking search is slow where it goes far before it fails, and begins again at the next byte. So an input is a
beginning of something that matches, then what a repetition takes, over and over, and no end: no line end, no closing
bracket. What a repetition takes is read from the expression, and so are its beginnings.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from re import _constants as constants  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

REPRESENTATIVES = "0a Af1Zz_-.:/\t\n\r\x1b[;m\"'(){}<>=\\,|*#$%~é"
"""Characters that stand for a class of characters: the first that is in it."""

MAX_SAMPLES = 24
"""Strings that are kept for each part of an expression."""

MAX_HEADS, MAX_UNITS = 80, 32
"""Beginnings of a match, and things to repeat, that are put together."""

Tree = list[tuple[Any, Any]]

REPEATS = {
    constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT,
}  # fmt: skip


def worst_inputs(pattern: re.Pattern[Any], size: int, only: Container[int] | None = None) -> Iterator[tuple[int, Any]]:
    """Inputs of about `size` characters, `bytes` or `str` like the pattern's own text, each with its number.

    Args:
        pattern: what the inputs are for.
        size: in characters.
        only: the numbers of those that are wanted; they are the same at every size.
    """
    walk = _Walk(pattern)
    for index, (head, unit) in enumerate(_shapes(walk.heads, walk.units)):
        if only is None or index in only:
            text = head + unit * max(1, (size - len(head)) // len(unit))
            yield index, text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text


def _shapes(heads: list[str], units: list[str]) -> Iterator[tuple[str, str]]:
    """What an input begins with, and what is repeated behind it."""
    for unit in units:
        yield "", unit
    for head in heads:
        yield "", head
        yield "", head + "\n"
        for unit in units:
            yield head, unit
            yield "", head + unit * 20


class _Walk:
    """Reads the parsed expression once: what each part matches, and what its repetitions take."""

    def __init__(self, pattern: re.Pattern[Any]) -> None:
        text = pattern.pattern
        self.flags = pattern.flags
        self._groups: dict[int, list[str]] = {}
        self._loops: list[str] = []
        self._characters: dict[str, None] = {}
        source = text.decode("latin-1") if isinstance(text, bytes) else text
        flags = self.flags & ~re.UNICODE if isinstance(text, bytes) else self.flags
        samples = self._sequence(list(parser.parse(source, flags & ~re.DEBUG)))
        self.heads = _beginnings(samples)
        """Beginnings of strings that match, whole ones included; never empty ones."""
        characters = [one for one in self._characters if one]
        units = [unit for unit in dict.fromkeys([*self._loops, *characters, *samples]) if unit]
        self.units = units[:MAX_UNITS] or ["a"]
        """What repetitions take, and the characters that the expression names."""

    def _sequence(self, tree: Tree) -> list[str]:
        whole = [""]
        for op, value in tree:
            parts = self._part(op, value)
            count = min(MAX_SAMPLES, max(len(whole), len(parts)))
            whole = [whole[i % len(whole)] + parts[i % len(parts)] for i in range(count)]
        return list(dict.fromkeys(whole))

    def _part(self, op: Any, value: Any) -> list[str]:
        """A few strings that the part matches."""
        if op is constants.LITERAL:
            return self._named([chr(value)])
        if op is constants.NOT_LITERAL:
            return self._named([one for one in REPRESENTATIVES if one != chr(value)][:3])
        if op is constants.ANY:
            return self._named(["a", " ", "0"])
        if op is constants.IN:
            return self._named(self._members(value))
        if op is constants.BRANCH:
            return _mixed(self._sequence(list(branch)) for branch in value[1])
        if op is constants.SUBPATTERN:
            samples = self._sequence(list(value[3]))
            if value[0] is not None:
                self._groups[value[0]] = samples
            return samples
        if op is constants.ATOMIC_GROUP:
            return self._sequence(list(value))
        if op in REPEATS:
            least, most, body = value
            once = self._sequence(list(body))
            if most > 4:
                self._loops.extend(once)
            few = [one * max(least, 1) for one in once]
            more = [one * (max(least, 1) + 1) for one in once[:1]] if most > max(least, 1) else []
            return [*few, *more, *([""] if not least else [])]
        if op is constants.GROUPREF:
            return self._groups.get(value, [""])
        if op is constants.ASSERT:
            ahead, body = value
            samples = self._sequence(list(body))
            if ahead > 0:
                return ["", *samples]
            self._loops.extend(samples)
            return [""]
        if op is constants.AT or op is constants.ASSERT_NOT:
            return [""]
        raise ValueError(f"unknown part of an expression: {op}")

    def _named(self, characters: list[str]) -> list[str]:
        for one in characters:
            self._characters.setdefault(one)
        return characters or [""]

    def _members(self, items: Tree) -> list[str]:
        """Some characters of a class, of each range and category one."""
        test = re.compile(_class(items), self.flags & (re.ASCII | re.IGNORECASE))
        chosen = [one for one in REPRESENTATIVES if test.fullmatch(one)][:4]
        for op, value in items:
            if op is constants.LITERAL:
                chosen.append(chr(value))
            elif op is constants.RANGE:
                chosen.append(chr(value[0]))
        kept = [one for one in dict.fromkeys(chosen) if test.fullmatch(one)]
        return kept[:6]


def _class(items: Tree) -> str:
    """A character class as text again."""
    categories = {
        constants.CATEGORY_DIGIT: r"\d", constants.CATEGORY_NOT_DIGIT: r"\D", constants.CATEGORY_SPACE: r"\s",
        constants.CATEGORY_NOT_SPACE: r"\S", constants.CATEGORY_WORD: r"\w", constants.CATEGORY_NOT_WORD: r"\W",
    }  # fmt: skip
    parts = []
    for op, value in items:
        if op is constants.NEGATE:
            parts.append("^")
        elif op is constants.LITERAL:
            parts.append(re.escape(chr(value)))
        elif op is constants.RANGE:
            parts.append(f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}")
        else:
            parts.append(categories[value])
    return f"[{''.join(parts)}]"


def _mixed(branches: Iterable[list[str]]) -> list[str]:
    """Strings of all branches, of each branch one before any has two."""
    lists = list(branches)
    most = max(map(len, lists))
    return [one[i] for i in range(most) for one in lists if i < len(one)][: 2 * MAX_SAMPLES]


def _beginnings(samples: list[str]) -> list[str]:
    """The strings and their beginnings; of long ones the last few, where a match is about to fail."""
    heads: dict[str, None] = {}
    for sample in samples:
        for end in {*range(1, min(len(sample), 6) + 1), *range(max(1, len(sample) - 8), len(sample) + 1)}:
            heads.setdefault(sample[:end])
        for end in range(6, len(sample), 4):
            heads.setdefault(sample[:end])
    return list(heads)[:MAX_HEADS]
