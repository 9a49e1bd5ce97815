"""The simulated board behind a pseudo-terminal, and what serves that to the network."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from espmon.port.posix_termios import read_rate, set_rate
from espmon.sim import SimulatedBoard
from espmon.sim.terminal import BoardTerminal
from tests.sim.client import Client


async def test_a_replay_through_the_terminal_is_complete() -> None:
    capture = bytes(range(256)) * 200
    async with BoardTerminal(SimulatedBoard(replay=capture)) as terminal:
        device = os.open(terminal.url, os.O_RDWR | os.O_NOCTTY)
        received = bytearray()
        while len(received) < len(capture):
            received += await asyncio.wait_for(asyncio.to_thread(os.read, device, 65536), 10)
        os.close(device)
    assert bytes(received) == capture


async def test_closing_does_not_wait_for_a_reader() -> None:
    terminal = await BoardTerminal(SimulatedBoard(scenario="busy")).start()
    await asyncio.wait_for(terminal.close(), 10)


@pytest.mark.parametrize("rate", [9600, 250_000, 460_800, 921_600])
async def test_the_board_is_read_at_the_rate_that_is_set_on_the_terminal(rate: int) -> None:
    board = SimulatedBoard(scenario="quiet")
    async with BoardTerminal(board) as terminal:
        device = os.open(terminal.url, os.O_RDWR | os.O_NOCTTY)
        try:
            set_rate(device, rate)
            os.write(device, b"\r")
            received = bytearray()
            while b"esp> " not in received:
                received += await asyncio.wait_for(asyncio.to_thread(os.read, device, 4096), 30)
            assert board.baud == rate
        finally:
            os.close(device)


@pytest.mark.parametrize("platform", [sys.platform, "freebsd14"])
def test_the_rate_of_a_terminal_is_read_on_all_systems(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = os.openpty()
    try:
        set_rate(slave, 57600)
        monkeypatch.setattr(sys, "platform", platform)
        assert read_rate(master) == 57600
    finally:
        os.close(slave)
        os.close(master)
    with pytest.raises(OSError, match="Bad file descriptor"):
        read_rate(master)


@asynccontextmanager
async def ser2net(device: str, folder: Path) -> AsyncIterator[int]:
    """Debian's ser2net in front of a device; gives its port."""
    program = shutil.which("ser2net") or shutil.which("ser2net", path="/usr/sbin")
    if not program:
        pytest.skip("ser2net is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configuration = folder / "ser2net.yaml"
    configuration.write_text(
        f"%YAML 1.1\n---\nconnection: &board\n  accepter: telnet(rfc2217),tcp,127.0.0.1,{port}\n"
        f"  connector: serialdev,{device},115200n81,local\n"
    )
    process = await asyncio.create_subprocess_exec(
        program, "-n", "-c", str(configuration), stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield port
    finally:
        process.terminate()
        await process.communicate()


async def connected(port: int) -> Client:
    """A client, as soon as the server listens."""
    for _ in range(100):
        try:
            return await Client(f"rfc2217://127.0.0.1:{port}").__aenter__()
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
    raise AssertionError("ser2net does not listen")


@pytest.mark.e2e
async def test_ser2net_in_front_of_the_terminal_reaches_the_console(tmp_path: Path) -> None:
    board = SimulatedBoard(scenario="quiet", power_delay=0.5)
    async with BoardTerminal(board) as terminal, ser2net(terminal.url, tmp_path) as port:
        client = await connected(port)
        await client.write(b"\r")
        await client.until(b"esp> ")
        assert b"screenshot" in await client.command("help")
        await client.__aexit__(None, None, None)
