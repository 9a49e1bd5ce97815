"""pyserial ports whose descriptor the event loop watches: which they are, and how they end."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import serial

from espmon.port import CLOSE_SECONDS, PortError, PortErrorKind, open_handle
from espmon.port.threaded import ThreadedHandle
from espmon.port.watched import WatchedHandle
from espmon.time_limit import time_limit
from tests.port.peers import Pty, read_to_the_end

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="descriptors of ports are watched on POSIX alone"),
    pytest.mark.usefixtures("url_handlers"),
]


@pytest.fixture(autouse=True)
async def complaints() -> AsyncIterator[list[dict[str, Any]]]:
    """What would have been printed over the screen."""
    found: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: found.append(context))
    yield found
    assert found == []


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("spy://{}", WatchedHandle),
        ("own://{}", WatchedHandle),
        ("alt://{}?class=PosixPollSerial", WatchedHandle),
        ("alt://{}?class=VTIMESerial", ThreadedHandle),
        ("blind://{}", ThreadedHandle),
        ("loop://", ThreadedHandle),
    ],
)
async def test_a_port_with_a_descriptor_that_does_not_block_needs_no_thread(pty: Pty, url: str, kind: type) -> None:
    handle = await open_handle(url.format(pty.path))
    assert type(handle) is kind
    threads = [thread.name for thread in threading.enumerate() if thread.name == "espmon-port-read"]
    assert len(threads) == (kind is ThreadedHandle)
    assert not handle.remote
    await handle.close()


async def test_writing_after_an_unplug_is_lost(pty: Pty) -> None:
    handle = await open_handle(f"own://{pty.path}")
    pty.release_slave()
    pty.unplug()
    _, error = await read_to_the_end(handle)
    assert error.kind is PortErrorKind.LOST
    with pytest.raises(PortError) as caught:
        await handle.write(b"anybody there?")
    assert caught.value.kind is PortErrorKind.LOST
    await handle.close()


async def test_an_error_that_is_not_pyserials_is_lost_too(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = await open_handle(f"own://{pty.path}")
    assert isinstance(handle, WatchedHandle)

    def broken(size: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(handle._calls.port, "read", broken)
    pty.send(b"x")
    _, error = await read_to_the_end(handle)
    assert error.kind is PortErrorKind.LOST
    assert "Input/output error" in error.message
    await handle.close()


async def test_an_error_in_writing_is_lost_and_nothing_is_printed(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = await open_handle(f"own://{pty.path}")
    assert isinstance(handle, WatchedHandle)

    def broken(data: bytes) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(handle._calls.port, "write", broken)
    await handle.write(b"x")
    _, error = await read_to_the_end(handle)
    assert error.kind is PortErrorKind.LOST
    await handle.close()


async def test_a_board_that_takes_nothing_stalls_the_write_and_not_the_closing(pty: Pty) -> None:
    handle = await open_handle(f"own://{pty.path}")
    with pytest.raises(PortError) as caught:
        await handle.write(bytes(1 << 20), timeout=0.2)
    assert caught.value.kind is PortErrorKind.STALLED
    start = time.monotonic()
    await handle.close()
    assert time.monotonic() - start < CLOSE_SECONDS + 1
    await handle.close()


async def test_a_driver_that_does_not_flush_or_close_holds_neither_loop_nor_caller(
    pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = await open_handle(f"own://{pty.path}")
    assert isinstance(handle, WatchedHandle)
    let_go = threading.Event()
    port = handle._calls.port
    closing = port.close
    monkeypatch.setattr(port, "flush", lambda: pytest.fail("flushed on the event loop"))

    def hang() -> None:
        let_go.wait(30)
        closing()

    monkeypatch.setattr(port, "close", hang)
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.01)

    other = asyncio.create_task(turn())
    async with time_limit(CLOSE_SECONDS + 1):
        await handle.close()
    other.cancel()
    assert turns > 10
    assert any("did not close in time" in warning.text for warning in handle.warnings)
    let_go.set()


async def test_lines_and_rate_reach_pyserial(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[tuple[str, bool]] = []

    def noting(line: str) -> property:
        return property(lambda _: False, lambda _, value: moved.append((line, value)))

    for line in ("rts", "dtr"):
        monkeypatch.setattr(serial.Serial, line, noting(line))
    monkeypatch.setattr(serial.Serial, "cts", property(lambda port: False))
    handle = await open_handle(f"own://{pty.path}")
    assert handle.has_modem_lines
    await handle.set_lines(dtr=False, rts=True)
    assert moved == [("dtr", False), ("rts", True)]
    await handle.set_baud(9600)
    assert handle.baud == 9600
    await handle.close()
