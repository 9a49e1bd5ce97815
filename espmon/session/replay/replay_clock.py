"""The time of a session that replays: that of the bytes, not of the computer."""

from __future__ import annotations

from espmon.session.clock import STEP_SECONDS, SessionClock


class ReplayClock(SessionClock):
    """Stands where the replay is. Moved by who replays; may be read from any thread.

    Args:
        start: when the recording began, in seconds since the epoch.
    """

    def __init__(self, start: float = 0.0) -> None:
        super().__init__(lambda: start, lambda: start)
        self.now = start
        """Where the replay is, in seconds since the epoch as the clock had it when the recording began."""

    def __call__(self) -> float:
        """Where the replay is."""
        return self.now

    def look(self) -> float:
        """Nobody sets this clock."""
        return 0.0

    def begin(self, start: float) -> None:
        """The recording began at `start`, as turned out when it was opened."""
        self._started = self.now = start

    def learn_wall(self, now: float, wall: float) -> None:
        """At `now` the recording computer's clock stood at `wall`: from there on that is what people are told."""
        offset = wall - now
        if abs(offset - (self._offsets[-1] if self._offsets else 0.0)) < STEP_SECONDS:
            return
        # The offsets first: a reader that sees the new step must find its offset.
        self._offsets = (*self._offsets, offset)
        self._steps = (*self._steps, now)
