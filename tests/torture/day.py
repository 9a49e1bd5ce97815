"""A day of a board in fast time: what grows is the recording, and nothing else.

    python -m tests.torture.day [--hours N] [--lines PER_SECOND] [--store BYTES]

One session as the screen has it, on a clock that goes as fast as the session can take what the board says: some lines a
second; a command each minute; a crash with its restart each hour; a core dump and a picture each four; a port that is
lost each two. At ten points: resident memory, objects, open files, threads and tasks of the session. The history has so
little room that it is full at the first of them. At the end: what was recorded is what was sent.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from espmon.port import PortIdentity
from espmon.session import Session
from espmon.session.archive.session_index import INDEX
from espmon.session.clock import SessionClock
from espmon.session.connection import PortAccess
from espmon.session.sent import SentBy
from espmon.session.session_folder import SIDECAR, STREAM
from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from tests.session.archive.recordings import BOOT, PANIC
from tests.session.fakes import Port, ScriptedHandle, Watch
from tests.torture.torn_recordings import DUMP

POINTS = 10
LIMIT = 60.0

MINUTE, HOUR = 60, 3600

MAX_GROWTH = 1 << 20
"""Bytes by which the resident memory may differ: the allocator's own."""

MAX_OBJECTS = 2000
"""The same of the objects: the history gives up its oldest lines a part at a time."""


@dataclass(frozen=True)
class Point:
    """What there was at one time of the day."""

    hour: float
    resident: int
    objects: int
    files: int
    threads: int
    tasks: int
    recorded: int
    history: int
    """Lines that can be scrolled to."""

    def line(self) -> str:
        """In one row."""
        return (
            f"{self.hour:5.1f} h  {self.resident / 1e6:7.1f} MB  {self.objects:8,} objects  {self.files:3} files  "
            f"{self.threads:2} threads  {self.tasks:2} tasks  {self.recorded / 1e6:8.2f} MB on disk  "
            f"{self.history:8,} lines of history"
        )


@dataclass
class Day:
    """What a day showed; `growth` looks at its points."""

    lines: int = 0
    sent: int = 0
    seconds: float = 0.0
    points: list[Point] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class FastTime:
    """A clock that is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def said(second: int, lines: int) -> Iterator[bytes]:
    """What the board says in one second of the day."""
    for number in range(lines):
        text = f"temperature {20 + second % 97 / 10:.1f} C, humidity {second * 7 % 1000 / 10:.1f} %, sample {number}"
        yield b"I (%d) sensor: %s\r\n" % (second * 1000 + number * 1000 // lines, text.encode())
    if second % HOUR == HOUR - 1:
        yield PANIC + BOOT
    if second % (4 * HOUR) == HOUR // 2:
        yield DUMP


def point(hour: float, session: Session, folder: Path) -> Point:
    """Look."""
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    recorded = sum((folder / name).stat().st_size for name in (STREAM, SIDECAR, INDEX))
    return Point(
        hour,
        resident,
        len(gc.get_objects()),
        len(os.listdir("/proc/self/fd")),
        threading.active_count(),
        len(asyncio.all_tasks()),
        recorded,
        len(session.store) - session.store.first,
    )


async def live(root: Path, hours: float, lines: int, store: int) -> Day:
    """Live a day; see the module."""
    day, clock, began = Day(), FastTime(), time.time()
    handles = [ScriptedHandle() for _ in range(int(hours) // 2 + 2)]
    ports = iter(handles)

    async def wait(identity: PortIdentity) -> str:
        return "fake://board"

    session = Session(
        settings=Settings(store_bytes=store),
        folder=root,
        access=PortAccess(opener=Port(*handles), resolver=str, identifier=PortIdentity, waiter=wait),
        clock=SessionClock(clock, lambda: began + clock.now),
    )
    watch = Watch()
    session.subscribe(watch)
    handle, opens = next(ports), 1
    await session.open(OpenRequest("fake://board", name="day"))
    folder = session.status.recording
    assert folder is not None
    sum_sent, begin = hashlib.sha256(), time.process_time()
    total = int(hours * HOUR)
    for second in range(total):
        clock.now = float(second)
        data = b"".join(said(second, lines))
        sum_sent.update(data)
        day.sent += len(data)
        day.lines += data.count(b"\n")
        handle.push(data)
        await handle.taken()
        watch.changes.clear()
        if second % MINUTE == 0:
            await session.send(b"status\r\n", SentBy.LINE)
        if second % (2 * HOUR) == 2 * HOUR - 1:
            handle.lose()
            handle, opens = next(ports), opens + 1
            await watch.until(partial(reopened, session, opens), LIMIT)
        if (second + 1) * POINTS // total > second * POINTS // total:
            day.points.append(point((second + 1) / HOUR, session, folder))
    day.seconds = time.process_time() - begin
    await session.close()
    with (folder / STREAM).open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sum_sent.hexdigest():
            day.faults.append("what was recorded is not what was sent")
    return day


def reopened(session: Session, times: int) -> bool:
    """Whether the port was opened so often."""
    return session.connection.opens == times


def growth(points: list[Point]) -> Iterator[str]:
    """What there is more of in the last third of a day than in the second."""
    early, late = points[len(points) // 3 : len(points) * 2 // 3], points[len(points) * 2 // 3 :]
    for name, more in (("resident", MAX_GROWTH), ("objects", MAX_OBJECTS), ("files", 0), ("threads", 0), ("tasks", 0)):
        before, after = (max(getattr(one, name) for one in part) for part in (early, late))
        if after > before + more:
            yield f"{name} has grown: {after:,} after {before:,}"


def main() -> int:
    """Live a day; the exit code says whether only the recording has grown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0, help="of the board's time (default: %(default)s)")
    parser.add_argument("--lines", type=int, default=5, help="lines a second (default: %(default)s)")
    parser.add_argument(
        "--store", type=int, default=1_000_000, help="bytes of history in memory (default: %(default)s)"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        day = asyncio.run(live(Path(root), options.hours, options.lines, options.store))
    for one in day.points:
        print(one.line())
    print(f"{day.lines:,} lines, {day.sent:,} bytes in {day.seconds:.0f} s of CPU")
    faults = [*day.faults, *growth(day.points)]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
