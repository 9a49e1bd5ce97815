"""What the lines of a log say about time, where nobody noted when they came."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

DAY_SECONDS = 86_400.0

_TICKS = re.compile(r"(?:[EWIDV] \( *(\d{1,10})\) |\[ *(\d{1,10})\]\[[EWIDV]\])")
"""Milliseconds since the start, in the head of an ESP-IDF or an Arduino line."""

_UPTIME = re.compile(r"\[(\d{2,5}):(\d\d):(\d\d)[.,]\d{3}[.,]\d{3}\] (?:<(?:err|wrn|inf|dbg)>|\w)")
"""The same as Zephyr has it."""

_WALL = re.compile(
    r"\s*+>?\s*+\[?(?:(\d{4})[-/](\d\d?)[-/](\d\d?)[T ])?"
    r"(\d\d?):(\d\d):(\d\d)(?:[.,:](\d{1,6}))?(?:Z|[+-]\d\d:?\d\d)?\]?"
)
"""The time of day, with or without a date, that a host tool or ESPHome puts before a line."""

_SYSTEM_TIME = re.compile(r"[EWIDV] \((?:\d{2,4}-\d\d-\d\d )?(\d\d):(\d\d):(\d\d)(?:\.\d{1,6})?\) ")
"""The time of day in the head of an ESP-IDF line."""


class WallTime(NamedTuple):
    """A time of day; `day` counts days, None without a date."""

    seconds: float
    day: int | None = None

    def since(self, earlier: WallTime) -> float:
        """Seconds from `earlier` to this; without dates, the shortest way forward."""
        if self.day is not None and earlier.day is not None:
            return (self.day - earlier.day) * DAY_SECONDS + self.seconds - earlier.seconds
        return (self.seconds - earlier.seconds) % DAY_SECONDS


def uptime_of(text: str) -> float | None:
    """Seconds since the start of the chip that the head of a line says; None when it says none."""
    if match := _TICKS.search(text, 0, 80):
        return int(match[1] or match[2]) / 1000
    if match := _UPTIME.search(text, 0, 80):
        return int(match[1]) * 3600.0 + int(match[2]) * 60 + int(match[3])
    return None


def wall_time_of(text: str) -> WallTime | None:
    """The time of day before a line, or in its head; None when there is none."""
    match = _WALL.match(text)
    if match is not None and _UPTIME.match(text) is None:
        year, month, day, hours, minutes, seconds, fraction = match.groups()
        # Days of equal length will do: what counts is whether minutes or hours lie between two lines.
        date = None if year is None else (int(year) * 12 + int(month)) * 31 + int(day)
        exact = int(hours) * 3600 + int(minutes) * 60 + int(seconds) + (float(f"0.{fraction}") if fraction else 0.0)
        return WallTime(exact, date)
    if match := _SYSTEM_TIME.search(text, 0, 80):
        return WallTime(int(match[1]) * 3600.0 + int(match[2]) * 60 + int(match[3]))
    return None


def last_uptime(lines: Iterable[str]) -> float | None:
    """The uptime that the newest line with one says; `lines` from the newest to the oldest."""
    return next((uptime for line in lines if (uptime := uptime_of(line)) is not None), None)


def last_wall_time(lines: Iterable[str]) -> WallTime | None:
    """The same for the time of day."""
    return next((time for line in lines if (time := wall_time_of(line)) is not None), None)
