"""What a session can tell from looking at its clock: the rate, how long nothing has come, how long the port is gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from espmon.session.state import State
from espmon.session.status import Activity, Status

QUIET_SECONDS = 8
"""Time without a byte after which that is told."""

QUIET_STEP_SECONDS = 5
"""Steps in which longer silence is told: a screen that is drawn each second is not idle."""

RATE_SECONDS = 1.0
"""Time over which a rate is taken."""

MINUTE = 60


class Vitals:
    """Looked at a few times a second; what is told changes once a second at most, and once a minute after the first.

    Args:
        clock: host time in seconds.
        received: returns the bytes received so far.
    """

    def __init__(self, clock: Callable[[], float], received: Callable[[], int]) -> None:
        self._clock = clock
        self._received = received
        now = clock()
        self._counted, self._since = received(), now
        self._known, self._heard = self._counted, now
        self._state = State.CLOSED

    def look(self, status: Status, lost_at: float | None) -> Status:
        """The status with what can be told now; `lost_at` is when the port went, None while it is there."""
        now, received = self._clock(), self._received()
        rate = status.rate
        elapsed = now - self._since
        if elapsed >= RATE_SECONDS:
            rate = round((received - self._counted) / elapsed, 1)
            self._counted, self._since = received, now
        if received != self._known or status.state is not self._state:
            self._known, self._heard, self._state = received, now, status.state
        listening = status.state is State.MONITORING and status.activity is Activity.RUNNING
        quiet = now - self._heard if listening and status.capture is None and status.sending is None else 0.0
        lost_for = None if lost_at is None else in_steps(now - lost_at)
        return replace(
            status,
            bytes_in=received,
            rate=rate,
            quiet=in_steps(quiet, QUIET_STEP_SECONDS) if quiet >= QUIET_SECONDS else 0,
            lost_for=lost_for,
        )


def in_steps(seconds: float, step: int = 1) -> int:
    """Whole seconds; from 10 on in steps of `step`, and from a minute on whole minutes in seconds."""
    whole = max(0, int(seconds))
    if whole < 10:
        return whole
    return whole - whole % (step if whole < MINUTE else MINUTE)
