"""Large logs, and one that grows, beside `less`, lnav and toolong: seconds, processor seconds, and memory.

Each program runs in a pseudo-terminal of 120x40 on the same file, which is in the page cache. Each row is measured from
the start of the program to what is waited for, in what the terminal would show: the last line; the first line; a line
in the middle, searched for; that line alone, filtered; and ten boots, walked one after the other. A program that has no
such thing, or does not show it in time, has none. Then lines are appended to a small file, which is renamed and begun
anew, and cut and begun anew: how long each line takes to the screen, and whether it gets there.

python -m tests.benchmarks.session_open [--megabytes 300] [--runs 3] [--only espmon,less] [--rows end,search]
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import select
import shutil
import signal
import statistics
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pyte

FIRST, LAST = "the very first line of it", "the very last line of it"
NEEDLE, FOUND = "needle 4711", "needle 4711 is found here"
COLUMNS, ROWS = 120, 40
MAX_SECONDS = 120.0
BOOTS = 10
"""So many boots are walked to."""

LINES = 10
"""So many lines are appended before, between and after the two ways in which a file is rotated."""

TICKS = os.sysconf("SC_CLK_TCK")


class Program(NamedTuple):
    """One of them: its words before the file at the end and at the beginning, and its keys."""

    end: Sequence[str]
    start: Sequence[str]
    home: str = ""
    """Goes to the beginning where the words do not."""

    search: str = ""
    filter: str = ""
    boot: str = ""
    """To the next boot, for the first time."""

    next_boot: str = ""
    follow: Sequence[str] = ()


def programs() -> dict[str, Program]:
    """Those that are installed."""
    espmon = [sys.executable, "-m", "espmon", "open"]
    less = ["less", "-n", "-R"]
    lnav = ["lnav", "-q"]
    found = {
        "espmon": Program(
            espmon, [*espmon, "--start"], "", f"/{NEEDLE}\r", f"f{NEEDLE}\r", "]b", "]b", [*espmon, "--follow"]
        ),
        "less": Program(
            [*less, "+G"], less, "", f"/{NEEDLE}\r", f"&{NEEDLE}\r", "/rst:0x1\r", "n", [*less, "--follow-name", "+F"]
        ),
        "lnav": Program(
            lnav, [*lnav, "-c", ":goto 0"], "", f"/{NEEDLE}\r", f":filter-in {NEEDLE}\r", "/rst:0x1\r", "n", lnav
        ),
        "toolong": Program(["tl"], ["tl"], "G", f"/{NEEDLE}\r", "", "/rst:0x1\r", "\x1b[B", ["tl"]),
    }
    return {name: program for name, program in found.items() if shutil.which(program.end[0])}


def make(path: Path, megabytes: int) -> None:
    """A log of about so many megabytes, with a boot every 10 MB."""
    rst = b"rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
    lines = b"".join(
        b"\x1b[0;32mI (%d) wifi: state: run -> init (0x%x)\x1b[0m\r\n" % (n * 10, n) for n in range(200_000)
    )
    found = False
    with path.open("wb") as file:
        file.write(FIRST.encode() + b"\r\n")
        boot = 0
        while file.tell() < megabytes << 20:
            boot += 1
            file.write(rst + b"I (29) boot: ESP-IDF v5.1 2nd stage bootloader, number %04d\r\n" % boot + lines)
            if not found and file.tell() > megabytes << 19:
                found = True
                file.write(FOUND.encode() + b"\r\n")
        file.write(LAST.encode() + b"\r\n")


class Terminal:
    """A program in a pseudo-terminal, and what it shows."""

    def __init__(self, words: Sequence[str]) -> None:
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._begun = time.perf_counter()
        self._child, self._terminal = pty.fork()
        if not self._child:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            os.execvp(words[0], list(words))
        termios.tcsetwinsize(self._terminal, (ROWS, COLUMNS))

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._terminal, keys.encode())

    def shows(self, text: str, limit: float = MAX_SECONDS, *, above: int = ROWS) -> bool:
        """Wait until a row has this text; False where none does in time.

        Args:
            text: what is waited for.
            limit: seconds.
            above: rows that count: where text is entered is below.
        """
        end = time.perf_counter() + limit
        while time.perf_counter() < end:
            if any(text in row for row in self._screen.display[:above]):
                return True
            if not select.select([self._terminal], [], [], 0.02)[0]:
                continue
            try:
                self._stream.feed(os.read(self._terminal, 1 << 16))
            except OSError:
                return False
        return False

    @property
    def seconds(self) -> float:
        """Since the program was started."""
        return time.perf_counter() - self._begun

    @property
    def processor_seconds(self) -> float:
        """Of the program, and what it has waited for."""
        fields = Path(f"/proc/{self._child}/stat").read_text().rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) / TICKS

    @property
    def megabytes(self) -> float:
        """The most that the program had in memory."""
        status = Path(f"/proc/{self._child}/status").read_text()
        return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)

    def close(self) -> None:
        """End it."""
        os.kill(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)
        os.close(self._terminal)


@contextmanager
def running(words: Sequence[str]) -> Iterator[Terminal]:
    """A program that is ended with the block."""
    terminal = Terminal(words)
    try:
        yield terminal
    finally:
        terminal.close()


def at_the_beginning(program: Program, terminal: Terminal) -> bool:
    """Wait until the first line is shown."""
    if program.home:
        if not terminal.shows(LAST):
            return False
        terminal.press(program.home)
    return terminal.shows(FIRST)


def walks(program: Program, terminal: Terminal) -> bool:
    """From the beginning to one boot after the other."""
    if not program.boot or not at_the_beginning(program, terminal):
        return False
    for number in range(1, BOOTS + 1):
        terminal.press(program.boot if number == 1 else program.next_boot)
        if not terminal.shows(f"number {number:04d}", above=ROWS - 3):
            return False
    return True


def finds(program: Program, terminal: Terminal, keys: str) -> bool:
    """From the beginning to the line in the middle."""
    if not keys or not at_the_beginning(program, terminal):
        return False
    terminal.press(keys)
    return terminal.shows(FOUND, above=ROWS - 3)


MEASURED = ("end", "start", "search", "filter", "boots")


def measure(program: Program, path: Path, row: str) -> tuple[float, float, float] | None:
    """(Seconds, processor seconds, most megabytes) until what the row waits for is shown; None where it never is."""
    words = program.end if row == "end" else program.start
    with running([*words, str(path)]) as terminal:
        done = {
            "end": lambda: terminal.shows(LAST),
            "start": lambda: at_the_beginning(program, terminal),
            "search": lambda: finds(program, terminal, program.search),
            "filter": lambda: finds(program, terminal, program.filter),
            "boots": lambda: walks(program, terminal),
        }[row]()
        return (terminal.seconds, terminal.processor_seconds, terminal.megabytes) if done else None


def follow(program: Program, path: Path) -> dict[str, object]:
    """Append lines to a file, rename and begin it anew, cut and begin it anew: seconds to the screen, and what came."""
    path.write_text(f"{FIRST}\n")
    results: dict[str, object] = {}
    with running([*program.follow, str(path)]) as terminal:
        if not terminal.shows(FIRST):
            return {"opened": False}
        for way in ("grows", "renamed", "cut"):
            if way == "renamed":
                path.rename(path.with_suffix(".1"))
                path.touch()
            elif way == "cut":
                os.truncate(path, 0)
            waits: list[float] = []
            for number in range(LINES):
                begun = time.perf_counter()
                with path.open("a") as file:
                    file.write(f"{way} line {number:03d}\n")
                if not terminal.shows(f"{way} line {number:03d}", 10.0):
                    break
                waits.append(time.perf_counter() - begun)
            results[way] = f"{len(waits)} of {LINES}" + (f", {statistics.median(waits):.2f} s" if waits else "")
        results["megabytes"] = round(terminal.megabytes)
    return results


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="", help="names of programs, with commas between them")
    parser.add_argument("--rows", default=",".join((*MEASURED, "follow")))
    parser.add_argument("--file", type=Path, help="a file that was made before; it is kept")
    options = parser.parse_args()
    found = programs()
    names = [name for name in found if not options.only or name in options.only.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(XDG_CONFIG_HOME=folder, XDG_DATA_HOME=folder)
        path = options.file or Path(folder) / "board.log"
        if not path.exists():
            make(path, options.megabytes)
        for row in options.rows.split(","):
            for name in names:
                if row == "follow":
                    print(json.dumps({"row": row, "program": name, **follow(found[name], Path(folder) / "grows.log")}))
                    continue
                runs = [measure(found[name], path, row) for _ in range(options.runs)]
                whole = [run for run in runs if run is not None]
                figures = [round(statistics.median(values), 2) for values in zip(*whole, strict=True)]
                keys = ("seconds", "processor_seconds", "megabytes")
                shown = dict(zip(keys, figures, strict=True)) if len(whole) == len(runs) else {"shown": len(whole)}
                print(json.dumps({"row": row, "program": name, **shown}), flush=True)


if __name__ == "__main__":
    main()
