"""The SHA-256 of a file, worked out beside what else is read of it."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

from espmon.postmortem import Symbolizer
from espmon.regular_file import open_regular

PIECE_BYTES = 16 << 20
"""Read and hashed at once. Between two pieces the thread waits for the interpreter, up to 5 ms while it is busy."""

MIN_BYTES = 8 << 20
"""A smaller file is hashed in less time than a thread is worth."""


class FileHash:
    """One file's SHA-256, by a thread that ends with the file: `begin`, and `result` when it is needed.

    Args:
        path: the file.
        size: its bytes; one that has another size meanwhile has no result.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path, self._size = path, size
        self._digest: str | None = None
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Start working it out, where that is worth a thread; a second call does nothing."""
        if self._thread is None and self._size >= MIN_BYTES:
            self._thread = threading.Thread(target=self._run, name="espmon-elf-hash", daemon=True)
            self._thread.start()

    def result(self) -> str | None:
        """Lower-case hex; None where it was not begun, or the file cannot be read or has changed."""
        if self._thread is not None:
            self._thread.join()
        return self._digest

    def _run(self) -> None:
        digest, buffer = hashlib.sha256(), memoryview(bytearray(PIECE_BYTES))
        left = self._size
        try:
            with open_regular(self._path) as file:
                while left > 0 and (count := file.readinto(buffer)):
                    digest.update(buffer[:count])
                    left -= count
        except OSError:
            return  # who asks reads it again, and says why that does not work
        if left == 0:
            self._digest = digest.hexdigest()


def hash_ahead(symbolizer: Symbolizer) -> None:
    """Work the application's SHA-256 out while a dump is decoded with it, which ends with asking for it."""
    elf = symbolizer.elf
    found = FileHash(elf.path, elf.source.size)
    found.begin()
    elf.hash_by(found.result)
