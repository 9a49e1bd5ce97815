"""Several boards in one timeline: their logs as one, their events as one list, and how they are doing together.

It has no port and no recording. What is asked of a board is asked of the session of that board.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from espmon.session.publisher import Listener, Publisher
from espmon.session.session_reading import ReadableSession
from espmon.session.state import State
from espmon.session.status import (
    MAX_EVENTS,
    Change,
    DecorationsChanged,
    EventAdded,
    EventEntry,
    LinesAppended,
    Status,
    StatusChanged,
)
from espmon.session.timeline_store import MAX_NUMBERS, TimelineStore
from espmon.text import counted


@dataclass(slots=True)
class _Source:
    session: ReadableSession
    unsubscribe: Callable[[], None]
    waiting: dict[int, EventEntry]
    """Events whose lines are not in the timeline yet."""


class Timeline:
    """The merged sessions. `status`, `store`, `events` and `decoration` may be used from any thread; everything else
    belongs to the thread of the sessions.
    """

    def __init__(self) -> None:
        self._publisher = Publisher()
        self.store = TimelineStore()
        self._sources: dict[int, _Source] = {}
        self.names: dict[int, str] = {}
        """Board -> what it is called."""

        self._entries: dict[int, EventEntry] = {}
        self._order = 0

    @property
    def status(self) -> Status:
        """How the boards are doing together."""
        return self._publisher.status

    @property
    def events(self) -> Sequence[EventEntry]:
        """The events of all boards, in the order in which they came."""
        return tuple(self._entries.values())

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for each change (on the sessions' thread). Returns the way to unsubscribe."""
        return self._publisher.subscribe(listener)

    def name_of(self, board: int) -> str:
        """What a board is called here, also after it was closed."""
        return self.names.get(board, "")

    def decoration(self, line: int) -> tuple[str, ...]:
        """Locations shown under a line."""
        try:
            board, own = self.store.own_line(line)
        except IndexError:
            return ()
        source = self._sources.get(board)
        find = None if source is None else getattr(source.session, "decoration", None)
        return () if find is None else tuple(find(own))

    # -- boards -------------------------------------------------------------------------------------------------

    def add(self, board: int, name: str, session: ReadableSession) -> None:
        """Take in a session, with all that it has received."""
        unsubscribe = session.subscribe(lambda change: self._changed(board, change))
        self.names[board] = name
        self._sources[board] = _Source(session, unsubscribe, {})
        self.store.add(board, session.store)
        for entry in session.events:
            self._listed(board, entry)
        self._publisher.emit(LinesAppended(len(self.store)))
        self._sum_up()

    def remove(self, board: int) -> None:
        """A board is closed: what came of it stays."""
        source = self._sources.pop(board, None)
        if source is not None:
            source.unsubscribe()
            self.store.remove(board)
            self._sum_up()

    def _changed(self, board: int, change: Change) -> None:
        match change:
            case LinesAppended():
                self._take(board)
            case EventAdded(entry):
                self._listed(board, entry)
            case StatusChanged():
                self._sum_up()
            case DecorationsChanged(lines):
                here = [self.store.line_of(board, line) for line in lines]
                self._publisher.emit(DecorationsChanged(tuple(line for line in here if line is not None)))

    def _take(self, board: int) -> None:
        """Take the lines that a board's log has gained."""
        if self.store.take(board):
            self._publisher.emit(LinesAppended(len(self.store)))
            self._list_waiting(board)

    # -- events -------------------------------------------------------------------------------------------------

    def _listed(self, board: int, entry: EventEntry) -> None:
        source = self._sources[board]
        if entry.line is not None and self.store.line_of(board, entry.line) is None:
            self._take(board)  # an event is told as soon as it is read, its lines when all is that came with it
        here = None if entry.line is None else self.store.line_of(board, entry.line)
        if entry.line is not None and here is None and entry.line >= source.session.store.rows_end:
            source.waiting[entry.id] = entry
            return
        source.waiting.pop(entry.id, None)
        self._order += 1
        known = self._entries.pop(one_id(board, entry.id), None)
        moved = known is None or known.time != entry.time
        order = self._order if moved or known is None else known.order
        named = f"{self.names[board]}: {entry.title}"
        # Numbers of boots mean nothing beside those of other boards.
        one = replace(entry, id=one_id(board, entry.id), line=here, title=named, order=order, boot=0)
        self._entries[one.id] = one
        if len(self._entries) > MAX_EVENTS:
            del self._entries[next(iter(self._entries))]
        self._publisher.emit(EventAdded(one))

    def _list_waiting(self, board: int) -> None:
        source = self._sources[board]
        end = source.session.store.rows_end
        for entry in [entry for entry in source.waiting.values() if entry.line is not None and entry.line < end]:
            self._listed(board, entry)

    # -- how they are doing -------------------------------------------------------------------------------------

    def _sum_up(self) -> None:
        statuses = [source.session.status for source in self._sources.values()]
        open_ = [status for status in statuses if status.state is State.MONITORING]
        self._publisher.publish(
            Status(
                state=State.MONITORING if open_ else State.CLOSED,
                name=f"{counted(len(statuses), 'board')}, {len(open_)} open",
                has_rate=False,
                has_modem_lines=False,
                bytes_in=sum(status.bytes_in for status in statuses),
                rate=sum(status.rate for status in statuses),
                quiet=min((status.quiet for status in open_), default=0),
                crashes=sum(status.crashes for status in statuses),
                boards=len(statuses),
            )
        )


def one_id(board: int, entry: int) -> int:
    """Id in the timeline of a board's event."""
    return entry * MAX_NUMBERS + board


def own_id(identity: int) -> tuple[int, int]:
    """Board of an event of the timeline, and its id in that board's list."""
    return identity % MAX_NUMBERS, identity // MAX_NUMBERS
