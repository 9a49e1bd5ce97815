"""What a session without a screen hands on: everything that its board says, in one order, and nothing twice.

`espmon run` prints and judges it, `espmon.Board` matches and yields it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from espmon.records.batch import Part
from espmon.records.lines import LineBlock
from espmon.session.gathering import for_boards
from espmon.session.session_events import FlashEvent, LinkEvent, ProbeEvent, SessionNote
from espmon.session.status import Change, EventAdded, LinesAppended, TailChanged

if TYPE_CHECKING:
    from espmon.session.session import Session

SESSION_EVENTS = (FlashEvent, LinkEvent, ProbeEvent, SessionNote)
"""Events that no sink gets, because no bytes stand behind them."""


class Tail(NamedTuple):
    """The line that a board has begun, as it stands."""

    block: LineBlock


class SessionFeed:
    """Listens to one session for as long as that lives.

    Args:
        session: not opened yet.
        take: called on the session's thread with lines, records, and the unfinished line when it has grown. The
            session's own lines are left out: its events say the same.
        boards: sessions that this program prints or judges, this one included.
    """

    def __init__(self, session: Session, take: Callable[[Part | Tail], object], boards: int = 1) -> None:
        self._session = session
        self._take = take
        self._listed = -1
        session.pipeline.sinks.append(self._sink)
        session.subscribe(self._changed)
        session.connection.link.gathering = for_boards(boards)

    def _sink(self, part: Part, entry: int | None) -> None:
        if getattr(part, "source", "") != "mark":
            self._take(part)

    def _changed(self, change: Change) -> None:
        match change:
            case TailChanged() | LinesAppended():
                if (unfinished := self._session.store.unfinished) is not None:
                    self._take(Tail(unfinished))
            case EventAdded(entry):
                if isinstance(entry.record, SESSION_EVENTS) and entry.id > self._listed:
                    self._listed = entry.id
                    self._take(entry.record)
