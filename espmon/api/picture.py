"""A picture of what a board's display shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from espmon.session.file_system import write_atomically


@dataclass(frozen=True, slots=True)
class Picture:
    """A screenshot.

    Attributes:
        png: the PNG file, whole: its chunks were checked when it came.
    """

    png: bytes = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as the file's header says."""
        return int.from_bytes(self.png[16:20], "big"), int.from_bytes(self.png[20:24], "big")

    def save(self, path: str | Path) -> Path:
        """Write the PNG file, whole or not at all. Returns its path; raises OSError."""
        target = Path(path)
        write_atomically(target, self.png)
        return target
