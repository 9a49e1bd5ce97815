"""A large log opened at its end: seconds from the start of the program to its last line on the terminal, and memory.

Each program runs in a pseudo-terminal of 120x40, `espmon open` beside `less` and `lnav` where they are installed, on
the same file, which is in the page cache. The last line is looked for in what the terminal would show.

python -m tests.benchmarks.session_open [--megabytes 300] [--runs 3]
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
from pathlib import Path

import pyte

LAST = "the very last line of it"
COLUMNS, ROWS = 120, 40
MAX_SECONDS = 120.0


def make(path: Path, megabytes: int) -> None:
    """A log of about so many megabytes, with a boot every 10 MB."""
    boot = (
        b"rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\nI (29) boot: ESP-IDF v5.1 2nd stage bootloader\r\n"
    )
    lines = b"".join(
        b"\x1b[0;32mI (%d) wifi: state: run -> init (0x%x)\x1b[0m\r\n" % (n * 10, n) for n in range(200_000)
    )
    with path.open("wb") as file:
        while file.tell() < megabytes << 20:
            file.write(boot + lines)
        file.write(LAST.encode() + b"\r\n")


def measure(words: list[str]) -> tuple[float, float]:
    """(Seconds until the last line is shown, most megabytes that the program had until then)."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    begun = time.perf_counter()
    child, terminal = pty.fork()
    if not child:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        os.execvp(words[0], words)
    termios.tcsetwinsize(terminal, (ROWS, COLUMNS))
    shown = 0.0
    while time.perf_counter() - begun < MAX_SECONDS:
        if not select.select([terminal], [], [], 0.05)[0]:
            continue
        try:
            stream.feed(os.read(terminal, 1 << 16))
        except OSError:
            break
        if any(LAST in row for row in screen.display):
            shown = time.perf_counter() - begun
            break
    status = Path(f"/proc/{child}/status").read_text()
    peak = next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(terminal)
    return shown or float("inf"), peak


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "board.log"
        make(path, options.megabytes)
        programs = {
            "espmon": [sys.executable, "-m", "espmon", "open", str(path)],
            "less": ["less", "-n", "-R", "+G", str(path)],
            "lnav": ["lnav", "-q", str(path)],
        }
        for name, words in programs.items():
            if shutil.which(words[0]) is None:
                continue
            found = [measure(words) for _ in range(options.runs)]
            seconds, memory = (statistics.median(values) for values in zip(*found, strict=True))
            print(json.dumps({"program": name, "seconds": round(seconds, 2), "megabytes": round(memory)}))


if __name__ == "__main__":
    main()
