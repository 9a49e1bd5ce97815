"""Searches pages of lines for the sequences that an expression comes to, with an eye on the time that takes."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from itertools import compress

from espmon.tui.log.line_flags import MARK, Flags, either, flags_at, marked_lines, word_flags
from espmon.tui.log.quick_expression import QuickSequence

PIECE_BYTES = 8 << 10
"""What repeats is looked for in pieces of a page: the engine cannot be stopped before the end of one."""

PIECE_SECONDS = 0.02
"""For one of them, which usually takes a thousandth of it; then the expression is left to the other engine."""

RARE = 16
"""Lines with a text are taken out of the page where not more than every so many-th has it."""

RANKED_PAGES = 64
"""After so many pages it is found out anew which of an expression's texts is the rarest."""


class PieceTooSlow(Exception):
    """A search takes too long for an engine that cannot be stopped."""


class QuickSearch:
    """Looks for sequences in pages. May be used from several threads.

    Args:
        sequences: a line has to have one of them.
    """

    def __init__(self, sequences: Sequence[QuickSequence]) -> None:
        self._parts = [_Part(sequence) for sequence in sequences]
        self.in_colour = any(sequence.in_colour for sequence in sequences)
        """What is found in a coloured page may be part of a colour."""

        self.repeats = any(sequence.repeats for sequence in sequences)
        """It must not be looked for in long lines."""

    def flags(self, data: bytes, count: int, *, coloured: bool) -> Flags:
        """Which of the `count` lines of `data` have one. Each line ends with LF, and all is ASCII.

        Raises:
            PieceTooSlow: it takes too long.
        """
        found: Flags = None
        for part in self._parts:
            found = either(found, part.flags(data, count, coloured))
        return found

    def strict_flags(self, data: bytes, count: int) -> Flags:
        """Which of the lines of a coloured page have one that cannot be part of a colour. Else as `flags`."""
        found: Flags = None
        for part in self._parts:
            found = either(found, part.strict_flags(data))
        return found


def word_pattern(word: bytes) -> re.Pattern[bytes]:
    """A text for Python's engine, which finds it faster than `bytes.find` does."""
    return re.compile(re.escape(word))


class _Part:
    """One sequence."""

    def __init__(self, sequence: QuickSequence) -> None:
        self._sequence = sequence
        self._compiled: dict[tuple[bool, bool], re.Pattern[bytes]] = {}
        self._word = None if sequence.word is None else word_pattern(sequence.word)
        self._rarest: re.Pattern[bytes] | None = None
        self._pages = 0

    def flags(self, data: bytes, count: int, coloured: bool) -> Flags:
        sequence = self._sequence
        if sequence.everywhere:
            return b"\1" * count
        if self._word is not None:
            return word_flags(data, count, self._word)
        self._rank(data, count)
        rarest = self._rarest
        if rarest is not None:
            lines, texts = _lines_with(rarest, data, count // RARE)
            if not lines:
                return None
            if len(lines) <= count // RARE:
                kept = self._marked(b"".join(texts), coloured)
                return None if kept is None else flags_at(compress(lines, kept), count)
        return self._marked(data, coloured)

    def _rank(self, data: bytes, count: int) -> None:
        """Find out which text is so rare that looking for it first is worth it."""
        words = self._sequence.words
        if self._pages % RANKED_PAGES == 0 and words:
            times, rarest = min((data.count(word), word) for word in words)
            self._rarest = word_pattern(rarest) if times <= count // RARE else None
        self._pages += 1

    def strict_flags(self, data: bytes) -> Flags:
        return self._marked(data, coloured=True, strict=self._sequence.in_colour)

    def _marked(self, data: bytes, coloured: bool, strict: bool = False) -> Flags:
        pattern = self._compiled.get((coloured, strict))
        if pattern is None:
            pattern = re.compile(self._sequence.source(coloured=coloured, strict=strict).encode("ascii"))
            self._compiled[coloured, strict] = pattern
        begins, timed = self._sequence.begins, self._sequence.repeats
        marked, found = list[bytes](), 0
        worked = time.thread_time()
        for piece in _pieces(data) if timed else (data,):
            begun = time.perf_counter()
            # What stands at the beginning of a line is looked for from the end of the line before it on.
            done, times = pattern.subn(b"\n" + MARK, b"\n" + piece) if begins else pattern.subn(MARK, piece)
            # The thread's own time takes longer to ask for; the clock goes on also while others work.
            if timed and time.perf_counter() - begun > PIECE_SECONDS and time.thread_time() - worked > PIECE_SECONDS:
                raise PieceTooSlow
            marked.append(done[1:] if begins else done)
            found += times
        return marked_lines(b"".join(marked)) if found else None


def _pieces(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        end = data.rfind(b"\n", at, at + PIECE_BYTES) + 1 or data.index(b"\n", at) + 1
        yield data[at:end]
        at = end


def _lines_with(word: re.Pattern[bytes], data: bytes, most: int) -> tuple[list[int], list[bytes]]:
    """The lines that have `word`, by number, and their texts; not many more than `most`."""
    lines, texts = list[int](), list[bytes]()
    line = before = end = 0
    for match in word.finditer(data):
        at = match.start()
        if at < end:
            continue
        begin, end = data.rfind(b"\n", before, at) + 1 or before, data.index(b"\n", at) + 1
        line += data.count(b"\n", before, begin)
        before = begin
        lines.append(line)
        texts.append(data[begin:end])
        if len(lines) > most:
            break
    return lines, texts
