"""Numbers that repeat in what a board says, as columns: value, time and line of each. Pure, and bounded."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from espmon.records.lines import LineBlock
from espmon.records.number_finder import Number, numbers_in, numbers_of

MAX_SERIES = 200
MAX_POINTS = 16_384
"""Points of one series; the oldest half goes when there are more."""

MIN_POINTS = 3
"""A number that came less often does not repeat."""

TREND_POINTS = 2048
"""Points that a trend is read from, out of all."""

MIN_TREND_POINTS = 16
MIN_FALL = 0.02
"""Part of its value by which free memory has to fall, for its fall to be named."""

MEMORY_WORDS = ("heap", "free", "psram", "memory")
"""In the name of a number that says how much memory is left."""


class Series:
    """One number over time. Appended to by one thread, and readable from others meanwhile.

    Attributes:
        group: the log tag, or the payload's kind.
        name: as the board writes it.
        unit: the unit behind the first one, "" where there was none.
        timed: its times are seconds; else they are lines, where nobody noted when those came.
    """

    __slots__ = ("_columns", "group", "name", "timed", "unit")

    def __init__(self, group: str, name: str, unit: str) -> None:
        self.group = group
        self.name = name
        self.unit = unit
        self.timed = True
        self._columns: tuple[array[float], array[float], array[int]] = (array("d"), array("d"), array("q"))

    @property
    def title(self) -> str:
        """What it is called: unique among the series."""
        return f"{self.group} {self.name}" if self.group else self.name

    def __len__(self) -> int:
        return len(self._columns[2])

    def append(self, value: float, time: float, line: int) -> None:
        """Add a point; `time` in seconds, `line` -1 where it belongs to none."""
        columns = self._columns
        if len(columns[2]) >= MAX_POINTS:
            half = MAX_POINTS // 2
            columns = self._columns = (columns[0][half:], columns[1][half:], columns[2][half:])
        columns[0].append(value)
        columns[1].append(time)
        columns[2].append(line)

    def columns(self) -> tuple[Sequence[float], Sequence[float], Sequence[int]]:
        """Values, times and lines, equally many of each; copies."""
        values, times, lines = self._columns
        count = len(lines)
        return values[:count], times[:count], lines[:count]

    @property
    def is_memory(self) -> bool:
        """Whether it says how much memory is left, as far as its name tells."""
        return any(word in self.title.lower() for word in MEMORY_WORDS)

    @property
    def moves(self) -> bool:
        """Whether its newest points differ."""
        newest = self._columns[0][-MIN_TREND_POINTS:]
        return min(newest) < max(newest)

    @property
    def falling(self) -> str:
        """How free memory falls, in a few words; "" where it does not, or where this is something else."""
        if not self.is_memory:
            return ""
        values, times, _ = self.columns()
        stride = max(1, len(values) // TREND_POINTS)
        values = _since_jump(values[::stride])
        if len(values) < MIN_TREND_POINTS:
            return ""
        times = times[::stride][-len(values) :]
        quarter = len(values) // 4
        lows = [min(values[at : at + quarter]) for at in range(0, 4 * quarter, quarter)]
        fall, span = lows[0] - lows[-1], times[-1] - times[0]
        if any(later >= earlier for earlier, later in pairwise(lows)) or fall < MIN_FALL * abs(lows[0]):
            return ""
        if span <= 0:
            return "falls"
        if not self.timed:
            return f"falls by {fall / (0.75 * span) * 1000:,.0f} in 1,000 lines"
        rate = fall / (0.75 * span / 60)
        left = lows[-1] / rate
        end = f", none left in {max(left, 1):,.0f} min" if 0 < left < 24 * 60 else ""
        return f"falls by {rate:,.0f} a minute{end}"


def _since_jump(values: Sequence[float]) -> Sequence[float]:
    """The points since the number last rose by a quarter of all it ever moved: a reset gives memory back."""
    if len(values) < 2:
        return values
    span = max(values) - min(values)
    jump = max((at for at in range(1, len(values)) if values[at] - values[at - 1] > span / 4 > 0), default=0)
    return values[jump:]


class NumberSeries:
    """All series of one log. One thread feeds it; the series may be read from others.

    Attributes:
        refused: numbers with names that found no room.
    """

    def __init__(self) -> None:
        self._series: dict[tuple[str, str], Series] = {}
        self.refused = 0

    @property
    def repeating(self) -> list[Series]:
        """The series of numbers that repeat, in the order in which they first came."""
        return [series for series in list(self._series.values()) if len(series) >= MIN_POINTS]

    def feed_block(self, block: LineBlock, first: int) -> None:
        """Take a block's lines; `first` is the id of its first one, which stands for a time where there is none."""
        host = block.time is not None
        for number in numbers_in(block):
            line = first + number.row
            self._add(number, (block.host_time(number.row) or 0.0) if host else float(line), line, timed=host)

    def feed_value(self, kind: str, value: Any, time: float | None, line: int | None) -> None:
        """Take a decoded payload."""
        at = -1 if line is None else line
        for number in numbers_of(kind, value):
            self._add(number, float(max(at, 0)) if time is None else time, at, timed=time is not None)

    def _add(self, number: Number, time: float, line: int, *, timed: bool) -> None:
        key = number.group, number.name
        series = self._series.get(key)
        if series is None:
            if len(self._series) >= MAX_SERIES and not self._make_room():
                self.refused += 1
                return
            series = self._series[key] = Series(*key, number.unit)
        series.timed = timed
        series.append(number.value, time, line)

    def _make_room(self) -> bool:
        """Forget what has not repeated."""
        kept = {key: series for key, series in self._series.items() if len(series) >= MIN_POINTS}
        freed = len(kept) < len(self._series)
        self._series = kept
        return freed


def csv_rows(series: Iterable[Series]) -> Iterable[Sequence[str]]:
    """Rows of a CSV file: a heading, then each point of each series. A line counts from 1, as on the screen."""
    yield "group", "name", "unit", "time", "line", "value"
    for one in series:
        for value, time, line in zip(*one.columns(), strict=True):
            yield one.group, one.name, one.unit, f"{time:.3f}", str(line + 1) if line >= 0 else "", f"{value:.15g}"
