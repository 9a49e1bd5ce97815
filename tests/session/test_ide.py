"""The IDE hook: documented events, a wait with a limit, a way to stop waiting, and never a crash."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from espmon.session.connection import PortAccess
from espmon.session.ide import Ide, IdeError
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.status import Notice, OpenRequest
from espmon.time_limit import time_limit
from tests.records.streams import frame, framed_png, png
from tests.session.fakes import Port, ScriptedHandle, Watch


@asynccontextmanager
async def listening(answer: Callable[[ServerConnection], Any]) -> AsyncIterator[tuple[str, list[Any]]]:
    heard: list[Any] = []

    async def handle(socket: ServerConnection) -> None:
        heard.append(json.loads(await socket.recv()))
        await answer(socket)

    async with serve(handle, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}", heard


async def finish(socket: ServerConnection) -> None:
    await socket.send("not json")
    await socket.send(json.dumps({"event": "something else"}))
    await socket.send(json.dumps({"event": "debug_finished"}))


async def stay(socket: ServerConnection) -> None:
    await socket.wait_closed()


async def leave(socket: ServerConnection) -> None:
    await socket.close()


async def test_a_debug_stub_is_announced_and_the_ide_ends_the_wait() -> None:
    async with listening(finish) as (url, heard):
        assert await Ide(url).gdb_stub("/dev/ttyUSB0", Path("/build/app.elf"))
    assert heard == [{"type": "event", "event": "gdb_stub", "port": "/dev/ttyUSB0", "prog": "/build/app.elf"}]


async def test_a_core_dump_is_announced_with_its_file() -> None:
    async with listening(finish) as (url, heard):
        assert await Ide(url).core_dump(Path("/data/core.bin"), None)
    assert heard == [{"type": "event", "event": "coredump", "file": "/data/core.bin", "prog": ""}]


async def test_the_wait_has_a_limit() -> None:
    async with listening(stay) as (url, _):
        assert not await Ide(url, wait=0.05).gdb_stub("x", None)


async def test_the_user_can_stop_waiting() -> None:
    async with listening(stay) as (url, heard):
        ide = Ide(url)

        async def stop() -> None:
            asyncio.get_running_loop().call_soon(ide.stop_waiting)

        assert not await ide.gdb_stub("x", None, stop)
        assert heard == [] or heard[0]["event"] == "gdb_stub"


async def test_an_unreachable_ide_is_an_error_in_words() -> None:
    with pytest.raises(IdeError, match="cannot be reached"):
        await Ide("ws://127.0.0.1:1").gdb_stub("x", None)


async def test_a_wrong_url_is_an_error_in_words() -> None:
    with pytest.raises(IdeError, match="cannot be reached"):
        await Ide("http://nowhere").gdb_stub("x", None)


async def test_an_ide_that_leaves_is_an_error_in_words() -> None:
    async with listening(leave) as (url, _):
        with pytest.raises(IdeError, match="closed the connection"):
            await Ide(url).gdb_stub("x", None)


async def test_payloads_of_the_board_are_told_once_they_are_kept(tmp_path: Path) -> None:
    async def hear(socket: ServerConnection) -> None:
        pass

    async with listening(hear) as (url, heard):
        handle = ScriptedHandle()
        access = PortAccess(opener=Port(handle), resolver=str)
        session = Session(settings=Settings(), folder=tmp_path, access=access, ide=Ide(url))
        try:
            await session.open(OpenRequest("fake://board"))
            damaged = frame(b"{}", "json", "raw").replace(b"{}", b"{]", 1)
            handle.push(frame(b"[1]") + damaged + framed_png(png()) + frame(b"\0", "acme/telemetry"))
            async with time_limit(30):
                while len(heard) < 3:  # noqa: ASYNC110 what arrives at the server wakes nobody here
                    await asyncio.sleep(0.01)
        finally:
            await session.close()
    assert [message["type"] for message in heard] == ["frame"] * 3
    by_kind = {message["kind"]: message for message in heard}
    assert by_kind.keys() == {"json", "png", "acme/telemetry"}
    assert by_kind["json"]["value"] == [1]
    assert by_kind["png"]["path"].startswith(str(tmp_path))


async def test_an_ide_that_is_not_there_is_said_once_for_all_payloads(tmp_path: Path) -> None:
    handle, watch = ScriptedHandle(), Watch()
    access = PortAccess(opener=Port(handle), resolver=str)
    session = Session(settings=Settings(), folder=tmp_path, access=access, ide=Ide("ws://127.0.0.1:1"))
    session.subscribe(watch)
    try:
        await session.open(OpenRequest("fake://board"))
        for number in range(3):
            handle.push(frame(b"[%d]" % number))
            await watch.until(lambda: any(isinstance(change, Notice) for change in watch.changes))
    finally:
        await session.close()
    assert sum(isinstance(change, Notice) and "cannot be reached" in change.text for change in watch.changes) == 1


async def test_a_crash_is_an_error_with_its_place_and_nobody_waits_for_an_answer() -> None:
    arrived = asyncio.Semaphore(0)

    async def count(socket: ServerConnection) -> None:
        arrived.release()

    async with listening(count) as (url, heard):
        for file, line in (("/src/main.c", 12), (None, None)):
            await Ide(url).crash("It crashed.", file, line)
            await asyncio.wait_for(arrived.acquire(), 5)
    assert heard == [
        {"type": "error", "file": "/src/main.c", "line": 12, "message": "It crashed.", "suggestion": ""},
        {"type": "error", "file": "", "line": 0, "message": "It crashed.", "suggestion": ""},
    ]
