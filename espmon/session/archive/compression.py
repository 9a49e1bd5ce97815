"""Closed sessions compressed in place, so that they take a tenth of the room; what is left in between is told apart."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from espmon.port.platform import try_lock
from espmon.session.file_system import PRIVATE_FILE
from espmon.session.session_folder import COMPRESSED, SIDECAR, STREAM, is_session

PORTION = 1 << 20
"""Bytes compressed between two looks at whether to stop."""

LEVEL = 6
"""Of gzip: a third of the time of its best, and nearly as small."""


class Stopped(Exception):
    """The session that compresses others ends."""


def compress_sessions(root: Path, spare: Path, stop: Callable[[], bool]) -> list[Path]:
    """Compress the streams of all closed sessions below `root` but `spare`, until `stop` says so.

    Returns the folders that were compressed. Raises OSError.
    """
    done = []
    for folder in sorted(path for path in root.iterdir() if path != spare and (path / STREAM).exists()):
        if stop():
            break
        if is_session(folder) and compress_session(folder, stop):
            done.append(folder)
    return done


def compress_session(folder: Path, stop: Callable[[], bool] = lambda: False) -> bool:
    """Compress one closed session; returns whether it is. Raises OSError, which leaves it as it was.

    While both files are there the plain one counts: it goes when the other is whole and on the disk.
    """
    try:
        lock = os.open(folder / SIDECAR, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return False
    temporary = folder / f".{COMPRESSED}.part"
    try:
        if not try_lock(lock):
            return False
        try:
            _compress(folder / STREAM, temporary, stop)
        except Stopped:
            return False
        os.replace(temporary, folder / COMPRESSED)
        (folder / STREAM).unlink()
        return True
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
        os.close(lock)


def _compress(source: Path, target: Path, stop: Callable[[], bool]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(target, flags, PRIVATE_FILE)
    import gzip  # in the thread that compresses, not where a session begins

    with source.open("rb") as plain, os.fdopen(descriptor, "wb") as file:
        with gzip.GzipFile("", "wb", LEVEL, file, mtime=0) as packed:
            while data := plain.read(PORTION):
                if stop():
                    raise Stopped
                packed.write(data)
        file.flush()
        os.fsync(file.fileno())
