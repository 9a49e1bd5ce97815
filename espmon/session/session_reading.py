"""What can be read of a session: its state, its log, its events, and when they change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from espmon.session.publisher import Listener
    from espmon.session.status import EventEntry, Status
    from espmon.session.store import LogStore


class ReadableSession(Protocol):
    """What a timeline needs of a session, and where the screen's own interface begins."""

    @property
    def status(self) -> Status:
        """The visible state."""

    @property
    def store(self) -> LogStore:
        """The log."""

    @property
    def events(self) -> Sequence[EventEntry]:
        """The inspector's entries."""

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Listen to changes; what is returned ends that."""
