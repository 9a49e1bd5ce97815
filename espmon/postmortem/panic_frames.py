"""The chain of calls of a panic: the printed one with names, or unwound from registers and stack memory."""

from __future__ import annotations

from typing import NamedTuple

from espmon.model.architecture import ARCHITECTURES, RISCV, XTENSA
from espmon.model.crash_facts import CoreState
from espmon.model.stack_frame import Backtrace, StackFrame
from espmon.postmortem.memory import DAMAGED, SegmentMemory
from espmon.postmortem.printed_backtrace import Evidence, read_backtrace
from espmon.postmortem.symbolizer import Symbolizer
from espmon.postmortem.unwinders import UNWINDERS, unwind
from espmon.postmortem.xtensa_code import call_size_before
from espmon.postmortem.xtensa_unwinder import unwind_xtensa

MAX_STACK_WORDS = 4096
"""Words of an ESP8266 stack dump that are looked at."""


class PrintedCore(NamedTuple):
    """One core of a panic: kind and architecture of the panic, what was printed of the core, its program counter, and
    the address from which it called abort(); None where they are not known.

    `wrong` begins the reason for an end where the stack and the code do not go together. `unconfirmed`: only the code
    can tell whether its backtrace is one.
    """

    kind: str
    arch: str | None
    state: CoreState
    pc: int | None
    abort_pc: int | None = None
    wrong: str = DAMAGED
    unconfirmed: bool = False


def panic_frames(printed: PrintedCore, symbolizer: Symbolizer | None, warnings: list[str]) -> list[StackFrame]:
    """Returns the chain of calls of a core, innermost first; doubts go into `warnings`."""
    arch, core, pc, abort_pc = printed.arch, printed.state, printed.pc, printed.abort_pc
    known = list(dict.fromkeys(address for address in (pc, abort_pc) if address))
    if symbolizer is None:
        return list(core.backtrace) or [StackFrame(address, 0) for address in known[:1]]
    if core.backtrace:
        return _named(printed, symbolizer, warnings)
    can_unwind = arch is not None and arch in UNWINDERS
    if arch is not None and can_unwind and core.stack and pc is not None:
        return _unwound(arch, printed, pc, symbolizer, warnings)
    if arch is not None and not can_unwind and core.stack:
        return _scanned(core, pc, symbolizer, warnings)
    if core.registers.keys() >= {*XTENSA.pc, XTENSA.ra}:
        return _from_xtensa_registers(printed, symbolizer, warnings)
    trace = Backtrace()
    for address in known:
        trace.add(address, 0, symbolizer.lookup(address))
    returns_to = core.registers.get(ARCHITECTURES.get(arch or "", RISCV).ra)
    if len(trace) and returns_to and symbolizer.is_code(returns_to) and returns_to != pc:
        trace.add(returns_to, 0, symbolizer.lookup_caller(returns_to))
        warnings.append("No stack was printed: the last frame is the return address register, which may be older")
    return trace.frames


def _unwound(arch: str, printed: PrintedCore, pc: int, symbolizer: Symbolizer, warnings: list[str]) -> list[StackFrame]:
    architecture, core = ARCHITECTURES[arch], printed.state
    registers = core.registers.lowered()
    registers["pc"] = pc
    memory = SegmentMemory((start, bytes(data)) for start, data in core.stack)
    trace = unwind(architecture, registers, memory, symbolizer, wrong=printed.wrong)
    caller = registers.get(architecture.ra.lower(), 0)
    if len(trace) == 1 and symbolizer.is_code(caller) and UNWINDERS[arch].follows_call(symbolizer, caller):
        # A jump to something that is no function (a wrong pointer): the return address is still in its register.
        onward = unwind(architecture, {**registers, "pc": caller}, memory, symbolizer, wrong=printed.wrong)
        trace = Backtrace(trace.frames, onward.end, onward.complete)
        trace.add(caller, registers.get(architecture.sp.lower(), 0), symbolizer.lookup_caller(caller))
        trace.frames += [frame for frame in onward.frames if frame.pc != caller]
        warnings.append("The program counter is in no function; the chain goes on at the return address register")
    if not trace.complete and trace.end:
        warnings.append(f"The chain ends early: {trace.end}")
    return list(trace.frames)


def _from_xtensa_registers(printed: PrintedCore, symbolizer: Symbolizer, warnings: list[str]) -> list[StackFrame]:
    """The program counter and, without a printed backtrace, the callers that the registers name: A0, as a rule."""
    core = printed.state
    memory = SegmentMemory((start, bytes(data)) for start, data in core.stack)
    trace = unwind_xtensa(core.registers.lowered(), memory, symbolizer, printed.wrong)
    if len(trace) > 1:
        warnings.append("No backtrace was printed: the callers are those that the registers name")
    elif trace.end:
        warnings.append(f"No backtrace was printed, and the registers name no caller: {trace.end}")
    return trace.frames


def _named(printed: PrintedCore, symbolizer: Symbolizer, warnings: list[str]) -> list[StackFrame]:
    registers, frames = printed.state.registers, printed.state.backtrace
    beside = Evidence(
        pc=registers.first(XTENSA.pc),
        a0=registers.get(XTENSA.ra),
        abort_pc=printed.abort_pc,
        faulted=printed.kind not in ("task_wdt", "int_wdt"),
    )
    found = read_backtrace([frame.pc for frame in frames], symbolizer, beside)
    if printed.unconfirmed and not found.convincing:
        warnings.append("These are no calls of this ELF: a backtrace of another build, or numbers of another kind")
        return list(frames)
    trace = Backtrace()
    for frame, (_, symbols) in zip(frames, found.frames_at(symbolizer), strict=True):
        trace.add(frame.pc, frame.sp or 0, symbols)
    for count, what in (
        (found.outside, "are no code of this ELF"),
        (found.unlikely, "do not follow a call in this ELF"),
    ):
        if count:
            warnings.append(f"{count} of {len(frames)} addresses {what}: another build, or a damaged backtrace")
    return trace.frames


def _scanned(core: CoreState, pc: int | None, symbolizer: Symbolizer, warnings: list[str]) -> list[StackFrame]:
    """Stack words that are code addresses right after a call, in order: the ESP8266 prints no frames."""
    trace = Backtrace()
    if pc is not None:
        trace.add(pc, 0, symbolizer.lookup(pc))
    for start, data in core.stack:
        for at in range(0, min(len(data), MAX_STACK_WORDS * 4) - 3, 4):
            value = int.from_bytes(data[at : at + 4], "little")
            if symbolizer.is_code(value) and call_size_before(symbolizer, value) == 0:
                trace.add(value, start + at, symbolizer.lookup_caller(value), recovered=True)
    warnings.append("Found by looking through the stack for return addresses: old calls may be among them")
    return trace.frames
