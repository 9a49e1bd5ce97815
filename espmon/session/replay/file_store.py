"""A log whose bytes stay in the file they came from: a block of lines is read again when somebody looks at it.

Of 2 GB of log, memory holds where each 64 kB begin, and the pages that were looked at last.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable

from espmon.records.lines import LineBlock
from espmon.records.plain_block import PlainBlock
from espmon.session.backing import Backing
from espmon.session.file_pages import FileBlock, Pages
from espmon.session.log_memory import STORE_BYTES
from espmon.session.store import LogStore, Segment
from espmon.session.text_page import PAGE_BYTES, note_times


class FileStore(LogStore):
    """A log store that keeps the board's text in the file, and all else in memory.

    Args:
        backing: where the stream's bytes are, by the offsets of the blocks.
        cap: longest body of a line.
        limit: bytes of memory for what is not in the file; the oldest lines go then.
        wall: turns the times of lines into wall time.
        cr_overwrites: see `LogStore`.
    """

    def __init__(
        self,
        backing: Backing,
        cap: int,
        limit: int = STORE_BYTES,
        wall: Callable[[float], float] = float,
        *,
        cr_overwrites: bool = False,
    ) -> None:
        super().__init__(limit, wall, cr_overwrites=cr_overwrites)
        self._pages = Pages(backing, cap)
        self._cut = False
        """The newest line was cut where nothing in its bytes says so: what follows must not be read as its rest."""

    def _keep(self, block: LineBlock) -> None:
        if type(block) not in (LineBlock, PlainBlock):
            super()._keep(block)
            return
        self._put(block)
        self._cut = block.unfinished(len(block) - 1)

    def _put(self, block: LineBlock) -> None:
        segments, _ = self._table
        last = segments[-1] if segments else None
        if (
            last is not None
            and isinstance(last.block, FileBlock)
            and last.block.offset + last.block.length == block.offset
            and last.block.length + block.length <= PAGE_BYTES
            and not self._cut
        ):
            longer = last.block.longer(block)
            self._count(longer)
            self._count(last.block, -1)
            segments[-1] = Segment(last.first, longer, last.sgr)
            return
        lines, times = array("I"), array("d")
        note_times(lines, times, 0, block)
        self._add(FileBlock(self._pages, block.offset, block.length, len(block), lines, times))
