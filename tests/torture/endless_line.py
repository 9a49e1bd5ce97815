"""A board that never ends its line: memory, keys, every byte, and what is said of it.

    python -m tests.torture.endless_line [--mode log|raw] [--megabytes N]

The installed program in a pseudo-terminal; the board sends as fast as it is read. Printed each second: what is resident
and the last key's latency (log: to its picture; raw: to the board). The exit code says whether everything was recorded,
memory stayed below `MAX_MEGABYTES`, and the screen said what it did not show.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.torture.soak import key_to_picture, processor, resident
from tests.torture.window import WHOLE_WORDS, PtyBoard, Window

MAX_MEGABYTES = 600.0
"""Resident at most, with the log's store full (64 MB) and a view of it."""

PIECE = b"0123456789abcdef" * 4096
SAID = {"log": b"longer than", "raw": b"too fast to draw"}
"""Mode -> words on the screen."""


class Listening(Window):
    """Remembers whether some words were ever drawn."""

    words = b""
    said = False

    def took(self, data: bytes) -> None:
        """Look for the words."""
        super().took(data)
        self.said = self.said or self.words in self.seen[-len(data) - 100 :]


def key_to_board(window: Window, board: PtyBoard) -> float:
    """Seconds from a key to the byte at the board."""
    begin = time.monotonic()
    window.type(b"k")
    window.until(lambda: b"k" in board.received(), "a key at the board", 30)
    return time.monotonic() - begin


def main() -> int:
    """Run; the exit code says whether all held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", choices=tuple(SAID), default="log")
    parser.add_argument("--megabytes", type=int, default=100)
    options = parser.parse_args()
    board = PtyBoard()
    with tempfile.TemporaryDirectory() as folder:
        limits = "recording_bytes = 1000000000\nsessions_bytes = 1000000000\n"
        window = Listening(Path(folder), [board.path, "--start-in", options.mode], settings=WHOLE_WORDS + limits)
        window.words = SAID[options.mode]
        try:
            window.shows(b"rec")
            sender = threading.Thread(
                target=board.send, args=(PIECE * (options.megabytes * 1_000_000 // len(PIECE) + 1),)
            )
            begin = time.monotonic()
            sender.start()
            keys, most = [], 0.0
            while sender.is_alive():
                keys.append(key_to_picture(window) if options.mode == "log" else key_to_board(window, board))
                most = max(most, resident(window.process.pid))
                print(
                    f"{board.sent / 1e6:6.1f} MB sent  {resident(window.process.pid):6.1f} MB resident  "
                    f"key {keys[-1] * 1e3:5.0f} ms",
                    flush=True,
                )
                sender.join(0.5)
            seconds = time.monotonic() - begin
            window.until(lambda: len(window.recorded()) == board.sent, "everything recorded", 120)
            share = processor(window.process.pid) / seconds * 100
            window.until(lambda: window.said, "what is said of it", 10)
            window.type(b"\x1d")
            code = window.ended(60)
            recorded = window.recorded()
        finally:
            window.end()
            board.close()
    whole = recorded == PIECE * (len(recorded) // len(PIECE)) and len(recorded) == board.sent
    keys.sort()
    print(
        f"{options.mode}: {board.sent:,} bytes in {seconds:.0f} s ({share:.0f} % of a core), recorded {len(recorded):,}"
    )
    print(f"recorded as sent: {whole}; exit code {code}; {most:.0f} MB resident at most")
    print(f"keys p50 {keys[len(keys) // 2] * 1e3:.0f} ms, p95 {keys[len(keys) * 95 // 100] * 1e3:.0f} ms; {len(keys)}")
    return 0 if whole and code == 0 and most < MAX_MEGABYTES else 1


if __name__ == "__main__":
    sys.exit(main())
