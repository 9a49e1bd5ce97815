"""Many small blocks of lines as one: a quiet board sends a line at a time, and a search wants to see pages."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from espmon.records.columns import Columns, read_columns
from espmon.records.heads import joined_heads
from espmon.records.lines import LineBlock
from espmon.records.traits import joined_traits

PAGE_BYTES = 64 << 10
"""Blocks of lines that follow one another are put together up to so many bytes."""


class ArrivalBlock(LineBlock):
    """Lines that several reads have brought: they came at different times.

    Args:
        offset: stream offset of the first byte.
        run_lines: the lines, by index, with which another time begins.
        run_times: these times.
    """

    __slots__ = ("_run_lines", "_run_times", "_runs")

    def __init__(self, offset: int, run_lines: array[int], run_times: array[float]) -> None:
        self.offset = offset
        # May be shared with longer blocks that begin as this one does: only what is there now is its own.
        self._run_lines, self._run_times, self._runs = run_lines, run_times, len(run_lines)
        self._columns = self._heads = self._traits = None

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
        return self.unfinished(len(self) - 1)

    @property
    def arrivals(self) -> tuple[array[int], array[float]]:
        """The lines, by index, with which another time begins, and these times."""
        return self._run_lines[: self._runs], self._run_times[: self._runs]

    def host_time(self, index: int) -> float | None:
        """Host seconds when the line's first byte came, None offline."""
        if not self._runs:
            return None
        return self._run_times[max(0, bisect_right(self._run_lines, index, 0, self._runs) - 1)]

    def part(self, first: int, stop: int) -> LineBlock:
        """The lines from `first` up to `stop` (excluded) as a block."""
        page = self.page
        begin, end = page.starts[first], page.starts[stop]
        starts = array("I", [start - begin for start in page.starts[first : stop + 1]])
        time, began = self.host_time(first + 1), self.host_time(first)
        partial = stop == len(self) and self.partial
        return LineBlock(page.data[begin:end], self.offset + begin, starts, time, began, partial)


class TextPage(ArrivalBlock):
    """Lines in memory. What their heads say is kept in one byte a line, all else is read again by who asks for it."""

    __slots__ = ()

    def __init__(self, data: bytes, starts: Sequence[int], offset: int, lines: array[int], times: array[float]) -> None:
        super().__init__(offset, lines, times)
        self.data = data
        self.starts = starts

    @property
    def columns(self) -> Columns:
        """Levels, tags and times of all lines: read at each call, since they take more memory than the lines."""
        return self._read_columns()

    def device_ms(self, index: int) -> int | None:
        """Device time in milliseconds, or None."""
        raw = self.raw(index)
        return read_columns(raw, (0, len(raw))).times[0]


def note_times(lines: array[int], times: array[float], first: int, block: LineBlock) -> None:
    """Note when the lines of `block` came, of which the first is number `first`."""
    if isinstance(block, ArrivalBlock):
        runs: Iterable[tuple[int, float | None]] = zip(*block.arrivals, strict=True)
    else:
        runs = enumerate((block.began, block.time) if len(block) > 1 else (block.began,))
    for index, time in runs:
        if time is not None and (not times or times[-1] != time):
            lines.append(first + index)
            times.append(time)


def text_page(blocks: Sequence[LineBlock]) -> TextPage:
    """Blocks that follow one another in the stream, as one."""
    lines, times, starts = array("I"), array("d"), array("I")
    count = size = 0
    for block in blocks:
        note_times(lines, times, count, block)
        starts.extend([start + size for start in block.starts[:-1]] if size else block.starts[:-1])
        count += len(block)
        size += block.length
    starts.append(size)
    page = TextPage(b"".join([block.data for block in blocks]), starts, blocks[0].offset, lines, times)
    heads = [block.known_heads for block in blocks]
    traits = [block.known_traits for block in blocks]
    page.keep_known(
        None if None in heads else joined_heads(filter(None, heads)),
        None if None in traits else joined_traits(filter(None, traits)),
    )
    return page
