"""The rows that a scan has found, by id: millions of them, kept as they are found, a page at a time.

Where many lines of a page were found they stay one byte a line, and where all were, a range: making numbers of them all
takes as long as finding them.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import TYPE_CHECKING, overload

SMALL = 512
"""Ids and lines up to which what was found is put with what was found before."""

SPARSE = 64
"""Where not more than every so many-th line was found, they are kept as numbers."""


if TYPE_CHECKING:
    Slice = slice[int | None, int | None, int | None]


class FlaggedLines(Sequence[int]):
    """The ids of some lines.

    Args:
        first: id of the first line that there is a flag for.
        flags: one byte a line: 1 for each that is one of them.
    """

    __slots__ = ("_count", "first", "flags")

    def __init__(self, first: int, flags: bytes | bytearray) -> None:
        self.first = first
        self.flags = flags
        self._count = flags.count(1)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        if self._count * SPARSE > len(self.flags):
            yield from compress(range(self.first, self.first + len(self.flags)), self.flags)
            return
        at = self.flags.find(1)
        while at >= 0:
            yield self.first + at
            at = self.flags.find(1, at + 1)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: Slice) -> list[int]: ...
    def __getitem__(self, index: int | Slice) -> int | list[int]:
        return list(self)[index]

    def before(self, line: int) -> int:
        """How many of them are before line `line`."""
        return self.flags.count(1, 0, max(0, line - self.first))


if TYPE_CHECKING:
    _Part = range | FlaggedLines | array[int]


class FoundRows(Sequence[int]):
    """Ids in order. One thread adds to them while another reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Of each part, its first id and how many there were before it; `_gone` counts from there, too.
        self._parts: list[_Part] = []
        self._firsts: list[int] = []
        self._counts: list[int] = []
        self._gone = self._end = 0
        self._read: tuple[FlaggedLines | None, list[int]] = None, []
        """The part that was read last, as numbers."""

    def __len__(self) -> int:
        return self._end - self._gone

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: Slice) -> list[int]: ...
    def __getitem__(self, index: int | Slice) -> int | list[int]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        with self._lock:
            at = index + (self._gone if index >= 0 else self._end)
            if not self._gone <= at < self._end:
                raise IndexError(index)
            part = bisect_right(self._counts, at) - 1
            return self._numbers(self._parts[part])[at - self._counts[part]]

    def __iter__(self) -> Iterator[int]:
        with self._lock:
            parts = [part[:] if isinstance(part, array) else part for part in self._parts]
        for part in parts:
            yield from part

    def before(self, line: int) -> int:
        """How many of them are before line `line`."""
        with self._lock:
            at = bisect_left(self._firsts, line) - 1
            if at < 0:
                return 0
            part = self._parts[at]
            if isinstance(part, FlaggedLines):
                within = part.before(line)
            elif isinstance(part, range):
                within = min(len(part), line - part.start)
            else:
                within = bisect_left(part, line)
            return self._counts[at] + within - self._gone

    def extend(self, ids: Sequence[int]) -> None:
        """Add ids; they come after all that there are."""
        if not ids:
            return
        with self._lock:
            last = self._parts[-1] if self._parts else None
            if isinstance(ids, FlaggedLines):
                few = len(ids.flags) <= SMALL or len(ids) * SPARSE <= len(ids.flags)
            else:
                few = len(ids) <= SMALL or not isinstance(ids, range)
            if isinstance(last, range) and isinstance(ids, range) and last.stop == ids.start:
                self._parts[-1] = range(last.start, ids.stop)
            elif few and isinstance(last, array) and len(last) <= SMALL:
                last.extend(ids)
            else:
                self._firsts.append(next(iter(ids)))
                self._counts.append(self._end)
                whole = isinstance(ids, range | FlaggedLines) and not few
                self._parts.append(ids if whole else array("Q", ids))  # type: ignore[arg-type]
            self._end += len(ids)

    def forget(self, line: int) -> None:
        """Those before line `line` need not be kept."""
        with self._lock:
            at = bisect_right(self._firsts, line) - 1
            if at < 0:
                return
            self._parts, self._firsts, self._counts = self._parts[at:], self._firsts[at:], self._counts[at:]
            first = self._parts[0]
            if isinstance(first, range) and first.start < line < first.stop:
                self._counts[0] += line - first.start
                self._parts[0], self._firsts[0] = range(line, first.stop), line
            self._gone = self._counts[0]

    def _numbers(self, part: _Part) -> Sequence[int]:
        if not isinstance(part, FlaggedLines):
            return part
        if self._read[0] is not part:
            self._read = part, list(part)
        return self._read[1]
