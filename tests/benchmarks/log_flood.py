"""A board that sends 20 MB/s over TCP: keys are answered, and every byte is in the log and in the recording.

The installed program in a pseudo-terminal of 160x50. The space bar holds and follows the log; the time is from the
press until the status row says so. The floor of the issue: p95 100 ms, nothing lost.

python -m tests.benchmarks.log_flood [--rate 20000000] [--seconds 30]
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.benchmarks.tui_log_pane import lines
from tests.benchmarks.tui_terminal import Terminal

TICK = 0.005
KEY_SECONDS = 0.25
"""Time between two keys."""

MAX_KEY_SECONDS = 10.0
WORDS = (b"held,", b"following")
"""What the status row says after a key, in turn."""


class Board(threading.Thread):
    """Sends lines at a rate to the first who connects, and counts them."""

    def __init__(self, rate: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self.listener.getsockname()[1]}"
        self.begin = threading.Event()
        self.ended = threading.Event()
        self.sent = 0
        self.late = 0.0
        """Most seconds that the program took bytes later than they were due."""

        self._rate = rate
        self._seconds = seconds

    def run(self) -> None:
        """Send."""
        data = lines(12_000)
        peer, _ = self.listener.accept()
        peer.sendall(b"I (1) main: ready\r\n")
        self.sent += 19
        self.begin.wait()
        started, total, sent = time.perf_counter(), int(self._rate * self._seconds), 0
        while sent < total:
            due = min(total, int((time.perf_counter() - started) * self._rate))
            while sent < due:
                at = sent % len(data)
                piece = data[at : at + due - sent]
                peer.sendall(piece)
                sent += len(piece)
            self.late = max(self.late, time.perf_counter() - started - sent / self._rate)
            time.sleep(TICK)
        peer.sendall(b"\r\nI (2) main: end\r\n")
        self.sent += sent + 19
        self.ended.set()


def recorded(home: str) -> int:
    """Bytes in the recording."""
    return sum(path.stat().st_size for path in Path(home).rglob("stream.bin"))


def memory(process: int) -> int:
    """Megabytes resident."""
    status = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=20_000_000, help="bytes a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    board = Board(options.rate, options.seconds)
    board.start()
    with tempfile.TemporaryDirectory() as home:
        config = Path(home) / "espmon"
        config.mkdir()
        # Whole rows to the terminal, so that words are found in them.
        text = 'terminal_diff = false\nstart_in = "log"\nrecording_bytes = 4000000000\nsessions_bytes = 8000000000\n'
        (config / "config.toml").write_text(text)
        environment = dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"), home)
        command = [sys.executable, "-m", "espmon", board.url]
        with Terminal(command, environment={**environment, "PYTHONPATH": os.getcwd()}) as terminal:
            terminal.wait_for(b"ready")
            terminal.drain(1.0)
            board.begin.set()
            begun, used, times, painted = time.perf_counter(), terminal.cpu(), list[float](), 0
            while not board.ended.is_set():
                painted += terminal.drain(KEY_SECONDS)
                word = WORDS[len(times) % 2]
                del terminal.output[:]
                pressed = time.perf_counter()
                terminal.press(b" ")
                while word not in terminal.output:
                    painted += len(terminal.read(0.01))
                    if time.perf_counter() - pressed > MAX_KEY_SECONDS:
                        raise TimeoutError(f"a key was not answered in {MAX_KEY_SECONDS:g} s")
                times.append(time.perf_counter() - pressed)
            took, used = time.perf_counter() - begun, terminal.cpu() - used
            while recorded(home) < board.sent and time.perf_counter() - begun < took + 60:
                terminal.drain(0.1)
            whole = recorded(home) == board.sent
            found = sorted(times)
            p95 = statistics.quantiles(found, n=20)[-1]
            print(
                f"{board.sent / took / 1e6:.1f} MB/s for {took:.1f} s, taken at most {board.late * 1e3:.0f} ms late; "
                f"keys p50 {statistics.median(found) * 1e3:.0f}, p95 {p95 * 1e3:.0f}, worst {found[-1] * 1e3:.0f} ms "
                f"of {len(found)}; {used / took:.0%} of a core, {memory(terminal.process.pid)} MB, "
                f"{painted / took / 1e3:.0f} kB/s painted; {'all' if whole else 'NOT ALL'} recorded"
            )
    sys.exit(0 if whole else 1)


if __name__ == "__main__":
    main()
