"""`espmon run` on the boards of a bench: CPU, memory, and whether anything was lost.

    python -m tests.benchmarks.run_bench [--boards N] [--seconds S] [--rate BYTES] [--each] [--kind pty|ser2net|socket]

N boards (32), each a PTY that sends numbered log lines at 11,520 bytes a second (115200 baud), by one sender process.
One `espmon run` for all of them, as the unit file in `examples` starts it, or with `--each` one a board. All record
into one data folder. At the end, each recording is compared with what its board sent, byte by byte. CPU is user and
system time of the espmon processes alone, over the time of sending; memory is their proportional share (PSS).

The limits are 15 % of a core and 15 MB a board. `--kind ser2net` puts ser2net (rfc2217) between PTY and espmon: its CPU
time beside that of `--kind pty` is the price of a network port; `socket` is the same without telnet.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path

BAUD_BYTES = 11_520
TICK_SECONDS = 0.02
"""Between two looks at what is due; a UART gives its bytes more evenly (`--tick 0.002`), at the sender's cost."""

START_SECONDS = 60.0
POLL_SECONDS = 0.1
LINE = b"\x1b[0;32mI (%d) sensor: temperature 21.4 C, humidity 40 %%, sample %09d\x1b[0m\r\n"


def lines_of(count: int) -> bytes:
    """The first `count` bytes that every board sends."""
    rows, size = list[bytes](), 0
    while size < count:
        row = LINE % (len(rows) * 6, len(rows))
        rows.append(row)
        size += len(row)
    return b"".join(rows)[:count]


def talk(masters: Sequence[int], rate: int, seconds: float, tick: float, begin: Event, done: Event) -> None:
    """The sender: all boards at the same rate, each byte written once."""
    data = memoryview(lines_of(int(rate * seconds)))
    begin.wait()
    sent, start = [0] * len(masters), time.monotonic()
    while min(sent) < len(data):
        due = min(len(data), int((time.monotonic() - start) * rate))
        for board, master in enumerate(masters):
            if due > sent[board]:
                try:
                    sent[board] += os.write(master, data[sent[board] : due])
                except BlockingIOError:
                    continue  # its reader is late; what is due is sent at the next turn
        time.sleep(tick)
    done.set()


def cpu_seconds(process: int) -> float:
    """User and system time of a process, to the nanosecond: what works 1 ms at each 20 escapes the clock's ticks."""
    threads = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def memory_bytes(process: int) -> int:
    """Its proportional share of memory."""
    rows = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(row.split()[1]) * 1024 for row in rows if row.startswith("Pss:"))


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def served(kind: str, paths: Sequence[str], folder: Path) -> Iterator[list[str]]:
    """What espmon opens for the boards behind these PTYs."""
    if kind == "pty":
        yield list(paths)
        return
    ports = [free_port() for _ in paths]
    accepter = "telnet(rfc2217),tcp" if kind == "ser2net" else "tcp"
    rows = [
        f"connection: &board{number}\n  accepter: {accepter},127.0.0.1,{port}\n"
        f"  connector: serialdev,{path},115200n81,local\n"
        for number, (path, port) in enumerate(zip(paths, ports, strict=True))
    ]
    (folder / "ser2net.yaml").write_text("".join(rows))
    program = shutil.which("ser2net") or "/usr/sbin/ser2net"
    words = [program, "-n", "-d", "-c", str(folder / "ser2net.yaml")]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(words, stdout=quiet, stderr=quiet) as server:
        try:
            until(lambda: all(answers(port) for port in ports), "ser2net")
            scheme = "rfc2217" if kind == "ser2net" else "socket"
            yield [f"{scheme}://127.0.0.1:{port}" for port in ports]
        finally:
            server.terminate()


def answers(port: int) -> bool:
    """Whether somebody listens; asked without connecting, which would take the port from espmon."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


def until(condition: Callable[[], object], what: str, seconds: float = START_SECONDS) -> None:
    """Wait for something. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(POLL_SECONDS)


@dataclass
class Figures:
    """What a bench costs."""

    boards: int
    cpu: float
    """Seconds of CPU a second, of all."""

    memory: int
    """Bytes, of all."""

    lost: int
    """Recordings that are not what was sent."""

    recorded: int


def measure(boards: int, seconds: float, rate: int, kind: str, *, together: bool, tick: float, otlp: str) -> Figures:
    """Run a bench."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pairs = [os.openpty() for _ in range(boards)]
        for master, slave in pairs:
            stack.callback(os.close, slave)
            stack.callback(os.close, master)
            tty.setraw(slave)
            os.set_blocking(master, False)
        begin, done = multiprocessing.Event(), multiprocessing.Event()
        masters = [master for master, _ in pairs]
        sender = multiprocessing.Process(target=talk, args=(masters, rate, seconds, tick, begin, done), daemon=True)
        sender.start()
        paths = [os.ttyname(slave) for _, slave in pairs]
        ports = stack.enter_context(served(kind, paths, folder))
        environment = {
            **{name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
        }
        sessions = folder / "data" / "espmon" / "sessions"
        quiet = subprocess.DEVNULL
        runs = [
            subprocess.Popen(
                [sys.executable, "-m", "espmon", "run", "--no-stdin", *(["--otlp"] if otlp else []), *group],
                env=environment, stdin=quiet, stdout=quiet, stderr=quiet,
            )
            for group in ([ports] if together else [[port] for port in ports])
        ]  # fmt: skip
        try:
            until(
                lambda: len(list(sessions.glob("*/stream.bin"))) == boards, "all boards to be open", 5 * START_SECONDS
            )
            time.sleep(1.0)
            before, began = [cpu_seconds(run.pid) for run in runs], time.monotonic()
            begin.set()
            done.wait()
            spent = sum(cpu_seconds(run.pid) for run in runs) - sum(before)
            elapsed = time.monotonic() - began
            memory = sum(memory_bytes(run.pid) for run in runs)
            wanted = int(rate * seconds)
            files = list(sessions.glob("*/stream.bin"))
            until(lambda: all(file.stat().st_size >= wanted for file in files), "the recordings")
        finally:
            for run in runs:
                run.terminate()
            for run in runs:
                run.wait(START_SECONDS)
            sender.kill()
        truth = lines_of(int(rate * seconds))
        lost = sum(file.read_bytes() != truth for file in files)
        recorded = sum(file.stat().st_size for each in sessions.iterdir() for file in each.iterdir())
        return Figures(boards, spent / elapsed, memory, lost, recorded)


def main() -> int:
    """Measure; returns 1 where a recording is not what its board sent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=int, default=BAUD_BYTES)
    parser.add_argument("--tick", type=float, default=TICK_SECONDS)
    parser.add_argument("--kind", choices=("pty", "ser2net", "socket"), default="pty")
    parser.add_argument("--otlp", default="", metavar="URL", help="send to this OpenTelemetry collector, too")
    parser.add_argument("--each", action="store_true")
    options = parser.parse_args()
    found = measure(
        options.boards,
        options.seconds,
        options.rate,
        options.kind,
        together=not options.each,
        tick=options.tick,
        otlp=options.otlp,
    )
    print(
        f"{found.boards} boards by {options.kind}, {options.rate:,} bytes/s each, {options.seconds:g} s, "
        f"{'a run each' if options.each else 'one run'}: {100 * found.cpu / found.boards:.2f} % of a core and "
        f"{found.memory / found.boards / 1e6:.1f} MB a board, {found.lost} recordings differ, "
        f"{found.recorded / found.boards / 1e6:.2f} MB recorded a board"
    )
    return 1 if found.lost else 0


if __name__ == "__main__":
    raise SystemExit(main())
