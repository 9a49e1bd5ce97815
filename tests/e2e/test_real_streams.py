"""Logs and core dumps, replayed over a PTY, a TCP socket and the simulated board, come out whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import OpenRequest
from espmon.sim import BoardThread, SimulatedBoard
from tests.e2e.sources import pty_source
from tests.session.fakes import Watch

pytestmark = pytest.mark.e2e


@asynccontextmanager
async def tcp_source(data: bytes) -> AsyncIterator[str]:
    """A TCP server that says `data` and then listens."""
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        await done.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    yield f"socket://{host}:{port}"
    done.set()
    server.close()


@asynccontextmanager
async def board_source(data: bytes) -> AsyncIterator[str]:
    """The simulated board, replaying `data`."""
    with BoardThread(lambda: SimulatedBoard("esp32c3", replay=data)) as board:
        yield board.url


SOURCES: dict[str, Callable[[bytes], AbstractAsyncContextManager[str]]] = {
    "pty": pty_source,
    "tcp": tcp_source,
    "board": board_source,
}


async def received(data: bytes, source: str, folder: Path) -> bytes:
    """What the recording holds after a session on `data`; checks that the records tile it."""
    async with SOURCES[source](data) as url:
        session = Session(settings=Settings(idle_seconds=0.05), folder=folder)
        watch = Watch()
        session.subscribe(watch)
        await session.open(OpenRequest(url))
        assert session.state is State.MONITORING, session.status.reason
        await watch.until(lambda: session.status.bytes_in >= len(data), limit=30)
        await session.close()
    covered = 0
    for segment in session.store.segments():
        if segment.block.source != "mark":
            covered += segment.block.length
    spans = {entry.record.offset: entry.record for entry in session.events if not entry.record.derived}
    covered += sum(record.length for record in spans.values())
    assert covered == len(data)
    assert session.status.recording is not None
    return await asyncio.to_thread((session.status.recording / "stream.bin").read_bytes)


@pytest.mark.parametrize("source", list(SOURCES))
async def test_every_log_arrives_byte_for_byte(inputs: Path, tmp_path: Path, source: str) -> None:
    for number, path in enumerate(sorted((inputs / "logs").glob("*.log"))):
        data = path.read_bytes()
        folder = tmp_path / str(number)
        folder.mkdir()
        assert await received(data, source, folder) == data, path.name


@pytest.mark.parametrize("source", list(SOURCES))
async def test_core_dumps_arrive_byte_for_byte(inputs: Path, tmp_path: Path, source: str) -> None:
    for path in sorted((inputs / "coredump").glob("*/coredump.b64")):
        text, name = path.read_bytes(), path.parent.name
        start, end = b"=" * 17 + b" CORE DUMP START " + b"=" * 17, b"=" * 17 + b" CORE DUMP END " + b"=" * 17
        data = b"before\r\n" + start + b"\r\n" + text.rstrip() + b"\r\n" + end + b"\r\nafter\r\n"
        folder = tmp_path / name
        folder.mkdir()
        assert await received(data, source, folder) == data
