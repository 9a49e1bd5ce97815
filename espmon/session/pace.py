"""The pace at which a recording is played: steps of speed, all at once, and a pause."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

SPEEDS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
"""Times real time."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a recording is played on to at once: the first of these that comes."""

    wall: float | None = None
    """A moment, in seconds since the epoch."""

    boot: int | None = None
    """The boot with this number."""

    events: frozenset[str] = frozenset()
    """The next event of one of these types."""

    level: str = ""
    """The next line of this level."""

    def __str__(self) -> str:
        if self.wall is not None:
            return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.wall))
        if self.boot is not None:
            return f"boot {self.boot}"
        kinds = "crash" if "panic" in self.events else " or ".join(sorted(self.events))
        return f"the next {kinds or f'line of level {self.level}'}"


class Pace(Protocol):
    """What plays a recording. Belongs to the session's loop."""

    @property
    def speed(self) -> float | None:
        """Times real time; None: as fast as possible."""

    @property
    def paused(self) -> bool:
        """Whether nothing is played now."""

    @property
    def timed(self) -> bool:
        """Whether it is known when its bytes came: else there is no speed to it."""

    def set_speed(self, speed: float | None) -> None:
        """Go on at this speed."""

    def pause(self, paused: bool) -> None:
        """Hold still, or go on."""

    def skip(self, seconds: float) -> None:
        """Play so much at once, then go on as before."""

    def seek(self, goal: Goal) -> None:
        """Play at once up to there, then go on as before; say so where the recording ends before."""


def stepped(speed: float | None, step: int) -> float:
    """The next faster (1) or slower (-1) speed; from "as fast as possible" the fastest."""
    if speed is None:
        return SPEEDS[-1]
    others = [other for other in SPEEDS if (other > speed if step > 0 else other < speed)]
    return (others[0] if step > 0 else others[-1]) if others else speed
