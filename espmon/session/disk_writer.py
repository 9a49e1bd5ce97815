"""A thread that appends to files, so that a disk never delays the port; what it cannot write is kept, and counted.

A write that fails is tried again until there is room. Bytes wait in memory meanwhile, up to a cap; what comes beyond
it is refused. What was written counts as such only while its file still has a name, and is on the disk at most a
second later.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from espmon.port.platform import try_lock
from espmon.session.file_system import PRIVATE_FILE, FileSystem, reason

FLUSH_SECONDS = 0.1
"""Longest time that received bytes stay in memory only."""

SYNC_SECONDS = 1.0
"""Shortest time between two waits for the disk; longest time that a power cut takes away."""

RETRY_SECONDS = 0.5
"""Time between two tries of a write that failed."""

LOOK_SECONDS = 2.0
"""Time between two looks at whether the files are still there, while nothing is written."""

MAX_BACKLOG = 64 << 20
"""Bytes that may wait for the disk; beyond them bytes are refused."""

MAX_IMPORTANT = 4 << 20
"""Bytes beyond `MAX_BACKLOG` that may wait if they are important: they say what is missing."""

BEHIND_BYTES = 16 << 20
"""Bytes waiting from which on those who send should be asked to wait."""

MAX_WRITE = 1 << 20
"""Bytes of one write, so that a slow disk is seen to make progress."""


class AppendedFile:
    """A file that is only appended to. Made by `DiskWriter.open`."""

    def __init__(self, path: Path, mode: int, locked: bool) -> None:
        self.path = path
        self.mode = mode
        self.locked = locked
        self.descriptor = -1
        self.written = 0
        """Bytes that the file has got."""

        self.lost = 0
        """Bytes that it had got, and that went with it or with its disk."""

        self.unsynced = 0
        self.named = False
        """Its name is on the disk."""

        self.removed = False
        """Somebody has removed it; what is appended next makes a new one."""

        self.limit = 0
        """Bytes beyond which a new file is begun; 0: never."""

        self.kept = 0
        """Files that are kept of those before, as `NAME.1` and so on, the newest first."""

        self.size = 0
        """Bytes that the file has, with what was there before."""

        self.torn = False
        """The last write was cut: the file does not end where a piece of data does."""


class DiskWriter:
    """Owns one thread and the files that it appends to. All methods may be called from any thread.

    Args:
        name: of the thread.
        files: the disk.
        on_change: called from the writer's thread when `problem` has changed, or something was lost.
    """

    def __init__(self, name: str, files: FileSystem, on_change: Callable[[], None]) -> None:
        self._files = files
        self._on_change = on_change
        self._queue: deque[tuple[AppendedFile, bytes]] = deque()
        self._in_flight: tuple[AppendedFile | None, int] = (None, 0)
        self._opened: list[AppendedFile] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._patience = self._deadline = float("inf")
        self._next_sync = 0.0
        self._thread = threading.Thread(target=self._run, name=f"espmon-{name}", daemon=True)
        self.waiting = 0
        """Bytes not written yet."""

        self.taken = 0
        """Bytes that were put so far, written or not."""

        self.problem = ""
        """Why nothing is written now, "" while writing goes well."""

        self.progress = time.monotonic()
        """When the disk took something last, by the monotonic clock."""

    def open(
        self, path: Path, *, mode: int = PRIVATE_FILE, locked: bool = False, limit: int = 0, kept: int = 0
    ) -> AppendedFile:
        """Open a file to append to. Call before `start`. Raises OSError, also when it is locked by somebody else.

        Args:
            path: made where it is missing.
            mode: of a new file.
            locked: nobody else may write it.
            limit: bytes beyond which it is rotated; 0: never.
            kept: files kept then, beside the one that is written.
        """
        file = AppendedFile(path, mode, locked)
        file.limit, file.kept = limit, kept
        self._open(file)
        self._opened.append(file)
        return file

    def _open(self, file: AppendedFile) -> None:
        descriptor = self._files.open(file.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, file.mode)
        if file.locked and not try_lock(descriptor):
            self._files.close(descriptor)
            raise BlockingIOError(errno.EWOULDBLOCK, "another program writes it", str(file.path))
        file.descriptor = descriptor
        if file.limit and (size := self._files.size(descriptor)) is not None:
            file.size = size
        else:
            file.limit = 0  # a pipe, a device: it never fills up

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, file: AppendedFile, data: bytes, *, important: bool = False) -> bool:
        """Append `data` soon; False when too much waits already, and nothing was taken."""
        with self._lock:
            if self.waiting + len(data) > MAX_BACKLOG + (MAX_IMPORTANT if important else 0):
                return False
            self.waiting += len(data)
            self.taken += len(data)
            self._queue.append((file, data))
        self._wake.set()
        return True

    @property
    def behind(self) -> bool:
        """Whether those who send should wait for the disk."""
        return self.waiting >= BEHIND_BYTES

    def unwritten(self, file: AppendedFile) -> int:
        """Bytes of `file` that still wait."""
        with self._lock:
            waiting = sum(len(data) for target, data in self._queue if target is file)
            target, size = self._in_flight
            return waiting + (size if target is file else 0)

    # -- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._wake.wait(self._pause())
            self._wake.clear()
            stopping = self._stop.is_set()
            try:
                self._drain()
                self._sync(stopping)
            except OSError as error:
                self._set_problem(reason(error))
                if stopping and self._given_up():
                    break
                self._stop.wait(RETRY_SECONDS) if not stopping else time.sleep(FLUSH_SECONDS)
                self._wake.set()
                continue
            self._set_problem("")
            if stopping and not self._queue:
                break
            # Gather a little, so that a flood becomes a few large writes; well below FLUSH_SECONDS.
            self._stop.wait(FLUSH_SECONDS / 5)
        for file in self._opened:
            try:
                self._files.close(file.descriptor)
            except OSError as error:
                self._set_problem(reason(error))

    def _pause(self) -> float:
        if any(file.unsynced for file in self._opened):
            return max(0.0, self._next_sync - time.monotonic())
        return LOOK_SECONDS

    def _set_problem(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self._on_change()

    def _drain(self) -> None:
        """Write what waits. Raises OSError; what was not written is the first to be written next time."""
        while self._queue:
            with self._lock:
                file, joined = self._next_piece()
                self._in_flight = (file, len(joined))
            count = 0
            try:
                if file.removed:
                    self._replace(file)
                elif 0 < file.limit < file.size + len(joined) and file.size and not file.torn:
                    self._rotate(file)
                count = self._files.write(file.descriptor, joined)
            finally:
                with self._lock:
                    self._in_flight = (None, 0)
                    self.waiting -= count
                    if rest := joined[count:]:
                        self._queue.appendleft((file, rest))
                file.written += count
                file.size += count
                file.unsynced += count
                file.torn = bool(rest) and (bool(count) or file.torn)
            if count:
                self.progress = time.monotonic()
                self._set_problem("")

    def _next_piece(self) -> tuple[AppendedFile, bytes]:
        file, data = self._queue.popleft()
        parts, size = [data], len(data)
        while self._queue and self._queue[0][0] is file and size < MAX_WRITE:
            data = self._queue.popleft()[1]
            parts.append(data)
            size += len(data)
        return file, b"".join(parts)

    def _sync(self, stopping: bool) -> None:
        now = time.monotonic()
        if not stopping and now < self._next_sync:
            return
        self._next_sync = now + SYNC_SECONDS
        for file in self._opened:
            if file.removed or self._files.removed(file.descriptor):
                self._replace(file)
            elif file.unsynced:
                self._wait_for_disk(file)

    def _wait_for_disk(self, file: AppendedFile) -> None:
        count, file.unsynced = file.unsynced, 0
        try:
            self._files.sync(file.descriptor)
            if not file.named:
                self._files.sync_names(file.path.parent)
                file.named = True
        except OSError as error:
            if error.errno == errno.EINVAL:
                return  # a pipe, a device: there is no disk behind it
            # The system has given these up: it would report success the next time, and they would not be there.
            file.written -= count
            file.lost += count
            raise

    def _rotate(self, file: AppendedFile) -> None:
        """The file is full: it gets a number, and a new one its name. What cannot be renamed (on Windows, while
        another program reads it) just grows. Raises OSError.
        """
        self._wait_for_disk(file)
        names = [file.path, *(file.path.with_name(f"{file.path.name}.{count}") for count in range(1, file.kept + 1))]
        try:
            if not file.kept:
                self._files.remove(file.path)
            for old, new in list(pairwise(names))[::-1]:
                with suppress(FileNotFoundError):
                    self._files.rename(old, new)
        except PermissionError:
            file.limit = 0
            return
        old_descriptor, file.written, file.named = file.descriptor, 0, False
        self._open(file)
        self._files.close(old_descriptor)

    def _replace(self, file: AppendedFile) -> None:
        """Somebody has removed the file: what it held is gone; go on in a new one at its place."""
        file.lost += file.written
        file.written = file.unsynced = 0
        file.removed, file.named = True, False
        self._set_problem(reason(FileNotFoundError(errno.ENOENT, "")))
        self._files.make_folder(file.path.parent, parents=True)
        old = file.descriptor
        self._open(file)
        file.removed = False
        self._files.close(old)
        self._set_problem("")

    # -- the end ------------------------------------------------------------------------------------------------

    def end(self, patience: float) -> None:
        """Write what waits and close the files, without waiting for it; see `close` for the patience."""
        if not self._stop.is_set():
            self.progress = time.monotonic()
        self._patience = min(self._patience, patience)
        self._stop.set()
        self._wake.set()

    def close(self, patience: float, limit: float = float("inf")) -> bool:
        """Write what waits and close the files; returns whether all was written. A second call may be less patient.

        Args:
            patience: longest time, in seconds, for which the disk may take nothing at all.
            limit: longest wait altogether, in seconds.
        """
        self._deadline = min(self._deadline, time.monotonic() + limit)
        self.end(patience)
        while self._thread.is_alive() and not self._given_up():
            self._thread.join(FLUSH_SECONDS / 2)
        return not self._thread.is_alive() and not self._queue

    def _given_up(self) -> bool:
        now = time.monotonic()
        return now >= self._deadline or now >= self.progress + self._patience
