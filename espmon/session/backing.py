"""Where the bytes of a replayed stream are: in files that stay open, so that none of them has to be kept in memory."""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from typing import BinaryIO


class Backing:
    """Bytes of a stream by their offsets. May be read from any thread; one thread adds."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._extents: list[tuple[BinaryIO, int]] = []
        self.lock = threading.Lock()
        """Held by whoever moves in one of the files."""

    def add(self, start: int, file: BinaryIO, at: int) -> None:
        """From stream offset `start` on, which is behind all before, bytes are in `file` from position `at` on."""
        with self.lock:
            self._extents.append((file, at))
            self._starts.append(start)

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from stream offset `offset`; fewer where the file has lost them. Raises OSError."""
        with self.lock:
            index = bisect_right(self._starts, offset) - 1
            if index < 0:
                return b""
            file, at = self._extents[index]
            if file.closed:
                return b""
            file.seek(at + offset - self._starts[index], os.SEEK_SET)
            return file.read(size)

    def close(self) -> None:
        """Close the files."""
        with self.lock:
            for file, _ in self._extents:
                file.close()
