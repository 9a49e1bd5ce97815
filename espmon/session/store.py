"""The log: every received line, as blocks of columns, with one writer and any number of readers.

The session's thread appends; the screen's thread and the filter threads read. Appending publishes the new length last,
so a reader that took `len(store)` may use every index below it. Lines have stable ids: id = index since the session
began; when old blocks are dropped at the cap, `first` moves up and ids stay.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from espmon.records.lines import Line, LineBlock
from espmon.records.plain_block import PlainBlock
from espmon.records.sgr_state import sgr_state
from espmon.session.file_pages import FileBlock
from espmon.session.log_memory import STORE_BYTES, LogMemory
from espmon.session.recorded_text import RecordedText
from espmon.session.row_index import RowIndex
from espmon.session.text_page import PAGE_BYTES, TextPage, text_page

BLOCK_COST = 700
"""Bytes of memory that a block takes beyond its lines."""

LINE_COST = 6
"""Bytes of memory that a line takes beyond its text: where it begins, and what its head says."""

MAX_SMALL_BLOCKS = 1024
"""Blocks that wait for one another to fill a page."""


class LiveRow(NamedTuple):
    """The row at the end of the log that still changes: what will overwrite its last line, or finish it, is to come."""

    row: int
    """Id of its first line: the one that it has once it is finished. That line may be still to come itself."""

    end: int
    """Id after the last of its lines that are in the store."""

    version: int
    """Stream offset behind its last byte: another version has other bytes."""

    unfinished: LineBlock | None
    """The line that is still being received, alone in its block; None when the row ends with a CR so far."""

    sgr: bytes = b""
    """The colour sequences that are in force behind the last line of the store."""


class Segment(NamedTuple):
    """A block, the ids of its lines, and the colour sequences that are in force where it begins."""

    first: int
    block: LineBlock
    sgr: bytes = b""

    @property
    def loaded(self) -> Segment:
        """The same with its lines in memory, for who looks at many of them; without their times."""
        page = self.block.page
        return self if page is self.block else Segment(self.first, page, self.sgr)


Pick = Callable[["LogStore", Segment, int, int], Sequence[int]]
"""Picks rows that begin in the lines `low <= id < high` of a segment; returns their ids, in order."""

Picked = tuple[int, int, Sequence[int]]
"""First line that was looked at, id behind the last one, and what was picked among them."""


class LogStore:
    """Line blocks in the order received.

    Args:
        limit: bytes of memory to use, of its own or shared with others; the oldest blocks go to the recording, or for
            good.
        wall: turns the times of lines into wall time, for people.
        cr_overwrites: a line that a CR alone ends is one row with the next line, which overwrites it; else each line is
            a row.
        paged: blocks are put together for who searches them; without, nobody looks back, and they stay as they came.
    """

    def __init__(
        self,
        limit: int | LogMemory = STORE_BYTES,
        wall: Callable[[float], float] = float,
        *,
        cr_overwrites: bool = False,
        paged: bool = True,
    ) -> None:
        self.wall = wall
        self.rows = RowIndex()
        """Which lines are one row."""

        self._recorded: tuple[RecordedText, ...] = ()
        """Where the text can be read again that memory has no room for, one recording after the other; else it goes."""

        self._spilled = 0
        """How many of the oldest segments are left to the file, or stay in memory until they go."""

        self._shared = limit if isinstance(limit, LogMemory) else LogMemory(limit)
        self._shared.join(self)
        self._cr_overwrites = cr_overwrites
        self._paged = paged
        # Segments and the ids of their first lines: only added to, or replaced together. Readers hold the old lists
        # or the new ones, never a list that loses something under them.
        self._table: tuple[list[Segment], list[int]] = [], []
        self._small = self._small_bytes = 0
        """How many of the newest segments wait to become a page, and their bytes."""

        self._end = 0
        self._first = 0
        self._bytes = self._memory = 0
        self._sgr = b""
        self._open_row = 0
        self._live: LiveRow | None = None

    def __len__(self) -> int:
        """Id after the newest line (ids start at 0 and never change)."""
        return self._end

    @property
    def first(self) -> int:
        """Id of the oldest line still kept."""
        return self._first

    @property
    def bytes(self) -> int:
        """Bytes of text in memory."""
        return self._bytes

    @property
    def memory(self) -> int:
        """Bytes of memory that it uses, for all that is kept of a line."""
        return self._memory

    @property
    def rows_end(self) -> int:
        """Id after the last line of a finished row."""
        return self._open_row

    @property
    def live(self) -> LiveRow | None:
        """The row that still changes, None when there is none."""
        live = self._live
        return live if live is not None and live.row == self._open_row else None

    @property
    def unfinished(self) -> LineBlock | None:
        """The line that is still being received, alone in its block; None when there is none."""
        live = self._live
        return live.unfinished if live is not None and live.end == self._end else None

    def grow(self, unfinished: LineBlock | None) -> bool:
        """Publish the line that is still being received. Only the session's thread calls this.

        Returns:
            Whether the row that still changes is another one than before, or has changed.
        """
        before = self.live
        if unfinished is not None:
            live = LiveRow(self._open_row, self._end, unfinished.offset + unfinished.length, unfinished, self._sgr)
        elif self._open_row < self._end:
            last = self._table[0][-1].block
            live = LiveRow(self._open_row, self._end, last.offset + last.length, None, self._sgr)
        else:
            self._live = None
            return before is not None
        self._live = live
        return before is None or (live.row, live.version) != (before.row, before.version)

    def append(self, block: LineBlock) -> None:
        """Add lines at the end. Only the session's thread calls this."""
        if not len(block):
            return
        self._keep(block)
        if block.source == "text":
            self._sgr = sgr_state(self._sgr, block.data)
        open_row = self._join(block)
        self._end += len(block)
        self._open_row = self._end if open_row is None else open_row
        self._shared.grown()

    def _keep(self, block: LineBlock) -> None:
        text = self._paged and type(block) in (LineBlock, PlainBlock)
        fits = text and block.length < PAGE_BYTES
        if self._small and not (fits and self._goes_on(block)):
            self._put_together()
        self._add(text_page([block]) if text and not fits else block)
        if fits:
            self._small += 1
            self._small_bytes += block.length

    def _goes_on(self, block: LineBlock) -> bool:
        """Whether a small block belongs on the page of those before it."""
        last = self._table[0][-1].block
        return (
            last.offset + last.length == block.offset
            and self._small < MAX_SMALL_BLOCKS
            and self._small_bytes + block.length <= PAGE_BYTES
            and not last.unfinished(len(last) - 1)
        )

    def _add(self, block: LineBlock) -> None:
        segments, firsts = self._table
        segments.append(Segment(self._end, block, self._sgr))
        firsts.append(self._end)
        self._count(block)

    def _put_together(self) -> None:
        """Make one page of the newest small blocks."""
        segments, firsts = self._table
        small, self._small, self._small_bytes = self._small, 0, 0
        blocks = [segment.block for segment in segments[-small:]]
        page, head = text_page(blocks), segments[-small]
        kept = Segment(head.first, page, head.sgr)
        if small == 1:
            segments[-1] = kept
        else:
            self._table = [*segments[:-small], kept], firsts[: 1 - small]
        self._count(page)
        for block in blocks:
            self._count(block, -1)

    def _count(self, block: LineBlock, sign: int = 1) -> None:
        """Count the memory of a block that comes (1) or goes (-1)."""
        if isinstance(block, FileBlock):
            self._memory += sign * (len(block) + BLOCK_COST)
        else:
            self._bytes += sign * block.length
            self._memory += sign * (block.length + LINE_COST * len(block) + BLOCK_COST)

    def _join(self, block: LineBlock) -> int | None:
        """Note which of the lines that are about to be added go on in a row; returns the row that stays open."""
        end, count = self._end, len(block)
        if self._open_row < end and block.source == "text":
            self.rows.join(end)
        overwritten = block.overwritten() if self._cr_overwrites else ()
        for index in overwritten:
            if index + 1 < count:
                self.rows.join(end + index + 1)
        return self.rows.start(end + count - 1) if overwritten and overwritten[-1] == count - 1 else None

    def record_in(self, recorded: RecordedText) -> None:
        """From now on lines are recorded there. Only the session's thread calls this."""
        self._recorded = (*self._recorded, recorded)

    def make_room(self, wanted: float) -> None:
        """What is oldest goes to the file, where there is one that has it, else for good, until `wanted` bytes are
        used. Only the session's thread calls this."""
        segments, firsts = self._table
        drop = lost = 0
        if self._recorded:
            segments = segments.copy()
            while self._memory > wanted and self._spilled < len(segments) - self._small:
                self._spilled += 1
                if not self._spill(segments, self._spilled - 1):
                    lost = self._spilled
        while (self._memory > wanted or drop < lost) and drop < len(segments) - 1:
            self._count(segments[drop].block, -1)
            drop += 1
        self._small = min(self._small, len(segments) - drop)
        self._spilled = max(0, self._spilled - drop)
        self._table = segments[drop:], firsts[drop:]
        self._first = segments[drop].first
        self.rows.forget(self._first)
        self._open_row = max(self._open_row, self._first)

    def _spill(self, segments: list[Segment], at: int) -> bool:
        """Leave a page to the file. Returns False when the file has not got it: then it goes, and all before it."""
        segment = segments[at]
        page = segment.block
        if not isinstance(page, TextPage):
            return True
        recorded = next((text for text in self._recorded if text.holds(page.offset, page.length)), None)
        if recorded is None:
            return False
        block = recorded.block(page)
        self._count(block)
        self._count(page, -1)
        segments[at] = Segment(segment.first, block, segment.sgr)
        return True

    # -- whose lines they are: here, of one board -----------------------------------------------------------------

    def board_of(self, line: int) -> int:
        """The board that a line is of. Raises IndexError for a line not kept (any more), where there are several."""
        return 0

    def own_log(self, board: int) -> LogStore:
        """The log that a board has for itself."""
        return self

    def own_line(self, line: int) -> tuple[int, int]:
        """A line's board, and its id in the log of that. Raises IndexError as `board_of` does."""
        return 0, line

    def lines_here(self, board: int, low: int, high: int) -> tuple[int, int] | None:
        """Of the lines `low <= id < high` of a board's own log those that are here: the first one's id here, and the id
        behind the last one's; None for none."""
        return (low, high) if low < high else None

    def pieces(self, board: int, low: int, high: int) -> Sequence[tuple[int, int]]:
        """A board's lines among the lines `low <= id < high` as ranges (first id, id behind the last one), in order."""
        return ((low, high),) if low < high else ()

    # -- reading ------------------------------------------------------------------------------------------------

    def segment(self, line: int) -> Segment:
        """The segment that line `line` is in. Raises IndexError for a line not kept (any more)."""
        segments, firsts = self._table
        index = bisect_right(firsts, line) - 1
        if index < 0 or index >= len(segments) or line >= segments[index].first + len(segments[index].block):
            raise IndexError(line)
        return segments[index]

    def segments(self, start: int = 0) -> list[Segment]:
        """The segments that hold line `start` and everything after it, oldest first."""
        segments, firsts = self._table
        index = max(0, bisect_right(firsts, start) - 1)
        return segments[index:]

    def walk(self, start: int = 0) -> Iterator[Segment]:
        """The same for who looks at the first few of them."""
        return iter(self.segments(start))

    def picked(self, pick: Pick, low: int, high: int, boards: frozenset[int] | None = None) -> Iterator[Picked]:
        """What `pick` finds in the lines `low <= id < high`, a segment at a time. All lines here are of one board."""
        segments, firsts = self._table
        for segment in segments[max(0, bisect_right(firsts, low) - 1) : bisect_left(firsts, high)]:
            found = pick(self, segment, low, high)
            yield max(low, segment.first), min(high, segment.first + len(segment.block)), found

    def border(self, low: int, high: int) -> int:
        """The last line, of those `low < id <= high`, with which a segment begins; `low` when none does."""
        firsts = self._table[1]
        return max(low, firsts[bisect_right(firsts, high) - 1]) if firsts else low

    def locate(self, line: int) -> tuple[LineBlock, int]:
        """The block of line `line` and its index there. Raises IndexError for a line not kept (any more)."""
        segment = self.segment(line)
        return segment.block, line - segment.first

    def record(self, line: int) -> Line:
        """Line `line` as a record."""
        block, index = self.locate(line)
        return block.record(index)

    def line_at(self, offset: int) -> int | None:
        """Id of the line that holds stream offset `offset`, or of the last line before it; None when there is none."""
        segments = self._table[0]
        low, high = 0, len(segments)
        while low < high:
            middle = (low + high) // 2
            if segments[middle].block.offset <= offset:
                low = middle + 1
            else:
                high = middle
        if not low:
            return None
        segment = segments[low - 1]
        index = bisect_right(segment.block.starts, offset - segment.block.offset) - 1
        return segment.first + min(index, len(segment.block) - 1)
