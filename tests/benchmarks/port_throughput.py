"""How fast bytes come through a port, and what they cost, beside pyserial's read loop and pyserial-asyncio.

Run: python -m tests.benchmarks.port_throughput [MEGABYTES]

Each line: MB/s, CPU seconds of this process for each MB, and both as ratios to plain pyserial on the same transport.
The sender is a process of its own. At the end: CPU of one core for a board at 921600 and 115200 baud (paced sender).
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import serial
import serial_asyncio

from espmon.port import open_handle
from espmon.port.pyserial_opening import open_pyserial
from tests.port.peers import Rfc2217Peer, tcp_server

MEGABYTE = 1 << 20

SENDER = """
import os, sys, time
count, rate = int(sys.argv[1]), float(sys.argv[2])
sys.stdin.readline()
block = bytes(range(32, 127)) * 43 + b"\\n"
piece = block if not rate else block[: max(1, int(rate * 0.004))]
start, sent = time.perf_counter(), 0
while sent < count:
    sent += os.write(1, piece[: count - sent])
    if rate:
        time.sleep(max(0.0, sent / rate - (time.perf_counter() - start)))
sys.stdin.readline()
"""

Reader = Callable[[str, int, Callable[[], None]], Awaitable[None]]


class Sender:
    """A process that writes `count` bytes to a descriptor when told to, at `rate` bytes a second (0: at once)."""

    def __init__(self, descriptor: int, count: int, rate: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SENDER, str(count), str(rate)], stdin=subprocess.PIPE, stdout=descriptor
        )

    def tell(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    def end(self) -> None:
        self._process.communicate(b"\n")


@contextmanager
def pty_source(count: int, rate: float) -> Iterator[tuple[str, Callable[[], None]]]:
    master, slave = os.openpty()
    tty.setraw(slave)
    sender = Sender(master, count, rate)
    try:
        yield os.ttyname(slave), sender.tell
    finally:
        sender.end()
        os.close(master)
        os.close(slave)


@contextmanager
def alt_source(count: int, rate: float) -> Iterator[tuple[str, Callable[[], None]]]:
    """The same behind a URL that is pyserial's alone."""
    with pty_source(count, rate) as (path, tell):
        yield f"alt://{path}?class=PosixPollSerial", tell


@contextmanager
def tcp_source(count: int, rate: float) -> Iterator[tuple[str, Callable[[], None]]]:
    told = threading.Event()

    def serve(connection: socket.socket) -> None:
        told.wait()
        sender = Sender(connection.fileno(), count, rate)
        sender.tell()
        connection.recv(1)
        sender.end()

    with tcp_server(serve) as port:
        yield f"socket://127.0.0.1:{port}", told.set


async def with_espmon(url: str, count: int, start: Callable[[], None]) -> None:
    handle = await open_handle(url)
    start()
    got = 0
    while got < count:
        got += len(await handle.read(30))
    await handle.close()


async def with_espmon_thread(url: str, count: int, start: Callable[[], None]) -> None:
    handle = await open_pyserial(url, baud=115200, thread=True)
    start()
    got = 0
    while got < count:
        got += len(await handle.read(30))
    await handle.close()


async def with_pyserial(url: str, count: int, start: Callable[[], None]) -> None:
    port = serial.serial_for_url(url, timeout=1)
    start()
    got = 0
    while got < count:
        got += len(port.read(max(1, min(port.in_waiting, 65536))))
    port.close()


async def with_pyserial_asyncio(url: str, count: int, start: Callable[[], None]) -> None:
    done = asyncio.Event()
    got = 0

    class Count(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            nonlocal got
            got += len(data)
            if got >= count:
                done.set()

    loop = asyncio.get_running_loop()
    transport, _ = await serial_asyncio.create_serial_connection(loop, Count, url)
    start()
    await done.wait()
    transport.abort()


def measure(source: Any, reader: Reader, count: int, rate: float = 0.0) -> tuple[float, float]:
    """(seconds, CPU seconds of this process), from the moment the sender is told."""
    began: list[float] = []

    def start(tell: Callable[[], None]) -> None:
        began.extend((time.perf_counter(), time.process_time()))
        tell()

    with source(count, rate) as (url, tell):
        asyncio.run(reader(url, count, lambda: start(tell)))  # type: ignore[arg-type]
        return time.perf_counter() - began[0], time.process_time() - began[1]


def compare(name: str, source: Any, count: int, peers: dict[str, Reader]) -> None:
    """Print one table; the first peer is what the others are compared with."""
    base: tuple[float, float] | None = None
    for peer, reader in peers.items():
        # pyserial reads a socket byte by byte when it is asked what is waiting: a small share is enough to see it.
        amount = count // 256 if (name, peer) == ("socket", "pyserial") else count
        best = min((measure(source, reader, amount) for _ in range(3)), key=lambda pair: pair[1])
        rate, cost = amount / best[0] / 1e6, best[1] / amount * 1e9
        base = base or (rate, cost)
        print(
            f"{name:10} {peer:17} {rate:8.2f} MB/s ({rate / base[0]:6.2f} x)   "
            f"{cost:8.2f} ms CPU a MB ({cost / base[1]:6.3f} x)",
            flush=True,
        )


async def rfc2217_with_espmon(url: str, count: int) -> None:
    handle = await open_handle(url)
    await handle.write(b"go")
    got = 0
    while got < count:
        got += len(await handle.read(30))
    await handle.close()


async def rfc2217_with_pyserial(url: str, count: int) -> None:
    port = serial.serial_for_url(url, timeout=1)
    port.write(b"go")
    got = 0
    while got < count:
        got += len(port.read(max(1, min(port.in_waiting, 65536))))
    port.close()


def rfc2217(count: int) -> None:
    """espmon's RFC 2217 client beside pyserial's, on noise (one byte in 256 is escaped); opening is included."""
    for peer, reader, amount in (
        ("pyserial", rfc2217_with_pyserial, count // 64),
        ("espmon", rfc2217_with_espmon, count),
    ):
        with tcp_server(Rfc2217Peer(say=os.urandom(amount), echo=False, after=b"go").serve) as port:
            began, cpu = time.perf_counter(), time.process_time()
            asyncio.run(reader(f"rfc2217://127.0.0.1:{port}", amount))
            seconds, used = time.perf_counter() - began, time.process_time() - cpu
        print(
            f"rfc2217    {peer:17} {amount / seconds / 1e6:8.2f} MB/s, "
            f"{used / amount * 1e9:.2f} ms CPU a MB (the server's thread included)",
            flush=True,
        )


def main() -> None:
    """Print everything."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 32
    peers: dict[str, Reader] = {
        "pyserial": with_pyserial,
        "pyserial-asyncio": with_pyserial_asyncio,
        "espmon": with_espmon,
    }
    compare("pty", pty_source, megabytes * MEGABYTE, peers)
    compare("alt://", alt_source, megabytes * MEGABYTE, {**peers, "espmon, thread": with_espmon_thread})
    compare("socket", tcp_source, megabytes * MEGABYTE, {name: peers[name] for name in ("pyserial", "espmon")})
    rfc2217(megabytes * MEGABYTE)
    for baud in (921600, 115200):
        for peer, reader in peers.items():
            seconds, cpu = measure(pty_source, reader, baud // 10 * 3, baud / 10)
            print(f"pty at {baud:6} baud  {peer:17} {cpu / seconds * 100:5.2f} % of a core", flush=True)


if __name__ == "__main__":
    main()
