"""A board that is open, as those know it who look at all boards."""

from __future__ import annotations

from typing import Protocol

from espmon.session.status import OpenRequest, Status
from espmon.tui.monitor.session_link import SessionLink


class BoardLike(Protocol):
    """A board that is open."""

    link: SessionLink
    """Its session."""

    request: OpenRequest | None
    """What was opened last, or is to be opened."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def status(self) -> Status:
        """The session's status."""

    async def bring_back(self) -> str:
        """End a text that is being sent, or a debug lease; the board runs on where that can be done.

        Returns how it was left, "" where there was nothing of the kind. Takes bounded time.
        """
