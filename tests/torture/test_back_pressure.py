"""A disk that is behind holds up those who can wait; nothing is dropped for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from espmon.port import PortIdentity
from espmon.session import Session, disk_writer, recorder
from espmon.session.connection import PortAccess
from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from espmon.time_limit import time_limit
from tests.session.fakes import Port, ScriptedHandle, Watch
from tests.torture.disks import FaultyDisk, SmallDisk, chunks

LIMIT = 30.0


class RemoteHandle(ScriptedHandle):
    """A board behind a network, which gives a little at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__("socket://board:1")
        self.remote = True
        self._rest = data
        self._size = size
        self.given = 0

    async def read(self, timeout: float | None = None) -> bytes:
        if not self._rest:
            return await super().read(timeout)
        await asyncio.sleep(0)
        data, self._rest = self._rest[: self._size], self._rest[self._size :]
        self.given += len(data)
        return data


async def session_on(handle: RemoteHandle, folder: Path) -> tuple[Session, Watch]:
    """A session that records into `folder`."""

    async def never(identity: PortIdentity) -> str:
        await asyncio.Event().wait()
        return identity.url

    access = PortAccess(opener=Port(handle), waiter=never, resolver=str, identifier=PortIdentity)
    session, watch = Session(settings=Settings(), folder=folder / "sessions", access=access), Watch()
    session.subscribe(watch)
    await session.open(OpenRequest(handle.url))
    return session, watch


async def test_a_remote_board_waits_for_a_slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_writer, "BEHIND_BYTES", 20_000)
    monkeypatch.setattr(disk_writer, "MAX_BACKLOG", 60_000)
    monkeypatch.setattr(recorder, "FileSystem", lambda: FaultyDisk(delay=0.002, cut=2000))
    make = chunks(8000)
    data = b"".join(make() for _ in range(40))
    handle = RemoteHandle(data, 8000)
    session, _ = await session_on(handle, tmp_path)
    most = 0
    async with time_limit(LIMIT):
        while handle.given < len(data):
            most = max(most, session.status.recorder.waiting)
            await asyncio.sleep(0.001)
    folder = session.status.recording
    await session.close()
    assert session.status.recorder.unwritten == 0
    assert folder is not None
    assert await asyncio.to_thread((folder / "stream.bin").read_bytes) == data
    assert most < 60_000


async def test_a_disk_that_takes_nothing_holds_up_nobody_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_writer, "BEHIND_BYTES", 5_000)
    monkeypatch.setattr(disk_writer, "MAX_BACKLOG", 10_000)
    monkeypatch.setattr(disk_writer, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr("espmon.session.port_link.DISK_SECONDS", 0.05)
    monkeypatch.setattr("espmon.session.recording.STOP_SECONDS", 0.05)
    disk = SmallDisk(30_000)
    monkeypatch.setattr(recorder, "FileSystem", lambda: disk)
    make = chunks(4000)
    data = b"".join(make() for _ in range(40))
    handle = RemoteHandle(data, 4000)
    session, watch = await session_on(handle, tmp_path)
    async with time_limit(LIMIT):
        await watch.until(lambda: session.connection.link.received == len(data), LIMIT)
    assert session.status.recorder.problem == "the disk is full"
    lost = session.status.recorder.unwritten
    assert lost > 0
    disk.room = 1 << 30
    await watch.until(lambda: not session.status.recorder.problem, LIMIT)
    folder = session.status.recording
    await session.close()
    assert folder is not None
    stream = await asyncio.to_thread((folder / "stream.bin").read_bytes)
    assert len(stream) + session.status.recorder.unwritten == len(data)
