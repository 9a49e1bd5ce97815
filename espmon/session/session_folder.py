"""The folders of sessions: one each, marked as made here, locked while it is written, removed when there are too many.

A folder is a session's when the first line of its sidecar says so and names the folder itself: a copy that somebody
made, or a folder of their own, is never removed. Neither is one that is locked, which a running session's is.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
from contextlib import suppress
from pathlib import Path

from espmon.port.platform import try_lock
from espmon.session.file_system import FileSystem, write_all

STREAM, SIDECAR = "stream.bin", "events.jsonl"
"""The raw bytes as received; times and events as JSON lines."""

COMPRESSED = "stream.bin.gz"
"""The same bytes, once a closed session was compressed."""

DAY_SECONDS = 86_400.0

SESSION = "session"
"""`event` of a sidecar's first line."""

FORMAT = 2
"""`format` of a sidecar's first line: from 2 on, one that was closed ends with a line that says so."""

MAX_FIRST_LINE = 4096
"""Bytes read of a sidecar to see whose folder it is."""


def safe_name(text: str) -> str:
    """A file-name part made of `text`: letters, digits, `._-`; never empty, a path, or longer than 40 characters."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-.")[:40] or "session"


def new_session_folder(root: Path, name: str, now: float, files: FileSystem | None = None) -> Path:
    """Make a folder for one session below `root`; the name starts with the time so that folders sort by age.

    Args:
        root: made where it is missing.
        name: of the board or port.
        now: wall time, in seconds since the epoch.
        files: the disk.

    Raises:
        OSError: there is no such folder now.
    """
    files = files or FileSystem()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    base = f"{stamp}-{safe_name(name)}"
    files.make_folder(root, parents=True)
    for suffix in ["", *(f"-{count}" for count in range(2, 1000))]:
        folder = root / (base + suffix)
        try:
            files.make_folder(folder)
        except FileExistsError:
            continue
        _mark(folder, now, files)
        files.sync_names(folder)
        files.sync_names(root)
        return folder
    raise FileExistsError(f"{root}: too many sessions named {base}")


def _mark(folder: Path, now: float, files: FileSystem) -> None:
    """Write the first line of the sidecar: whose folder this is."""
    line = json.dumps({"t": round(now, 6), "m": 0.0, "event": SESSION, "format": FORMAT, "folder": folder.name})
    descriptor = files.open(folder / SIDECAR, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        write_all(files, descriptor, line.encode() + b"\n")
        files.sync(descriptor)
    finally:
        files.close(descriptor)


def is_session(folder: Path) -> bool:
    """Whether espmon made this folder, it is where it was made, and nobody has put folders of their own into it."""
    try:
        if folder.is_symlink() or not folder.is_dir() or any(path.is_dir() for path in folder.iterdir()):
            return False
        with (folder / SIDECAR).open("rb") as file:
            first = json.loads(file.readline(MAX_FIRST_LINE))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(first, dict) and first.get("event") == SESSION and first.get("folder") == folder.name


def size_of(folder: Path) -> int:
    """Bytes of all files below `folder`, artifacts too; those that somebody removes meanwhile count nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total


def remove_session(folder: Path) -> bool:
    """Remove a session that nobody writes; returns whether it is gone. Its mark goes last, so that a rest is found."""
    try:
        descriptor = os.open(folder / SIDECAR, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return False
    try:
        if not try_lock(descriptor):
            return False
        with suppress(OSError):
            for path in folder.iterdir():
                if path.name != SIDECAR:
                    path.unlink()
    finally:
        os.close(descriptor)
    with suppress(OSError):
        (folder / SIDECAR).unlink()
        folder.rmdir()
    return not folder.exists()


def is_running(folder: Path) -> bool:
    """Whether somebody writes a session now: then its sidecar is locked."""
    try:
        descriptor = os.open(folder / SIDECAR, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return False
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)


def ended(folder: Path) -> float:
    """When something was last written into a session, in seconds since the epoch; 0.0 when nobody can tell."""
    try:
        return (folder / SIDECAR).stat().st_mtime
    except OSError:
        return 0.0


def prune_sessions(
    root: Path, *, keep: int, limit: int, spare: Path, days: float = math.inf, now: float | None = None
) -> list[Path]:
    """Remove the oldest closed sessions beyond `keep` folders, `limit` bytes or `days`; never `spare`.

    Returns what went.
    """
    oldest = (time.time() if now is None else now) - days * DAY_SECONDS
    removed: list[Path] = []
    total = size_of(spare)
    folders = sorted((path for path in root.iterdir() if path != spare and is_session(path)), reverse=True)
    kept = 1
    for folder in folders:
        size = size_of(folder)
        too_much = kept >= keep or total + size > limit
        if (too_much or 0 < ended(folder) < oldest) and remove_session(folder):
            removed.append(folder)
            continue
        kept += 1
        total += size
    return removed
