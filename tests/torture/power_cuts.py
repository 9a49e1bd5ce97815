"""Cuts the power under a recording again and again, and looks at what a disk would still hold.

    python -m tests.torture.power_cuts [--times N]

What was written and not synced is lost, and so are names that were not. What is left must be the beginning of what was
received, no older than `LOST_SECONDS`, in a folder that is known as a session's.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from espmon.session.clock import SessionClock
from espmon.session.disk_writer import SYNC_SECONDS
from espmon.session.recording import start_recording
from espmon.session.session_folder import SIDECAR, STREAM
from espmon.session.settings import Settings
from tests.torture.disks import PowerCutDisk, chunks

LOST_SECONDS = SYNC_SECONDS + 0.5
"""Time that a power cut may take away: since the last sync, and what that one took."""


@dataclass
class Cut:
    """What one power cut left."""

    lost: float
    """Age of the oldest byte that is gone, in seconds."""

    faults: list[str]


def cut_power(root: Path, delay: float) -> Cut:
    """Record, cut, look."""
    files, problems = PowerCutDisk(), list[str]()
    recording = start_recording(root, "board", Settings(), SessionClock(), problems.append, files=files)
    make, sent, times = chunks(160), bytearray(), list[tuple[float, int]]()
    end = time.monotonic() + delay
    while time.monotonic() < end:
        sent += (data := make())
        recording.raw(data, "pipeline", 0.0)
        times.append((time.monotonic(), len(sent)))
        time.sleep(0.001)
    left, cut = files.survivors(), time.monotonic()
    recording.close()
    faults = problems
    kept = left.get(recording.folder / STREAM, b"")
    if not bytes(sent).startswith(kept):
        faults.append("what is left is not the beginning of what was sent")
    lines = left.get(recording.folder / SIDECAR, b"").split(b"\n")
    if not lines[0] or json.loads(lines[0])["event"] != "session":
        faults.append("nothing says whose folder it is")
    gone = [when for when, total in times if total > len(kept)]
    return Cut(cut - gone[0] if gone else 0.0, faults)


def main() -> int:
    """Run the schedule; the exit code says whether everything held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=200, help="power cuts (default: %(default)s)")
    options = parser.parse_args()
    chance, held, worst = random.Random(1), 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.times):
            result = cut_power(Path(folder) / str(number), chance.uniform(0, 3))
            if result.lost > LOST_SECONDS:
                result.faults.append(f"{result.lost:.2f} s are gone")
            held += not result.faults
            worst = max(worst, result.lost)
            for fault in result.faults:
                print(f"{number}: {fault}", flush=True)
    print(f"tried {options.times}, held {held}, at most {worst:.2f} s lost")
    return 0 if held == options.times else 1


if __name__ == "__main__":
    sys.exit(main())
