"""Servers that people run in front of a board: ser2net, esp_rfc2217_server, socat."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from espmon.port import Handle, PortError, PortErrorKind, PortWarningKind, open_handle
from espmon.time_limit import time_limit
from tests.port.peers import Pty, noise, read_exactly, tcp_server

pytestmark = pytest.mark.e2e

SER2NET = shutil.which("ser2net") or (os.path.exists("/usr/sbin/ser2net") and "/usr/sbin/ser2net")
SOCAT = shutil.which("socat")
START_SECONDS = 20.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(*command: str) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


async def open_when_up(url: str) -> Handle:
    """Open, trying again while the server is starting."""
    async with time_limit(START_SECONDS):
        while True:
            try:
                return await open_handle(url)
            except PortError as error:
                if error.kind not in (PortErrorKind.REFUSED, PortErrorKind.LOST):
                    raise
                await asyncio.sleep(0.05)


async def exchange(handle: Handle, pty: Pty, count: int) -> None:
    """`count` bytes each way, equal at the other end."""
    data = noise(count)
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(pty.receive(count)), daemon=True)
    thread.start()
    await handle.write(data)
    await asyncio.to_thread(thread.join, 30)
    assert received == [data]
    pty.send_in_background(data[::-1])
    assert await read_exactly(handle, count) == data[::-1]


@pytest.mark.skipif(not SER2NET, reason="ser2net is not installed")
@pytest.mark.parametrize(
    ("accepter", "scheme"),
    [("telnet(rfc2217),tcp", "rfc2217"), ("telnet,tcp", "telnet"), ("tcp", "socket")],
)
async def test_ser2net_carries_every_byte(pty: Pty, tmp_path: Path, accepter: str, scheme: str) -> None:
    port = free_port()
    config = tmp_path / "ser2net.yaml"
    config.write_text(
        f"connection: &board\n  accepter: {accepter},127.0.0.1,{port}\n"
        f"  connector: serialdev,{pty.path},115200n81,local\n  options:\n    kickolduser: true\n"
    )
    with running(str(SER2NET), "-n", "-d", "-c", str(config)):
        handle = await open_when_up(f"{scheme}://127.0.0.1:{port}")
        # Said at once, before a reset is tried: a pseudo-terminal has no lines, the other two carry none.
        assert [warning.kind for warning in handle.warnings] == [PortWarningKind.NO_LINES]
        assert handle.has_rate == (scheme == "rfc2217")
        await exchange(handle, pty, 50_000)
        await handle.close()


@pytest.mark.skipif(find_spec("esp_rfc2217_server") is None, reason="esp_rfc2217_server (of esptool) is not installed")
async def test_esp_rfc2217_server_carries_every_byte_and_takes_a_reset() -> None:
    # It asks for CTS, which a pseudo-terminal has not: so the board behind it is a TCP port that echoes.
    def echo(connection: socket.socket) -> None:
        while data := connection.recv(1 << 16):
            connection.sendall(data)

    port = free_port()
    with tcp_server(echo) as board:
        server = (sys.executable, "-m", "esp_rfc2217_server", "-p", str(port), f"socket://127.0.0.1:{board}")
        with running(*server):
            handle = await open_when_up(f"rfc2217://127.0.0.1:{port}")
            assert not handle.warnings  # it does not say how the lines stand, and moves them all the same
            await handle.write(noise(2000))
            assert await read_exactly(handle, 2000) == noise(2000)
            await handle.run_sequence(handle.loader_entries()[0])
            assert any("does not confirm" in warning.text for warning in handle.warnings)
            await handle.write(noise(3000))
            assert await read_exactly(handle, 3000) == noise(3000)
            await handle.close()


@pytest.mark.skipif(not SOCAT, reason="socat is not installed")
async def test_socat_as_a_plain_bridge_carries_every_byte(pty: Pty) -> None:
    port = free_port()
    with running(str(SOCAT), f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr", f"{pty.path},raw,echo=0"):
        handle = await open_when_up(f"socket://127.0.0.1:{port}")
        await exchange(handle, pty, 200_000)
        await handle.close()
