"""Lines that hold nothing that anybody looks for: nearly all that a board prints, and nearly all that nobody reads."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import ClassVar

from espmon.records.lines import LineBlock, block_of


class PlainBlock(LineBlock):
    """Lines that hold nothing that anybody looks for, each with LF or CR LF at its end, no other CR, and none cut.

    Where they begin is found when somebody asks: most blocks are written and forgotten.

    Args:
        data: whole lines.
        offset: stream offset of `data[0]`.
        time: host seconds when the first bytes of the lines came, None offline.
        began: the same for the first line, where it began in an earlier read than the others.
    """

    __slots__ = ("_count", "_starts")

    plain: ClassVar[bool] = True

    def __init__(self, data: bytes, offset: int, time: float | None, began: float | None) -> None:
        self.data = data
        self.offset = offset
        self.time = time
        self.began = time if began is None else began
        self.partial = False
        self._columns = self._heads = self._traits = None
        self._count = data.count(b"\n")
        self._starts: Sequence[int] | None = None

    def __len__(self) -> int:
        return self._count

    @property
    def starts(self) -> Sequence[int]:  # type: ignore[override]
        """Where the lines begin in `data`, and its end."""
        starts = self._starts
        if starts is None:
            # Two threads may both find them; they find the same.
            starts = self._starts = array("I", accumulate(map(len, self.data.splitlines(True)), initial=0))
        return starts

    def last(self, size: int) -> LineBlock:
        """The lines that begin in the last `size` bytes: all of them, or one at least."""
        data = self.data
        begin = data.find(b"\n", max(0, len(data) - size - 1)) + 1
        if len(data) <= size:
            return self
        begin = begin if begin < len(data) else data.rfind(b"\n", 0, len(data) - 1) + 1
        kept = data[begin:]
        began = None if begin else self.began
        return PlainBlock(kept, self.offset + begin, self.time, began)

    def overwritten(self) -> Sequence[int]:
        """Each line has an LF."""
        return ()

    def unfinished(self, index: int) -> bool:
        """Each line has its end."""
        return False


def plain_block(data: bytes, offset: int, cap: int, time: float | None, began: float | None = None) -> LineBlock:
    """Lines that are plain, unless one of them is longer than `cap`: that is cut."""
    if has_long(data, cap):
        return block_of(data, offset, cap, time, began)
    return PlainBlock(data, offset, time, began)


def has_long(data: bytes, cap: int) -> bool:
    """Whether whole lines may hold one that is longer than `cap`: quick, and true too often rather than too seldom."""
    step = cap // 2
    # What is longer covers one of these pieces, and has no LF there.
    return len(data) > cap and any(data.find(b"\n", at, at + step) < 0 for at in range(0, len(data) - step, step))
