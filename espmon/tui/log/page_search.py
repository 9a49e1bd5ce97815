"""A text or an expression looked for in a page of lines at once: the lines are only looked at where that cannot tell.

A page is searched as it was received, colours and line ends included. Where a colour stands in the middle of a line, or
what was found may be part of a colour, the colours are taken out and it is searched again.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator
from itertools import accumulate, compress
from typing import TYPE_CHECKING, AnyStr, Generic, NamedTuple

from espmon.records.lines import SGR, LineBlock
from espmon.records.traits import EDITING_BYTES, INNER_SGR
from espmon.tui.log.line_flags import Flags, both, either, flags_at, turned, word_flags
from espmon.tui.log.page_expression import page_expression
from espmon.tui.log.quick_expression import IN_SGR, quick_sequences, quick_word
from espmon.tui.log.quick_search import PieceTooSlow, QuickSearch, word_pattern

if TYPE_CHECKING:
    from regex import Pattern

PAGE_SECONDS = 0.25
"""For one expression on one page; a usual one takes less than a millisecond. Then it is tried line by line."""

USUAL_COLOURS = (b"\x1b[0m", b"\x1b[0;32m", b"\x1b[0;33m", b"\x1b[0;31m")
"""Of ESP-IDF's log: taking out one that is known is faster than looking for any."""

MANY = 4
"""Where more than every so many-th line is doubtful, it is found out first which of them are not."""

_ESCAPED = re.compile(r"\\.")

KEPT_PAGES = 16
"""Pages whose result is kept: two steps of a scan may each want a part of one."""


class Found(NamedTuple):
    """What is known of the lines of a block."""

    flags: Flags
    """1 for those that have it; None when none has."""

    doubtful: Collection[int]
    """Those that must be looked at, by index, whatever the flags say."""


class PageSearch:
    """Looks for one text or expression. May be used from several threads.

    Args:
        pattern: what to look for.
        regex: it is a regular expression.
        case: upper and lower case differ.
    """

    def __init__(self, pattern: str, *, regex: bool, case: bool) -> None:
        self._word: bytes | None = None
        self._quick: QuickSearch | None = None
        self._narrow: PagePattern[bytes] | None = None
        self._wide: PagePattern[str] | None = None
        if not regex and pattern.isascii():
            text = pattern if case else pattern.lower()
            self._word, self._quick = text.encode(), QuickSearch([quick_word(text)])
            self._words = word_pattern(self._word)
        elif not regex:
            self._wide = PagePattern(_once_a_line(re.escape(pattern)) if pattern.isprintable() else None, case)
        else:
            sequences = quick_sequences(pattern, case=case)
            self._quick = None if sequences is None else QuickSearch(sequences)
            narrow, wide = page_expression(pattern), page_expression(pattern, wide=True)
            self._narrow = PagePattern(None if narrow is None else _once_a_line(narrow).encode("ascii"), case)
            self._wide = PagePattern(None if wide is None else _once_a_line(wide), case)
        self._lowered = not case and any(map(str.isalpha, _ESCAPED.sub("", pattern) if regex else pattern))
        self._kept: list[tuple[LineBlock, Found | None] | None] = [None] * KEPT_PAGES

    def find(self, block: LineBlock) -> Found | None:
        """The lines of a block that have it; None when each must be looked at."""
        place = id(block) // 64 % KEPT_PAGES
        kept = self._kept[place]
        if kept is None or kept[0] is not block:
            kept = self._kept[place] = block, self._find(block)
        return kept[1]

    def _find(self, block: LineBlock) -> Found | None:
        if block.decoded:
            return None
        traits, page = block.traits, block.page
        data, count = page.data.lower() if self._lowered else page.data, len(page)
        edited = set(_lines_of(EDITING_BYTES, page)) if traits.edits else ()
        if self._word is not None and not (traits.whole and b"\n" not in self._word):
            return self._word_in_ragged(page, edited)
        if not traits.whole:
            return None
        if traits.inner:
            # Colour in the middle of lines splits what is looked for.
            found = self._flags(_uncoloured(data), count, block, coloured=False)
            return None if found is None else Found(found[0], edited)
        found = self._flags(data, count, block, coloured=traits.coloured)
        if found is None:
            return None
        flags, in_colour = found
        if flags is None or not traits.coloured or not in_colour:
            return Found(flags, edited)
        return self._without_colours(block, data, flags, edited)

    def _without_colours(self, block: LineBlock, data: bytes, flags: Flags, edited: Collection[int]) -> Found | None:
        """What is still found when colours are taken out."""
        sure: Flags = None
        assert flags is not None
        count = len(flags)
        if flags.count(1) * MANY > count and self._quick is not None and block.traits.ascii:
            try:
                sure = self._quick.strict_flags(data, count)
            except PieceTooSlow:
                self._quick = None
            if sure is not None:
                flags = both(flags, turned(sure))
        lines = list(compress(range(count), flags))
        starts = block.page.starts
        text = _uncoloured(b"".join([data[starts[line] : starts[line + 1]] for line in lines]))
        found = self._flags(text, len(lines), block, coloured=False) if lines else (None, False)
        if found is None:
            return None
        rest = found[0]
        return Found(sure if rest is None else either(sure, flags_at(compress(lines, rest), count)), edited)

    def _flags(self, data: bytes, count: int, block: LineBlock, *, coloured: bool) -> tuple[Flags, bool] | None:
        """Which of the `count` lines of `data` have it, and whether that may be within a colour.

        Each line ends with LF, and has no other. None when it cannot be told.
        """
        if self._word is not None:
            return word_flags(data, count, self._words), chr(self._word[0]) in IN_SGR
        traits = block.traits
        if self._quick is not None and traits.ascii and not (traits.long and self._quick.repeats):
            try:
                flags = self._quick.flags(data, count, coloured=coloured)
                return flags, self._quick.in_colour
            except PieceTooSlow:
                self._quick = None
        if self._narrow is not None and self._narrow.usable and traits.ascii:
            return _expression_flags(self._narrow, data, count)
        if self._wide is not None and self._wide.usable:
            return _expression_flags(self._wide, data.decode("utf-8", "backslashreplace"), count)
        return None

    def _word_in_ragged(self, block: LineBlock, edited: Collection[int]) -> Found:
        """A text in lines of which some have other ends."""
        word, traits = self._word, block.traits
        assert word
        found = _lines_at(block, _places(word, block.data.lower() if self._lowered else block.data))
        doubtful = set(edited)
        if traits.inner:
            doubtful.update(_lines_of(INNER_SGR, block))
        if traits.coloured and (chr(word[0]) in IN_SGR or b"\x1b" in word):
            doubtful.update(found)
        return Found(flags_at(found, len(block)) if found else None, doubtful)


def _uncoloured(data: bytes) -> bytes:
    """The same lines without colours; a line with other sequences may lose more."""
    for colour in USUAL_COLOURS:
        data = data.replace(colour, b"")
    return SGR.sub(b"", data) if b"\x1b" in data else data


def _once_a_line(expression: str) -> str:
    """The expression, found in a line once at most."""
    return f"(?:{expression})[^\n]*+"


class PagePattern(Generic[AnyStr]):
    """An expression for pages.

    Args:
        expression: None when there is none for them.
        case: upper and lower case differ.
    """

    def __init__(self, expression: AnyStr | None, case: bool) -> None:
        self._expression: AnyStr | None = expression
        self._case = case
        self._compiled: Pattern[AnyStr] | None = None
        self._too_slow = False

    @property
    def usable(self) -> bool:
        """There is one, and it was not too slow for a page."""
        return self._expression is not None and not self._too_slow

    def places(self, data: AnyStr) -> list[int] | None:
        """Where it is found, from the left, once a line at most; None when that takes too long."""
        compiled = self._compiled or self._compile()
        try:
            # Other threads run meanwhile.
            places = [match.start() for match in compiled.finditer(data, timeout=PAGE_SECONDS, concurrent=True)]
        except TimeoutError:
            self._too_slow = True
            return None
        # What is found behind the last line end is in no line.
        while places and places[-1] >= len(data):
            places.pop()
        return places

    def _compile(self) -> Pattern[AnyStr]:
        import regex  # only for those who use expressions: it takes longer to load than a search

        flags = regex.MULTILINE | (0 if self._case else regex.IGNORECASE)
        assert self._expression is not None
        self._compiled = compiled = regex.compile(self._expression, flags)
        return compiled


def _line_ends(data: AnyStr, places: list[int]) -> Iterator[int]:
    """How many lines end between each place and the one before it."""
    end, before = (b"\n" if isinstance(data, bytes) else "\n"), 0
    for place in places:
        yield data.count(end, before, place)
        before = place


def _expression_flags(pattern: PagePattern[AnyStr], data: AnyStr, count: int) -> tuple[Flags, bool] | None:
    """Which of the `count` lines have it, and whether that may be within a colour; None when that takes too long."""
    places = pattern.places(data)
    if not places:
        return None if places is None else (None, False)
    signs = IN_SGR if isinstance(data, str) else IN_SGR.encode()
    in_colour = any(data[place : place + 1] in signs for place in places)
    return flags_at(accumulate(_line_ends(data, places)), count), in_colour


def _places(word: bytes, data: bytes) -> Iterable[int]:
    at = data.find(word)
    while at >= 0:
        yield at
        at = data.find(word, at + 1)


def _lines_at(block: LineBlock, places: Iterable[int]) -> Collection[int]:
    """The lines at these places of a block, each once."""
    starts, last = block.starts, len(block) - 1
    return dict.fromkeys(min(bisect_right(starts, place) - 1, last) for place in places)


def _lines_of(pattern: re.Pattern[bytes], block: LineBlock) -> Iterable[int]:
    data, starts = block.data, block.starts
    at, end, search = 0, len(data), pattern.search
    while at < end and (match := search(data, at)) is not None:
        line = bisect_left(starts, match.start() + 1) - 1
        yield line
        at = max(starts[line + 1], match.start() + 1)
