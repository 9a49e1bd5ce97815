"""What a session leaves on disk: the raw bytes as received, a sidecar of times and events, and artifacts.

One writer thread owns the append-only files, so that a slow disk never delays the port. The files are flushed at least
every `FLUSH_SECONDS`; a killed program loses no more than that.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import IO, Any

from espmon.session.settings import Settings

FLUSH_SECONDS = 0.1
"""Longest time that received bytes stay in memory only."""

BACKLOG_BYTES = 64 << 20
"""Bytes that may wait for a stalled disk before the recording is given up (and the user told)."""

TIMING_SECONDS = 0.02
"""The sidecar marks the time of received bytes at most this often."""

STOP_SECONDS = 5.0
"""Longest wait for the writer thread when closing."""

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
"""Modes of what a session makes: boards print keys and passwords. Systems without modes take no notice."""


def safe_name(text: str) -> str:
    """A file-name part made of `text`: letters, digits, `._-`; never empty, a path, or longer than 40 characters."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-.")[:40] or "session"


def write_atomically(path: Path, data: bytes) -> None:
    """Write a whole file so that a reader sees the old content or the new, never a part. Raises OSError."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _append_private(path: Path) -> IO[bytes]:
    """Open for appending, unbuffered; a new file is the user's own. Raises OSError."""
    return open(path, "ab", buffering=0, opener=_private)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE_FILE)


def new_session_folder(root: Path, name: str, now: float) -> Path:
    """Make a folder for one session below `root`; the name starts with the time so that folders sort by age."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    base = f"{stamp}-{safe_name(name)}"
    root.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    for suffix in ["", *(f"-{count}" for count in range(2, 1000))]:
        folder = root / (base + suffix)
        try:
            folder.mkdir(mode=PRIVATE_FOLDER)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{root}: too many sessions named {base}")


def _bytes_in(folder: Path) -> int:
    """Bytes of all files below `folder`; those that another espmon removes meanwhile count nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total


def prune_sessions(root: Path, *, keep: int, limit: int, spare: Path) -> list[Path]:
    """Remove the oldest session folders beyond `keep` folders or `limit` bytes; never `spare`. Returns what went."""
    removed: list[Path] = []
    total = 0
    folders = sorted((path for path in root.iterdir() if path.is_dir() and path != spare), reverse=True)
    for count, folder in enumerate(folders, start=1):
        total += _bytes_in(folder)
        if count >= keep or total > limit:
            rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed


class Recording:
    """The append-only files of one session.

    Args:
        folder: the session's folder (exists).
        limit: raw bytes recorded at most; then the recording stops and says so.
        on_problem: called from the writer thread with one line when recording had to stop.
    """

    def __init__(self, folder: Path, *, limit: int, on_problem: Callable[[str], None]) -> None:
        self.folder = folder
        self._limit = limit
        self._on_problem = on_problem
        self._queue: deque[tuple[IO[bytes], bytes]] = deque()
        self._queued = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._failed = False
        self._raw = _append_private(folder / "stream.bin")
        self._sidecar = _append_private(folder / "events.jsonl")
        self._log: IO[bytes] | None = None
        self._retired: list[IO[bytes]] = []
        self._bytes = 0
        self._last_timing = 0.0
        self._thread = threading.Thread(target=self._write, name="espmon-recording", daemon=True)
        self._thread.start()

    @property
    def recorded(self) -> int:
        """Raw bytes accepted so far."""
        return self._bytes

    def raw(self, data: bytes, owner: str, now: float) -> None:
        """Record received bytes; `owner` is the lease that read them."""
        if self._failed:
            return
        if self._bytes + len(data) > self._limit:
            self._fail(f"the recording reached its limit of {self._limit} bytes and stops here")
            return
        if now - self._last_timing >= TIMING_SECONDS or owner != "pipeline":
            self._last_timing = now
            self.event({"event": "bytes", "offset": self._bytes, "length": len(data), "lease": owner}, now)
        self._bytes += len(data)
        self._put(self._raw, data)

    def event(self, fields: dict[str, Any], now: float) -> None:
        """Record something that happened, as one JSON line in the sidecar."""
        if not self._failed:
            line = json.dumps({"t": round(now, 6), **fields}, ensure_ascii=False, default=str)
            self._put(self._sidecar, line.encode("utf-8", "backslashreplace") + b"\n")

    def start_log(self, path: Path) -> None:
        """Also write the log text to a file the user chose (appended). Raises OSError."""
        self.stop_log()
        self._log = path.open("ab", buffering=0)

    def stop_log(self) -> None:
        """Stop the text log."""
        if self._log is not None:
            self._retired.append(self._log)
            self._log = None

    @property
    def logging(self) -> bool:
        """Whether a text log is being written."""
        return self._log is not None

    def log_text(self, data: bytes) -> None:
        """Append to the text log, when there is one."""
        if self._log is not None:
            self._put(self._log, data)

    def _put(self, file: IO[bytes], data: bytes) -> None:
        if self._queued + len(data) > BACKLOG_BYTES:
            self._fail(f"the disk does not keep up: {self._queued} bytes wait for {self.folder}; recording stops here")
            return
        with self._lock:
            self._queued += len(data)
            self._queue.append((file, data))
        self._wake.set()

    def _fail(self, message: str) -> None:
        if not self._failed:
            self._failed = True
            self._on_problem(message)

    def _write(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            stopping = self._stopping
            try:
                self._drain()
            except OSError as error:
                with self._lock:
                    self._queue.clear()
                    self._queued = 0
                self._fail(f"recording to {self.folder} stopped: {error.strerror or error}")
            if stopping:
                break
            # Gather a little, so that a flood becomes a few large writes; well below FLUSH_SECONDS.
            time.sleep(FLUSH_SECONDS / 5)
        for file in (self._raw, self._sidecar, *self._retired):
            file.close()
        if self._log is not None:
            self._log.close()

    def _drain(self) -> None:
        while self._queue:
            file, data = self._queue.popleft()
            parts = [data]
            while self._queue and self._queue[0][0] is file:
                parts.append(self._queue.popleft()[1])
            joined = b"".join(parts)
            view = memoryview(joined)
            while view:
                view = view[file.write(view) :]
            with self._lock:
                self._queued -= len(joined)

    def close(self, seconds: float = STOP_SECONDS) -> None:
        """Write what waits and close the files, within `seconds`. May be called from any thread, more than once."""
        self._stopping = True
        self._wake.set()
        self._thread.join(seconds)


def start_recording(
    root: Path, name: str, settings: Settings, now: float, on_problem: Callable[[str], None]
) -> Recording:
    """Make the folder of a new session below `root`, prune old ones, and start recording. Raises OSError."""
    folder = new_session_folder(root, name, now)
    prune_sessions(root, keep=settings.sessions_kept, limit=settings.sessions_bytes, spare=folder)
    return Recording(folder, limit=settings.recording_bytes, on_problem=on_problem)
