"""How long a typed key takes to the port, and a byte of the port to the cell on the terminal, with the real program.

python -m tests.benchmarks.typing_latency [--count 150] [--seconds 6]

A line counts as shown when the terminal has received the picture that shows it, or a newer one.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import select
import statistics
import sys
import tempfile
import time
import tty
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.tui_terminal import Terminal
from tests.e2e.raw_client import Reference

COLUMNS, ROWS = 120, 40
MARK = re.compile(r"<(\d{7})>")
KEYS = (b"a", b"\x1b", b"\x1b[A", b"\x03", b"\x7f", b"\x08", b"\xc3\xa4", b"\x1bOP")
"""What is typed: among them a bare Esc."""

SERIAL_RATE, FLOOD_RATE = 11_520, 1_000_000
"""Bytes a second of a log at 115200 baud, and of a flood."""

STEP_SECONDS = 0.005
"""Time between two writes of a log."""


@dataclass
class Board:
    """Numbered lines on a pseudo-terminal, and when each was sent."""

    master: int
    sent: list[float] = field(default_factory=list)
    owed: float = 0.0

    def mark(self, end: bytes = b"\r\n", fill: int = 0) -> bytes:
        """The next number, as text."""
        text = b"I (%d) bench: <%07d> %s" % (len(self.sent), len(self.sent), b"x" * fill)
        self.sent.append(0.0)
        return text + end

    def send(self, data: bytes, since: int) -> None:
        """Send; the numbers from `since` on were in it."""
        at = time.perf_counter()
        self.sent[since:] = [at] * (len(self.sent) - since)
        while data:
            data = data[os.write(self.master, data) :]

    def log(self, rate: int, seconds: float) -> None:
        """A log of `rate` bytes a second for so long."""
        since, parts = len(self.sent), list[bytes]()
        self.owed += rate * seconds
        while self.owed > 0:
            parts.append(self.mark(fill=30))
            self.owed -= len(parts[-1])
        if parts:
            self.send(b"".join(parts), since)


class Run:
    """The program, on a board, in a terminal."""

    def __init__(self, terminal: Terminal, board: Board) -> None:
        self.terminal = terminal
        self.board = board
        self.pictures: list[tuple[float, bytes]] = []

    def look(self, seconds: float) -> None:
        """Note for so long what is painted and when."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if data := self.terminal.read(left):
                self.pictures.append((time.perf_counter(), data))

    def flood(self, rate: int, seconds: float) -> None:
        """A log of `rate` bytes a second for so long, while what is painted is noted."""
        end = last = time.perf_counter()
        end += seconds
        while (now := time.perf_counter()) < end:
            if rate:
                self.board.log(rate, now - last)
            last = now
            self.look(STEP_SECONDS)

    def key(self, rate: int) -> float:
        """Seconds that a key takes to the port, beside a log of `rate`."""
        self.flood(rate, random.uniform(0.015, 0.05))
        data = random.choice(KEYS)
        pressed, got = time.perf_counter(), b""
        self.terminal.press(data)
        while len(got) < len(data):
            ready, _, _ = select.select([self.board.master, self.terminal.master], [], [], 1.0)
            if self.board.master in ready:
                got += os.read(self.board.master, 4096)
            elif self.terminal.master in ready:
                self.look(0.0001)
            else:
                raise TimeoutError(f"{data!r} was typed, {got!r} came")
        took = time.perf_counter() - pressed
        if got != data:
            raise ValueError(f"{data!r} was typed, {got!r} came")
        return took

    def echo(self) -> None:
        """A key, which the board answers."""
        self.key(0)
        since = len(self.board.sent)
        self.board.send(self.board.mark(b""), since)
        self.look(random.uniform(0.06, 0.12))

    def after_quiet(self) -> None:
        """A line, or the beginning of one, after more than 100 ms of nothing."""
        self.look(random.uniform(0.13, 0.25))
        since = len(self.board.sent)
        # Two beginnings in a row fit the screen's width; more would be beyond its edge.
        self.board.send(self.board.mark(b"" if since % 3 else b"\r\n"), since)

    def shown(self) -> list[float]:
        """Seconds from the port to the screen of every line; forgets them."""
        self.look(0.5)
        screen, shown, latencies = Reference(COLUMNS, ROWS), 0, list[float]()
        first = len(self.board.sent)
        for at, picture in self.pictures:
            screen.feed(picture)
            numbers = [int(number) for row in screen.rows() for number in MARK.findall(row)]
            newest = max((number for number in numbers if number < first), default=-1)
            latencies += [at - sent for sent in self.board.sent[shown : newest + 1]]
            shown = max(shown, newest + 1)
        if shown < len(self.board.sent):
            raise ValueError(f"{len(self.board.sent) - shown} of {len(self.board.sent)} lines were never shown")
        self.pictures.clear()
        return latencies


def say(name: str, seconds: Sequence[float], floor: float) -> bool:
    """Print what was measured; returns whether its 95th percentile keeps the floor (in seconds)."""
    p95 = statistics.quantiles(seconds, n=20)[-1]
    kept = p95 <= floor
    print(
        f"{name:34} median {statistics.median(seconds) * 1000:6.1f} ms  p95 {p95 * 1000:6.1f}  "
        f"max {max(seconds) * 1000:6.1f}  of {len(seconds)}, at most {floor * 1000:.0f}{'' if kept else ': MISSED'}"
    )
    return kept


def measure(mode: str, work: Callable[[Run], None]) -> None:
    """Start the program in `mode` and do `work` with it."""
    master, slave = os.openpty()
    tty.setraw(slave)
    with tempfile.TemporaryDirectory() as home:
        program = [str(Path(sys.executable).with_name("espmon")), os.ttyname(slave), "--start-in", mode]
        environment = {"XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home}
        with Terminal(program, columns=COLUMNS, rows=ROWS, environment=environment) as terminal:
            terminal.wait_for(b"RAW KEYS" if mode == "raw" else b"rec")
            run = Run(terminal, Board(master))
            run.pictures.append((0.0, bytes(terminal.output)))
            run.look(1.0)
            work(run)
    os.close(master)
    os.close(slave)


def main() -> int:
    """Measure everything; the exit code is 1 when a floor was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=150, help="keys, and lines after a pause")
    parser.add_argument("--seconds", type=float, default=6.0, help="length of a log")
    options = parser.parse_args()
    kept: list[bool] = []

    def keys(rate: int) -> Callable[[Run], None]:
        def work(run: Run) -> None:
            run.flood(rate, 1.0)
            took = [run.key(rate) for _ in range(options.count)]
            kept.append(say(f"key to port, raw, log {rate:,} B/s", took, 0.005))

        return work

    def echo(run: Run) -> None:
        for _ in range(options.count):
            run.echo()
        kept.append(say("echo to cell, raw", run.shown(), 0.040))

    def quiet(mode: str) -> Callable[[Run], None]:
        def work(run: Run) -> None:
            for _ in range(options.count):
                run.after_quiet()
            kept.append(say(f"port to cell after quiet, {mode}", run.shown(), 0.040))

        return work

    def log(mode: str, rate: int) -> Callable[[Run], None]:
        def work(run: Run) -> None:
            run.flood(rate, options.seconds)
            kept.append(say(f"port to cell, {mode}, {rate:,} B/s", run.shown(), 0.080))

        return work

    measure("raw", keys(0))
    measure("raw", keys(SERIAL_RATE))
    measure("raw", keys(FLOOD_RATE))
    measure("raw", echo)
    for mode in ("log", "raw"):
        measure(mode, quiet(mode))
        measure(mode, log(mode, SERIAL_RATE))
        measure(mode, log(mode, FLOOD_RATE))
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
