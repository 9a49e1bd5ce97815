"""What can be opened in place of a port, and which of its kinds a path is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from espmon.session.backing import Backing
from espmon.session.replay.moment import Moment

PORTION = 256 << 10
"""Bytes read at once."""


class Source(ABC):
    """Something that was recorded. Its files are read in whatever thread asks for the next moment.

    Attributes:
        path: the file or folder.
        kind: what it is, in a few words.
        size: bytes to read, as far as that is known; of what is compressed, the compressed ones.
        done: how many of these were read.
        timed: it says when its bytes came.
        start: when it began, in seconds since the epoch.
        backing: where the stream's bytes can be read again.
    """

    kind = "log file"
    timed = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.size = 0
        self.done = 0
        self.start = 0.0
        self.backing = Backing()

    @abstractmethod
    def moments(self) -> Iterator[Moment]:
        """Everything, from the beginning. Raises OSError, `SourceError`."""

    def tail(self, size: int) -> Source | None:
        """The last `size` bytes of it alone, None where they cannot be read without the rest."""
        return None

    @property
    def begin(self) -> int:
        """Stream offset of its first byte."""
        return 0

    def close(self) -> None:
        """Let go of the files."""
        self.backing.close()
