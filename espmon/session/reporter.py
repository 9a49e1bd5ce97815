"""What a session says of itself: lines of its own in the log, events, its status, and toasts."""

from __future__ import annotations

from espmon.records.record import Event
from espmon.session.clock import SessionClock
from espmon.session.pipeline import Pipeline
from espmon.session.publisher import Publisher
from espmon.session.status import Change, Severity, Status


class Reporter:
    """How the parts of a session, and its operations, report what they do.

    Args:
        publisher: the status, and who listens.
        pipeline: where lines and events go.
        clock: the session's time.
    """

    def __init__(self, publisher: Publisher, pipeline: Pipeline, clock: SessionClock) -> None:
        self._publisher = publisher
        self._pipeline = pipeline
        self.clock = clock

    @property
    def status(self) -> Status:
        """The newest snapshot."""
        return self._publisher.status

    def publish(self, status: Status) -> None:
        """Replace the snapshot."""
        self._publisher.publish(status)

    def notify(self, text: str, severity: Severity = Severity.INFO, about: str = "") -> None:
        """Tell the user, on whatever screen is up; `about` as in `Notice`."""
        self._publisher.notify(text, severity, about)

    def emit(self, change: Change) -> None:
        """Hand a change to every listener."""
        self._publisher.emit(change)

    @property
    def here(self) -> tuple[int, float]:
        """Where an event of the session's own stands: offset in the stream, host time."""
        return self._pipeline.demux.offset, self.clock()

    def mark(self, text: str) -> int:
        """Put a line of the session's own into the log; returns its id."""
        return self._pipeline.mark(f"── {text} ──", self.clock())

    def list_event(self, event: Event, line: int | None = None) -> None:
        """Enter an event of the session's own; `line` is the id of the log line it belongs to."""
        self._pipeline.list_event(event, self.clock(), line)
