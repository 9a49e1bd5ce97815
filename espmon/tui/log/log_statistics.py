"""How much a log says: lines and bytes by level and by tag, over all of it, a second, and in its last minute.

Reads the whole log, also what is on disk only, so it runs in a thread. Times are the host's; in a log without them (a
plain file) the device's own clocks, boot by boot, say how long it took.
"""

from __future__ import annotations

import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from espmon.records.lines import LineBlock
from espmon.session.store import LogStore
from espmon.session.text_page import note_times

LATELY_SECONDS = 60.0
"""What counts as lately, before the newest line."""

MAX_TAGS = 2000
"""Most tags told apart: a board that prints damaged heads makes up new ones for ever."""

MAX_SECONDS = 30 * 24 * 3600
"""Most seconds in which something came that are kept, for the busiest one and the picture."""


@dataclass(slots=True)
class Amount:
    """So much of a log."""

    lines: int = 0
    size: int = 0
    """Bytes, line ends included."""

    late_lines: int = 0
    late_size: int = 0
    """Of these, what came lately."""

    def add(self, lines: int, size: int, *, late: bool) -> None:
        """Count more."""
        self.lines += lines
        self.size += size
        if late:
            self.late_lines += lines
            self.late_size += size


@dataclass(slots=True)
class LogStatistics:
    """What was counted.

    Attributes:
        total: of all lines of the board.
        levels: by level, "" for lines without one.
        tags: by tag, "" for lines without one.
        gone: older lines that are kept nowhere.
        seconds: from the first line to the newest; None where nothing says that.
        by_host: whether that is by the host's clock.
        arrivals: second of the host's clock -> (lines, bytes) that came in it.
    """

    total: Amount = field(default_factory=Amount)
    levels: dict[str, Amount] = field(default_factory=lambda: defaultdict(Amount))
    tags: dict[str, Amount] = field(default_factory=lambda: defaultdict(Amount))
    gone: int = 0
    seconds: float | None = None
    by_host: bool = False
    arrivals: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def busiest(self) -> tuple[int, int]:
        """Most lines, and most bytes, in one second."""
        return (
            max((lines for lines, _ in self.arrivals.values()), default=0),
            max((size for _, size in self.arrivals.values()), default=0),
        )

    @property
    def late_seconds(self) -> float | None:
        """How long lately was."""
        return min(self.seconds, LATELY_SECONDS) if self.by_host and self.seconds is not None else None

    def over_time(self, parts: int) -> Sequence[int]:
        """Lines in each of so many equal parts of the time, oldest first; empty without times of the host."""
        if not self.arrivals:
            return ()
        first, last = min(self.arrivals), max(self.arrivals)
        counts = [0] * min(parts, last - first + 1)
        for second, (lines, _) in self.arrivals.items():
            counts[(second - first) * len(counts) // (last - first + 1)] += lines
        return counts


def ranked(amounts: Mapping[str, Amount]) -> Sequence[tuple[str, Amount]]:
    """Those with most lines first."""
    return sorted(amounts.items(), key=lambda one: (-one[1].lines, one[0]))


def count_log(store: LogStore) -> LogStatistics:
    """Count all of a log. Takes about a second for a million lines; other threads get their turns."""
    found = LogStatistics(gone=store.first)
    newest = _newest(store)
    begun: float | None = None
    device, clock = 0.0, None
    for segment in store.segments(store.first):
        block = segment.block
        if block.source == "mark":
            continue
        page, low = block.page, max(0, store.first - segment.first)
        starts, heads = page.starts, block.heads
        for lines, end, when in _runs(block, low, len(page)):
            late = when is not None and newest is not None and when > newest - LATELY_SECONDS
            begun = when if begun is None else begun
            if when is not None and (int(when) in found.arrivals or len(found.arrivals) < MAX_SECONDS):
                before = found.arrivals.get(int(when), (0, 0))
                found.arrivals[int(when)] = before[0] + end - lines, before[1] + starts[end] - starts[lines]
            counts: Counter[int] = Counter(heads.codes[lines:end])
            sizes = [0] * len(heads.table)
            for code, (start, stop) in zip(heads.codes[lines:end], pairwise(starts[lines : end + 1]), strict=True):
                sizes[code] += stop - start
            for code, count in counts.items():
                level, tag = heads.table[code]
                name = tag or ""
                for amount in (
                    found.total,
                    found.levels[chr(level) if level else ""],
                    found.tags[name if name in found.tags or len(found.tags) < MAX_TAGS else ""],
                ):
                    amount.add(count, sizes[code], late=late)
        if newest is None:
            for ms in page.times[low:]:
                if ms is not None:
                    device += max(0.0, ms - clock) if clock is not None and ms >= clock else 0.0
                    clock = ms
        time.sleep(0)
    if newest is not None and begun is not None:
        found.seconds, found.by_host = newest - begun, True
    elif device:
        found.seconds = device / 1000
    return found


def _runs(block: LineBlock, low: int, high: int) -> Iterator[tuple[int, int, float | None]]:
    """The lines `low` to `high` (excluded) of a block as (first, end, when they came)."""
    lines, times = array("I"), array("d")
    note_times(lines, times, 0, block)
    if not times:
        yield low, high, None
        return
    for at, when in enumerate(times):
        first, end = max(low, lines[at]), lines[at + 1] if at + 1 < len(lines) else high
        if first < end:
            yield first, end, when


def _newest(store: LogStore) -> float | None:
    """When the newest line came, None where nobody knows."""
    for segment in reversed(store.segments()):
        if segment.block.source != "mark" and len(segment.block):
            return segment.block.host_time(len(segment.block) - 1)
    return None
