"""When the bytes that are still held came: a line's time is that of its first byte, however late its end is."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from espmon.records.lines import LineBlock

MAX_ARRIVALS = 1024
"""Reads that are told apart; of more than these, every other one counts as a part of the one before."""


class Arrivals:
    """Host times of the reads that brought the bytes from some stream offset on."""

    __slots__ = ("_offsets", "_times")

    def __init__(self) -> None:
        self._offsets = [0]
        self._times: list[float | None] = [None]

    def note(self, offset: int, time: float | None) -> None:
        """The bytes from `offset` on, which is not before any noted one, came at `time`."""
        offsets, times = self._offsets, self._times
        if offset == offsets[-1]:
            times[-1] = time
        elif time != times[-1]:
            offsets.append(offset)
            times.append(time)
            if len(offsets) > MAX_ARRIVALS:
                del offsets[1::2], times[1::2]

    def at(self, offset: int) -> float | None:
        """When the byte at `offset` came."""
        return self._times[max(0, bisect_right(self._offsets, offset) - 1)]

    def begin(self, offset: int, time: float | None) -> None:
        """Nothing before `offset` is held any more, and its byte came at `time`."""
        kept = bisect_right(self._offsets, offset)
        self._offsets[:kept] = [offset]
        self._times[:kept] = [time]

    def dated(self, block: LineBlock) -> Iterator[LineBlock]:
        """The lines of a block with the times of their first bytes; cut where it takes more than two times."""
        offset, starts, count = block.offset, block.starts, len(block)
        at = max(0, bisect_right(self._offsets, offset) - 1)
        firsts, times = [0], [self._times[at]]
        for read in range(at + 1, len(self._offsets)):
            first = bisect_left(starts, self._offsets[read] - offset)
            if first >= count:
                break
            if first == firsts[-1]:
                times[-1] = self._times[read]
            else:
                firsts.append(first)
                times.append(self._times[read])
        began = times[0]
        if firsts[1:2] == [1]:
            # Nearly always: the first line began in an earlier read than the others.
            del firsts[1], times[0]
        for first, stop, time in zip(firsts, [*firsts[1:], count], times, strict=True):
            part = block.part(first, stop)
            part.time, part.began = time, time if first else began
            yield part
