"""Searches pages of lines for the sequences that an expression comes to, with an eye on the time that takes."""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import compress, islice, repeat

from espmon.tui.log.line_flags import MARK, Flags, either, flags_at, lines_of, marked_lines, word_flags
from espmon.tui.log.quick_expression import Anchor, Colours, QuickSequence

PIECE_BYTES = 32 << 10
"""What repeats is looked for in pieces of a page: the engine cannot be stopped before the end of one."""

PIECE_SECONDS = 0.02
"""For one of them, which usually takes a hundredth of it; then the expression is left to the other engine."""

RARE = 16
"""Lines with a text are taken out of the page where not more than every so many-th has it."""

SPARSE = 12
"""Where not more than every so many-th line has something, lines are told from places; else from marks."""

ANCHORED = 4
"""A text without letters that is in every so many-th line at most is looked for first."""

RANKED_PAGES = 64
"""After so many pages it is found out anew which of an expression's texts is the rarest."""

_NO_LETTERS = re.compile(rb"[^a-z]{2,}")


class PieceTooSlow(Exception):
    """A search takes too long for an engine that cannot be stopped."""


class PageText:
    """Lines as they were received, and in lower case where somebody asks for that.

    Args:
        data: whole lines; each ends with LF.
        count: how many.
        starts: where they begin, and where they end; None where that would have to be found out.
        lowered: they are looked at in lower case.
    """

    def __init__(self, data: bytes, count: int, starts: Sequence[int] | None = None, *, lowered: bool) -> None:
        self.data = data
        self.count = count
        self.starts = starts
        self._lowered = lowered

    @cached_property
    def text(self) -> bytes:
        """What is looked at."""
        return self.data.lower() if self._lowered else self.data

    def some(self, word: re.Pattern[bytes], data: bytes, most: int) -> tuple[Sequence[int], PageText] | None:
        """The lines with a text that is looked for in `data`, by number and alone; None when more than `most` are."""
        starts, places = self.starts, [match.start() for match in islice(word.finditer(data), most + 1)]
        if len(places) > most:
            return None
        if starts is None:
            lines, kept = _lines_with(places, data)
        else:
            lines = list(dict.fromkeys(_lines_at(places, starts)))
            kept = lines_of(data, starts, lines)
        return lines, PageText(kept, len(lines), lowered=self._lowered)


class QuickSearch:
    """Looks for sequences in pages. May be used from several threads.

    Args:
        sequences: a line has to have one of them.
        lowered: they are for lines in lower case.
    """

    def __init__(self, sequences: Sequence[QuickSequence], *, lowered: bool) -> None:
        self._parts = [_Part(sequence, lowered=lowered) for sequence in sequences]
        self._lowered = lowered
        self._everywhere = any(sequence.everywhere for sequence in sequences)
        self._full: _Part | None = None
        """What every line of the page before had."""

        self._patience = 0
        """Pages to go until it is tried again whether every line has one."""

        self.in_colour = any(sequence.in_colour for sequence in sequences)
        """What is found in a page with unusual colours may be part of one."""

        self.repeats = any(sequence.repeats for sequence in sequences)
        """It must not be looked for in long lines."""

    def flags(self, data: bytes, count: int, starts: Sequence[int] | None, colours: Colours) -> Flags:
        """Which of the `count` lines of `data` have one. Each line ends with LF, and all is ASCII.

        Args:
            data: the lines.
            count: how many.
            starts: where they begin, and where they end; None where that would have to be found out.
            colours: which there are.

        Raises:
            PieceTooSlow: it takes too long.
        """
        if self._everywhere:
            return b"\1" * count
        if self._full is not None and not self._patience:
            # Mostly in the case that was typed, too: then there is nothing to turn into lower case.
            if self._full.lines_with(data, colours) == count:
                return b"\1" * count
            self._patience = RANKED_PAGES
        self._patience = max(0, self._patience - 1)
        page, found = PageText(data, count, starts, lowered=self._lowered), None
        self._full = None
        for part in self._parts:
            flags = part.flags(page, colours)
            if flags is not None and flags.count(1) == count:
                self._full = part
                return flags
            found = either(found, flags)
        return found


class _Part:
    """One sequence."""

    def __init__(self, sequence: QuickSequence, *, lowered: bool) -> None:
        self._sequence = sequence
        self._compiled: dict[tuple[Colours, Anchor | None], re.Pattern[bytes]] = {}
        self._word = None if sequence.word is None else re.compile(re.escape(sequence.word))
        self._anchors = sequence.plain_anchors if lowered else ()
        self._anchor: Anchor | None = None
        self._plain_words = [text for word in sequence.words for text in _NO_LETTERS.findall(word)] if lowered else []
        self._rarest: re.Pattern[bytes] | None = None
        self._rarest_plain: re.Pattern[bytes] | None = None
        self._pages = 0
        self._sparse = False
        """Few lines of the page before had it."""

    def flags(self, page: PageText, colours: Colours) -> Flags:
        """Which lines have it."""
        self._rank(page)
        text = self._rarest_plain or (self._rarest if self._anchor is None else None)
        some = None
        if text is not None:
            some = page.some(text, page.data if text is self._rarest_plain else page.text, page.count // RARE)
        if some is None:
            flags = self._found(page, colours)
            self._sparse = flags is None or flags.count(1) <= page.count // SPARSE
            return flags
        lines, part = some
        flags = self._marked(part, colours) if lines else None
        return None if flags is None else flags_at(compress(lines, flags), page.count)

    def lines_with(self, data: bytes, colours: Colours) -> int:
        """How many lines have it."""
        pattern = self._pattern(colours)
        return sum(len(pattern.findall(piece)) for _, piece in self._pieces(data))

    def _rank(self, page: PageText) -> None:
        """Find out which text is so rare that looking for it first is worth it."""
        if self._pages % RANKED_PAGES == 0:
            # A text without letters may be looked for in lines that were not turned into lower case.
            times, at, text = min(((page.data.count(a.text.encode()), *a) for a in self._anchors), default=(0, 0, ""))
            self._anchor = Anchor(at, text) if text and times <= page.count // ANCHORED else None
            self._rarest_plain = _rare(self._plain_words, page.data, page.count)
            self._rarest = None if self._rarest_plain else _rare(self._sequence.words, page.text, page.count)
        self._pages += 1

    def _found(self, page: PageText, colours: Colours) -> Flags:
        """Which lines have it, by the way that is faster where so many have it as in the page before."""
        if not self._sparse or page.starts is None:
            return self._marked(page, colours)
        anchor, sequence = self._anchor, self._sequence
        pattern = self._pattern(colours, anchor)
        places, ahead = list[int](), sequence.takes_lf(colours) - sequence.begins
        for at, piece in self._pieces(page.text if anchor is None else page.data):
            places += [at + ahead + match.start() for match in pattern.finditer(piece)]
        return flags_at(_lines_at(places, page.starts), page.count) if places else None

    def _marked(self, page: PageText, colours: Colours) -> Flags:
        sequence, anchor = self._sequence, self._anchor
        data = page.text if anchor is None else page.data
        if self._word is not None:
            plain = anchor is None and not (colours is Colours.USUAL and sequence.in_colour)
            return word_flags(data, page.count, self._word if plain else self._pattern(colours, anchor))
        pattern = self._pattern(colours, anchor)
        mark = b"\n" + MARK if sequence.takes_lf(colours) else MARK
        marked, found = list[bytes](), 0
        for _, piece in self._pieces(data):
            done, times = pattern.subn(mark, piece)
            marked.append(done[1:] if sequence.begins else done)
            found += times
        return marked_lines(b"".join(marked)) if found else None

    def _pattern(self, colours: Colours, anchor: Anchor | None = None) -> re.Pattern[bytes]:
        pattern = self._compiled.get((colours, anchor))
        if pattern is None:
            source = self._sequence.source(colours, anchor).encode("ascii")
            pattern = self._compiled[colours, anchor] = re.compile(source)
        return pattern

    def _pieces(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The page, with an LF before each line where that is wanted; what repeats, in pieces. And where they begin.

        Raises:
            PieceTooSlow: with one of them, more time was spent than it may take.
        """
        before = b"\n" * self._sequence.begins
        if not self._sequence.repeats:
            yield 0, before + data
            return
        worked = time.thread_time()
        at = 0
        while at < len(data):
            end = data.rfind(b"\n", at, at + PIECE_BYTES) + 1 or data.index(b"\n", at) + 1
            begun = time.perf_counter()
            yield at, before + data[at:end]
            # The thread's own time takes longer to ask for; the clock goes on also while others work.
            if time.perf_counter() - begun > PIECE_SECONDS and time.thread_time() - worked > PIECE_SECONDS:
                raise PieceTooSlow
            at = end


def _rare(texts: Sequence[bytes], data: bytes, count: int) -> re.Pattern[bytes] | None:
    """The rarest of some texts, where few of so many lines have it; an expression is faster than `bytes.find`."""
    times, text = min(((data.count(text), text) for text in texts), default=(0, b""))
    return re.compile(re.escape(text)) if text and times <= count // RARE else None


def _lines_at(places: Sequence[int], starts: Sequence[int]) -> Iterator[int]:
    """The lines that these places are in."""
    return (line - 1 for line in map(bisect_right, repeat(starts), places))


def _lines_with(places: Sequence[int], data: bytes) -> tuple[Sequence[int], bytes]:
    """The same, and the lines themselves, where it is not known where they begin."""
    lines, kept = list[int](), list[bytes]()
    line = before = end = 0
    for at in places:
        if at >= end:
            begin, end = data.rfind(b"\n", before, at) + 1 or before, data.index(b"\n", at) + 1
            line += data.count(b"\n", before, begin)
            before = begin
            lines.append(line)
            kept.append(data[begin:end])
    return lines, b"".join(kept)
