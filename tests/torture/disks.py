"""Disks that are full, slow, failing, taken away or without power, in place of the session's file system."""

from __future__ import annotations

import errno
import itertools
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from espmon.session.file_system import FileSystem

OPERATIONS = ("make_folder", "open", "write", "sync", "close", "rename", "sync_names", "open_temporary")
"""What can fail."""

Plan = Callable[[str, int], OSError | None]
"""(operation, how often it was called, from 1) -> how it fails."""


def error(number: int) -> OSError:
    """The operating system's error."""
    return OSError(number, os.strerror(number))


def at_call(operation: str, number: int, code: int = errno.EIO) -> Plan:
    """One call fails."""
    return lambda name, count: error(code) if (name, count) == (operation, number) else None


def from_call(operation: str, number: int, code: int = errno.EIO) -> Plan:
    """That call fails, and every later one."""
    return lambda name, count: error(code) if name == operation and count >= number else None


class FaultyDisk(FileSystem):
    """Fails and waits as planned.

    Args:
        plan: which calls fail.
        delay: seconds that each write takes.
        cut: a write takes at most this many bytes.
    """

    def __init__(self, plan: Plan = lambda name, count: None, *, delay: float = 0.0, cut: int = 1 << 30) -> None:
        self.plan = plan
        self.delay = delay
        self.cut = cut
        self.calls: Counter[str] = Counter()
        self._lock = threading.Lock()

    def _called(self, name: str) -> None:
        with self._lock:
            self.calls[name] += 1
            failure = self.plan(name, self.calls[name])
        if failure is not None:
            raise failure

    def make_folder(self, path: Path, *, parents: bool = False) -> None:
        self._called("make_folder")
        super().make_folder(path, parents=parents)

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        self._called("open")
        return super().open(path, flags, mode)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        self._called("write")
        if self.delay:
            time.sleep(self.delay)
        return super().write(descriptor, data[: self.cut])

    def sync(self, descriptor: int) -> None:
        self._called("sync")

    def close(self, descriptor: int) -> None:
        super().close(descriptor)
        self._called("close")

    def rename(self, old: Path, new: Path) -> None:
        self._called("rename")
        super().rename(old, new)

    def sync_names(self, folder: Path) -> None:
        self._called("sync_names")

    def open_temporary(self, path: Path) -> tuple[int, Path]:
        self._called("open_temporary")
        return super().open_temporary(path)


class SmallDisk(FaultyDisk):
    """A disk with so many bytes of room, which somebody else may take and give."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        with self._lock:
            count = min(len(data), max(0, self.room))
            self.room -= count
        if not count:
            raise error(errno.ENOSPC)
        return super().write(descriptor, data[:count])


class PowerCutDisk(FileSystem):
    """Knows at any time what a power cut would leave: what was synced, under the names that were."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: dict[int, Path] = {}
        self._synced: dict[tuple[int, int], int] = {}
        self._names: dict[Path, tuple[int, int]] = {}

    @staticmethod
    def _identity(status: os.stat_result) -> tuple[int, int]:
        return status.st_dev, status.st_ino

    def sync(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        with self._lock:
            self._synced[self._identity(status)] = status.st_size

    def sync_names(self, folder: Path) -> None:
        with self._lock:
            self._names = {path: what for path, what in self._names.items() if path.parent != folder}
            for path in folder.iterdir():
                if path.is_file():
                    self._names[path] = self._identity(path.stat())
                else:
                    self._names.setdefault(path, (0, 0))

    def survivors(self) -> dict[Path, bytes]:
        """Path -> content after a power cut now."""
        with self._lock:
            names, synced = dict(self._names), dict(self._synced)
        folders = {path for path, what in names.items() if what == (0, 0)}
        left = {}
        for path, what in names.items():
            if what != (0, 0) and path.parent in folders:
                left[path] = path.read_bytes()[: synced.get(what, 0)]
        return left


def chunks(size: int = 700) -> Callable[[], bytes]:
    """A stream whose every piece is different: where a byte is missing, it is seen."""
    numbers = itertools.count()
    return lambda: b"".join(b"%015d\n" % next(numbers) for _ in range(size // 16))


def gaps_of(sidecar: Path) -> list[tuple[int, int]]:
    """(offset, length) of what a sidecar says is missing in the file."""
    gaps = []
    for line in sidecar.read_bytes().splitlines() if sidecar.exists() else ():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # the last line, where the disk failed in its middle
        if event.get("event") == "gap":
            gaps.append((event["offset"], event["length"]))
    return gaps
