"""The log of several boards as one, in the order in which their lines came: an index of (board, line), and no text."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from operator import add, sub

from espmon.records.heads import Heads
from espmon.records.lines import LineBlock
from espmon.records.paged_block import PagedBlock
from espmon.records.traits import Traits
from espmon.session.store import LogStore, Pick, Picked, Segment

MAX_NUMBERS = 1_024
"""Boards that one timeline sees in its life: those that were closed keep their numbers."""


class PartBlock(PagedBlock):
    """Some lines of a block, for as long as somebody reads them: what is known of the block is known of them.

    Args:
        block: the block.
        low: index of the first line.
        high: index behind the last one.
    """

    __slots__ = ("_block", "_high", "_low", "_page")

    def __init__(self, block: LineBlock, low: int, high: int) -> None:
        self._block = block
        self._low, self._high = low, high
        self._page: LineBlock | None = None
        self._columns = self._heads = self._traits = None

    def __len__(self) -> int:
        return self._high - self._low

    @property
    def source(self) -> str:  # type: ignore[override]
        """As the block's."""
        return self._block.source

    @property
    def decoded(self) -> bool:  # type: ignore[override]
        """As the block's."""
        return self._block.decoded

    @property
    def page(self) -> LineBlock:
        """The lines alone."""
        page = self._page
        if page is None:
            page = self._page = self._block.page.part(self._low, self._high)
            page.keep_known(self.heads, self.traits)
        return page

    @property
    def offset(self) -> int:  # type: ignore[override]
        """Stream offset of the first line."""
        return self._block.line_offset(self._low)

    @property
    def length(self) -> int:
        """Bytes of the stream that the lines cover."""
        return self._block.line_offset(self._high) - self.offset

    @property
    def heads(self) -> Heads:
        """Levels and tags of the lines."""
        heads = self._block.heads
        return Heads(heads.codes[self._low : self._high], heads.table)

    @property
    def known_heads(self) -> Heads | None:
        """The same, None when nobody has asked the block for them yet."""
        return None if self._block.known_heads is None else self.heads

    @property
    def traits(self) -> Traits:
        """What may be in the lines: what is in the block."""
        return self._block.traits

    @property
    def known_traits(self) -> Traits | None:
        """The same, None when nobody has asked the block for them yet."""
        return self._block.known_traits

    def host_time(self, index: int) -> float | None:
        """Host seconds when the line's first byte came."""
        return self._block.host_time(self._low + index)

    def body(self, index: int) -> bytes:
        """The line's bytes without its end."""
        return self._block.body(self._low + index)

    def text(self, index: int) -> str:
        """The line's text."""
        return self._block.text(self._low + index)

    def eol(self, index: int) -> str:
        """The line end."""
        return self._block.eol(self._low + index)

    def unfinished(self, index: int) -> bool:
        """Whether something other than its end ended the line."""
        return self._block.unfinished(self._low + index)

    def part(self, first: int, stop: int) -> LineBlock:
        """Some of the lines."""
        return self._block.part(self._low + first, self._low + stop)


class TimelineStore(LogStore):
    """The lines of several logs in the order in which they were finished. A line that is being received is not in it.

    What a log drops goes here, too, and with it all that came before it, of whatever board: from the oldest line on,
    nothing is missing. One writer, the thread of the logs; any number of readers.
    """

    def __init__(self) -> None:
        super().__init__()
        self._logs: dict[int, LogStore] = {}
        self._open: set[int] = set()
        self._taken: dict[int, int] = {}
        # Where runs of lines of one board begin, here; their boards; their first lines in the logs of those. Replaced
        # together, else only added to, what readers look at first last.
        self._runs = array("Q"), array("H"), array("Q")
        self._of_board: dict[int, tuple[array[int], array[int]]] = {}
        """Board -> first lines of its runs in its own log, and here."""

    def add(self, board: int, log: LogStore) -> None:
        """Take the lines of a board's log from now on, and those that it has."""
        if not self._logs:
            self.wall = log.wall
        self._logs[board] = log
        self._open.add(board)
        self._taken[board] = log.first
        self._of_board[board] = array("Q"), array("Q")
        self.take(board)

    def remove(self, board: int) -> None:
        """Take no more of a board; what came stays."""
        self._open.discard(board)

    def take(self, board: int) -> int:
        """Take what a board's log has gained; returns how many lines. Only the thread that writes the logs calls it."""
        if board not in self._open:
            return 0
        log = self._logs[board]
        low, high, here = max(self._taken[board], log.first), log.rows_end, self._end
        if low < high:
            starts, boards, origins = self._runs
            goes_on = len(boards) and boards[-1] == board and origins[-1] + here - starts[-1] == low
            if not goes_on:
                own, firsts = self._of_board[board]
                firsts.append(here)
                own.append(low)
                boards.append(board)
                origins.append(low)
                starts.append(here)
            for line in log.rows.joined(low, high):
                self.rows.join(line - low + here)
            self._taken[board] = high
            self._end = self._open_row = here + high - low
        self._drop()
        return self._end - here

    def _drop(self) -> None:
        """Drop what the logs have dropped, and everything before it."""
        first = self._first
        for board, log in self._logs.items():
            own, firsts = self._of_board[board]
            if own and log.first > own[0]:
                at = bisect_right(own, log.first) - 1
                end = self._run_end(firsts[at])
                first = max(first, min(end, firsts[at] + log.first - own[at]))
        if first == self._first:
            return
        starts, boards, origins = self._runs
        at = bisect_right(starts, first) - 1
        self._runs = starts[at:], boards[at:], origins[at:]
        self._first = first
        self.rows.forget(first)
        for board, (own, firsts) in self._of_board.items():
            gone = max(0, bisect_right(firsts, first) - 1)
            self._of_board[board] = own[gone:], firsts[gone:]

    def _run_end(self, first: int) -> int:
        """Id behind the run that begins with this line."""
        starts = self._runs[0]
        at = bisect_right(starts, first)
        return starts[at] if at < len(starts) else self._end

    def _run(self, line: int) -> tuple[int, int, int]:
        """First line of the run that a line is in, its board, and the first line there. Raises IndexError."""
        starts, boards, origins = self._runs
        at = bisect_right(starts, line) - 1
        if at < 0 or not self._first <= line < self._end:
            raise IndexError(line)
        return starts[at], boards[at], origins[at]

    def board_of(self, line: int) -> int:
        """The board that a line is of. Raises IndexError for a line not kept (any more)."""
        return self._run(line)[1]

    def own_line(self, line: int) -> tuple[int, int]:
        """A line's board, and its id in the log of that. Raises IndexError."""
        first, board, origin = self._run(line)
        return board, line - first + origin

    def line_of(self, board: int, own: int) -> int | None:
        """Id here of a line of a board's own log; None for one that is not here yet, or no longer."""
        if own >= self._taken.get(board, 0):
            return None
        return next(iter(self._here(board, (own,))), None)

    def own_log(self, board: int) -> LogStore:
        """The log that a board has for itself."""
        return self._logs[board]

    def lines_here(self, board: int, low: int, high: int) -> tuple[int, int] | None:
        """Of the lines `low <= id < high` of a board's own log those that are here: the first one's id here, and the id
        behind the last one's; None for none."""
        high = min(high, self._taken[board])
        last = None if low >= high else self.line_of(board, high - 1)
        if last is None:
            return None
        first = self.line_of(board, low)
        if first is None:  # it is not kept any more
            first = self.pieces(board, self._first, last + 1)[0][0]
        return first, last + 1

    def pieces(self, board: int, low: int, high: int) -> Sequence[tuple[int, int]]:
        """A board's lines among the lines `low <= id < high` as ranges (first id, id behind the last one), in order."""
        own, firsts = self._of_board[board]
        low = max(low, self._first)
        begin, stop = max(0, bisect_right(firsts, low) - 1), bisect_left(firsts, high)
        if begin >= stop or low >= high:
            return ()
        starts, ends = firsts[begin:stop], array("Q", map(add, firsts[begin:stop], self._lengths(own, begin, stop)))
        if len(ends) < len(starts):
            ends.append(self._run_end(starts[-1]))
        starts[0], ends[-1] = max(starts[0], low), min(ends[-1], high)
        return [(first, end) for first, end in zip(starts, ends, strict=True) if first < end]

    @staticmethod
    def _lengths(own: array[int], begin: int, stop: int) -> Iterator[int]:
        """Lines of a board's runs, but of its newest one: they are all of its log, one after the other."""
        return map(sub, own[begin + 1 : stop + 1], own[begin:stop])

    def _here(self, board: int, lines: Sequence[int]) -> list[int]:
        """Ids here of lines of a board's own log, which are in order; those that are no longer here are left out."""
        own, firsts = self._of_board[board]
        here: list[int] = []
        at, count = 0, len(lines)
        run = bisect_right(own, lines[0]) - 1 if count else 0
        while at < count:
            # What is appended meanwhile does not matter: its lines are not among these.
            stop = bisect_left(lines, own[run + 1], at) if run + 1 < len(own) else count
            if run >= 0 and stop > at:
                shift = firsts[run] - own[run]
                here.extend([line + shift for line in lines[at:stop]])
            at, run = stop, run + 1
        first = self._first
        return here if not here or here[0] >= first else [line for line in here if line >= first]

    # -- reading ------------------------------------------------------------------------------------------------

    def segment(self, line: int) -> Segment:
        """The segment of its board's log that a line is in; of its lines, those of the same run have these ids."""
        first, board, origin = self._run(line)
        own = self._logs[board].segment(line - first + origin)
        return Segment(own.first + first - origin, own.block, own.sgr)

    def segments(self, start: int = 0) -> list[Segment]:
        """The lines from `start` on as segments that have no others among them, oldest first."""
        return list(self.walk(start))

    def walk(self, start: int = 0) -> Iterator[Segment]:
        """The same, made one after the other: many runs are short."""
        starts, boards, origins = self._runs
        at = max(0, bisect_right(starts, start) - 1)
        for index in range(at, len(starts)):
            first, board, origin = starts[index], boards[index], origins[index]
            low, high = max(first, start, self._first), self._run_end(first)
            yield from self._pieces(self._logs[board], low - first + origin, high - first + origin, first - origin)

    def _pieces(self, log: LogStore, low: int, high: int, shift: int) -> Iterator[Segment]:
        for segment in log.segments(low) if low < high else ():
            if segment.first >= high:
                return
            begin, end = max(0, low - segment.first), min(len(segment.block), high - segment.first)
            if begin >= end:
                continue
            whole = end - begin == len(segment.block)
            block = segment.block if whole else PartBlock(segment.block, begin, end)
            yield Segment(segment.first + begin + shift, block, segment.sgr)

    def picked(self, pick: Pick, low: int, high: int, boards: frozenset[int] | None = None) -> Iterator[Picked]:
        """As a log's: each board's log is looked through by itself, since what is picked there is a matter of pages."""
        found: list[int] = []
        for board, log in tuple(self._logs.items()):
            if boards is None or board in boards:
                own_low, own_high = self._own_range(board, low, high)
                for _, _, ids in log.picked(pick, own_low, own_high):
                    found.extend(self._here(board, list(ids)))
        found.sort()
        yield low, high, found

    def _own_range(self, board: int, low: int, high: int) -> tuple[int, int]:
        """The lines of a board's own log that are here among the lines `low <= id < high`."""
        own, firsts = self._of_board[board]

        def before(line: int) -> int:
            """The first line of the board's that does not come before `line`."""
            at = bisect_right(firsts, line) - 1
            if at < 0:
                return own[0] if own else 0
            return own[at] + min(line, self._run_end(firsts[at])) - firsts[at]

        return before(low), before(high)

    def border(self, low: int, high: int) -> int:
        """None: segments of several boards lie among one another."""
        return low

    def line_at(self, offset: int) -> int | None:
        """Nothing: an offset is in one board's stream."""
        return None
