"""A port that goes and comes back all the time (a bad plug, a board that restarts its own USB): told, then counted."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MAX_TOLD = 4
"""Losses within `FLAP_SECONDS` that are told one by one."""

FLAP_SECONDS = 30.0
CALM_SECONDS = 5.0
"""A port that has stayed for this long does not flap any longer."""


@dataclass(frozen=True, slots=True)
class Flapping:
    """What was not told one by one."""

    count: int
    seconds: float
    """From the first of these losses to the last return."""

    away: float
    """Seconds of it in which the port was not there."""

    @property
    def text(self) -> str:
        """One sentence."""
        return f"port lost and back {self.count} more times in {self.seconds:.1f} s, away for {self.away:.1f} s of it"


class LinkFlaps:
    """Counts losses. Times are the session's."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=MAX_TOLD)
        self._count = 0
        self._since = self._back = 0.0
        self._away = 0.0
        self._folded = False

    @property
    def folded(self) -> bool:
        """Whether the last loss was only counted; then so is the return."""
        return self._folded

    def lose(self, now: float) -> bool:
        """The port was lost; returns whether that is told by itself."""
        many = len(self._recent) == MAX_TOLD and now - self._recent[0] < FLAP_SECONDS
        self._recent.append(now)
        self._folded = many
        if many:
            if not self._count:
                self._since = now
            self._count += 1
        return not many

    def come_back(self, now: float, gap: float) -> None:
        """It is there again after `gap` seconds."""
        if self._folded:
            self._back = now
            self._away += gap

    def calm(self, now: float, *, there: bool) -> Flapping | None:
        """What was only counted, once the port has stayed; None while there is nothing to tell."""
        if not self._count or not there or now - self._back < CALM_SECONDS:
            return None
        told = Flapping(self._count, self._back - self._since, self._away)
        self._recent.clear()
        self._count, self._away, self._folded = 0, 0.0, False
        return told
