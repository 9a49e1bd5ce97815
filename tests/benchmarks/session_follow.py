"""Processor time of the whole program on a fast log: the installed `espmon PORT`, screen and recording included.

A pseudo-terminal stands for the port and is fed at a steady rate; another one is the 160x50 terminal that is painted
on. In the same run a raw monitor without records (`tio`) follows the same stream in the same way. At the end the
recording is compared with what was sent, byte for byte. Processor seconds are read from /proc, so that other work on
the machine counts as little as it can.

python -m tests.benchmarks.session_follow [--rate 1000000] [--seconds 8] [--rounds 3] [--profile FILE]
"""

from __future__ import annotations

import argparse
import os
import pty
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.tui_log_pane import lines
from tests.benchmarks.tui_terminal import Terminal

TICK = 0.01
"""Seconds between two writes to the port."""

FLOORS = (0.35, 0.02)
"""Share of a core while following and while idle."""


class Feed:
    """The board's end of a pseudo-terminal: sends a log at a steady rate, from a thread."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self.late = 0.0

    def send(self, data: bytes, rate: int) -> threading.Thread:
        """Start sending `data` at `rate` bytes a second; the thread ends when all of it was taken."""

        def work() -> None:
            start, view, sent = time.perf_counter(), memoryview(data), 0
            while view:
                due = int((time.perf_counter() - start) * rate) - sent
                while due > 0 and view:
                    taken = os.write(self._master, view[: min(due, 4096)])
                    view, sent, due = view[taken:], sent + taken, due - taken
                time.sleep(TICK)
            self.late = time.perf_counter() - start - len(data) / rate

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Unplug."""
        os.close(self._master)
        os.close(self._slave)


@contextmanager
def feed() -> Iterator[Feed]:
    """A feed that is unplugged with the block."""
    made = Feed()
    try:
        yield made
    finally:
        made.close()


@dataclass(frozen=True)
class Run:
    """What one run showed."""

    share: float
    """Processor seconds over seconds, while the stream ran."""

    cost: float
    """Processor seconds for the whole stream: what compares, also with a program that fell behind."""

    painted: float
    """Bytes a second painted on the terminal."""

    late: float
    """Seconds that the stream took longer than its rate says: the program did not read fast enough."""

    lost: int
    """Bytes missing in the recording (or differing: then all of them)."""


def follow(
    command: list[str],
    ready: bytes,
    data: bytes,
    rate: int,
    home: Path | None,
    profile: str | None = None,
    size: tuple[int, int] = (160, 50),
) -> Run:
    """Run `command PORT` on `data`; `home` is where espmon records, None for the peer; `size` is columns, rows."""
    environment = dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"), str(home)) if home else {}
    columns, rows = size
    with (
        feed() as board,
        Terminal([*command, board.path], columns=columns, rows=rows, environment=environment) as terminal,
    ):
        terminal.wait_for(ready)
        terminal.drain(1.0)
        seconds = len(data) / rate
        recorder = None
        if profile:
            recorder = subprocess.Popen(
                [str(Path(sys.executable).with_name("py-spy")), "record", "-t", "-f", "raw", "-o", profile,
                 "-d", str(int(seconds)), "-p", str(terminal.process.pid)],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        before = terminal.cpu()
        sender = board.send(data, rate)
        painted = terminal.drain(seconds)
        while sender.is_alive():
            painted += terminal.drain(0.1)
        took = terminal.cpu() - before
        terminal.drain(1.0)
        if recorder is not None:
            recorder.wait(30)
        lost = 0
        if home:
            (stream,) = home.rglob("stream.bin")
            recorded = stream.read_bytes()
            lost = len(data) - len(recorded) if data.startswith(recorded) else len(data)
    return Run(took / (seconds + board.late), took, painted / seconds, board.late, lost)


def idle(command: list[str], ready: bytes, seconds: float) -> float:
    """Share of a core while nothing arrives and nobody types."""
    with tempfile.TemporaryDirectory() as home, feed() as board:
        environment = dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"), home)
        with Terminal([*command, board.path], environment=environment) as terminal:
            terminal.wait_for(ready)
            terminal.drain(2.5)
            before, start = terminal.cpu(), time.perf_counter()
            terminal.drain(seconds)
            return (terminal.cpu() - before) / (time.perf_counter() - start)


def main() -> None:
    """Alternate espmon and the peer, print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=1_000_000, help="bytes a second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", metavar="FILE", help="sample espmon with py-spy in the last round")
    options = parser.parse_args()
    block = lines(12_000)
    count = int(options.rate * options.seconds)
    data = (block * (count // len(block) + 1))[:count]
    program = [str(Path(sys.executable).with_name("espmon"))]
    peer = [found] if (found := shutil.which("tio")) else None
    ours: list[Run] = []
    theirs: list[Run] = []
    for number in range(options.rounds):
        profile = options.profile if number == options.rounds - 1 else None
        with tempfile.TemporaryDirectory() as home:
            ours.append(follow(program, b"rec", data, options.rate, Path(home), profile))
        if peer:
            theirs.append(follow(peer, b"onnected", data, options.rate, None))
        print(f"round {number + 1}: espmon {ours[-1]}" + (f"; tio {theirs[-1]}" if peer else ""), flush=True)
    share = statistics.median(run.share for run in ours)
    print(
        f"espmon: median {share:.1%} of a core at {options.rate / 1e6:.2f} MB/s, least {min(r.share for r in ours):.1%}"
    )
    print(f"lost {sum(run.lost for run in ours)} of {options.rounds * len(data)} bytes")
    if peer:
        cost, raw = (statistics.median(run.cost for run in runs) for runs in (ours, theirs))
        late = statistics.median(run.late for run in theirs)
        print(
            f"processor seconds for {len(data) / 1e6:.0f} MB: espmon {cost:.2f}, tio (raw, no records, no screen) "
            f"{raw:.2f}, {late:.1f} s behind the stream; ratio espmon / tio {cost / max(raw, 1e-3):.2f}"
        )
    else:
        print("tio is not installed: no peer")
    print(f"idle: {idle(program, b'rec', options.seconds):.2%} of a core")
    print(f"floors: {FLOORS[0]:.0%} following, {FLOORS[1]:.0%} idle, nothing lost")


if __name__ == "__main__":
    main()
