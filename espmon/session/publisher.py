"""What a session publishes: whole snapshots of its status, and small changes to whoever listens."""

from __future__ import annotations

from collections.abc import Callable

from espmon.session.status import Change, Notice, Severity, Status, StatusChanged

Listener = Callable[[Change], None]
"""Receives each change on the session's thread: put it in a queue and return."""


class Publisher:
    """The session's status, and its listeners. `status` may be read from any thread."""

    def __init__(self) -> None:
        self._status = Status()
        self._listeners: list[Listener] = []

    @property
    def status(self) -> Status:
        """The newest snapshot."""
        return self._status

    def publish(self, status: Status) -> None:
        """Replace the snapshot; the listeners are told when it differs."""
        if status != self._status:
            self._status = status
            self.emit(StatusChanged(status))

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for each change. Returns the way to unsubscribe."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def emit(self, change: Change) -> None:
        """Hand a change to every listener."""
        for listener in tuple(self._listeners):
            listener(change)

    def notify(self, text: str, severity: Severity = Severity.INFO, about: str = "") -> None:
        """Tell the user, on whatever screen is up; `about` as in `Notice`."""
        self.emit(Notice(text, severity, about=about))
