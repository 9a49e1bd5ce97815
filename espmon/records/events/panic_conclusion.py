"""What follows from a crash report once all of it is there."""

from __future__ import annotations

from espmon.model.architecture import ARCHITECTURES, XTENSA, architecture_of
from espmon.model.crash_kinds import plain_words
from espmon.model.exception_causes import RISCV_CAUSES, XTENSA_CAUSES
from espmon.records.events.panic_record import Panic

_RANK = ("other", "exception", "abort", "cache", "int_wdt", "brownout", "assert", "rust", "heap",
         "stack_overflow", "stack_smash", "task_wdt")  # fmt: skip
"""Which kind wins when one crash shows several: the later, the more it explains."""

_CAUSE_TELLS = frozenset({"exception", "cache", "int_wdt", "abort", "other"})
"""Kinds whose plain words come from the cause; for the others the kind says more than the abort that followed."""

MIN_CAUSE_LETTERS = 6
"""Letters of a cut cause that can stand for a whole one."""

_ILLEGAL_INSTRUCTION, _STORE_FAULT = 2, 7
"""MCAUSE of the instruction, and of the write to address 0 in older versions, with which ESP-IDF gives up."""


def stronger(kind: str, other: str) -> str:
    """The one of two kinds that explains more."""
    return max(kind, other, key=_RANK.index)


def whole_cause(cut: str) -> str:
    """The cause that a cut print stands for; the print itself where it may be several or none."""
    names = {cause.name for table in (XTENSA_CAUSES, RISCV_CAUSES) for cause in table.values()}
    whole = [name for name in names if len(cut) >= MIN_CAUSE_LETTERS and name.startswith(cut)]
    return whole[0] if len(whole) == 1 else cut


def gave_up(panic: Panic) -> bool:
    """The registers are those of a program that gave up, and not of a fault whose banner was lost."""
    cause = panic.registers.get("MCAUSE")
    return cause == _ILLEGAL_INSTRUCTION or (cause == _STORE_FAULT and panic.registers.get("MTVAL") == 0)


def conclude(panic: Panic) -> None:
    """Derive what was not printed: architecture, cause, address, place, plain words."""
    registers = panic.registers
    arch = ARCHITECTURES.get(panic.arch or "")
    if arch is None:
        arch = architecture_of(registers)
        if arch is None and any(frame.sp is not None for frame in panic.backtrace):
            arch = XTENSA
        panic.arch = arch.name if arch is not None else None
    # The cause register may hold a pseudo cause (a watchdog, a cache error): only consulted when the banner was lost.
    known = arch or XTENSA
    if panic.cause is None and panic.kind in ("other", "exception") and known.cause_register in registers:
        cause = known.causes.get(registers[known.cause_register])
        panic.cause = cause.name if cause is not None else None
        panic.kind = cause.kind if cause is not None else "exception"
    if panic.excvaddr is None:
        panic.excvaddr = registers.get(known.address_register)
    if panic.pc is None:
        pc = registers.first(known.pc)
        if pc is None:
            pc = panic.abort_pc
        if pc is None and (frame := panic.crash_frame) is not None:
            pc = frame.pc
        panic.pc = pc
    kind = panic.kind.replace("_", " ").replace("task wdt", "task watchdog")
    told = (panic.message, panic.cause, kind) if panic.kind == "cache" else (panic.cause, panic.message, kind)
    panic.plain = plain_words(*told) if panic.kind in _CAUSE_TELLS else plain_words(kind, *told)
