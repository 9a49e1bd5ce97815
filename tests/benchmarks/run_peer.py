"""`espmon run` beside esp-idf-monitor: bytes a CPU second from a PTY and a socket into a file, the start, the memory.

Run: python -m tests.benchmarks.run_peer [MEGABYTES]     (default 50)

A sender writes ESP-IDF log text (half of it coloured) into a PTY or a socket; the program reads it and writes a file.
What is counted is all CPU time of that process, user and system, as `wait4` reports it, interpreter start included, and
the largest resident memory. Bytecode is compiled before, as it is where a program is installed. The peer runs as in
`records_peer`, with a terminal as its standard input; it reads no socket at a rate worth measuring. The start is the
CPU and wall time from the program's start to the first line in the file; the latency is the time from the last byte of
a line that is sent to `Board.expect` returning, in this process.
"""

from __future__ import annotations

import asyncio
import os
import resource
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from espmon import Board
from tests.benchmarks.records_demux import log_text
from tests.benchmarks.records_peer import LAST, PEER

PATIENCE = 60.0
"""Seconds without progress after which a program counts as stuck."""

FIRST = b"I (0) boot: first\r\n"
STARTS = 9
LINES = 200
RUN = (sys.executable, "-m", "espmon", "run", "--no-stdin")

Send = Callable[[bytes], object]


@contextmanager
def pty_source() -> Iterator[tuple[str, Callable[[], Send]]]:
    """A PTY: its name, and what waits for the reader and returns the way to send."""
    port, port_end = os.openpty()
    tty.setraw(port)
    tty.setraw(port_end)

    def send(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(port, view) :]

    try:
        yield os.ttyname(port_end), lambda: send
    finally:
        os.close(port_end)
        os.close(port)


@contextmanager
def socket_source() -> Iterator[tuple[str, Callable[[], Send]]]:
    """The same behind `socket://`."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        clients: list[socket.socket] = []

        def accept() -> Send:
            clients.append(server.accept()[0])
            return clients[0].sendall

        yield f"socket://127.0.0.1:{server.getsockname()[1]}", accept
        for client in clients:
            client.close()


SOURCES = {"pty": pty_source, "socket": socket_source}


def wait_for_file(output: BinaryIO, seen: bytes) -> None:
    """Until the file ends in `seen`, or near its end."""
    patience, before = time.monotonic() + PATIENCE, -1
    while True:
        size = os.fstat(output.fileno()).st_size
        if size != before:
            patience, before = time.monotonic() + PATIENCE, size
            if seen in os.pread(output.fileno(), 400, max(0, size - 400)):
                return
        if time.monotonic() > patience:
            raise SystemExit("the program stopped reading")
        time.sleep(0.001)


def through(source: str, command: Callable[[str], list[str]], block: bytes, size: int, leave: bytes) -> None:
    """Run a program over `size` bytes, and print what it took."""
    name = " ".join(command("PORT")[2:]) if leave == b"" else "esp-idf-monitor"
    screen, screen_end = os.openpty()
    tty.setraw(screen_end)
    with SOURCES[source]() as (port, ready), tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as said:
        program = subprocess.Popen(command(port), stdin=screen_end, stdout=output, stderr=said, close_fds=True)
        send = ready()
        if source == "pty":  # a PTY holds what nobody reads yet, but the peer throws it away while it opens
            patience = time.monotonic() + 3
            while not os.fstat(said.fileno()).st_size and time.monotonic() < patience:
                time.sleep(0.01)
        begin = time.monotonic()
        sender = threading.Thread(target=lambda: [send(block) for _ in range(size // len(block))] and send(LAST))
        sender.start()
        wait_for_file(output, LAST.strip()[6:])
        wall = time.monotonic() - begin
        sender.join()
        if leave:
            os.write(screen, leave)
        else:
            program.terminate()
        while select.select([screen], [], [], 0)[0]:
            os.read(screen, 65536)
        _, _, usage = os.wait4(program.pid, 0)
        program.returncode = 0
    os.close(screen)
    os.close(screen_end)
    cpu = usage.ru_utime + usage.ru_stime
    print(
        f"{source:6} {name:44} {size / cpu / 1e6:6.1f} MB a CPU second, {size / wall / 1e6:6.1f} MB/s,"
        f" {usage.ru_maxrss / 1024:6.0f} MiB   ({size / 1e6:.0f} MB)",
        flush=True,
    )


def start() -> None:
    """From the program's start to its first line in the file, of a port that has one waiting."""
    walls, cpus = [], []
    for _ in range(STARTS):
        with pty_source() as (port, ready), tempfile.TemporaryFile() as output:
            ready()(FIRST)
            begin = time.monotonic()
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            program = subprocess.Popen([*RUN, port], stdout=output, stderr=subprocess.DEVNULL)
            wait_for_file(output, FIRST.strip())
            walls.append(time.monotonic() - begin)
            program.kill()
            program.wait()
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    middle = statistics.median(walls)
    print(f"start to first line: {min(walls):.3f} s at best, {middle:.3f} s in the middle; {min(cpus):.3f} s CPU")


async def latency() -> None:
    """From the last byte of a line to `expect` returning."""
    with socket_source() as (url, ready):
        accepted = asyncio.get_running_loop().run_in_executor(None, ready)
        async with Board(url, record=False) as board:
            send = await accepted
            times = []
            for number in range(LINES):
                waiting = asyncio.create_task(board.expect(f"line {number:03}", 30))
                await asyncio.sleep(0.01)
                send(f"I ({number}) app: line ".encode())
                await asyncio.sleep(0.002)
                begin = time.perf_counter()
                send(f"{number:03}".encode())
                await waiting
                times.append(time.perf_counter() - begin)
    times.sort()
    middle, late = times[LINES // 2] * 1e3, times[LINES * 95 // 100] * 1e3
    print(f"expect: {middle:.2f} ms in the middle, {late:.2f} ms for 95 %, {times[-1] * 1e3:.2f} ms at most")


def main() -> None:
    """Measure and print."""
    block = log_text()
    size = int(sys.argv[1] if len(sys.argv) > 1 else 50) * 1_000_000 // len(block) * len(block)
    with scratch_environment():
        measure(block, size)


@contextmanager
def scratch_environment() -> Iterator[str]:
    """Data, settings and bytecode of the programs in a folder that is removed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        homes = {name: f"{folder}/{name}" for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "PYTHONPYCACHEPREFIX")}
        os.environ.update(homes)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        yield folder


def measure(block: bytes, size: int) -> None:
    """All rows, one after the other."""
    for module in ("esp_idf_monitor.idf_monitor", "espmon.cli.headless_run"):
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    start()
    asyncio.run(latency())
    with tempfile.TemporaryDirectory() as folder:
        launcher = Path(folder, "peer.py")
        launcher.write_text(PEER)
        through("pty", lambda port: [sys.executable, str(launcher), "--no-reset", "-p", port], block, size, b"\x1d")
        for source in SOURCES:
            through(source, lambda port: [*RUN, port], block, size, b"")
            through(source, lambda port: [*RUN, port, "--until", "never"], block, size, b"")
            through(source, lambda port: [*RUN, port, "--json"], block, size, b"")


if __name__ == "__main__":
    main()
