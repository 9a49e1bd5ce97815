"""The lines that are errors and warnings, as two columns of ids, and the tags with their counts.

Reading the heads of lines costs more than receiving them, so it is done in slices beside the frames; a flood is counted
when there is time again, and until then the counts say that they are behind.
"""

from __future__ import annotations

import threading
import time
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence

from espmon.records.lines import LineBlock
from espmon.session.store import LogStore
from espmon.tui.log.base64_runs import Base64Runs, Run
from espmon.tui.log.line_ids import extended, line_ids

READ_SECONDS = 0.002
"""Time for one slice."""

MAX_BEHIND = 20_000
"""Lines that are read in these slices; of more, the heads are read in a thread before."""

MAX_TAGS = 2000
"""Most tags counted: a board that prints damaged heads makes up new ones for ever."""

ERROR, WARNING = b"E", b"W"


class LevelIndex:
    """Errors and warnings of one log, complete up to `next`.

    Args:
        store: the log.
    """

    def __init__(self, store: LogStore) -> None:
        self.store = store
        self.next = store.first
        self.errors: array[int] = line_ids()
        self.warnings: array[int] = line_ids()
        self.tags: Counter[str] = Counter()
        """Tag -> lines with it."""

        self._base64: dict[int, Base64Runs] = {}
        """Board -> runs of base64 lines in its own log, which are found on the way."""

        self._ahead: threading.Thread | None = None

    def read_ahead(self, wanted: Callable[[], bool]) -> None:
        """When much is new, begin to read its heads in a thread; `wanted` is asked there whether to go on."""
        if self._ahead is None and self.store.rows_end - self.next > MAX_BEHIND:
            self._ahead = threading.Thread(target=self._read_heads, args=(wanted,), name="espmon-heads", daemon=True)
            self._ahead.start()

    def _read_heads(self, wanted: Callable[[], bool]) -> None:
        try:
            for segment in self.store.walk(self.next):
                if not wanted():
                    return
                _read_page(segment.block)
                time.sleep(0)
        finally:
            self._ahead = None

    @property
    def behind(self) -> bool:
        """Lines have come that were not looked at."""
        return self.next < self.store.rows_end

    def read(self, seconds: float = READ_SECONDS) -> None:
        """Look at what is new, for so long at most (one block of lines longer, in the worst case)."""
        begun = time.perf_counter()
        end = self.store.rows_end
        for segment in self.store.walk(self.next) if self.next < end else ():
            block, first = segment.block, segment.first
            if first >= end:
                break  # it came meanwhile
            if self._ahead is not None and block.known_heads is None:
                break  # soon
            _read_page(block)
            heads, levels = block.heads, block.levels
            low, high = max(0, self.next - first), min(len(levels), end - first)
            self.errors = extended(self.errors, _lines_at(ERROR, levels, first, low, high))
            self.warnings = extended(self.warnings, _lines_at(WARNING, levels, first, low, high))
            for code, count in Counter(heads.codes[low:high]).items():
                tag = heads.table[code][1]
                if tag is not None and (tag in self.tags or len(self.tags) < MAX_TAGS):
                    self.tags[tag] += count
            self._read_base64(block, first, low, high)
            self.next = max(self.next, first + high)
            if time.perf_counter() - begun > seconds:
                break
        for found in (self.errors, self.warnings):
            # Cutting an array copies it: what is no longer kept goes when it is much.
            gone = bisect_left(found, self.store.first)
            if gone > 1024 and gone > len(found) // 8:
                del found[:gone]

    def _read_base64(self, block: LineBlock, first: int, low: int, high: int) -> None:
        try:
            board, own = self.store.own_line(first)
        except IndexError:  # it has gone meanwhile
            return
        runs = self._base64.get(board)
        if runs is None:
            runs = self._base64[board] = Base64Runs()
        runs.read(block, own, low, high)

    def take_base64(self) -> Sequence[tuple[int, Run]]:
        """Runs of base64 lines that nobody took yet, each with its board; one that goes on comes again, longer."""
        return [(board, run) for board, runs in self._base64.items() for run in runs.take()]

    def since(self, line: int) -> tuple[int, int]:
        """How many errors and warnings there are from `line` on."""
        errors, warnings = self.errors, self.warnings
        return len(errors) - bisect_left(errors, line), len(warnings) - bisect_left(warnings, line)


def _lines_at(level: bytes, levels: bytes, first: int, low: int, high: int) -> list[int]:
    """The lines of a level among those with the indices `low` up to `high` (excluded) of a block."""
    found, at = [], levels.find(level, low, high)
    while at >= 0:
        found.append(first + at)
        at = levels.find(level, at + 1, high)
    return found


def _read_page(block: LineBlock) -> None:
    """Read what a filter or a search wants to know of a page: it then finds it known."""
    block.heads  # noqa: B018 kept when they are read
    if not block.decoded:
        block.traits  # noqa: B018
