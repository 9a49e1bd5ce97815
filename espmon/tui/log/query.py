"""What a search and a filter ask of a line, as plain values that threads may share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from espmon.records.heads import Head
from espmon.records.lines import LineBlock
from espmon.records.print_filter import PrintFilter, PrintFilterError
from espmon.tui.log.line_flags import Flags
from espmon.tui.log.page_search import Found, PageSearch
from espmon.tui.log.rule_matcher import RuleMatcher
from espmon.user_pattern import MAX_SLOW_LINES, SEARCH_SECONDS, PatternError, PatternTooSlow, UserPattern

LEVELS = ("E", "W", "I", "D", "V", "")
"""The levels that can be ticked; "" stands for lines without one."""

MAX_CONTEXT = 999
"""Most lines around a match that a filter shows on each side."""

_ESCAPED = re.compile(r"\\.")

LINE_SECONDS = SEARCH_SECONDS
"""Seconds that a regular expression may take on one line before that line is left (a usual one takes microseconds)."""

SLOW_LINES = MAX_SLOW_LINES
"""Lines on which it may take so long before it is given up."""

PAINT_SECONDS = 0.002
"""Seconds for finding the matches to be marked in one line on the screen."""


class QueryError(ValueError):
    """A pattern that is no usable regular expression, or tags that are no print filter; the message says why."""


def smart_case(pattern: str, *, regex: bool = False) -> bool:
    """Whether upper and lower case differ: as in good editors, when a capital letter was typed."""
    letters = _ESCAPED.sub("", pattern) if regex else pattern
    return letters != letters.lower()


def _expression(pattern: str, *, case: bool) -> UserPattern:
    try:
        return UserPattern(f"/{pattern}/", pattern, case=case)
    except PatternError as error:
        raise QueryError(str(error)) from error


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
    _words: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _pages: PageSearch = field(init=False, repr=False, compare=False)
    _expression: UserPattern | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        flags = 0 if self.case else re.IGNORECASE
        expression = _expression(self.pattern, case=self.case) if self.regex else None
        object.__setattr__(self, "_words", re.compile("" if self.regex else re.escape(self.pattern), flags))
        object.__setattr__(self, "_pages", PageSearch(self.pattern, regex=self.regex, case=self.case))
        object.__setattr__(self, "_expression", expression)

    def describe(self) -> str:
        """As people write it: an expression between slashes."""
        return f"/{self.pattern}/" if self.regex else self.pattern

    def within(self, other: TextQuery) -> bool:
        """Whether a line that has this always has the other, as far as that can be told of the texts."""
        if self.regex or other.regex or (other.case and not self.case):
            return False
        return other.pattern in self.pattern

    def found(self, text: str, seconds: float = LINE_SECONDS) -> bool:
        """Whether `text` has it.

        Raises:
            PatternTooSlow: a regular expression took longer than `seconds`, or is switched off.
        """
        if self._expression is None:
            return self._words.search(text) is not None
        if self._expression.off:
            raise PatternTooSlow(self.pattern)
        return self._expression.search(text, seconds) is not None

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where `text` has it, as (start, end), from the left; ends early when that takes longer than a frame has."""
        if self._expression is None:
            yield from (match.span() for match in self._words.finditer(text))
        else:
            # Where it ends early only marks are missing: whether the line has it was found out elsewhere.
            yield from self._expression.spans(text, PAINT_SECONDS)

    def in_page(self, block: LineBlock, among: Flags = None) -> Found | None:
        """Which of the lines of a block without edited rows have it, by whole pages.

        None when each line must be looked at. `among`: 1 for the few lines that are asked about; None: all.
        """
        return self._pages.find(block, among)


def _levels_text(levels: frozenset[str]) -> str:
    """Ticked levels in a few characters: `W+` for errors and warnings; a dot stands for lines without a level."""
    named = [level for level in LEVELS if level in levels and level]
    if len(levels) == len(LEVELS):
        return ""
    text = "".join(named)
    if len(named) == len(LEVELS) - 1:
        return "−·"
    if len(named) > 1 and tuple(named) == LEVELS[: len(named)]:
        text = f"{named[-1]}+"
    return f"{text}·" if "" in levels else text or "none"


def _entry_text(entry: str) -> str:
    """An entry of a print filter: `−wifi` for `wifi:N`, `W+` for `*:W`, `wifi I+` for `wifi:I`."""
    tag, _, level = entry.partition(":")
    level = level.upper() if level not in ("", "*") else "V"
    everybody = tag == "*"
    if level == "N":
        return "−others" if everybody else f"−{tag}"
    if level == "V":
        return "others" if everybody else tag
    shown = level if level == LEVELS[0] else f"{level}+"
    return shown if everybody else f"{tag} {shown}"


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Which lines are shown. Empty fields let everything through.

    Args:
        levels: the ticked levels (of `LEVELS`); exactly these are shown.
        printed: `tag[:level]` entries as in idf.py monitor; "" lets everything through.
        include: only lines that have this.
        exclude: never lines that have this.
        span: ids of the first line that may be shown, and behind the last one; None is the newest.
        place: the span as it was asked for, in words; "" where nobody asked in words.
        context: lines shown before and after each that passes.
        boards: numbers of the boards, where a log has lines of several; None: all.
        rules: the user's own, for the level and the tag of lines whose heads say none.
    """

    levels: frozenset[str] = frozenset(LEVELS)
    printed: str = ""
    include: TextQuery | None = None
    exclude: TextQuery | None = None
    span: tuple[int, int | None] = (0, None)
    place: str = ""
    context: int = 0
    boards: frozenset[int] | None = None
    rules: RuleMatcher | None = field(default=None, repr=False, compare=False)
    _print: PrintFilter | None = field(init=False, repr=False, compare=False)
    _ticked: bytes = field(init=False, repr=False, compare=False)
    """Code of a level -> whether it is ticked."""

    def __post_init__(self) -> None:
        try:
            entries = PrintFilter(self.printed) if self.printed.strip() else None
        except PrintFilterError as error:
            raise QueryError(str(error)) from error
        object.__setattr__(self, "_print", entries)
        codes = {ord(level) if level else 0 for level in self.levels}
        object.__setattr__(self, "_ticked", bytes(code in codes for code in range(256)))

    @property
    def active(self) -> bool:
        """Whether any line could be hidden."""
        return bool(self.by_head or self.include or self.exclude or self.span != (0, None) or self.boards is not None)

    def within(self, low: int, high: int) -> tuple[int, int]:
        """The part of the lines `low <= id < high` that its span allows."""
        first, end = self.span
        return max(low, first), high if end is None else min(high, end)

    @property
    def by_head(self) -> bool:
        """Whether levels or tags decide."""
        return len(self.levels) < len(LEVELS) or self._print is not None

    @property
    def costly(self) -> bool:
        """Whether a regular expression decides: it may take long even on few lines."""
        return self.ruled or any(query is not None and query.regex for query in (self.include, self.exclude))

    def describe(self) -> str:
        """The filter in words, for the status bar: `−wifi W+`."""
        words = [_levels_text(self.levels), *map(_entry_text, self.printed.split())]
        if self.include:
            words.append(self.include.describe())
        if self.exclude:
            words.append(f"−{self.exclude.describe()}")
        first, end = self.span
        if (first, end) != (0, None):
            words.append(f"in {self.place}" if self.place else f"{first + 1:,}…{'' if end is None else f'{end:,}'}")
        if self.context:
            words.append(f"±{self.context}")
        if self.boards is not None:
            words.append(f"board {','.join(str(board + 1) for board in sorted(self.boards)) or 'none'}")
        return " ".join(filter(None, words))

    def by_heads(self, block: LineBlock) -> bytes | None:
        """One byte a line: 1 where levels and tags let it through; None where all pass.

        A rule of the user's that may say a level is not asked: then each line has to be looked at.
        """
        return block.heads.mask(self._allows) if self.by_head else None

    def _allows(self, head: Head) -> bool:
        level, tag = head
        printed = self._print
        return bool(self._ticked[level]) and (printed is None or printed.allows(chr(level) if level else None, tag))

    @property
    def ruled(self) -> bool:
        """A rule of the user's may say a level that decides."""
        return self.by_head and self.rules is not None and self.rules.tells_levels

    def matches(self, block: LineBlock, index: int, seconds: float = LINE_SECONDS) -> bool:
        """Whether line `index` of `block` is shown. Raises `PatternTooSlow`."""
        if self.by_head:
            level, tag = block.level(index), block.tag(index)
            if level is None and tag is None and self.rules is not None:
                level, tag = self.rules.head(block.text(index), seconds)
            if (level or "") not in self.levels:
                return False
            if self._print is not None and not self._print.allows(level, tag):
                return False
        return self.has_text(block, index, seconds)

    def has_text(self, block: LineBlock, index: int, seconds: float = LINE_SECONDS) -> bool:
        """Whether line `index` of `block` has what it must and nothing that it must not have.

        Raises:
            PatternTooSlow: nothing can be said of this line.
        """
        if self.include is None and self.exclude is None:
            return True
        text = block.text(index)
        if self.include is not None and not self.include.found(text, seconds):
            return False
        return self.exclude is None or not self.exclude.found(text, seconds)
