"""What a session does to files, in one place: tests put a disk here that is full, slow, gone or loses what it held."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
"""Modes of what a session makes: boards print keys and passwords. Systems without modes take no notice."""

REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "the file may not grow any further (`ulimit -f`, or the file system's own limit)",
    errno.EROFS: "the disk is read-only",
    errno.EIO: "the disk reports an error",
    errno.ENOENT: "the folder is gone",
    errno.EACCES: "there is no permission to write there",
}
"""Error number -> why nothing is written, for people."""


def reason(error: OSError) -> str:
    """Why a file operation failed, in a few words."""
    return REASONS.get(error.errno or 0) or error.strerror or str(error)


class FileSystem:
    """The operating system's files. Every method may block, and raises OSError."""

    def make_folder(self, path: Path, *, parents: bool = False) -> None:
        """Make a folder of the user's own; FileExistsError when it is there, unless `parents` are made with it."""
        path.mkdir(mode=PRIVATE_FOLDER, parents=parents, exist_ok=parents)

    def open(self, path: Path, flags: int, mode: int = PRIVATE_FILE) -> int:
        """Open a file; returns its descriptor."""
        return os.open(path, flags | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0), mode)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        """Write; returns how many bytes were taken."""
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """Return when everything written is on the disk."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close a descriptor."""
        os.close(descriptor)

    def removed(self, descriptor: int) -> bool:
        """Whether an open file has no name any more: what is written to it goes nowhere."""
        return os.fstat(descriptor).st_nlink == 0

    def size(self, descriptor: int) -> int | None:
        """Bytes of an open file, None for what is no file on a disk."""
        status = os.fstat(descriptor)
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def remove(self, path: Path) -> None:
        """Take a file's name away, if it has it."""
        path.unlink(missing_ok=True)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file its name, in place of one that has it."""
        os.replace(old, new)

    def sync_names(self, folder: Path) -> None:
        """Return when the names in a folder are on the disk. Windows sees to that by itself."""
        if not hasattr(os, "O_DIRECTORY"):
            return
        descriptor = self.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.sync(descriptor)
        finally:
            self.close(descriptor)

    def open_temporary(self, path: Path) -> tuple[int, Path]:
        """A new file beside `path`: its descriptor and name."""
        import tempfile  # with shutil, random and hashlib, which who only reads does not need

        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        return descriptor, Path(name)


def write_all(files: FileSystem, descriptor: int, data: bytes) -> None:
    """Write all of `data`. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[files.write(descriptor, view) :]


def write_atomically(path: Path, data: bytes, files: FileSystem | None = None) -> None:
    """Write a whole file so that a reader sees the old content or the new, never a part, also after a power cut.

    Raises:
        OSError: nothing was changed.
    """
    files = files or FileSystem()
    descriptor, temporary = files.open_temporary(path)
    try:
        try:
            write_all(files, descriptor, data)
            files.sync(descriptor)
        finally:
            files.close(descriptor)
        files.rename(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    files.sync_names(path.parent)
