"""The last lines of a stream, for recognizers that have to know what stood before a line."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from espmon.records.lines import LineBlock
from espmon.records.plain_block import PlainBlock

MAX_RECENT_LINES = 128
"""Lines before a line that can be looked at ..."""

MAX_RECENT_BYTES = 16 << 10
"""... as far as they begin at most so many bytes before it."""


class RecentLine(NamedTuple):
    """One line."""

    offset: int
    """Where it begins in the received stream."""

    length: int
    """Its length in bytes, line end included."""

    text: str
    """Its text without line end and colour."""

    time: float | None
    """Host seconds since the epoch, None offline."""


class RecentLines:
    """The lines that came last. What `before` returns depends on the stream alone, not on how it was cut into reads.

    Memory: `MAX_RECENT_LINES` blocks of little more than `MAX_RECENT_BYTES`, and the newest block whole.
    """

    def __init__(self) -> None:
        self._blocks: deque[LineBlock] = deque(maxlen=MAX_RECENT_LINES)
        self.note = self._blocks.append
        """Takes a block of a few hundred bytes at the least cost."""

    def add(self, block: LineBlock) -> None:
        """Take a block of any size."""
        blocks = self._blocks
        if blocks and len(blocks[-1].data) > MAX_RECENT_BYTES:
            blocks[-1] = _last_part(blocks[-1])
        blocks.append(block)

    @property
    def end(self) -> int:
        """Stream offset behind the last line."""
        return self._blocks[-1].offset + len(self._blocks[-1].data) if self._blocks else 0

    def before(self, offset: int, since: int = 0) -> Iterator[RecentLine]:
        """The lines that begin before `offset` and not before `since`, the nearest first."""
        since = max(since, offset - MAX_RECENT_BYTES)
        left = MAX_RECENT_LINES
        for block in reversed(self._blocks):
            if block.offset >= offset:
                continue
            for index in range(bisect_left(block.starts, offset - block.offset, 0, len(block)) - 1, -1, -1):
                at = block.line_offset(index)
                if at < since or not left:
                    return
                left -= 1
                length = block.starts[index + 1] - block.starts[index]
                yield RecentLine(at, length, block.text(index), block.time)


def _last_part(block: LineBlock) -> LineBlock:
    if isinstance(block, PlainBlock):
        return block.last(MAX_RECENT_BYTES)
    count = len(block)
    first = bisect_left(block.starts, block.starts[count] - MAX_RECENT_BYTES, 0, count)
    return block.part(max(first, count - MAX_RECENT_LINES), count)


NO_LINES = RecentLines()
"""Nothing was received before. Never added to."""
