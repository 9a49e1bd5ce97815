"""Reading a file that somebody else chose: a pipe in its place holds nobody up, and a huge one fills no memory.

Below every room, knowing none.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader, FileIO
from pathlib import Path


def open_regular(path: str | Path) -> FileIO:
    """A regular file, open for reading. Never waits for somebody to write into it.

    Raises:
        OSError: it cannot be opened; EINVAL: it is a folder, a pipe or a device.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags)
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return FileIO(descriptor)


def read_regular(path: str | Path, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes.

    Raises:
        OSError: it cannot be read; EINVAL: it is a folder, a pipe or a device; EFBIG: it is larger.
    """
    with BufferedReader(open_regular(path)) as file:
        # No more is asked for than there is: a buffer of `limit` bytes would be made before anything is read.
        data = file.read(min(limit, os.fstat(file.fileno()).st_size) + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit:,} bytes", str(path))
    return data
