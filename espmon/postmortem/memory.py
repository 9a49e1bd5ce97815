"""Memory of the target, as pieces that were dumped or read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import Protocol

DAMAGED, FOREIGN = "the stack is damaged", "it does not fit this ELF"
"""What is wrong where the words on a stack and the code do not go together: with the ELF of another build, the ELF."""


class Memory(Protocol):
    """Bytes of the target by address."""

    def read(self, address: int, size: int) -> bytes | None:
        """Return exactly `size` bytes, None where they are not all known."""


class SegmentMemory:
    """Memory made of pieces (address, bytes); of those that hold an address, the one that begins last is read."""

    def __init__(self, segments: Iterable[tuple[int, bytes]]) -> None:
        self.segments = sorted(((start, data) for start, data in segments if data), key=lambda item: item[0])
        self._starts = [start for start, _ in self.segments]
        # The farthest end of this and all earlier pieces: small pieces may lie inside large ones that begin long
        # before.
        self._reach = list(accumulate((start + len(data) for start, data in self.segments), max))

    def _holding(self, address: int, size: int) -> tuple[int, bytes] | None:
        index = bisect_right(self._starts, address) - 1
        while index >= 0 and self._reach[index] >= address + size:
            start, data = self.segments[index]
            if address + size <= start + len(data):
                return start, data
            index -= 1
        return None

    def read(self, address: int, size: int) -> bytes | None:
        """Return exactly `size` bytes, None where they are not all in one piece."""
        found = self._holding(address, size)
        return found[1][address - found[0] : address - found[0] + size] if found else None

    def end_of(self, address: int) -> int | None:
        """Return the end of the piece that holds an address."""
        found = self._holding(address, 1)
        return found[0] + len(found[1]) if found else None


def word(memory: Memory, address: int) -> int | None:
    """Return the 32-bit word at an address, None where it is not known."""
    data = memory.read(address & 0xFFFFFFFF, 4)
    return int.from_bytes(data, "little") if data is not None else None
