"""A session on a scripted port, for what is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from espmon.session.clock import SessionClock
from espmon.session.connection import PortAccess
from espmon.session.mark_block import SentBlock
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import Notice, OpenRequest
from tests.session.fakes import Port, ScriptedHandle, Watch


class Case:
    """An open session whose board is the test."""

    def __init__(self, folder: Path, settings: Settings | None = None, clock: SessionClock | None = None) -> None:
        self.handle = ScriptedHandle()
        access = PortAccess(opener=Port(self.handle))
        self.session = Session(settings=settings, folder=folder, access=access, clock=clock)
        self.watch = Watch()
        self.session.subscribe(self.watch)
        self.heard: list[bytes] = []
        self.handle.answer = self._hear

    def _hear(self, data: bytes) -> bytes:
        self.heard.append(data)
        self.watch._wake.set()
        return self.answer(data)

    def answer(self, data: bytes) -> bytes:
        """What the board says to this."""
        return b""

    async def open(self) -> None:
        await self.session.open(OpenRequest("fake://board"))
        assert self.session.state is State.MONITORING

    async def says(self, data: bytes) -> None:
        """The board has printed this, and the session has read it."""
        before = self.session.connection.link.received
        self.handle.push(data)
        await self.watch.until(lambda: self.session.connection.link.received >= before + len(data))

    @property
    def written(self) -> bytes:
        return bytes(self.handle.written)

    @property
    def marks(self) -> list[str]:
        """Sent lines in the log."""
        store = self.session.store
        return [segment.block.text(0) for segment in store.segments(0) if isinstance(segment.block, SentBlock)]

    @property
    def notices(self) -> list[str]:
        return [change.text for change in self.watch.changes if isinstance(change, Notice)]

    async def recorded(self) -> list[dict[str, Any]]:
        """The `sent` events of the recording, once it is closed."""
        folder = self.session.status.recording
        assert folder is not None
        await self.session.close()
        rows = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
        return [row for row in rows if row.get("type") == "sent"]
