"""The records of a board, handed from the session's thread to whoever iterates."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from espmon.api.board_error import BoardError, BoardErrorKind
from espmon.records.batch import Part
from espmon.records.lines import LineBlock
from espmon.records.record import Record
from espmon.session.payload_saver import FINISH_SECONDS, ReceivedPayload

MAX_UNREAD_BYTES = 32 << 20
"""Bytes of the stream whose records wait for the reader."""

MAX_UNREAD_PARTS = 200_000
"""Blocks of lines and other records that wait for the reader."""


class RecordStream:
    """What came since it was made, in order. All of it belongs to the session's loop."""

    def __init__(self) -> None:
        self._waiting: deque[Part | ReceivedPayload] = deque()
        self._bytes = 0
        self._came = asyncio.Event()
        self._end: BoardError | None = None
        self.ended = False
        """Nothing is taken any more."""

    def take(self, part: Part | ReceivedPayload) -> None:
        """Put it behind the others. A reader that falls too far behind gets an error, never a gap."""
        self._waiting.append(part)
        self._bytes += part.length
        if self._bytes > MAX_UNREAD_BYTES or len(self._waiting) > MAX_UNREAD_PARTS:
            message = f"The records of {self._bytes:,} bytes were not read; no more can wait"
            self._waiting.clear()
            self.end(BoardError(BoardErrorKind.BEHIND, message, "Read them in a task of their own"))
        self._came.set()

    def end(self, error: BoardError | None = None) -> None:
        """Nothing comes any more; who has read what waits gets `error`, if that is one."""
        if not self.ended:
            self.ended, self._end = True, error
            self._came.set()

    async def next_records(self) -> Sequence[Record]:
        """What came since the last call, at least one record; nothing at the end. Raises `BoardError`."""
        while not self._waiting and not self.ended:
            self._came.clear()
            await self._came.wait()
        if self._waiting and isinstance(first := self._waiting[0], ReceivedPayload):
            await asyncio.wait([asyncio.wrap_future(first.finished)], timeout=FINISH_SECONDS)
        return self.rest()

    def rest(self) -> Sequence[Record]:
        """The same without waiting: for when the stream has ended, from any thread."""
        if not self._waiting:
            if self._end is not None:
                raise self._end
            return ()
        part = self._waiting.popleft()
        self._bytes -= part.length
        if isinstance(part, ReceivedPayload):
            return (part.wait(0),)
        return list(part) if isinstance(part, LineBlock) else (part,)
