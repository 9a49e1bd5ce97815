"""What unwinding gives: stack frames, and the reason why the chain ends."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Protocol

from espmon.postmortem.symbolizer import Frame

MAX_FRAMES = 64
"""Physical frames a thread."""

DAMAGED, FOREIGN = "the stack is damaged", "it does not fit this ELF"
"""What is wrong where the words on a stack and the code do not go together: with the ELF of another build, the ELF."""


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


@dataclass(frozen=True, slots=True)
class FrameState:
    """A physical frame while it runs: the address to look variables up at, what is known of its registers, its frame
    address (CFA).

    Registers are by DWARF number; the frame address is None where it is not known.
    """

    address: int
    registers: Mapping[int, int]
    cfa: int | None


@dataclass(slots=True)
class Backtrace:
    """Frames, innermost first. `end` says why there are no more; `complete` is False where the chain could not be
    trusted further.
    """

    frames: list[StackFrame] = field(default_factory=list)
    end: str = ""
    complete: bool = False
    states: list[FrameState] = field(default_factory=list)

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
