"""Time from start to the first painted frame: `espmon PORT` against toolong on a file, in the same run.

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
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.tui_terminal import Terminal

LINE = b"I (1234) wifi: first-painted-line\r\n"
MARK = b"first-painted-line"


APP = """
import sys
from espmon.session import LoopThread, load_settings
from espmon.session.status import OpenRequest
from espmon.tui.app import EspmonApp
settings, _ = load_settings()
def make():
    from espmon.session import Session
    return Session(settings=settings)
with LoopThread() as runner:
    EspmonApp(runner, make, OpenRequest(sys.argv[1]), settings=settings).run()
"""
"""The app alone, with the session made after the first frame."""


def espmon(cache: str, *, app_alone: bool = False) -> float:
    """Seconds until `espmon PORT` has painted its first frame (the port is a PTY that says nothing)."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    with tempfile.TemporaryDirectory() as home:
        program = [str(Path(sys.executable).with_name("espmon"))]
        if app_alone:
            program = [sys.executable, "-c", APP]
        environment = {"XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home, "PYTHONPYCACHEPREFIX": cache}
        with Terminal([*program, os.ttyname(slave)], environment=environment) as terminal:
            seconds = terminal.wait_for(b"following")
        os.close(master)
        os.close(slave)
    return seconds


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
    runs: dict[str, tuple[Callable[[], float], list[float]]] = {
        "espmon": (lambda: espmon(cache), []),
        "app": (lambda: espmon(cache, app_alone=True), []),
        "toolong": (lambda: toolong(peer, cache), []),
    }
    for number in range(rounds + 1):
        for run, seconds in runs.values():
            took = run()
            if number:
                seconds.append(took)
    medians = {name: statistics.median(seconds) for name, (_, seconds) in runs.items()}
    for name, (_, seconds) in runs.items():
        print(f"{name:8} median {medians[name]:.3f} s  min {min(seconds):.3f}  max {max(seconds):.3f}")
    for name in ("espmon", "app"):
        print(f"ratio {name} / toolong {medians[name] / medians['toolong']:.2f}")
    print("floor: espmon at most 0.35 s")


if __name__ == "__main__":
    main()
