"""Unwinding of the Xtensa windowed ABI.

A caller's a0 and a1 lie in the four words below the callee's stack pointer. The two top bits of a0 say how far the
window was rotated (1: call4, 2: call8, 3: call12); the rest is the return address without its two top bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct

from espmon.model.stack_frame import MAX_FRAMES, Backtrace, FrameState
from espmon.postmortem.memory import DAMAGED, Memory, word
from espmon.postmortem.rom_code import in_rom
from espmon.postmortem.symbolizer import CodeSource
from espmon.postmortem.xtensa_code import ENTRY, call_size_before

REGION = 0xC000_0000
U32X4 = Struct("<4I")
MAX_FRAME_BYTES = 0x10000


def unwind_xtensa(
    registers: Mapping[str, int], memory: Memory, symbolizer: CodeSource, wrong: str = DAMAGED
) -> Backtrace:
    """Unwind from the registers `pc`, `a0`..`a15`, `ps` (lower case; missing ones end the chain) and stack memory.

    Where the register file is given (`ar0`..`ar63`, `windowbase`, `windowstart` not 0), windows still in it are taken
    from there. `wrong` begins the reason for an end where the stack and the code do not go together.
    """
    trace = Backtrace()
    pc, sp, a0 = registers.get("pc"), registers.get("a1"), registers.get("a0")
    if pc is None:
        trace.end = "the program counter is not known"
        return trace
    window = _Window(registers)
    trace.add(pc, sp or 0, symbolizer.lookup(pc, statements=True))
    if sp is None or a0 is None:
        trace.end = "a0 and a1 are not known"
        return trace
    region = pc & REGION or 0x4000_0000
    if not _is_code(pc, symbolizer):
        # A jump to a bad address: the call has set a0, and the window is not rotated yet.
        step = (registers.get("ps", 0) >> 16) & 3
        returned = registers.get(f"a{4 * step}", 0) if step else 0
        target = returned & ~REGION | 0x4000_0000
        region = 0x4000_0000
        if step and returned >> 30 == step and call_size_before(symbolizer, target) == step:
            trace.add(target, sp, symbolizer.lookup_caller(target, statements=True))
        elif _refusal(a0 & ~REGION | region, a0 >> 30, symbolizer):
            trace.end = f"0x{pc:08x} is not code"
            return trace
    elif _on_entry(pc, symbolizer):
        # ENTRY has not run: the window is still the caller's, the return address waits in a4, a8 or a12.
        step = (registers.get("ps", 0) >> 16) & 3
        returned = registers.get(f"a{4 * step}", 0) if step else 0
        if returned & ~REGION == 0:
            trace.complete, trace.end = True, "start of the task"
            return trace
        if returned >> 30 != step:
            trace.end = "stopped before ENTRY and the return address is not known"
            return trace
        target = returned & ~REGION | region
        if reason := _refusal(target, step, symbolizer):
            trace.end = f"{wrong}: {reason}"
            return trace
        trace.add(target, sp, symbolizer.lookup_caller(target, statements=True))
    _walk(trace, window, a0, sp, region, memory, symbolizer, wrong)
    return trace


def _walk(
    trace: Backtrace,
    window: _Window,
    a0: int,
    sp: int,
    region: int,
    memory: Memory,
    symbolizer: CodeSource,
    wrong: str,
) -> None:
    for _ in range(MAX_FRAMES):
        if a0 & ~REGION == 0:
            trace.complete = True
            trace.end = "start of the task"
            return
        step = a0 >> 30
        target = a0 & ~REGION | region
        if reason := _refusal(target, step, symbolizer):
            trace.end = f"{wrong}: {reason}"
            return
        if step == 0:
            trace.add(target, sp, symbolizer.lookup_caller(target, statements=True))
            trace.end = "called with call0: the caller's own return address is not kept"
            return
        kept = window.caller(step)
        if kept is None:
            below = memory.read(sp - 16, 16)
            if below is None:
                trace.add(target, 0, symbolizer.lookup_caller(target, statements=True))
                trace.end = f"the stack at 0x{(sp - 16) & 0xFFFFFFFF:08x} is not in the dump"
                return
            kept = dict(enumerate(U32X4.unpack(below)))
            kept.update(_spilled_above(memory, kept[1], step))
        next_a0, next_sp = kept[0], kept[1]
        if not sp < next_sp <= sp + MAX_FRAME_BYTES or next_sp % 16:
            trace.add(target, 0, symbolizer.lookup_caller(target, statements=True))
            if next_sp == 0 and next_a0 == 0:
                trace.complete, trace.end = True, "start of the task"
            else:
                trace.end = f"{wrong} at 0x{(sp - 16) & 0xFFFFFFFF:08x}: next stack pointer 0x{next_sp:08x}"
            return
        if trace.states:
            trace.states[-1] = trace.states[-1]._replace(returns_to=target)
        trace.states.append(FrameState(target - 3, kept, word(memory, next_sp - 12), len(trace.frames)))
        a0, sp = next_a0, next_sp
        trace.add(target, sp, symbolizer.lookup_caller(target, statements=True))
    trace.end = f"more than {MAX_FRAMES} frames"


def _spilled_above(memory: Memory, sp: int, step: int) -> dict[int, int]:
    """The registers behind a3 that a caller kept while it called: they lie below its own caller's stack pointer."""
    count = 4 * (step - 1)
    above = word(memory, sp - 12) if count > 0 else None
    content = memory.read(above - 16 - 4 * count, 4 * count) if above else None
    if content is None:
        return {}
    return {4 + at: int.from_bytes(content[4 * at : 4 * at + 4], "little") for at in range(count)}


def _is_code(address: int, symbolizer: CodeSource) -> bool:
    return symbolizer.is_code(address) or (address != 0x4000_0000 and in_rom(address, symbolizer))


def _refusal(target: int, step: int, symbolizer: CodeSource) -> str:
    """Return why a return address cannot be one, or an empty text."""
    if not _is_code(target, symbolizer):
        return f"return address 0x{target:08x} is not code"
    called = call_size_before(symbolizer, target)
    if called is not None and called != step:
        return f"no matching call before return address 0x{target:08x}"
    return ""


def _on_entry(pc: int, symbolizer: CodeSource) -> bool:
    return symbolizer.code_at(pc, 1) == bytes([ENTRY])


class _Window:
    """The windows that were not spilled to the stack."""

    def __init__(self, registers: Mapping[str, int]) -> None:
        self._file = [registers.get(f"ar{number}", 0) for number in range(64)]
        self._start = registers.get("windowstart", 0)
        self._base = registers.get("windowbase", 0) & 15
        if "ar0" not in registers:
            self._start = 0

    def caller(self, step: int) -> dict[int, int] | None:
        """Step to the caller's window; the registers it kept when they are still in the register file, else None."""
        self._base = (self._base - step) & 15
        if not self._start >> self._base & 1:
            self._start = 0  # older windows are on the stack too
            return None
        self._start &= ~(1 << self._base)
        return {number: self._file[(self._base * 4 + number) % 64] for number in range(4 * step)}
