"""Lines typed before: one file a board, so that each has its own."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from espmon.regular_file import read_regular
from espmon.session.file_system import write_atomically
from espmon.session.session_folder import safe_name

MAX_HISTORY_LINES = 500
"""Most lines remembered of one board."""

MAX_LINE = 4096
"""Longest line that is remembered, in characters."""

MAX_BOARDS = 200
"""Boards whose lines are kept; those not typed to for longest go first."""


def history_of(folder: Path | None, device: str) -> History:
    """The lines typed to a board before.

    Args:
        folder: where the files are; None keeps nothing.
        device: what the board is known by: `serial:...`, `location:...`, else the name of its port.
    """
    if folder is None:
        return History()
    # The name alone is cut and cleaned, so that two boards could share it.
    digest = hashlib.sha256(device.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return History(folder / f"{safe_name(device)}-{digest}")


class History:
    """Lines typed before, newest last, kept in a file. Only `read` and `write` touch the file: they run in threads.

    Args:
        path: the file; None keeps nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.lines: list[str] = []
        """At most `MAX_HISTORY_LINES`."""

        self._at: int | None = None
        self._draft = ""
        self._loaded = path is None
        self._writing = threading.Lock()

    @property
    def kept(self) -> bool:
        """Whether there is a file."""
        return self.path is not None

    def read(self) -> list[str]:
        """The lines of the file, none where there is no file that can be read. Blocks."""
        try:
            data = read_regular(self.path or Path(), MAX_HISTORY_LINES * MAX_LINE)
            return data.decode("utf-8", "replace").splitlines()[-MAX_HISTORY_LINES:]
        except OSError:
            return []

    def take(self, lines: Sequence[str]) -> None:
        """Put what `read` found before what was typed meanwhile."""
        if self._loaded:
            return
        self._loaded = True
        if self._at is not None:
            self._at += len(lines)
        self.lines = [*lines, *self.lines]

    def add(self, line: str) -> bool:
        """Remember a line that was sent; a repeat of the last one is not listed twice. True: `write` has work."""
        self._at = None
        if not line.strip() or len(line) > MAX_LINE or (self.lines and self.lines[-1] == line):
            return False
        self.lines.append(line)
        del self.lines[:-MAX_HISTORY_LINES]
        return self.kept and self._loaded

    def write(self) -> None:
        """Write the lines as they are now, so that writes that overtake one another lose nothing. Blocks."""
        # History is a comfort: a full or read-only disk must not disturb typing.
        with self._writing, suppress(OSError):
            path = self.path or Path()
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, "".join(f"{line}\n" for line in tuple(self.lines)).encode())
            self._prune(path.parent)

    @staticmethod
    def _prune(folder: Path) -> None:
        files = sorted((path for path in folder.iterdir() if path.is_file()), key=lambda path: path.stat().st_mtime)
        for path in files[: max(0, len(files) - MAX_BOARDS)]:
            path.unlink()

    def rewind(self) -> None:
        """`step` begins again at the newest line."""
        self._at = None

    def step(self, delta: int, present: str) -> str | None:
        """The line before (-1) or after (1); `present` is what stands in the field. None when there is none."""
        if self._at is None:
            if delta > 0 or not self.lines:
                return None
            self._draft, self._at = present, len(self.lines)
        at = self._at + delta
        if at < 0:
            return None
        if at >= len(self.lines):
            self._at = None
            return self._draft
        self._at = at
        return self.lines[at]
