"""A text or an expression looked for in a page of lines at once: the lines are only looked at where that cannot tell.

A page is searched as it was received, colours and line ends included. Where a colour stands in the middle of a line, or
what is found may be part of an unusual one, the colours are taken out before.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate, compress
from typing import TYPE_CHECKING, AnyStr, Generic, NamedTuple

from espmon.records.lines import SGR, LineBlock
from espmon.records.traits import EDITING_BYTES, INNER_SGR, Traits
from espmon.session.file_pages import FilePage
from espmon.tui.log.line_flags import Flags, flags_at, lines_of
from espmon.tui.log.page_expression import page_expression
from espmon.tui.log.quick_expression import IN_SGR, Colours, quick_sequences, quick_word
from espmon.tui.log.quick_search import PieceTooSlow, QuickSearch

if TYPE_CHECKING:
    from regex import Pattern

PAGE_SECONDS = 0.25
"""For one expression on one page; a usual one takes less than a millisecond. Then it is tried line by line."""

_ESCAPED = re.compile(r"\\.")

KEPT_PAGES = 16
"""Pages whose result is kept: two steps of a scan may each want a part of one."""


_NO_TEXT = re.compile(r"[\x1b\r\n]")
"""What is in a page, but in no line's text."""


class Found(NamedTuple):
    """What is known of the lines of a block."""

    flags: Flags
    """1 for those that have it; None when none has."""

    doubtful: Collection[int]
    """Those that must be looked at, by index, whatever the flags say."""


class _NotByPage(Exception):
    """The lines must be looked at one by one."""


class PageSearch:
    """Looks for one text or expression. May be used from several threads.

    Args:
        pattern: what to look for.
        regex: it is a regular expression.
        case: upper and lower case differ.
    """

    def __init__(self, pattern: str, *, regex: bool, case: bool) -> None:
        self._word: bytes | None = None
        self._beyond_ascii = False
        self._quick: QuickSearch | None = None
        self._narrow: PagePattern[bytes] | None = None
        self._wide: PagePattern[str] | None = None
        self._lowered = not case and any(map(str.isalpha, _ESCAPED.sub("", pattern) if regex else pattern))
        if not regex and pattern.isascii() and not _NO_TEXT.search(pattern):
            text = pattern if case else pattern.lower()
            self._word, self._quick = text.encode(), QuickSearch([quick_word(text)], lowered=self._lowered)
        elif not regex:
            self._beyond_ascii = not all(char.isascii() or _folds_to_ascii(char) for char in pattern)
            self._wide = PagePattern(_once_a_line(re.escape(pattern)) if pattern.isprintable() else None, case)
        else:
            sequences = quick_sequences(pattern, case=case)
            self._quick = None if sequences is None else QuickSearch(sequences, lowered=self._lowered)
            narrow, wide = page_expression(pattern), page_expression(pattern, wide=True)
            self._narrow = PagePattern(None if narrow is None else _once_a_line(narrow).encode("ascii"), case)
            self._wide = PagePattern(None if wide is None else _once_a_line(wide), case)
        self._kept: list[tuple[LineBlock, Found | None] | None] = [None] * KEPT_PAGES

    def find(self, block: LineBlock, among: Flags = None) -> Found | None:
        """The lines of a block that have it; None when each must be looked at.

        Args:
            block: the lines.
            among: 1 for the few lines that are asked about; None: all of them.
        """
        if among is not None:
            return self._find(block, list(compress(range(len(among)), among)))
        place = id(block) // 64 % KEPT_PAGES
        kept = self._kept[place]
        if kept is None or kept[0] is not block:
            kept = self._kept[place] = block, self._find(block)
        return kept[1]

    def _find(self, block: LineBlock, lines: Sequence[int] | None = None) -> Found | None:
        if block.decoded:
            return None
        traits, page = block.traits, block.page
        edited = set(_lines_of(EDITING_BYTES, page)) if traits.edits else ()
        if not traits.whole:
            return None if self._word is None else self._word_in_ragged(page, edited)
        if self._beyond_ascii and traits.ascii:
            return Found(None, edited)
        data, count = page.data, len(page)
        starts = None if isinstance(page, FilePage) else page.starts
        if lines is not None:
            data, count, starts = lines_of(data, page.starts, lines), len(lines), None
        colours = Colours.NONE
        if traits.inner:
            # Colour in the middle of lines splits what is looked for.
            data, starts = _uncoloured(data), None
        elif traits.coloured:
            colours = Colours.USUAL if traits.usual else Colours.ANY
        try:
            flags = self._flags(data, count, starts, traits, colours)
        except _NotByPage:
            return None
        if flags is not None and lines is not None:
            flags = flags_at(compress(lines, flags), len(page))
        return Found(flags, edited)

    def _flags(self, data: bytes, count: int, starts: Sequence[int] | None, traits: Traits, colours: Colours) -> Flags:
        """Which of the `count` lines of `data` have it. Each line ends with LF, and has no other.

        Raises:
            _NotByPage: that cannot be told.
        """
        quick = self._quick
        if quick is not None and (self._word is not None or (traits.ascii and not (traits.long and quick.repeats))):
            if colours is Colours.ANY and quick.in_colour:
                data, starts, colours = _uncoloured(data), None, Colours.NONE
            try:
                return quick.flags(data, count, starts, colours)
            except PieceTooSlow:
                self._quick = None
        if colours is not Colours.NONE:
            data = _uncoloured(data)
        if self._narrow is not None and self._narrow.usable and traits.ascii:
            return _expression_flags(self._narrow, data, count)
        if self._wide is not None and self._wide.usable:
            return _expression_flags(self._wide, data.decode("utf-8", "backslashreplace"), count)
        raise _NotByPage

    def _word_in_ragged(self, block: LineBlock, edited: Collection[int]) -> Found:
        """A text in lines of which some have other ends."""
        word, traits = self._word, block.traits
        assert word
        found = _lines_at(block, _places(word, block.data.lower() if self._lowered else block.data))
        doubtful = set(edited)
        if traits.inner:
            doubtful.update(_lines_of(INNER_SGR, block))
        if traits.coloured and (chr(word[0]) in IN_SGR):
            doubtful.update(found)
        return Found(flags_at(found, len(block)) if found else None, doubtful)


def _folds_to_ascii(char: str) -> bool:
    """Whether a letter is the same as one of ASCII where case does not matter."""
    return (char.lower() + char.upper() + char.casefold()).isascii() or char in "\u017f\u0130\u0131\u212a"


def _uncoloured(data: bytes) -> bytes:
    """The same lines without colours; a line with other sequences may lose more."""
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

    def places(self, data: AnyStr) -> list[int]:
        """Where it is found, from the left, once a line at most.

        Raises:
            _NotByPage: that takes too long.
        """
        compiled = self._compiled or self._compile()
        try:
            # Other threads run meanwhile.
            places = [match.start() for match in compiled.finditer(data, timeout=PAGE_SECONDS, concurrent=True)]
        except TimeoutError:
            self._too_slow = True
            raise _NotByPage from None
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


def _expression_flags(pattern: PagePattern[AnyStr], data: AnyStr, count: int) -> Flags:
    """Which of the `count` lines have it."""
    places = pattern.places(data)
    return flags_at(accumulate(_line_ends(data, places)), count) if places else None


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
