"""What unwinding gives: stack frames, and the reason why the chain ends."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from espmon.postmortem.symbolizer import Frame

MAX_FRAMES = 64
"""Physical frames a thread."""


@dataclass(frozen=True, slots=True)
class StackFrame:
    """One line of a backtrace. `pc` of callers is the return address; inlined frames share the pc of the one they are
    in.

    `recovered`: found on the stack behind code without frame information, under the conditions of `unwind_riscv`.
    """

    pc: int
    sp: int
    function: str | None
    file: str | None
    line: int | None
    inlined: bool = False
    recovered: bool = False

    def to_json(self) -> dict[str, object]:
        """The frame as core dump reports and panic records have it (addresses as text)."""
        return {
            "pc": f"0x{self.pc:08x}",
            "sp": f"0x{self.sp:08x}",
            "function": self.function,
            "file": self.file,
            "line": self.line,
            "inlined": self.inlined,
            "recovered": self.recovered,
        }


@dataclass(slots=True)
class Backtrace:
    """Frames, innermost first. `end` says why there are no more; `complete` is False where the chain could not be
    trusted further.
    """

    frames: list[StackFrame] = field(default_factory=list)
    end: str = ""
    complete: bool = False

    def __iter__(self) -> Iterator[StackFrame]:
        return iter(self.frames)

    def __len__(self) -> int:
        return len(self.frames)

    def add(self, pc: int, sp: int, symbols: Iterable[Frame], recovered: bool = False) -> None:
        """Append the frames of one address; one without a name when nothing is known of it."""
        chain = list(symbols) or [Frame(None, None, None)]
        for item in chain:
            self.frames.append(StackFrame(pc, sp, item.function, item.file, item.line, item.inlined, recovered))


class Memory(Protocol):
    """Bytes of the target by address."""

    def read(self, address: int, size: int) -> bytes | None:
        """Return exactly `size` bytes, None where they are not all known."""


class SegmentMemory:
    """Memory made of pieces (address, bytes); of overlapping ones the later given wins."""

    def __init__(self, segments: Iterable[tuple[int, bytes]]) -> None:
        self.segments = sorted(((start, data) for start, data in segments if data), key=lambda item: item[0])
        self._starts = [start for start, _ in self.segments]

    def read(self, address: int, size: int) -> bytes | None:
        """Return exactly `size` bytes, None where they are not all in one piece."""
        at = bisect_right(self._starts, address) - 1
        for index in range(at, max(at - 8, -1), -1):
            start, data = self.segments[index]
            if start <= address and address + size <= start + len(data):
                return data[address - start : address - start + size]
        return None

    def end_of(self, address: int) -> int | None:
        """Return the end of the piece that holds an address."""
        at = bisect_right(self._starts, address) - 1
        for index in range(at, max(at - 8, -1), -1):
            start, data = self.segments[index]
            if start <= address < start + len(data):
                return start + len(data)
        return None


def word(memory: Memory, address: int) -> int | None:
    """Return the 32-bit word at an address, None where it is not known."""
    data = memory.read(address & 0xFFFFFFFF, 4)
    return int.from_bytes(data, "little") if data is not None else None
