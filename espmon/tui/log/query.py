"""What a search and a filter ask of a line, as plain values that threads may share."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from espmon.records.lines import LineBlock
from espmon.records.print_filter import PrintFilter, PrintFilterError
from espmon.session.store import Segment

LEVELS = ("E", "W", "I", "D", "V", "")
"""The levels that can be ticked; "" stands for lines without one."""

_INNER_SGR = re.compile(rb"[^\r\n]\x1b\[[0-9;:]*m[^\r\n\x1b]")
"""Colour in the middle of a line: only there can it split what the user searches for."""


class QueryError(ValueError):
    """A pattern that is not a regular expression, or tags that are no print filter; the message says why."""


@dataclass(frozen=True, slots=True)
class TextQuery:
    """Looks for text in lines.

    Args:
        pattern: what to look for.
        regex: `pattern` is a regular expression.
        case: upper and lower case differ.
    """

    pattern: str
    regex: bool = False
    case: bool = False
    compiled: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _raw: re.Pattern[bytes] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        flags = 0 if self.case else re.IGNORECASE
        try:
            compiled = re.compile(self.pattern if self.regex else re.escape(self.pattern), flags)
        except re.error as error:
            raise QueryError(f"Not a regular expression: {error.msg}") from error
        object.__setattr__(self, "compiled", compiled)
        raw = None
        if not self.regex and self.pattern.isascii():
            raw = re.compile(re.escape(self.pattern.encode()), flags)
        object.__setattr__(self, "_raw", raw)

    def found(self, text: str) -> bool:
        """Whether `text` has it."""
        return self.compiled.search(text) is not None

    def candidates(self, block: LineBlock) -> list[int] | None:
        """Indices of the only lines of `block` that can match, or None when each must be looked at."""
        if self._raw is None or block.source == "binlog":
            return None
        data = block.data
        starts = block.starts
        found = _lines_of(self._raw, data, starts)
        if b"\x1b" in data:
            found.update(_lines_of(_INNER_SGR, data, starts))
        return sorted(found)


def _lines_of(pattern: re.Pattern[bytes], data: bytes, starts: Sequence[int]) -> set[int]:
    found: set[int] = set()
    at, end = 0, len(data)
    search = pattern.search
    while at < end and (match := search(data, at)) is not None:
        index = bisect_right(starts, match.start()) - 1
        found.add(index)
        at = max(starts[index + 1], match.start() + 1)
    return found


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Which lines are shown. Empty fields let everything through.

    Args:
        levels: the ticked levels (of `LEVELS`); exactly these are shown.
        printed: `tag[:level]` entries as in idf.py monitor; "" lets everything through.
        include: only lines that have this.
        exclude: never lines that have this.
    """

    levels: frozenset[str] = frozenset(LEVELS)
    printed: str = ""
    include: TextQuery | None = None
    exclude: TextQuery | None = None
    _print: PrintFilter | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            entries = PrintFilter(self.printed) if self.printed.strip() else None
        except PrintFilterError as error:
            raise QueryError(str(error)) from error
        object.__setattr__(self, "_print", entries)

    @property
    def active(self) -> bool:
        """Whether any line could be hidden."""
        return bool(len(self.levels) < len(LEVELS) or self._print or self.include or self.exclude)

    def describe(self) -> str:
        """The filter in a few characters, for the status bar."""
        words = []
        if len(self.levels) < len(LEVELS):
            words.append("".join(level or "·" for level in LEVELS if level in self.levels) or "none")
        if self._print:
            words.append(self.printed.strip())
        if self.include:
            words.append(self.include.pattern)
        if self.exclude:
            words.append(f"-{self.exclude.pattern}")
        return " ".join(words)

    def matches(self, block: LineBlock, index: int) -> bool:
        """Whether line `index` of `block` is shown."""
        if len(self.levels) < len(LEVELS) and (block.level(index) or "") not in self.levels:
            return False
        if self._print is not None and not self._print.allows(block.level(index), block.tag(index)):
            return False
        return self.has_text(block, index)

    def has_text(self, block: LineBlock, index: int) -> bool:
        """Whether line `index` of `block` has what it must and nothing that it must not have."""
        if self.include is None and self.exclude is None:
            return True
        text = block.text(index)
        if self.include is not None and not self.include.found(text):
            return False
        return self.exclude is None or not self.exclude.found(text)


@dataclass(frozen=True, slots=True)
class Selector:
    """The lines that a filter shows and, when given, that a search finds in them."""

    show: LineFilter
    search: TextQuery | None = None

    def pick(self, segment: Segment, low: int, high: int) -> list[int]:
        """Ids of the lines `low <= id < high` of `segment` that are wanted."""
        block, first = segment.block, segment.first
        start, end = max(0, low - first), min(len(block), high - first)
        if block.source == "mark" and self.search is None:
            # What the session itself says (a gap, a lease, a capture) has no level and no tag, but it has text.
            return [first + index for index in range(start, end) if self.show.has_text(block, index)]
        query = self.search or self.show.include
        indices: range | list[int] = range(start, end)
        if query is not None and (some := query.candidates(block)) is not None:
            indices = [index for index in some if start <= index < end]
        accept = self._accept(block)
        return [first + index for index in indices if accept(index)]

    def _accept(self, block: LineBlock) -> Callable[[int], bool]:
        show, search = self.show, self.search
        if search is None:
            return lambda index: show.matches(block, index)
        if not show.active:
            return lambda index: search.found(block.text(index))
        return lambda index: search.found(block.text(index)) and show.matches(block, index)
