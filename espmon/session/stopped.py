"""What a stopped board looks like: registers, notes and the chain of calls, from the stack that was read so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from espmon.model.architecture import XTENSA, architecture_of
from espmon.model.registers import RegisterSet
from espmon.model.stack_frame import StackFrame
from espmon.postmortem import PostmortemError, SegmentMemory, Symbolizer
from espmon.postmortem.gdb_target import Stop
from espmon.postmortem.panic_notes import register_notes, register_symbols
from espmon.postmortem.unwinders import unwind
from espmon.session.gdb_client import Thread

STACK_BYTES = 512
"""Stack read before anything is known: enough for a few frames, 90 ms at 115200 baud."""

STACK_PIECE = 256
"""Stack read whenever the chain of calls leaves what is there."""

MAX_STACK_REACH = 256 << 10
"""How far above the stack pointer a frame may lie."""

BELOW = 16
"""Xtensa keeps the caller's a0 and a1 just below the stack pointer."""


def stack_pointer(registers: Mapping[str, int]) -> int:
    """The stack pointer by either architecture's name, 0 when it is not known."""
    return registers.get((architecture_of(registers) or XTENSA).sp, 0)


class StackReader:
    """Stack memory that is fetched as the unwinder asks for it.

    Args:
        pointer: the stack pointer.
    """

    def __init__(self, pointer: int) -> None:
        self.pointer = pointer
        self.start = max(pointer - BELOW, 0) & ~3
        self._pieces: dict[int, bytes] = {}
        self._memory = SegmentMemory([])
        self._missed: int | None = None
        self._refused: set[int] = set()

    @property
    def first(self) -> tuple[int, int]:
        """What to read before anything else: address, bytes."""
        return self.start, STACK_BYTES if self.pointer else 0

    @property
    def wanted(self) -> tuple[int, int] | None:
        """What the last unwinding lacked: address, bytes. None when it had everything it may have."""
        missed, self._missed = self._missed, None
        if missed is None or not self.start <= missed < self.pointer + MAX_STACK_REACH:
            return None
        address = missed & ~15
        if address in self._refused:
            return None
        self._refused.add(address)
        return address, STACK_PIECE

    def add(self, address: int, data: bytes) -> None:
        """Memory that was read."""
        if data:
            self._pieces[address] = data
            self._memory = SegmentMemory(_joined(self._pieces))

    def read(self, address: int, size: int) -> bytes | None:
        """Exactly `size` bytes, or None, which is remembered as `wanted`."""
        data = self._memory.read(address, size)
        if data is None:
            self._missed = address
        return data

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """Start and end of the pieces."""
        return [(start, start + len(data)) for start, data in self._memory.segments]

    @property
    def top(self) -> tuple[int, bytes]:
        """The piece at the stack pointer: address, bytes."""
        return self._memory.segments[0] if self._memory.segments else (self.start, b"")


def _joined(pieces: Mapping[int, bytes]) -> list[tuple[int, bytes]]:
    joined: list[tuple[int, bytes]] = []
    for start in sorted(pieces):
        if joined and start <= joined[-1][0] + len(joined[-1][1]):
            first, data = joined[-1]
            joined[-1] = first, data[: start - first] + pieces[start] + data[start - first + len(pieces[start]) :]
        else:
            joined.append((start, pieces[start]))
    return joined


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A board that stands still in its debug stub."""

    reason: str
    """Why it stopped, in plain words."""

    signal: int | None
    thread: str | None
    """Id of the thread that is looked at; None where the stub does not name one."""

    threads: tuple[Thread, ...]
    registers: Mapping[str, int]
    """Of that thread, by the names of its architecture."""

    notes: Mapping[str, str]
    """Register -> what its value tells."""

    frames: tuple[StackFrame, ...]
    """Of that thread, innermost first."""

    stack_address: int
    stack: bytes
    """Memory at the stack pointer."""

    warnings: tuple[str, ...]

    symbols: Mapping[str, str] = field(default_factory=dict)
    """Register -> the function or variable that it points into, with the offset."""


def snapshot(
    stop: Stop | None,
    thread: str | None,
    threads: Sequence[Thread],
    registers: Mapping[str, int],
    stack: StackReader,
    symbolizer: Symbolizer | None,
) -> Snapshot:
    """What the registers and the stack that was read so far tell. Raises nothing for what a board can send."""
    frames, warnings = _unwind(registers, stack, symbolizer)

    architecture = architecture_of(registers)
    notes = register_notes(registers, architecture, symbolizer, stack.ranges)
    address, data = stack.top
    return Snapshot(
        reason=stop.words if stop else "stopped",
        signal=stop.signal if stop else None,
        thread=thread or (stop.thread if stop else None),
        threads=tuple(threads),
        registers=registers,
        notes=notes,
        symbols=register_symbols(registers, architecture, symbolizer),
        frames=tuple(frames),
        stack_address=address,
        stack=data,
        warnings=tuple(warnings),
    )


def _unwind(
    registers: Mapping[str, int], stack: StackReader, symbolizer: Symbolizer | None
) -> tuple[Sequence[StackFrame], list[str]]:
    architecture = architecture_of(registers) or XTENSA
    pc = RegisterSet(registers).first(architecture.pc)
    if symbolizer is None:
        return [StackFrame(pc or 0, stack.pointer, None, None, None)], ["No ELF: addresses are not decoded"]
    named = RegisterSet(registers).lowered()
    if pc is not None:
        named["pc"] = pc
    try:
        trace = unwind(architecture, named, stack, symbolizer)
    except PostmortemError as error:
        return [], [str(error)]
    return trace.frames, [] if trace.complete or not trace.end else [f"The chain ends here: {trace.end}"]
