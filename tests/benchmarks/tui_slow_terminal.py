"""A terminal that takes 30 kB/s, a board that sends 1 MB/s: nothing is lost, and the exit key still works at once.

python -m tests.benchmarks.tui_slow_terminal [--taken 30000] [--seconds 6]
"""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.tui_terminal import Terminal


def main() -> None:
    """Follow slowly, then leave, and print how long leaving took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--taken", type=int, default=30_000, help="bytes a second that the terminal takes")
    parser.add_argument("--seconds", type=float, default=6.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.json")
        command = [sys.executable, "-m", "tests.benchmarks.tui_log_pane", "--child", report]
        command += ["--rate", "1000000", "--seconds", str(options.seconds)]
        with Terminal(command, environment={"PYTHONPATH": str(Path(__file__).resolve().parents[2])}) as terminal:
            terminal.wait_for(b"rec")
            step = 0.02
            end = time.perf_counter() + options.seconds + 2.5
            taken = 0
            while time.perf_counter() < end:
                if select.select([terminal.master], [], [], step)[0]:
                    taken += len(os.read(terminal.master, int(options.taken * step)))
                time.sleep(step)
            counts = json.loads(Path(report).read_text())
            terminal.press(b"\x1d")
            pressed = time.perf_counter()
            while terminal.process.poll() is None and time.perf_counter() - pressed < 20:
                terminal.read(0.01)
            left = time.perf_counter() - pressed
        print(
            f"{counts['stored']} of {counts['sent']} bytes in the store, {counts['frames']} frames, {taken} bytes taken"
        )
        print(f"the program was gone {left:.2f} s after the exit key")


if __name__ == "__main__":
    main()
