"""A long log beside lnav, toolong and esp-idf-monitor: open, page, ends, search, next match, filter, memory.

In one run, each program runs in a real pseudo-terminal of 160x50, is driven by its own keys, and has answered when an
emulator's screen shows what the key asks for: a whole page of lines that follow one another, the newest line, the line
with the match, matches alone. With `--live`, lines come at a rate meanwhile: to a file that the others follow, and to
`espmon PORT`, which has got all before over a socket. A program that has no such thing says `none`; one that does not
get there in time says `not in 60 s`. The floors of the issue: p95 50 ms, open 1 s, 700 MB.

python -m tests.benchmarks.history_peers [--lines 1000000] [--keys 40] [--live] [--rate 1000000] [--only espmon,lnav]
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.records_peer import PEER
from tests.benchmarks.shown_terminal import Rows, ShownTerminal

NEEDLE_LINES = 1000
"""Every so many lines there is one to look for."""

BLOCK_LINES = 10_000
"""Lines that are made together."""

MAX_SECONDS = 60.0
PAGE_ROWS = 30
"""Rows that follow one another, by which a whole page is known."""

TICK = 0.005
SETTLE_SECONDS = 0.1
"""Without anything painted before a key, for who animates."""

MAX_READING_SECONDS = 15.0
"""For a search over all of the log."""

MAX_SETTLE_SECONDS = 0.7
"""For who paints all the time."""

WAITING_SECONDS = 3.0
"""Then a search gets another key."""

PACKET = re.compile(r"wifi: packet (\d{8}) ")
NEEDLE = re.compile(r"heap: needle (\d{8})")
WANTED = " lost"
"""Ends one line in the middle. All but its last letter is in each line: the search begins with that letter."""

LEVELS = (("I", "\x1b[0;32m"), ("W", "\x1b[0;33m"), ("E", "\x1b[0;31m"), ("D", ""))


def log_lines(first: int, count: int, wanted: int = -1) -> bytes:
    """Lines with their numbers, mostly coloured, 75 bytes each on average; one has what is looked for alone."""
    found = []
    for number in range(first, first + count):
        level, colour = LEVELS[number % 4]
        end = "\x1b[0m" if colour else ""
        text = f"wifi: packet {number:08d} received without loss"
        if number % NEEDLE_LINES == NEEDLE_LINES // 2:
            text = f"heap: needle {number:08d}{WANTED if number == wanted else ''}"
        found.append(f"{colour}{level} ({number * 3}) {text}{end}\r\n")
    return "".join(found).encode()


def middle(count: int) -> int:
    """Number of the line with what is looked for alone."""
    return count // 2 // NEEDLE_LINES * NEEDLE_LINES + NEEDLE_LINES // 2


def make(path: Path, count: int) -> None:
    """A log of so many lines."""
    wanted = middle(count)
    with path.open("wb") as file:
        for first in range(0, count, BLOCK_LINES):
            file.write(log_lines(first, min(BLOCK_LINES, count - first), wanted))


class Keys(NamedTuple):
    """What to press for what; "" where the program has no such thing."""

    page_up: str = "\x1b[5~"
    page_down: str = "\x1b[6~"
    home: str = "\x1b[H"
    end: str = "\x1b[F"
    search: tuple[str, ...] = ()
    """Before the words, and behind them."""

    clear: str = ""
    """Where what was looked for before is still there."""

    next: str = ""
    """To the next match; pressed again where the program did not go there by itself."""

    done: str = "\x1b"
    """Ends a search."""

    filter: tuple[str, ...] = ()


class Program(NamedTuple):
    """How it is started on what it shows, and its keys; without keys it has no history."""

    words: Callable[[Path, str], Sequence[str]]
    keys: Keys | None
    port: bool = False
    """It is given a port, to which a board sends."""


def programs(launcher: Path) -> dict[str, Program]:
    """Those that are installed."""
    espmon = [sys.executable, "-m", "espmon"]
    keys = Keys(home="\x1b[H", end="\x1b[F", search=("/", "\r"), next="n", filter=("f", "\r"))
    found = {
        "espmon": Program(lambda file, port: [*espmon, "open", "--follow", str(file)], keys),
        "espmon PORT": Program(lambda file, port: [*espmon, port], keys, port=True),
        "lnav": Program(
            lambda file, port: ["lnav", "-q", str(file)],
            Keys(home="g", end="G", search=("/", "\r"), next="n", filter=(":filter-in ", "\r")),
        ),
        "toolong": Program(
            lambda file, port: ["tl", str(file)], Keys(search=("/\x15", "\x1b[B"), clear="\x15", next="\x1b[B")
        ),
    }
    found = {name: program for name, program in found.items() if shutil.which(program.words(Path(), "")[0])}
    launcher.write_text(PEER)
    monitor = [sys.executable, str(launcher), "--no-reset", "-p"]
    return {**found, "esp-idf-monitor": Program(lambda file, port: [*monitor, port], None, port=True)}


# -- what comes -----------------------------------------------------------------------------------------------------


class Board(threading.Thread):
    """Sends a log to whoever connects, then goes on at a rate.

    Args:
        path: the log's beginning.
        count: its lines.
        rate: bytes a second behind it.
    """

    def __init__(self, path: Path, count: int, rate: int) -> None:
        super().__init__(daemon=True)
        self._path = path
        self.next = count
        """Number of the line that comes next."""

        self._rate = rate
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = f"socket://127.0.0.1:{self._server.getsockname()[1]}"
        self._left = threading.Event()

    def run(self) -> None:
        """Send until the other end or the block leaves."""
        try:
            peer, _ = self._server.accept()
            with peer, self._path.open("rb") as file:
                while not self._left.is_set() and (piece := file.read(1 << 16)):
                    peer.sendall(piece)
                self.go_on(peer.sendall)
        except OSError:
            return

    def go_on(self, send: Callable[[bytes], object]) -> None:
        """Send at the rate."""
        begun, sent = time.perf_counter(), 0
        while not self._left.wait(TICK):
            while sent < (time.perf_counter() - begun) * self._rate:
                piece = log_lines(self.next, 100)
                send(piece)
                sent += len(piece)
                self.next += 100

    def append(self) -> None:
        """The same to the end of the file."""
        with self._path.open("ab", buffering=0) as file:
            self.go_on(file.write)

    def leave(self) -> None:
        """End."""
        self._left.set()
        self._server.close()


@contextmanager
def lines_come(program: Program, path: Path, count: int, rate: int) -> Iterator[Board]:
    """A board for who wants one; for others a file that grows, where there is a rate. It is as before afterwards."""
    board, size = Board(path, count, rate), path.stat().st_size
    writer = board if program.port else threading.Thread(target=board.append if rate else time.time, daemon=True)
    writer.start()
    try:
        yield board
    finally:
        board.leave()
        writer.join(10)
        os.truncate(path, size)


# -- what stands on the screen --------------------------------------------------------------------------------------


def numbers(rows: Rows, what: re.Pattern[str] = PACKET) -> list[int]:
    """Of the lines on the screen, from the top."""
    return [int(hit[1]) for row in rows if (hit := what.search(row)) is not None]


def page(rows: Rows) -> list[int]:
    """The numbers when a whole page of the log is on the screen, else none."""
    found = numbers(rows)
    whole = len(found) >= PAGE_ROWS and found[-1] - found[0] in (len(found) - 1, len(found))
    return found if whole else []


def told(program: str, row: str, seconds: Sequence[float | None], *, most: float = MAX_SECONDS) -> None:
    """One row of the table."""
    whole = [value * 1e3 for value in seconds if value is not None]
    if len(whole) < len(seconds):
        print(f"{program:18}{row:14} not in {most:g} s ({len(whole)} of {len(seconds)})", flush=True)
        return
    p95 = statistics.quantiles(whole, n=20, method="inclusive")[-1] if len(whole) > 1 else whole[0]
    print(f"{program:18}{row:14}{statistics.median(whole):9.0f}{p95:9.0f}{max(whole):9.0f}{len(whole):6}", flush=True)


class Walk:
    """One program and its terminal."""

    def __init__(
        self, name: str, program: Program, keys: Keys, terminal: ShownTerminal, board: Board, show: bool
    ) -> None:
        self._name = name
        self._program = program
        self._keys = keys
        self._terminal = terminal
        self._board = board
        self._show = show

    def _press(self, keys: str, condition: Callable[[Rows], bool], limit: float = MAX_SECONDS) -> float | None:
        self._terminal.rest(SETTLE_SECONDS, MAX_SETTLE_SECONDS)
        self._terminal.press(keys.encode())
        seconds = self._terminal.until(condition, limit)
        if seconds is None:
            self._missed()
        return seconds

    def _end(self) -> float | None:
        newest = self._board.next - 1
        return self._press(self._keys.end, lambda rows: bool(page(rows)) and page(rows)[-1] >= newest)

    def _home(self) -> float | None:
        return self._press(self._keys.home, lambda rows: bool(page(rows)) and page(rows)[0] == 0)

    def _page(self, key: str, step: int) -> float | None:
        self._terminal.rest(SETTLE_SECONDS, MAX_SETTLE_SECONDS)
        before = page(self._terminal.rows)
        if not before:
            return None
        return self._press(key, lambda rows: bool(page(rows)) and (page(rows)[0] - before[0]) * step >= PAGE_ROWS)

    def pages(self, count: int) -> None:
        """Up from the end, down again, and to both ends."""
        self._type(self._keys.page_up)  # from here on it stands still
        told(self._name, "page up", [self._page(self._keys.page_up, -1) for _ in range(count)])
        told(self._name, "page down", [self._page(self._keys.page_down, 1) for _ in range(count // 2)])
        ends = [(self._home(), self._end()) for _ in range(count // 4)]
        told(self._name, "jump to start", [home for home, _ in ends])
        told(self._name, "jump to end", [end for _, end in ends])

    def search(self, number: int, count: int) -> None:
        """From the beginning to the one line in the middle; then from one match to the next."""
        self._home()
        self._type(self._keys.search[0])
        self._type(WANTED[1:-1])
        told(self._name, "search", [self._goes(WANTED[-1], lambda rows: number in numbers(rows, NEEDLE))])
        self._type(self._keys.done)
        self._home()
        self._type(self._keys.search[0])
        self._type(self._keys.clear)
        self._type("needle")
        self._goes("", lambda rows: bool(numbers(rows, NEEDLE)))
        self._terminal.rest(1.0, MAX_READING_SECONDS)  # who has not read all yet knows no next one
        self._type(self._keys.next)
        told(self._name, "next match", [self._next() for _ in range(count)])
        self._type(self._keys.done)

    def _type(self, keys: str) -> None:
        """Without a look at what comes of it."""
        self._terminal.press(keys.encode())
        self._terminal.rest(0.2)

    def _goes(self, letter: str, condition: Callable[[Rows], bool]) -> float | None:
        """To a match, with the end of what was typed; with one key more where the program waits for it."""
        terminal = self._terminal
        begun = time.perf_counter()
        terminal.press(f"{letter}{self._keys.search[1]}".encode())
        if terminal.until(condition, WAITING_SECONDS) is None:
            terminal.press(self._keys.next.encode())
            if terminal.until(condition, MAX_SECONDS) is None:
                self._missed()
                return None
        return self._terminal.drawn - begun

    def _next(self) -> float | None:
        self._terminal.rest(SETTLE_SECONDS, MAX_SETTLE_SECONDS)
        before = numbers(self._terminal.rows, NEEDLE)
        return self._press(
            self._keys.next,
            lambda rows: bool(numbers(rows, NEEDLE)) and numbers(rows, NEEDLE) != before,
        )

    def _missed(self) -> None:
        if self._show:
            print(*self._terminal.rows, sep="\n")

    def filtered(self, count: int) -> None:
        """Matches alone, and pages in them."""
        keys = self._keys
        if not keys.filter:
            print(f"{self._name:18}{'filter':14} none")
            return
        self._home()
        self._type(keys.filter[0])
        told(self._name, "filter", [self._press("needle" + keys.filter[1], self._alone)])
        told(self._name, "page in filter", [self._filtered_page() for _ in range(count)])

    @staticmethod
    def _alone(rows: Rows) -> bool:
        return not numbers(rows) and len(numbers(rows, NEEDLE)) >= PAGE_ROWS

    def _filtered_page(self) -> float | None:
        self._terminal.rest(SETTLE_SECONDS, MAX_SETTLE_SECONDS)
        before = numbers(self._terminal.rows, NEEDLE)
        return self._press(
            self._keys.page_down, lambda rows: self._alone(rows) and numbers(rows, NEEDLE)[0] > before[0] + NEEDLE_LINES
        )


def measure(name: str, program: Program, path: Path, options: argparse.Namespace) -> None:
    """All rows of one program."""
    rate = options.rate if options.live else 0
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(dir=path.parent))
        config = Path(home, "espmon")
        config.mkdir()
        (config / "config.toml").write_text(
            'start_in = "log"\nrecording_bytes = 8000000000\nsessions_bytes = 9000000000\n'
        )
        environment = {f"XDG_{kind}_HOME": home for kind in ("DATA", "CONFIG", "STATE", "CACHE")}
        environment |= {"PYTHONPATH": os.getcwd(), "HOME": home}
        board = stack.enter_context(lines_come(program, path, options.lines, rate))
        newest = board.next - 1
        terminal = stack.enter_context(ShownTerminal(program.words(path, board.port), environment=environment))
        if program.keys is None:
            seconds = terminal.until(lambda rows: bool(page(rows)), MAX_SECONDS)
            told(name, "open", [seconds])
            if seconds is None and options.show:
                print(*terminal.rows, sep="\n")
            print(f"{name:18}{'the others':14} none: what has left the screen is the terminal's")
            return
        told(name, "open", [terminal.until(lambda rows: bool(page(rows)), MAX_SECONDS)])
        seconds = terminal.until(lambda rows: bool(page(rows)) and page(rows)[-1] >= newest, MAX_SECONDS * 3)
        told(name, "newest line", [seconds and terminal.drawn - terminal.started], most=MAX_SECONDS * 3)
        terminal.rest(1.0, 20.0)
        walk = Walk(name, program, program.keys, terminal, board, options.show)
        walk.pages(options.keys)
        walk.search(middle(options.lines), options.keys)
        walk.filtered(min(options.keys, options.lines // NEEDLE_LINES // 60))
        print(f"{name:18}{'memory':14}{terminal.megabytes():9} MB")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=40)
    parser.add_argument("--live", action="store_true", help="lines come meanwhile")
    parser.add_argument("--rate", type=int, default=1_000_000, help="with --live: bytes a second")
    parser.add_argument("--only", default="", help="names of programs, with commas between them")
    parser.add_argument("--file", type=Path, help="a file that this made before; it is kept")
    parser.add_argument("--show", action="store_true", help="print the screen where a program did not get there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.file and options.file.parent) as folder:
        path = options.file or Path(folder) / "board.log"
        if not path.exists():
            make(path, options.lines)
        print(f"{options.lines:,} lines, {path.stat().st_size / 1e6:.0f} MB")
        print(f"{'':32}{'p50':>9}{'p95':>9}{'worst':>9}{'n':>6}  (ms)")
        for name, program in programs(Path(folder) / "monitor.py").items():
            if not options.only or name in options.only.split(","):
                measure(name, program, path, options)


if __name__ == "__main__":
    main()
