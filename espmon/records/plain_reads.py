"""The short way through a stream that is nothing but lines, as nearly every stream nearly always is.

It answers for reads one by one, and only where it is sure: it and the long way say the same. Everything here is about
cost at small reads.
"""

from __future__ import annotations

import re

from espmon.records.line_shapes import SHAPELESS, LineShapes, PlainText
from espmon.records.lines import LineBlock, block_of
from espmon.records.plain_block import plain_block
from espmon.records.recent_lines import RecentLines

COMPLETING = re.compile(rb"[\n#\x00\x01\x02]|\r(?!\Z)")
"""Bytes without any of these complete nothing: no line, packet or binary frame. A CR at the end has to wait."""

LF, CR, HASH, BOOT_FRAME, FRAME, NUL = b"\n\r#\x01\x02\x00"
"""What `COMPLETING` looks for, as numbers."""

SMALL = 512
"""Bytes of the largest read that is taken line by line."""


class PlainReads:
    """Takes reads that end plain lines, and nothing else.

    Args:
        shapes: knows which lines are plain.
        recent: remembers the lines.
        cap: longest body of a line.
        portion: bytes of the largest read that is looked at.

    Attributes:
        rest: the unfinished line behind the lines that `lines` returned.
    """

    __slots__ = ("_cap", "_known", "_note", "_portion", "_recent", "_shapes", "rest")

    def __init__(self, shapes: LineShapes, recent: RecentLines, cap: int, portion: int) -> None:
        self._shapes = shapes
        self._known = shapes.known
        self._recent = recent
        self._note = recent.note
        self._cap = cap
        self._portion = portion
        self.rest = b""

    def lines(self, line: bytes, data: bytes, offset: int, time: float | None, began: float | None) -> LineBlock | None:
        """The lines that `data`, which has an LF, completes; None where the long way must look.

        Args:
            line: the unfinished line before it.
            data: the read.
            offset: stream offset of `line`.
            time: when the read came.
            began: when `line` began to come; not looked at where that is empty.
        """
        if len(data) > SMALL:
            return self._large(line, data, offset, time, began) if len(data) <= self._portion else None
        text = line + data
        lines = text.split(b"\n")
        rest = lines.pop()
        known = self._known
        end = 0
        starts = [0]
        for one in lines:
            shape = one.translate(None, SHAPELESS)
            if (shape not in known and not self._shapes.plain(shape, one)) or CR in one[:-1]:
                return None
            end += len(one) + 1
            starts.append(end)
        if HASH in rest or FRAME in rest or BOOT_FRAME in rest or NUL in rest or end > self._cap:
            return None
        if CR in rest and CR in rest[:-1]:
            return None
        self.rest = rest
        block = LineBlock(text[:end], offset, starts, time, began if line else time)
        self._note(block)
        return block

    def _large(
        self, line: bytes, data: bytes, offset: int, time: float | None, began: float | None
    ) -> LineBlock | None:
        end = data.rfind(b"\n") + 1
        if COMPLETING.search(data, end) is not None:
            return None
        text = line + data[:end]
        plain = self._shapes.all_plain(text)
        if not plain:
            return None
        self.rest = data[end:]
        make = plain_block if plain is PlainText.EVEN else block_of
        block = make(text, offset, self._cap, time, began if line else time)
        self._recent.add(block)
        return block
