"""What a search and a filter ask of a line, as plain values that threads may share."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress

from espmon.records.lines import LineBlock
from espmon.records.print_filter import PrintFilter, PrintFilterError
from espmon.session.store import LogStore, Segment
from espmon.tui.log.row_editor import EDITING_BYTES, edits
from espmon.tui.log.rows import as_shown
from espmon.tui.log.rule_matcher import RuleMatcher
from espmon.user_pattern import MAX_SLOW_LINES, SEARCH_SECONDS, PatternError, PatternTooSlow, UserPattern

LEVELS = ("E", "W", "I", "D", "V", "")
"""The levels that can be ticked; "" stands for lines without one."""

_INNER_SGR = re.compile(rb"\x1b(?<=[^\r\n]\x1b)\[[0-9;:]*m(?=[^\r\n\x1b])")
"""Colour in the middle of a line: only there can it split what the user searches for. Written so that the search for it
is a search for one byte."""


_ODD = re.compile(rb"\x1b(?:(?!\[[0-9;:]*m)|(?<=[^\r\n]\x1b)\[[0-9;:]*m(?=[^\r\n\x1b]))")
"""The same, and what is no colour: mostly there is neither, and one search says so."""

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
    _raw: bytes | None = field(init=False, repr=False, compare=False)
    _expression: UserPattern | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        flags = 0 if self.case else re.IGNORECASE
        expression = _expression(self.pattern, case=self.case) if self.regex else None
        raw = None
        if not self.regex and self.pattern.isascii():
            raw = self.pattern.encode() if self.case else self.pattern.lower().encode()
        object.__setattr__(self, "_words", re.compile("" if self.regex else re.escape(self.pattern), flags))
        object.__setattr__(self, "_raw", raw)
        object.__setattr__(self, "_expression", expression)

    def describe(self) -> str:
        """As people write it: an expression between slashes."""
        return f"/{self.pattern}/" if self.regex else self.pattern

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

    def candidates(self, block: LineBlock, *, odd: bool) -> list[int] | None:
        """Indices of the only lines of `block` that can match, or None when each must be looked at.

        Args:
            block: lines.
            odd: there is more in them than characters, and colours at the ends of lines.
        """
        if self._raw is None or block.decoded:
            return None
        data = block.data
        starts = block.starts
        found = _lines_with(self._raw, data if self.case else data.lower(), starts)
        if odd:
            found.update(_lines_of(_INNER_SGR, data, starts))
            found.update(_lines_of(EDITING_BYTES, data, starts))
        return sorted(found)


def _lines_with(word: bytes, data: bytes, starts: Sequence[int]) -> set[int]:
    found: set[int] = set()
    at, find = data.find(word), data.find
    while at >= 0 and starts[0] <= at < starts[-1]:
        index = bisect_right(starts, at) - 1
        found.add(index)
        at = find(word, max(starts[index + 1], at + 1))
    return found


def _lines_of(pattern: re.Pattern[bytes], data: bytes, starts: Sequence[int]) -> set[int]:
    found: set[int] = set()
    at, end = 0, len(data)
    search = pattern.search
    while at < end and (match := search(data, at)) is not None:
        index = bisect_right(starts, match.start()) - 1
        found.add(index)
        at = max(starts[index + 1], match.start() + 1)
    return found


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
        context: lines shown before and after each that passes.
        rules: the user's own, for the level and the tag of lines whose heads say none.
    """

    levels: frozenset[str] = frozenset(LEVELS)
    printed: str = ""
    include: TextQuery | None = None
    exclude: TextQuery | None = None
    span: tuple[int, int | None] = (0, None)
    context: int = 0
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
        return bool(self.by_head or self.include or self.exclude or self.span != (0, None))

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
        ruled = self.by_head and self.rules is not None and self.rules.tells_levels
        return ruled or any(query is not None and query.regex for query in (self.include, self.exclude))

    def describe(self) -> str:
        """The filter in words, for the status bar: `−wifi W+`."""
        words = [_levels_text(self.levels), *map(_entry_text, self.printed.split())]
        if self.include:
            words.append(self.include.describe())
        if self.exclude:
            words.append(f"−{self.exclude.describe()}")
        first, end = self.span
        if (first, end) != (0, None):
            words.append(f"{first + 1:,}…{'' if end is None else f'{end:,}'}")
        if self.context:
            words.append(f"±{self.context}")
        return " ".join(filter(None, words))

    def by_columns(self, block: LineBlock, low: int, high: int) -> Sequence[int] | None:
        """Indices of the lines from `low` up to `high` (excluded) that levels and tags let through, by whole columns.

        None where a rule of the user's may say a level: then each line has to be looked at.
        """
        if not self.by_head:
            return range(low, high)
        if self.rules is not None and self.rules.tells_levels:
            return None
        levels = block.levels[low:high]
        if self._print is None:
            return list(compress(range(low, high), levels.translate(self._ticked)))
        allows, tags = self._print.allows, block.tags[low:high]
        good = {
            (code, tag)
            for code, tag in set(zip(levels, tags, strict=True))
            if self._ticked[code] and allows(chr(code) if code else None, tag)
        }
        return [index for index, head in enumerate(zip(levels, tags, strict=True), low) if head in good]

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


@dataclass(frozen=True, slots=True)
class Selector:
    """The lines that a filter shows and, when given, that a search finds in them."""

    show: LineFilter
    search: TextQuery | None = None

    @property
    def context(self) -> int:
        """Lines around each that are wanted with it; a search wants none."""
        return 0 if self.search is not None else self.show.context

    @property
    def costly(self) -> bool:
        """A regular expression is part of it: it may take long even on few lines."""
        return self.show.costly or (self.search is not None and self.search.regex)

    def pick(self, store: LogStore, segment: Segment, low: int, high: int, slow: list[int]) -> list[int]:
        """The rows that begin in the lines `low <= id < high` of `segment` and are wanted.

        Args:
            store: the log, for rows that go on in other segments.
            segment: of the store.
            low: first id.
            high: id after the last one; all of these rows are finished.
            slow: gets the ids of rows on which a regular expression took too long: a filter shows them, a search
                passes them over. From `SLOW_LINES` on no row is tried any more.
        """
        block, first = segment.block, segment.first
        low, high = self.show.within(low, high)
        start, end = max(0, low - first), min(len(block), high - first)
        if block.source == "mark" and self.search is None:
            # What the session itself says (a gap, a lease, a capture) has no level and no tag, but it has text.
            return self._judged(range(start, end), first, lambda index: self.show.has_text(block, index), slow)
        query = self.search or self.show.include
        data = block.data
        odd = _ODD.search(data) is not None or b"\x08" in data or b"\x07" in data
        edited = odd and edits(data)
        indices: range | list[int] = range(start, end)
        joined = {line - first for line in store.rows.joined(first + start, first + end + 1)}
        if query is None and not joined and not edited:
            found = self._by_columns(block, range(start, end), first, odd, slow)
            if found is not None:
                return found
        if query is not None and (some := query.candidates(block, odd=odd)) is not None:
            # Of a row of several lines, no line shows by itself what is in it.
            indices = [index for index in sorted({*some, *(one - 1 for one in joined)}) if start <= index < end]
        if joined:
            indices = [index for index in indices if index not in joined]
        accept = self._accept
        if not joined and not edited:
            return self._judged(indices, first, lambda index: accept(block, index), slow)
        return self._judged(indices, first, lambda index: accept(*as_shown(store, first + index, block, index)), slow)

    def _by_columns(self, block: LineBlock, lines: range, first: int, odd: bool, slow: list[int]) -> list[int] | None:
        """What levels, tags and a text not to have let through, looking at few lines; None when it must be at each."""
        passed = self.show.by_columns(block, lines.start, lines.stop)
        exclude = self.show.exclude
        if passed is None or exclude is None:
            return None if passed is None else [first + index for index in passed]
        doubtful = exclude.candidates(block, odd=odd)
        if doubtful is None:
            return None
        doubts = set(doubtful)
        sure = [first + index for index in passed if index not in doubts]
        looked_at = [index for index in doubtful if index in lines]
        return sorted([*sure, *self._judged(looked_at, first, lambda index: self._accept(block, index), slow)])

    def _judged(self, indices: Iterable[int], first: int, accept: Callable[[int], bool], slow: list[int]) -> list[int]:
        unjudged = self.search is None
        wanted: list[int] = []
        for index in indices:
            keep = unjudged
            if len(slow) < SLOW_LINES:
                try:
                    keep = accept(index)
                except PatternTooSlow:
                    slow.append(first + index)
            if keep:
                wanted.append(first + index)
        return wanted

    def _accept(self, block: LineBlock, index: int) -> bool:
        if self.search is None:
            return self.show.matches(block, index)
        return self.search.found(block.text(index)) and (not self.show.active or self.show.matches(block, index))
