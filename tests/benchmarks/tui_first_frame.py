"""Time from start to the first painted frame: `espmon PORT` against toolong on a file, in the same run.

The first frame comes before the toolkit is imported; so the time until a key is answered is measured, too, and that of
the least that the toolkit can show.

python -m tests.benchmarks.tui_first_frame [--rounds 9] [--peer /path/to/tl]
"""

from __future__ import annotations

import argparse
import os
import pty
import statistics
import sys
import tempfile
import tty
from pathlib import Path

from tests.benchmarks.tui_terminal import Terminal

LINE = b"I (1234) wifi: first-painted-line\r\n"
MARK = b"first-painted-line"


BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("following")
Bare().run()
"""
"""The least that the toolkit can show."""

FRAME = (b"opening", b"following", b"Quit")
"""Words of the header, of the status row and of the footer."""

ANSWER = b"mLF"
"""What the key below changes: the name of the line end, behind a colour."""

KEY = b"\x0f"
"""Ctrl-O: the next line end."""


def espmon(cache: str) -> tuple[float, float]:
    """Seconds until `espmon PORT` has painted its first frame, and until it has answered a key that was pressed then.

    The port is a PTY that says nothing.
    """
    master, slave = pty.openpty()
    tty.setraw(slave)
    with tempfile.TemporaryDirectory() as home:
        program = [str(Path(sys.executable).with_name("espmon")), os.ttyname(slave)]
        environment = {"XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home}
        with Terminal(program, environment={**environment, "PYTHONPYCACHEPREFIX": cache}) as terminal:
            seconds = max(terminal.wait_for(words) for words in FRAME)
            terminal.press(KEY)
            answered = terminal.wait_for(ANSWER)
        os.close(master)
        os.close(slave)
    return seconds, answered


def bare(cache: str) -> float:
    """Seconds until an app of the toolkit's with one word has painted it."""
    with Terminal([sys.executable, "-c", BARE], environment={"PYTHONPYCACHEPREFIX": cache}) as terminal:
        return terminal.wait_for(b"following")


def toolong(program: str, cache: str) -> float:
    """Seconds until toolong has painted the first line of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "device.log"
        path.write_bytes(LINE * 40)
        with Terminal([program, str(path)], environment={"PYTHONPYCACHEPREFIX": cache}) as terminal:
            return terminal.wait_for(MARK)


def main() -> None:
    """Alternate both, print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--peer", default="tl", help="toolong, where it is installed (it needs a Textual of its own)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        compare(options.rounds, options.peer, cache)


def compare(rounds: int, peer: str, cache: str) -> None:
    """Run both, one after the other, `rounds` times after a warm-up that fills the bytecode cache."""
    seconds: dict[str, list[float]] = {name: [] for name in ("espmon", "answer", "toolkit", "toolong")}
    for number in range(rounds + 1):
        took = (*espmon(cache), bare(cache), toolong(peer, cache))
        if number:
            for values, value in zip(seconds.values(), took, strict=True):
                values.append(value)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, values in seconds.items():
        print(
            f"{name:8} median {medians[name]:.3f} s  min {min(values):.3f}  max {max(values):.3f}  "
            f"{medians[name] / medians['toolong']:.2f} of toolong"
        )
    print("limit: espmon's first frame at most 0.35 of toolong")


if __name__ == "__main__":
    main()
