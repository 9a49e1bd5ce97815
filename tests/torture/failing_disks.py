"""Lets a disk fail at each call of each operation, once and from then on, and looks whether a claim is false.

    python -m tests.torture.failing_disks [--calls N]

A recording of a stream with events, on a disk whose n-th `open`, `write`, `sync`, `rename`, ... fails with each error
that disks know. What is in the file must be the stream without the gaps that the sidecar tells, and the bytes missing
must be counted.
"""

from __future__ import annotations

import argparse
import errno
import itertools
import sys
import tempfile
import time
from pathlib import Path

from espmon.session import disk_writer
from espmon.session.clock import SessionClock
from espmon.session.recording import Recording, start_recording
from espmon.session.session_folder import SIDECAR, STREAM
from espmon.session.settings import Settings
from tests.torture.disks import OPERATIONS, FaultyDisk, Plan, at_call, chunks, from_call, gaps_of

ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EFBIG, errno.EDQUOT, errno.ENOENT, errno.EACCES)
PATIENCE = 0.05
"""Seconds for which closing waits for a disk that takes nothing."""


def faults_of(recording: Recording, sent: bytes, complete: bool, problems: list[str]) -> list[str]:
    """What is wrong with a recording that has ended."""
    stream = recording.folder / STREAM
    kept = stream.read_bytes() if stream.exists() else b""
    missing = recording.unwritten
    whole = bytearray(sent)
    for offset, length in reversed(gaps_of(recording.folder / SIDECAR)):
        del whole[offset : offset + length]
    faults = []
    if len(kept) + missing < len(sent):
        faults.append(f"{len(sent) - len(kept) - missing} bytes are missing that nobody counted")
    if not bytes(whole).startswith(kept):
        faults.append("the file is not the stream without its gaps")
    if complete and len(kept) != len(sent):
        faults.append("it says that all is written")
    if missing and not problems:
        faults.append("bytes are missing and nobody was told")
    return faults


def fail_once(root: Path, plan: Plan) -> list[str]:
    """Record on a disk that fails as planned; returns what was wrong."""
    problems: list[str] = []
    files = FaultyDisk(plan)
    try:
        recording = start_recording(root, "board", Settings(), SessionClock(), problems.append, files=files)
    except OSError:
        return []  # told to whoever began
    make, sent = chunks(), bytearray()
    for number in range(30):
        sent += (data := make())
        recording.raw(data, "pipeline", float(number))
        recording.event({"event": "state", "number": number}, float(number))
        time.sleep(0.001)
    complete = recording.close(PATIENCE)
    return faults_of(recording, bytes(sent), complete, problems)


def main() -> int:
    """Run the schedule; the exit code says whether everything held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=12, help="calls of each operation (default: %(default)s)")
    options = parser.parse_args()
    disk_writer.RETRY_SECONDS = disk_writer.SYNC_SECONDS = 0.01
    tried = held = 0
    with tempfile.TemporaryDirectory() as folder:
        calls = range(1, options.calls + 1)
        for operation, number, code in itertools.product(OPERATIONS, calls, ERRORS):
            for name, plan in (("once", at_call), ("from", from_call)):
                faults = fail_once(Path(folder) / str(tried), plan(operation, number, code))
                tried += 1
                held += not faults
                for fault in faults:
                    print(f"{operation} {number} {name} {errno.errorcode[code]}: {fault}", flush=True)
    print(f"tried {tried}, held {held}")
    return 0 if held == tried else 1


if __name__ == "__main__":
    sys.exit(main())
