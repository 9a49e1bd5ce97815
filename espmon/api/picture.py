"""A picture of what a board's display shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from espmon.session.file_system import write_atomically


@dataclass(frozen=True, slots=True)
class Picture:
    """A screenshot.

    Attributes:
        png: the PNG file.
        width: in pixels.
        height: in pixels.
    """

    png: bytes = field(repr=False)
    width: int
    height: int

    def save(self, path: str | Path) -> Path:
        """Write the PNG file, whole or not at all. Returns its path; raises OSError."""
        target = Path(path)
        write_atomically(target, self.png)
        return target
