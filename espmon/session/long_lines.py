"""A line longer than its cap is said once: it is shown, searched and saved in pieces."""

from __future__ import annotations

from espmon.records.batch import Part
from espmon.records.lines import LineBlock
from espmon.session.reporter import Reporter
from espmon.session.session_events import SessionNote
from espmon.session.status import Severity


class LongLineWatch:
    """Watches for a piece of a line that is cut at the cap.

    Args:
        reporter: enters the remark into the events, and tells the user.
        cap: bytes of a line's pieces.
    """

    def __init__(self, reporter: Reporter, cap: int) -> None:
        self._reporter = reporter
        self._cap = cap
        self._said = False

    def take(self, part: Part, entry: int | None) -> None:
        """See `Sink`."""
        if self._said or not isinstance(part, LineBlock) or part.plain or len(part.data) < self._cap:
            return
        starts = part.starts
        for index in range(len(part)):
            if starts[index + 1] - starts[index] >= self._cap and part.unfinished(index):
                self._said = True
                text = f"A line of the board is longer than {self._cap:,} bytes: it is shown in pieces of that length"
                self._reporter.list_event(SessionNote(*self._reporter.here, text))
                self._reporter.notify(text, Severity.WARNING)
                return
