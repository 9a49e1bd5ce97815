"""Ports that pyserial opens: those that a thread reads, and what holds however their bytes come."""

from __future__ import annotations

import asyncio
import threading

import pytest

from espmon.port import CLOSE_SECONDS, PortError, PortErrorKind, open_handle
from espmon.time_limit import time_limit
from tests.port.peers import Pty, noise, read_exactly, read_to_the_end, until

WAYS = ["blind://{}", "own://{}", "alt://{}?class=PosixPollSerial"]
"""Read by a thread; watched by the event loop, natively and by polling."""


async def test_a_loop_gives_back_what_is_written() -> None:
    handle = await open_handle("loop://")
    await handle.write(b"hello")
    assert await read_exactly(handle, 5) == b"hello"
    await handle.close()


async def test_spying_on_a_pseudo_terminal_works_and_knows_that_it_has_no_lines(pty: Pty) -> None:
    handle = await open_handle(f"spy://{pty.path}")
    pty.send(b"boot\n")
    assert await read_exactly(handle, 5) == b"boot\n"
    assert not handle.has_modem_lines
    await handle.close()


@pytest.mark.usefixtures("url_handlers")
@pytest.mark.parametrize("url", WAYS)
async def test_ten_megabytes_come_complete_and_equal(pty: Pty, url: str) -> None:
    data = noise(10 << 20)
    handle = await open_handle(url.format(pty.path))
    thread = pty.send_in_background(data)
    assert await read_exactly(handle, len(data)) == data
    thread.join(10)
    await handle.close()


@pytest.mark.usefixtures("url_handlers")
@pytest.mark.parametrize("url", WAYS)
async def test_what_is_written_arrives_whole(pty: Pty, url: str) -> None:
    data = noise(300_000)
    handle = await open_handle(url.format(pty.path))
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(pty.receive(len(data))), daemon=True)
    thread.start()
    await handle.write(data)
    await asyncio.to_thread(thread.join, 20)
    assert received == [data]
    await handle.close()


@pytest.mark.usefixtures("url_handlers")
@pytest.mark.parametrize("url", WAYS)
async def test_an_unplug_is_lost_after_all_that_came(pty: Pty, url: str) -> None:
    handle = await open_handle(url.format(pty.path))
    pty.release_slave()
    pty.send(b"last words")
    first = await read_exactly(handle, 10)
    pty.unplug()
    rest, error = await read_to_the_end(handle)
    assert first + rest == b"last words"
    assert error.kind is PortErrorKind.LOST
    await handle.close()


@pytest.mark.usefixtures("url_handlers")
@pytest.mark.parametrize("url", WAYS)
async def test_a_late_reader_stops_the_transport(pty: Pty, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    data = noise(300_000)
    handle = await open_handle(url.format(pty.path))
    monkeypatch.setattr(handle._receive, "_limit", 10_000)
    pty.send_in_background(data)
    await until(lambda: handle._receive.paused)
    assert await read_exactly(handle, len(data)) == data
    await handle.close()


async def test_closing_ends_the_thread_within_the_limit() -> None:
    handle = await open_handle("loop://")
    assert any(thread.name == "espmon-port-read" for thread in threading.enumerate())
    async with time_limit(CLOSE_SECONDS + 1):
        await handle.close()
    await handle.close()
    assert not any(thread.name == "espmon-port-read" for thread in threading.enumerate())
    with pytest.raises(PortError) as caught:
        await handle.read()
    assert caught.value.kind is PortErrorKind.LOST


async def test_lines_and_rate_reach_pyserial() -> None:
    handle = await open_handle("loop://", dtr=False, rts=False)
    await handle.set_lines(dtr=True, rts=True)
    await handle.set_baud(9600)
    assert handle.baud == 9600
    assert not handle.atomic_lines
    assert [entry.name for entry in handle.loader_entries()] == ["classic 0.05 s", "classic 0.55 s"]
    await handle.close()


async def test_a_missing_device_behind_a_url_is_missing() -> None:
    with pytest.raises(PortError) as caught:
        await open_handle("spy:///dev/ttyUSB-that-is-not-there")
    assert caught.value.kind is PortErrorKind.MISSING


async def test_the_windows_half_opens_its_ports_on_the_same_thread(pty: Pty) -> None:
    from espmon.port import windows_opening

    handle = await windows_opening.open_local(pty.path, baud=115200, no_reset=True)
    pty.send(b"boot\n")
    assert await read_exactly(handle, 5) == b"boot\n"
    assert not handle.atomic_lines
    await handle.close()
    assert not windows_opening.exists("COM99")
    assert windows_opening.stable_names() == {}
