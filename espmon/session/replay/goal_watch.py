"""Whether what a recording is played on to has come: listens to its session until it has."""

from __future__ import annotations

from collections.abc import Callable

from espmon.session.pace import Goal
from espmon.session.session import Session
from espmon.session.status import Change, EventAdded, LinesAppended


class GoalWatch:
    """Asked between two reads, so it looks at no more than what came since.

    Args:
        goal: what is waited for; at the beginning it has not come.
        session: the recording's. It is listened to until the goal has come, or `stop`.
    """

    def __init__(self, goal: Goal, session: Session) -> None:
        self.goal = goal
        self._session = session
        self._come = False
        self._line = len(session.store)
        self._events = {entry.id: entry.count for entry in session.events} if goal.events else {}
        self._unsubscribe: Callable[[], None] | None = session.subscribe(self._listen)

    def __call__(self) -> bool:
        """Whether it has come."""
        goal, session = self.goal, self._session
        if goal.wall is not None:
            self._come = session.clock.wall(session.clock()) >= goal.wall
        elif goal.boot is not None:
            self._come = session.event_log.boot >= goal.boot
        if self._come:
            self.stop()
        return self._come

    def stop(self) -> None:
        """Listen no more. May be called twice."""
        unsubscribe, self._unsubscribe = self._unsubscribe, None
        if unsubscribe is not None:
            unsubscribe()

    def _listen(self, change: Change) -> None:
        match change:
            case EventAdded(entry) if entry.record.type in self.goal.events:
                # One that is told anew with what came since is the old one still.
                self._come = self._come or entry.count > self._events.get(entry.id, 0)
            case LinesAppended() if self.goal.level and not self._come:
                code = ord(self.goal.level)
                for segment in self._session.store.segments(self._line):
                    levels = segment.block.levels
                    self._come = self._come or levels.find(code, max(0, self._line - segment.first)) >= 0
                self._line = len(self._session.store)
