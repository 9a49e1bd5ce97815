"""Reads numbers out of the log and draws them, in a thread: history first, then what is new."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from espmon.records.number_series import NumberSeries, Series
from espmon.records.spans.frame import Frame
from espmon.session.status import MAX_EVENTS, EventEntry
from espmon.session.store import LogStore
from espmon.tui.plot.plot_picture import PlotPicture, PlotView, draw_plot

MAX_HISTORY_LINES = 500_000
"""Lines before the end of the log that are read when a plot opens; a series keeps fewer points anyway."""

STEP_LINES = 4096
"""Lines read before what was asked for meanwhile is drawn."""

DRAW_SECONDS = 0.25
"""Time between two pictures while history is read."""


class _Wish(NamedTuple):
    view: PlotView
    width: int
    height: int


class NumberFeed:
    """One thread that keeps the numbers of a log, until `stop`.

    Args:
        store: the log.
        deliver: called on that thread with each picture; it must only pass it on.
    """

    def __init__(self, store: LogStore, deliver: Callable[[PlotPicture], object]) -> None:
        self.store = store
        self._deliver = deliver
        self._numbers = NumberSeries()
        self._next = max(store.first, len(store) - MAX_HISTORY_LINES)
        self._entries: deque[EventEntry] = deque(maxlen=MAX_EVENTS)
        self._taken: set[int] = set()
        self._wish: _Wish | None = None
        self._wake = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="espmon-numbers", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; nothing is delivered any more."""
        with self._wake:
            self._stopped = True
            self._wake.notify()

    def take(self, entries: Sequence[EventEntry]) -> None:
        """Events of the session: their payloads hold numbers, too."""
        self._entries.extend(entry for entry in entries if isinstance(entry.record, Frame))

    def draw(self, view: PlotView, width: int, height: int) -> None:
        """Read what is new, and draw; a wish that has not been met is replaced."""
        with self._wake:
            self._wish = _Wish(view, width, height)
            self._wake.notify()

    @property
    def series(self) -> list[Series]:
        """Every number that repeats; may be read from any thread."""
        return self._numbers.repeating

    def _run(self) -> None:
        while True:
            with self._wake:
                while self._wish is None and not self._stopped:
                    self._wake.wait()
                if self._stopped or self._wish is None:
                    return
                wish, self._wish = self._wish, None
            self._read_payloads()
            drawn = float("-inf")
            while self._step() and not self._stopped:
                if time.monotonic() - drawn > DRAW_SECONDS:
                    self._show(wish)
                    drawn = time.monotonic()
                time.sleep(0)  # the event loop's turn
            self._show(wish)

    def _show(self, wish: _Wish) -> None:
        with self._wake:
            wish = self._wish or wish
        if not self._stopped:
            self._deliver(draw_plot(self._numbers, *wish, self._next))

    def _step(self) -> bool:
        """Read some more lines; False when there are none."""
        start = max(self._next, self.store.first)
        end = min(self.store.rows_end, start + STEP_LINES)
        if start >= end:
            return False
        for segment in self.store.segments(start):
            first, stop = max(start - segment.first, 0), min(end - segment.first, len(segment.block))
            if first >= stop:
                break
            self._numbers.feed_block(segment.block.part(first, stop), segment.first + first)
        self._next = end
        return True

    def _read_payloads(self) -> None:
        while self._entries:
            entry = self._entries.popleft()
            value: object = entry.record.value if isinstance(entry.record, Frame) else None
            if value is not None and entry.id not in self._taken and isinstance(entry.record, Frame):
                if len(self._taken) >= MAX_EVENTS:
                    self._taken.clear()  # so old ones come no more
                self._taken.add(entry.id)
                self._numbers.feed_value(entry.record.kind, value, entry.time, entry.line)
