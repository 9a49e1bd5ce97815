"""A text or an expression looked for in a page of lines at once: the lines are only looked at where that cannot tell.

A page is searched as it was received, colours and line ends included. What is found there is sure where no colour
stands in the middle of a line, and where the match cannot have begun in a colour before it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator
from itertools import accumulate, repeat
from typing import TYPE_CHECKING, AnyStr, Generic, NamedTuple

from espmon.records.lines import LineBlock
from espmon.records.traits import EDITING_BYTES, INNER_SGR, Traits
from espmon.tui.log.page_expression import page_expression

if TYPE_CHECKING:
    from regex import Pattern

PAGE_SECONDS = 0.25
"""For one expression on one page; a usual one takes less than a millisecond. Then it is tried line by line."""

_IN_SGR = "[0123456789;:mM"
"""With what a match can begin that begins inside of a colour, behind its ESC."""


class Found(NamedTuple):
    """Lines of a block, by index."""

    sure: Collection[int]
    """Those that have it."""

    doubtful: Collection[int]
    """Those that must be looked at. All others have it not."""


class PageSearch:
    """Looks for one text or expression. May be used from several threads.

    Args:
        pattern: what to look for.
        regex: it is a regular expression.
        case: upper and lower case differ.
    """

    def __init__(self, pattern: str, *, regex: bool, case: bool) -> None:
        self._word: bytes | None = None
        self._narrow: PagePattern[bytes] | None = None
        self._wide: PagePattern[str] | None = None
        if not regex and pattern.isascii():
            self._word = (pattern if case else pattern.lower()).encode()
        elif not regex:
            self._wide = PagePattern(_once_a_line(re.escape(pattern)) if pattern.isprintable() else None, case)
        else:
            narrow, wide = page_expression(pattern), page_expression(pattern, wide=True)
            self._narrow = PagePattern(None if narrow is None else _once_a_line(narrow).encode("ascii"), case)
            self._wide = PagePattern(None if wide is None else _once_a_line(wide), case)
        self._case = case

    def find(self, block: LineBlock, low: int, high: int) -> Found | None:
        """The lines `low <= index < high` that have it; None when each must be looked at."""
        if block.decoded:
            return None
        if self._word is not None:
            found: Found | None = self._word_lines(block)
        elif self._narrow is not None and self._narrow.usable and block.traits.ascii:
            found = _expression_lines(block, self._narrow, block.data)
        elif self._wide is not None and self._wide.usable and block.traits.whole:
            found = _expression_lines(block, self._wide, block.data.decode("utf-8", "backslashreplace"))
        else:
            return None
        if found is None or (low == 0 and high == len(block)):
            return found
        return Found(*([index for index in part if low <= index < high] for part in found))

    # -- a text -------------------------------------------------------------------------------------------------

    def _word_lines(self, block: LineBlock) -> Found:
        word, traits = self._word, block.traits
        assert word
        data = block.data if self._case else block.data.lower()
        odd = _odd_lines(block, traits)
        if word not in data:
            return Found((), odd)
        if traits.whole and word.find(b"\n") < 0:
            # Lines are counted, since finding out where they begin takes longer.
            counts = map(bytes.count, data.split(word)[:-1], repeat(b"\n"))
            lines: Collection[int] = dict.fromkeys(accumulate(counts))
        else:
            lines = _lines_at(block, _places(word, data))
        sure = not traits.coloured or (chr(word[0]) not in _IN_SGR and b"\x1b" not in word)
        return _told(lines, odd, sure=sure)


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


def _expression_lines(block: LineBlock, pattern: PagePattern[AnyStr], data: AnyStr) -> Found | None:
    traits = block.traits
    places: list[int] | None = pattern.places(data) if traits.whole else None
    if places is None:
        return None
    odd = _odd_lines(block, traits)
    if not places:
        return Found((), odd)
    lines = list(accumulate(_line_ends(data, places)))
    if traits.coloured:
        signs = _IN_SGR if isinstance(data, str) else _IN_SGR.encode()
        odd.update(line for line, place in zip(lines, places, strict=True) if data[place : place + 1] in signs)
    return _told(dict.fromkeys(lines), odd, sure=True)


def _told(lines: Collection[int], odd: set[int], *, sure: bool) -> Found:
    if not sure:
        return Found((), odd.union(lines))
    return Found([line for line in lines if line not in odd] if odd else lines, odd)


def _places(word: bytes, data: bytes) -> Iterable[int]:
    at = data.find(word)
    while at >= 0:
        yield at
        at = data.find(word, at + 1)


def _lines_at(block: LineBlock, places: Iterable[int]) -> Collection[int]:
    """The lines at these places of a block, each once."""
    starts, last = block.starts, len(block) - 1
    return dict.fromkeys(min(bisect_right(starts, place) - 1, last) for place in places)


def _odd_lines(block: LineBlock, traits: Traits) -> set[int]:
    """Lines with colour within the text, or with more: it may split what is looked for."""
    odd: set[int] = set()
    for has, pattern in ((traits.inner, INNER_SGR), (traits.edits, EDITING_BYTES)):
        if has:
            odd.update(_lines_of(pattern, block))
    return odd


def _lines_of(pattern: re.Pattern[bytes], block: LineBlock) -> Iterable[int]:
    data, starts = block.data, block.starts
    at, end, search = 0, len(data), pattern.search
    while at < end and (match := search(data, at)) is not None:
        line = bisect_left(starts, match.start() + 1) - 1
        yield line
        at = max(starts[line + 1], match.start() + 1)
