"""A log whose bytes stay in the file they came from: a block of lines is read again when somebody looks at it.

Of 2 GB of log, memory holds where each 64 kB begin, and the pages that were looked at last.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence

from espmon.records.columns import Columns
from espmon.records.lines import LineBlock, split_lines
from espmon.session.replay.backing import Backing
from espmon.session.store import STORE_BYTES, LogStore, Segment

PAGE_BYTES = 64 << 10
"""Blocks of lines that follow one another are put together up to so many bytes."""

MAX_PAGES = 256
"""Pages that are kept in memory."""

MAX_UNIT_PAGE = 1 << 20
"""A block of more bytes than this stays out of the pages' cache."""

BLOCK_COST = 512
"""Bytes of memory that a block takes beyond its lines."""


class Pages:
    """The pages that were looked at last. May be used from any thread.

    Args:
        backing: where the bytes are.
        cap: longest body of a line, as the demultiplexer has it.
    """

    def __init__(self, backing: Backing, cap: int) -> None:
        self._backing = backing
        self._cap = cap
        self._kept: OrderedDict[tuple[int, int], LineBlock] = OrderedDict()
        self._lock = threading.Lock()

    def page(self, offset: int, size: int, count: int) -> LineBlock:
        """The `count` lines in the `size` bytes from stream offset `offset` on."""
        key = offset, size
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        found = self._read(offset, size, count)
        if size <= MAX_UNIT_PAGE:
            with self._lock:
                self._kept[key] = found
                while len(self._kept) > MAX_PAGES:
                    self._kept.popitem(last=False)
        return found

    def _read(self, offset: int, size: int, count: int) -> LineBlock:
        try:
            data = self._backing.read_at(offset, size)
        except OSError:
            data = b""
        # What the file has lost since is shown as empty lines: their number must not change.
        data += b"\n" * (size - len(data))
        starts = split_lines(data, self._cap)
        if len(starts) != count + 1:
            kept = starts[: min(count, len(starts) - 1)]
            starts = [*kept, *[size] * (count + 1 - len(kept))]
        return LineBlock(data, offset, array("I", starts))


class FileBlock(LineBlock):
    """Lines that are read when somebody looks at them. Immutable; several reads may have brought them."""

    __slots__ = ("_count", "_pages", "_run_lines", "_run_times", "_runs", "_size")

    def __init__(
        self, pages: Pages, offset: int, size: int, count: int, run_lines: array[int], run_times: array[float]
    ) -> None:
        self.offset = offset
        self._pages = pages
        self._size = size
        self._count = count
        # Shared with longer blocks that begin as this one does: only what is there now is its own.
        self._run_lines, self._run_times, self._runs = run_lines, run_times, len(run_lines)

    @property
    def page(self) -> LineBlock:
        """The lines as they were read."""
        return self._pages.page(self.offset, self._size, self._count)

    def __len__(self) -> int:
        return self._count

    @property
    def length(self) -> int:
        """Bytes of the stream that the block covers."""
        return self._size

    @property
    def data(self) -> bytes:  # type: ignore[override]
        """The lines' bytes."""
        return self.page.data

    @property
    def starts(self) -> Sequence[int]:  # type: ignore[override]
        """Where the lines begin in `data`."""
        return self.page.starts

    @property
    def columns(self) -> Columns:
        """Levels, tags and times of all lines."""
        return self.page.columns

    @property
    def time(self) -> float | None:  # type: ignore[override]
        """When the second line came."""
        return self.host_time(1)

    @property
    def began(self) -> float | None:  # type: ignore[override]
        """When the first line came."""
        return self.host_time(0)

    @property
    def partial(self) -> bool:  # type: ignore[override]
        """The last line has no line end."""
        return self.unfinished(self._count - 1)

    def host_time(self, index: int) -> float | None:
        """Host seconds when the line's first byte came, None offline."""
        if not self._runs:
            return None
        return self._run_times[max(0, bisect_right(self._run_lines, index, 0, self._runs) - 1)]

    def longer(self, block: LineBlock) -> FileBlock:
        """This block and the one that follows it, as one. To be asked once."""
        _note_times(self._run_lines, self._run_times, self._count, block)
        size, count = self._size + block.length, self._count + len(block)
        return FileBlock(self._pages, self.offset, size, count, self._run_lines, self._run_times)

    def part(self, first: int, stop: int) -> LineBlock:
        """The lines from `first` up to `stop` (excluded) as a block."""
        part = self.page.part(first, stop)
        time, began = self.host_time(first + 1), self.host_time(first)
        return LineBlock(part.data, part.offset, part.starts, time, began, part.partial)


def _note_times(lines: array[int], times: array[float], first: int, block: LineBlock) -> None:
    """Note when the lines of `block` came, of which the first is number `first`."""
    for index, time in enumerate((block.began, block.time) if len(block) > 1 else (block.began,)):
        if time is not None and (not times or times[-1] != time):
            lines.append(first + index)
            times.append(time)


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
        if type(block) is not LineBlock:
            super()._keep(block)
            return
        self._put(block)
        self._cut = block.unfinished(len(block) - 1)

    def _put(self, block: LineBlock) -> None:
        last = self._segments[-1] if self._segments else None
        if (
            last is not None
            and isinstance(last.block, FileBlock)
            and last.block.offset + last.block.length == block.offset
            and last.block.length + block.length <= PAGE_BYTES
            and not self._cut
        ):
            self._segments[-1] = Segment(last.first, last.block.longer(block), last.sgr)
            return
        lines, times = array("I"), array("d")
        _note_times(lines, times, 0, block)
        kept = FileBlock(self._pages, block.offset, block.length, len(block), lines, times)
        self._segments.append(Segment(self._end, kept, self._sgr))
        self._firsts.append(self._end)
        self._bytes += BLOCK_COST

    def _cost(self, block: LineBlock) -> int:
        return BLOCK_COST if isinstance(block, FileBlock) else super()._cost(block)
