"""What belongs together in the log of one board: each crash, a storm of one crash, a boot loop.

Made from what was told of it, in line ids of the board's own log; of the lines, only their rows are counted.
"""

from __future__ import annotations

from collections.abc import Callable

from espmon.records.events.boot_loop import LOOP_AT
from espmon.session.store import LogStore
from espmon.tui.log.folds import Fold, Layer
from espmon.tui.monitor.told_events import ToldCrash, ToldReset

MAX_BETWEEN = 8
"""Most rows between two crashes of a storm; what stands further apart is a log with crashes in it."""


class BoardFolds:
    """The folds of one board, as far as the next event is about them. All methods run on the screen's loop.

    Args:
        store: the board's own log.
        board: its number.
        put: takes each fold, and the one that it takes the place of, if any.
    """

    def __init__(self, store: LogStore, board: int, put: Callable[[Fold, Fold | None], None]) -> None:
        self._store = store
        self._board = board
        self._put = put
        self.crash: Fold | None = None
        """The newest crash."""

        self.boot: int | None = None
        """Line of the newest reset."""

        self._storm: Fold | None = None
        self._loop: Fold | None = None
        self._loop_start: int | None = None

    def take_crash(self, crash: ToldCrash, line: int) -> None:
        """A crash that begins with this line, or what is known of it now."""
        store = self._store
        found = store.line_at(crash.offset + crash.length - 1) if crash.length else None
        low, high = store.rows.start(line), 0 if found is None else min(store.rows.stop(found), store.rows_end)
        if low < store.first or store.rows.count(low, high) < 2:
            return
        fold = Fold(low, high, Layer.CRASH, crash.event, board=self._board)
        before, self.crash = self.crash, fold
        self._put(fold, None)
        if before is None or before.low >= low:
            return
        storm = self._storm
        together = before.event == crash.event and store.rows.count(before.high, low) <= MAX_BETWEEN
        if not together or (self.boot is not None and before.high <= self.boot):
            self._storm = None
            return
        begun = storm is not None and storm.high == before.high
        first, count = (storm.low, storm.count) if storm is not None and begun else (before.low, 1)
        self._storm = Fold(first, high, Layer.STORM, crash.event, count + 1, board=self._board)
        self._put(self._storm, storm if begun else None)

    def take_reset(self, told: ToldReset, line: int) -> bool:
        """The board started over with this line. Returns whether it does so for itself, without a crash."""
        store, reset, event = self._store, told.reset, told.entry.id
        line, before = store.rows.start(line), self.boot
        if before is not None and line < before:
            return False
        self.boot = line
        if reset.repeats == 1:
            crashed = reset.after_panic and self.crash is not None and (before is None or self.crash.low >= before)
            self._loop_start = self.crash.low if crashed and self.crash is not None else line
            self._loop = None
        elif reset.repeats >= LOOP_AT and self._loop_start is not None:
            low = max(self._loop_start, store.rows.start(store.first))
            if self.crash is not None and self.crash.low >= low and self.crash.event is not None:
                event = self.crash.event
            if line > low:
                high = min(line, store.rows_end)
                loop = Fold(low, high, Layer.LOOP, event, reset.repeats, board=self._board)
                before_it, self._loop = self._loop, loop
                self._put(loop, before_it)
            return event == told.entry.id
        return False
