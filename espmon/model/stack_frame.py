"""Frames: one function at an address, one line of a backtrace, and the chain that they make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_FRAMES = 64
"""Physical frames a thread."""


class Frame(NamedTuple):
    """One function at an address. `function`, `file`, `line` are None where unknown; `inlined`: into the frame after
    it.
    """

    function: str | None
    file: str | None
    line: int | None
    inlined: bool = False

    def to_json(self) -> dict[str, object]:
        """The frame as the `symbolize` contract has it."""
        return {"function": self.function, "file": self.file, "line": self.line, "inlined": self.inlined}


class StackFrame(NamedTuple):
    """One line of a backtrace. `pc` of callers is the return address; inlined frames share the pc of the one they are
    in.

    `sp` is None where it was not printed. `recovered`: found on the stack behind code without frame information, under
    the conditions of `unwind_riscv`.
    """

    pc: int
    sp: int | None = None
    function: str | None = None
    file: str | None = None
    line: int | None = None
    inlined: bool = False
    recovered: bool = False

    @property
    def text(self) -> str:
        """Address, function and place in one row."""
        where = f" at {self.file}:{self.line}" if self.file else ""
        return f"0x{self.pc:08x} {self.function or '??'}{where}"

    def to_json(self) -> dict[str, object]:
        """The frame as reports and records have it (addresses as text); `recovered` is there when it is so."""
        fields: dict[str, object] = {
            "pc": f"0x{self.pc:08x}",
            "sp": None if self.sp is None else f"0x{self.sp:08x}",
            "function": self.function,
            "file": self.file,
            "line": self.line,
            "inlined": self.inlined,
        }
        return {**fields, "recovered": True} if self.recovered else fields


class FrameState(NamedTuple):
    """A physical frame while it runs: the address to look variables up at, what is known of its registers, its frame
    address (CFA).

    Registers are by DWARF number; the frame address is None where it is not known. `first` is the index of its
    innermost line in the backtrace, `returns_to` the address that it returns to where that is known.
    """

    address: int
    registers: Mapping[int, int]
    cfa: int | None
    first: int = 0
    returns_to: int | None = None


@dataclass(slots=True)
class Backtrace:
    """Frames, innermost first. `end` says why there are no more; `complete` is False where the chain could not be
    trusted further.
    """

    frames: list[StackFrame] = field(default_factory=list)
    end: str = ""
    complete: bool = False
    states: list[FrameState] = field(default_factory=list)
    latest: int = 0
    """Index of the first line that the last `add` made."""

    def __iter__(self) -> Iterator[StackFrame]:
        return iter(self.frames)

    def __len__(self) -> int:
        return len(self.frames)

    def add(self, pc: int, sp: int, symbols: Iterable[Frame], recovered: bool = False) -> None:
        """Append the frames of one address; one without a name when nothing is known of it."""
        chain = list(symbols) or [Frame(None, None, None)]
        self.latest = len(self.frames)
        for item in chain:
            self.frames.append(StackFrame(pc, sp, item.function, item.file, item.line, item.inlined, recovered))
