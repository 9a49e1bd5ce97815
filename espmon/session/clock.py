"""The session's time: it never steps, whatever somebody does to the computer's clock."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable

STEP_SECONDS = 0.5
"""Difference between the clocks that counts as a step; smaller ones are how clocks are kept right."""


class SessionClock:
    """Seconds since the epoch as the wall clock had it when the session began, and from then on by the monotonic clock.

    All timers and all times of records are in it. For people and for files `wall` turns them into wall time. May be
    read from any thread.

    Args:
        steady: a clock that never goes back or jumps, in seconds.
        wall: the computer's clock, in seconds since the epoch.
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._steady = steady
        self._wall = wall
        self._begin = steady()
        self._started = wall()
        self._steps: tuple[float, ...] = ()
        self._offsets: tuple[float, ...] = ()

    def __call__(self) -> float:
        """Now."""
        return self._started + (self._steady() - self._begin)

    def since_start(self, now: float) -> float:
        """Seconds from the session's start to `now`."""
        return now - self._started

    def wall(self, now: float) -> float:
        """The wall time at `now`, in seconds since the epoch."""
        steps = self._steps
        return now + self._offsets[index - 1] if (index := bisect_right(steps, now)) else now

    def look(self) -> float:
        """Compare the clocks. Returns by how many seconds the wall clock was set since the last look, 0.0 if not."""
        now = self()
        offset = self._wall() - now
        step = offset - (self._offsets[-1] if self._offsets else 0.0)
        if abs(step) < STEP_SECONDS:
            return 0.0
        # The offsets first: a reader that sees the new step must find its offset.
        self._offsets = (*self._offsets, offset)
        self._steps = (*self._steps, now)
        return step
