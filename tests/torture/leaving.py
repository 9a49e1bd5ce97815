"""Leaves espmon in every way that a terminal and a system have, and looks at what is left.

    python -m tests.torture.leaving [--rounds N] [--only WAY]

Each round starts the program in a pseudo-terminal on a board that sends, takes it away in one of the ways, and checks:
gone within a second, the port free, every byte that was read recorded, the terminal as it was (where there is one).
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.torture.window import KEYS_TO_LOG, PtyBoard, Window

GONE_SECONDS = 1.0
"""From the signal, or the hang-up, to the end of the process."""


@dataclass
class Way:
    """One way to take a program away.

    Args:
        act: does it; returns when the clock of leaving starts.
        codes: exit codes that are right.
        controlling: the terminal is the controlling one.
        closed: standard streams closed at the start.
    """

    act: Callable[[Window], float]
    codes: tuple[int, ...]
    controlling: bool = True
    closed: tuple[int, ...] = ()
    gone: bool = False
    """The terminal does not exist afterwards."""


def _signal(number: int) -> Callable[[Window], float]:
    def act(window: Window) -> float:
        begin = time.monotonic()
        window.process.send_signal(number)
        return begin

    return act


def _close(window: Window) -> float:
    begin = time.monotonic()
    window.close()
    return begin


def _key(window: Window) -> float:
    begin = time.monotonic()
    window.type(b"\x1d")
    return begin


def _unread(window: Window) -> float:
    """A terminal that reads nothing for so long that nothing fits into it, then TERM."""
    window.reading.clear()
    for width in range(80, 140, 2):
        window.resize(width, 40)
        time.sleep(0.02)
    begin = time.monotonic()
    window.process.terminate()
    return begin


def _unread_then_closed(window: Window) -> float:
    _unread(window)
    return _close(window)


def _stopped(window: Window) -> float:
    """Stopped, told to leave, and continued."""
    window.process.send_signal(signal.SIGSTOP)
    time.sleep(0.02)
    window.process.terminate()
    begin = time.monotonic()
    window.process.send_signal(signal.SIGCONT)
    return begin


def _continued(window: Window) -> float:
    """SIGCONT again and again, as shells send it, then TERM."""
    for _ in range(5):
        window.process.send_signal(signal.SIGSTOP)
        window.process.send_signal(signal.SIGCONT)
    begin = time.monotonic()
    window.process.terminate()
    return begin


def _resized(window: Window) -> float:
    """The window is dragged while the program leaves."""
    begin = time.monotonic()
    window.process.terminate()
    for width in range(60, 120):
        window.resize(width, 30)
    return begin


def _hammered(window: Window) -> float:
    """All signals at once, more than once."""
    begin = time.monotonic()
    for number in (signal.SIGHUP, signal.SIGCONT, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        window.process.send_signal(number)
    return begin


WAYS = {
    "key": Way(_key, (0,)),
    "term": Way(_signal(signal.SIGTERM), (143,)),
    "hup": Way(_signal(signal.SIGHUP), (129,)),
    "int": Way(_signal(signal.SIGINT), (130,)),
    "closed": Way(_close, (129,), gone=True),
    "gone without a signal": Way(_close, (129,), controlling=False, gone=True),
    "unread": Way(_unread, (143,)),
    "unread, then closed": Way(_unread_then_closed, (143, 129), gone=True),
    "stopped": Way(_stopped, (143,)),
    "continued": Way(_continued, (143,)),
    "resized": Way(_resized, (143,)),
    "hammered": Way(_hammered, (129, 130, 143)),
    "without standard error": Way(_signal(signal.SIGTERM), (143,), closed=(2,)),
}
"""Name -> how."""


@dataclass
class Result:
    """How one round went."""

    seconds: float
    faults: list[str]
    memory: float = 0.0
    """Most that was resident, in MB."""


def leave_once(way: Way, folder: Path, delay: float = 0.0) -> Result:
    """Start, take away, look."""
    board = PtyBoard()
    window = Window(folder, [board.path], controlling=way.controlling, closed=way.closed, settings=KEYS_TO_LOG)
    faults: list[str] = []
    stop = threading.Event()

    def talk() -> None:
        line = 0
        while not stop.wait(0.002):
            board.send(f"I ({line}) talk: line {line} of a board that does not stop\r\n".encode())
            line += 1

    talker = threading.Thread(target=talk, daemon=True)
    try:
        window.shows(b"rec")
        talker.start()
        window.until(lambda: len(window.recorded()) > 2000, "a recording")
        time.sleep(delay)
        memory = window.peak_memory()
        begin = way.act(window)
        code = window.ended(10.0)
        seconds = time.monotonic() - begin
        stop.set()
        talker.join()
        if code is None:
            return Result(seconds, ["still there after 10 s"], memory)
        if seconds > GONE_SECONDS:
            faults.append(f"took {seconds:.2f} s")
        if code not in way.codes:
            faults.append(f"exit code {code}")
        if not board.free():
            faults.append("the port is not free")
        if (taken := board.taken()) != len(window.recorded()):
            faults.append(f"{taken} bytes were read, {len(window.recorded())} are recorded")
        if not way.gone and not window.given_back():
            faults.append("the terminal is not as it was")
        if [event.get("trigger", event.get("event")) for event in window.sidecar()[-2:]] != ["close", "end"]:
            faults.append(f"the sidecar ends with {window.sidecar()[-2:]}")
        return Result(seconds, faults, memory)
    finally:
        stop.set()
        window.end()
        board.close()


def main() -> int:
    """Run the schedule; the exit code says whether everything held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1000, help="leavings in all (default: %(default)s)")
    parser.add_argument("--only", choices=list(WAYS), help="one way")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    ways = [options.only] if options.only else list(WAYS)
    worst: dict[str, float] = dict.fromkeys(ways, 0.0)
    tried = held = 0
    memory = 0.0
    for round_number in range(options.rounds):
        name = ways[round_number % len(ways)]
        with tempfile.TemporaryDirectory() as folder:
            result = leave_once(WAYS[name], Path(folder), chance.uniform(0, 0.3))
        tried += 1
        held += not result.faults
        memory = max(memory, result.memory)
        worst[name] = max(worst[name], result.seconds)
        for fault in result.faults:
            print(f"{round_number}: {name}: {fault}", flush=True)
    for name, seconds in worst.items():
        print(f"{name:<24} worst {seconds:.3f} s")
    most = max(worst.values())
    print(f"tried {tried}, held {held}, worst {most:.3f} s, {memory:.0f} MB; load {os.getloadavg()[0]:.1f}")
    return 0 if held == tried else 1


if __name__ == "__main__":
    sys.exit(main())
