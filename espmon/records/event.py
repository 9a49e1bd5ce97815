"""What an event recognizer is: it reads finished lines and reports what they mean together.

Recognizers are pure: no I/O, no clock, no knowledge of one another. `espmon/records/recognizers.py` lists them; adding
one is one module and one line there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from espmon.records.recent_lines import NO_LINES, RecentLines
from espmon.records.record import Record


@dataclass(frozen=True, slots=True)
class LineView:
    """One finished line as a recognizer sees it."""

    offset: int
    """Where the line's first byte stands in the received stream."""

    length: int
    """Its length in bytes, line end included."""

    text: str
    """The line without its line end and without SGR colour codes; bad UTF-8 shown as `\\xNN`."""

    time: float | None
    """Host seconds since the epoch, None offline."""

    partial: bool = False
    """True when the line has no end: it is still going on, or a payload, a reset, a lease or the cap cut it there."""

    raw: bytes = b""
    """Its bytes as received, line end included."""

    recent: RecentLines = NO_LINES
    """The lines of the stream around it; `recent.before(offset)` are those before it. Valid during the call."""


class EventRecognizer(Protocol):
    """Turns lines into events. One instance lives as long as its demultiplexer.

    Its state is copied, and the copy ended, to know what there is to tell while nothing comes.
    """

    needles: Sequence[bytes]
    """A line is offered when it contains one of these byte strings (cheap test over whole reads) ..."""

    @property
    def attentive(self) -> bool:
        """... or whenever this is true: in the middle of a panic every line is offered."""

    def line(self, line: LineView) -> Iterable[Record]:
        """Read one line; yield the events that it completes."""

    def span(self, record: Record) -> Iterable[Record]:
        """Read one non-line span record (a gdb packet ends a panic); yield the events that it completes."""

    def end(self) -> Iterable[Record]:
        """The stream ended: yield what is open, with what is missing named as damaged."""


@runtime_checkable
class Gathering(Protocol):
    """A recognizer whose events take several lines, and stand where they began."""

    @property
    def open_since(self) -> int | None:
        """Stream offset of the event that is being gathered; None between events."""

    def end(self) -> Iterable[Record]:
        """Yield what is open: an event that began later is about to be reported."""


@runtime_checkable
class PromptReader(Protocol):
    """A recognizer that has something to say before a line has ended: the board may be waiting for an answer."""

    def quiet(self, line: LineView) -> Iterable[Record]:
        """Nothing came for a moment, and this line has no end yet: yield what is certain however it goes on.

        Called once for each length that the line has in a pause. Nothing may be remembered: the line comes again when
        it is finished, and what it then yields that is equal to what was said is dropped.
        """


@runtime_checkable
class LooksBack(Protocol):
    """A recognizer that looks at the last lines when the stream ends. The dispatcher sets `recent`."""

    recent: RecentLines


@runtime_checkable
class Restartable(Protocol):
    """A recognizer that has to know when the board was restarted on purpose."""

    def restarted(self) -> None:
        """What comes next is no consequence of what came before."""
