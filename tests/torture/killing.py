"""Kills espmon without a word again and again, and compares the recording with what the board had sent.

    python -m tests.torture.killing [--times N]

`kill -9` at a random instant: what was read more than a tenth of a second before must be on disk, in order, and every
line of the sidecar but the last must be whole.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tests.torture.window import KEYS_TO_LOG, PtyBoard, Window

BEHIND_SECONDS = 0.1
"""Time that the recording may be behind the board."""


@dataclass
class Result:
    """How one killing went."""

    behind: float
    """Age of the oldest byte that is not on disk, in seconds."""

    memory: float
    faults: list[str]


def kill_once(folder: Path, delay: float) -> Result:
    """Start, let the board send, kill, compare."""
    board = PtyBoard()
    window = Window(folder, [board.path], settings=KEYS_TO_LOG)
    stop = threading.Event()
    sent: list[tuple[float, int]] = []

    def talk() -> None:
        total = 0
        while not stop.wait(0.004):
            board.send(b"%015d\n" % total * 16)
            total += 256
            sent.append((time.monotonic(), total))

    talker = threading.Thread(target=talk, daemon=True)
    try:
        window.shows(b"rec")
        talker.start()
        window.until(lambda: len(window.recorded()) > 2000, "a recording")
        time.sleep(delay)
        memory = window.peak_memory()
        killed = time.monotonic()
        window.process.kill()
        window.process.wait()
        stop.set()
        talker.join()
        recorded = window.recorded()
        whole = b"".join(b"%015d\n" % start * 16 for start in range(0, len(recorded) + 256, 256))
        faults = [] if whole.startswith(recorded) else ["the recording is not what was sent"]
        missing = [when for when, total in sent if total > len(recorded) and when < killed]
        behind = killed - missing[0] if missing else 0.0
        if behind > BEHIND_SECONDS:
            faults.append(f"{behind * 1e3:.0f} ms behind")
        lines = (window.session_folder() / "events.jsonl").read_bytes().split(b"\n")[:-1]
        faults += [f"the sidecar has {line!r}" for line in lines if not isinstance(json.loads(line), dict)]
        if not board.free():
            faults.append("the port is not free")
        return Result(behind, memory, faults)
    finally:
        stop.set()
        window.end()
        board.close()


def main() -> int:
    """Run the schedule; the exit code says whether everything held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=500, help="killings (default: %(default)s)")
    options = parser.parse_args()
    chance = random.Random(1)
    held, worst, memory = 0, 0.0, 0.0
    for number in range(options.times):
        with tempfile.TemporaryDirectory() as folder:
            result = kill_once(Path(folder), chance.uniform(0, 0.5))
        held += not result.faults
        worst, memory = max(worst, result.behind), max(memory, result.memory)
        for fault in result.faults:
            print(f"{number}: {fault}", flush=True)
    print(
        f"tried {options.times}, held {held}, at most {worst * 1e3:.0f} ms behind, {memory:.0f} MB; "
        f"load {os.getloadavg()[0]:.1f}"
    )
    return 0 if held == options.times else 1


if __name__ == "__main__":
    sys.exit(main())
