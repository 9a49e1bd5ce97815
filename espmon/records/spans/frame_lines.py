"""Frames that say lines, as columns: each line covers bytes of its own frame."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from espmon.records.columns import Columns


class FrameLines:
    """Collects the lines of consecutive frames. A frame of several lines is divided evenly among them."""

    def __init__(self) -> None:
        self.starts = array("I", [0])
        self.texts: list[str] = []
        self._levels = bytearray()
        self._tags: list[str | None] = []
        self._times: list[int | None] = []

    def add(self, lines: Sequence[str], size: int, level: str | None, tag: str | None, time: int | None) -> None:
        """The next frame: its lines, its `size` in bytes, and what all its lines have in common (`time` in ms)."""
        first, count = self.starts[-1], len(lines)
        self.starts.extend(first + size * part // count for part in range(1, count))
        self.starts.append(first + size)
        self.texts.extend(lines)
        self._levels.extend(bytes([ord(level) if level else 0]) * count)
        self._tags.extend([tag] * count)
        self._times.extend([time] * count)

    @property
    def columns(self) -> Columns:
        """Levels, tags and times of the lines."""
        return Columns(bytes(self._levels), self._tags, self._times)
