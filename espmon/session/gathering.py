"""When small reads of a stream are worth waiting for: each read costs the same, however little it brings."""

from __future__ import annotations

from typing import NamedTuple

STEADY_SECONDS = 0.05
"""Bytes that come within this of the last ones are part of a stream, not an answer that somebody waits for."""

SMALL_READ = 512
"""Bytes of a read from which on it is worth what it costs."""

FEW_BOARDS = 4
"""Boards of one program that are read as promptly as one."""

SECONDS_A_BOARD = 0.005
MAX_SECONDS = 0.15
"""Of many boards: each costs the less the more there are."""

BENCH_READ = 2048
"""Bytes that are worth a read of many boards: half of what a terminal's driver holds."""

FAST_SECONDS = 1.0
"""A board of many that has brought more in a read is read promptly for so long: it must not wait in the driver."""


class Gathering(NamedTuple):
    """How the small reads of a stream come together.

    Attributes:
        seconds: time in which they do.
        small: bytes of a read from which on it is worth it alone.
        pause: seconds in which nothing is waited for after such a read.
    """

    seconds: float
    small: int = SMALL_READ
    pause: float = 0.0


FOR_FRAMES = Gathering(0.006)
"""A tenth of a frame, and 70 bytes at 115200 baud."""

FOR_LINES = Gathering(0.002)
"""Who expects a line hears of it within 5 ms of its last byte."""


def for_boards(count: int) -> Gathering:
    """For each of so many boards that one program prints or judges."""
    if count <= FEW_BOARDS:
        return FOR_LINES
    return Gathering(min(MAX_SECONDS, count * SECONDS_A_BOARD), BENCH_READ, FAST_SECONDS)


class Gatherer:
    """Decides after each read of one stream.

    Args:
        gathering: how.
    """

    def __init__(self, gathering: Gathering) -> None:
        self._how = gathering
        self._last = float("-inf")
        self._prompt_until = float("-inf")

    def seconds_after(self, size: int, now: float) -> float:
        """Seconds to wait after a read of `size` bytes at `now` (seconds); 0: read on at once."""
        last, self._last = self._last, now
        if size >= self._how.small:
            self._prompt_until = now + self._how.pause
            return 0.0
        steady = now - last < STEADY_SECONDS + self._how.seconds
        return self._how.seconds if steady and now >= self._prompt_until else 0.0
