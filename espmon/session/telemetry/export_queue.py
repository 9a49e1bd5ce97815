"""A queue between a port, which waits for nobody, and a collector, which may be slow or dead: capped, drops counted."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

MAX_QUEUED = 65_536
"""Records that wait at most, unless `OTEL_BLRP_MAX_QUEUE_SIZE` says otherwise."""

MAX_BATCH = 512
"""Records sent at once, unless `OTEL_BLRP_MAX_EXPORT_BATCH_SIZE` says otherwise."""

DELAY_SECONDS = 1.0
"""Longest wait for a batch to fill, unless `OTEL_BLRP_SCHEDULE_DELAY` (milliseconds) says otherwise."""


class Sized(Protocol):
    """What waits: so many records together, which can be cut."""

    def __len__(self) -> int:
        """Records."""

    def cut(self, first: int, stop: int) -> Sized:
        """A part of it."""


Item = TypeVar("Item", bound=Sized)


@dataclass
class ExportCounts:
    """What became of the records. `offered` is the sum of the others, exactly, once the queue is closed."""

    offered: int = 0
    exported: int = 0
    """Taken by the collector."""

    overflowed: int = 0
    """Dropped because the queue was full."""

    refused: int = 0
    """Dropped because the collector did not take them, or did not say so in time."""

    left: int = 0
    """Dropped because the session ended before they could be sent."""

    @property
    def dropped(self) -> int:
        """All that no collector has."""
        return self.overflowed + self.refused + self.left


def environment_number(name: str, default: int) -> int:
    """A number of the environment above 0, else the default."""
    text = os.environ.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) < 1 << 31 else default


class ExportQueue(Generic[Item]):
    """Sends on a thread of its own. `put` returns at once, whatever the collector does.

    Args:
        send: sends items, on the queue's thread; returns whether they were taken.
        changed: told on that thread when the collector stops taking, and takes again.
    """

    def __init__(self, send: Callable[[Sequence[Item]], bool], changed: Callable[[bool], object]) -> None:
        self._send = send
        self._changed = changed
        self._cap = environment_number("OTEL_BLRP_MAX_QUEUE_SIZE", MAX_QUEUED)
        self._batch = min(self._cap, environment_number("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", MAX_BATCH))
        self._delay = environment_number("OTEL_BLRP_SCHEDULE_DELAY", int(DELAY_SECONDS * 1000)) / 1000
        self._waiting: deque[Item] = deque()
        self._count = 0
        self._turn = threading.Condition()
        self._ending = False
        self._abandoned = False
        self._working = True
        self.counts = ExportCounts()
        self._thread = threading.Thread(target=self._main, name="espmon-otlp", daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Queue what fits; the rest is dropped, and counted."""
        count = len(item)
        with self._turn:
            self.counts.offered += count
            room = 0 if self._ending else max(0, self._cap - self._count)
            if room < count:
                self.counts.overflowed += count - room
                if not room:
                    return
                item, count = item.cut(0, room), room  # type: ignore[assignment]  # a part is what the whole is
            self._waiting.append(item)
            self._count += count
            if self._count >= self._batch:
                self._turn.notify()

    def close(self, seconds: float) -> None:
        """Send what waits, for at most so long; the rest is counted as left. Blocks."""
        with self._turn:
            self._ending = True
            self._turn.notify()
        self._thread.join(seconds)
        with self._turn:
            if self._thread.is_alive():
                self._abandoned = True
                counts = self.counts
                counts.left = counts.offered - counts.exported - counts.overflowed - counts.refused

    def _main(self) -> None:
        while True:
            items = self._next()
            if not items:
                return
            taken = self._send(items)
            count = sum(len(item) for item in items)
            with self._turn:
                if self._abandoned:
                    return  # it is counted as left
                if taken:
                    self.counts.exported += count
                else:
                    self.counts.refused += count
            if taken != self._working:
                self._working = taken
                self._changed(taken)

    def _next(self) -> list[Item]:
        """The next batch, once there is one; nothing at the end."""
        with self._turn:
            end = time.monotonic() + self._delay
            while not self._ending and self._count < self._batch:
                left = end - time.monotonic()
                if left <= 0:
                    if self._count:
                        break
                    end, left = time.monotonic() + self._delay, self._delay
                self._turn.wait(left)
            items: list[Item] = []
            room = self._batch
            while self._waiting and room:
                item = self._waiting.popleft()
                if len(item) > room:
                    self._waiting.appendleft(item.cut(room, len(item)))  # type: ignore[arg-type]
                    item = item.cut(0, room)  # type: ignore[assignment]
                items.append(item)
                room -= len(item)
            self._count -= self._batch - room
            return items
