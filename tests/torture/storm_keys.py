"""Keys after a board crashed differently very often: the log, the events, a report.

    python -m tests.torture.storm_keys [--crashes N]

The installed program in a pseudo-terminal. Printed: the time from a key to the picture that it makes (worst and
median), and what is resident.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.torture.soak import key_to_picture, resident
from tests.torture.storms import BATCH, batches, crash
from tests.torture.window import KEYS_TO_LOG, PtyBoard, Window

ROUNDS = 20
QUIET_SECONDS = 0.15
"""Nothing was painted for so long: the picture is complete."""


def painted(window: Window, key: bytes) -> float:
    """Seconds from a key to the last byte that is painted because of it."""
    del window.seen[:]
    begin = end = time.monotonic()
    window.type(key)
    size = 0
    while time.monotonic() - end < QUIET_SECONDS or not size:
        if len(window.seen) != size:
            size, end = len(window.seen), time.monotonic()
        if time.monotonic() - begin > 10:
            break
        time.sleep(0.001)
    return end - begin


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crashes", type=int, default=20_000)
    options = parser.parse_args()
    board = PtyBoard()
    with tempfile.TemporaryDirectory() as folder:
        window = Window(Path(folder), [board.path], settings=KEYS_TO_LOG)
        try:
            window.shows(b"rec")
            before = resident(window.process.pid)
            sent = 0
            for data in batches(crash, options.crashes):
                board.send(data)
                sent += len(data)
            window.until(lambda: len(window.recorded()) == sent, "everything recorded", 300)
            time.sleep(5)
            grown = resident(window.process.pid) - before
            print(f"{options.crashes:,} crashes, {BATCH} at a time: {grown:.0f} MB more resident")
            log = sorted(key_to_picture(window) for _ in range(ROUNDS))
            print(f"log, wrap on: median {median(log) * 1e3:.0f} ms, worst {log[-1] * 1e3:.0f} ms")
            for name, keys in {
                "events open and closed": [b"e"] * ROUNDS,
                "up in the events": [b"e", *[b"\x1b[A"] * ROUNDS],
                "report open and closed": [b"\x1b", b"C", b"\x1b"] * (ROUNDS // 3),
            }.items():
                times = sorted(painted(window, key) for key in keys)
                print(f"{name}: median {median(times) * 1e3:.0f} ms, worst {times[-1] * 1e3:.0f} ms")
        finally:
            window.end()
            board.close()


if __name__ == "__main__":
    main()
