"""What waits for one viewer: bounded, whatever the viewer does. What it could not take it reads from the recording."""

from __future__ import annotations

import asyncio
from collections import deque

from espmon.session.sharing.share_protocol import Position

MAX_WAITING = 1 << 20
"""Bytes that wait for a viewer; with more, all of it is dropped, and the viewer is sent to the recording."""

MAX_NOTICES = 8


class Outbox:
    """Messages for one viewer. Belongs to the session's loop.

    Attributes:
        behind: from where on the viewer has nothing, None while all that it lacks waits here. A new viewer has nothing.
        waiting: bytes of the messages of the stream.
        wake: set when there is something to send.
    """

    def __init__(self) -> None:
        self.behind: Position | None = Position()
        self.waiting = 0
        self.wake = asyncio.Event()
        self.wake.set()
        self._stream: deque[tuple[Position, bytes]] = deque()
        self._status = b""
        self._notices: deque[bytes] = deque(maxlen=MAX_NOTICES)

    def put(self, at: Position, message: bytes) -> None:
        """A message of the stream, which stands at `at`. A viewer that is behind gets it from the recording."""
        if self.behind is not None:
            return
        if self.waiting + len(message) > MAX_WAITING:
            self.behind = self._stream[0][0] if self._stream else at
            self._stream.clear()
            self.waiting = 0
        else:
            self._stream.append((at, message))
            self.waiting += len(message)
        self.wake.set()

    def put_status(self, message: bytes) -> None:
        """The newest status; one that was not sent yet is out of date."""
        self._status = message
        self.wake.set()

    def put_notice(self, message: bytes) -> None:
        """Something for its user; of more than a few, the newest."""
        self._notices.append(message)
        self.wake.set()

    def catch_up(self, now: Position) -> tuple[Position, Position] | None:
        """What the viewer is to read from the recording, None when nothing; what comes after it waits here again."""
        if self.behind is None:
            return None
        begin, self.behind = self.behind, None
        return begin, now

    def take(self) -> bytes:
        """The next message, b"" when there is none: then `wake` is set by the next one, or by falling behind."""
        if self._status:
            message, self._status = self._status, b""
            return message
        if self._notices:
            return self._notices.popleft()
        if self._stream:
            _, message = self._stream.popleft()
            self.waiting -= len(message)
            return message
        if self.behind is None:
            self.wake.clear()
        return b""
