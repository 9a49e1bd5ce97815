"""The connection lifecycle as one table, and the one place that changes state.

    closed -> opening -> (awaiting consent -> probing) -> monitoring <-> leased -> lost -> reopening -> ...

Every transition is told to the listeners. A trigger that the table does not list in the current state is a programming
error and raises; nothing else in espmon assigns a state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Where a session is."""

    CLOSED = "closed"
    OPENING = "opening"
    AWAITING_CONSENT = "awaiting consent"
    PROBING = "probing"
    MONITORING = "monitoring"
    LEASED = "leased"
    LOST = "lost"
    REOPENING = "reopening"


class Trigger(StrEnum):
    """What moves it."""

    OPEN = "open"
    OPENED = "opened"
    OPENED_ASK = "opened, ask to probe"
    OPEN_FAILED = "open failed"
    CONSENT = "consent"
    DECLINE = "decline"
    PROBE_DONE = "probe done"
    PROBE_FAILED = "probe failed"
    LEASE = "lease"
    RELEASE = "release"
    LOSE = "lose"
    REAPPEAR = "reappear"
    REOPEN_FAILED = "reopen failed"
    CLOSE = "close"


S, T = State, Trigger

TABLE: Mapping[tuple[State, Trigger], State] = {
    (S.CLOSED, T.OPEN): S.OPENING,
    (S.OPENING, T.OPENED): S.MONITORING,
    (S.OPENING, T.OPENED_ASK): S.AWAITING_CONSENT,
    (S.OPENING, T.OPEN_FAILED): S.CLOSED,
    (S.AWAITING_CONSENT, T.CONSENT): S.PROBING,
    (S.AWAITING_CONSENT, T.DECLINE): S.MONITORING,
    (S.AWAITING_CONSENT, T.LOSE): S.LOST,
    (S.PROBING, T.PROBE_DONE): S.MONITORING,
    (S.PROBING, T.PROBE_FAILED): S.CLOSED,
    (S.PROBING, T.LOSE): S.LOST,
    (S.MONITORING, T.LEASE): S.LEASED,
    (S.MONITORING, T.LOSE): S.LOST,
    (S.LEASED, T.RELEASE): S.MONITORING,
    (S.LEASED, T.LOSE): S.LOST,
    (S.LOST, T.REAPPEAR): S.REOPENING,
    (S.REOPENING, T.OPENED): S.MONITORING,
    (S.REOPENING, T.REOPEN_FAILED): S.LOST,
} | {(state, T.CLOSE): S.CLOSED for state in S}
"""(state, trigger) -> next state. What is not here cannot happen."""


class Transition(NamedTuple):
    """One change of state."""

    old: State
    trigger: Trigger
    new: State
    reason: str
    """Plain words, "" where the trigger says it all."""


class ForbiddenTransition(RuntimeError):
    """A trigger came that the table does not allow in the current state."""


class Lifecycle:
    """Holds the state; `fire` is the only way to change it."""

    def __init__(self, listener: Callable[[Transition], None]) -> None:
        self._state = State.CLOSED
        self._listener = listener

    @property
    def state(self) -> State:
        """The current state."""
        return self._state

    def fire(self, trigger: Trigger, reason: str = "") -> Transition:
        """Follow `trigger`. Raises `ForbiddenTransition` when the table has no such row."""
        new = TABLE.get((self._state, trigger))
        if new is None:
            raise ForbiddenTransition(f"{trigger.value!r} in state {self._state.value!r}")
        transition = Transition(self._state, trigger, new, reason)
        self._state = new
        self._listener(transition)
        return transition
