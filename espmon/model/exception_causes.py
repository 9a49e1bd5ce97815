"""What the cause register of each architecture says. Numbers and names as in the processors' manuals; where the panic
handler of ESP-IDF prints another name, that one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import NamedTuple


class Access(StrEnum):
    """What the processor did with the address of a fault."""

    READ = "read"
    WRITE = "write"
    EXECUTE = "execute"


class Cause(NamedTuple):
    """One exception."""

    name: str
    """As panics print it."""

    words: str
    """What it means."""

    access: Access | None = None
    """None where the cause does not tell."""

    has_address: bool = False
    """The fault's address is in the address register."""

    misaligned: bool = False
    """The address is no multiple of the size of the access."""

    kind: str = "exception"
    """The kind of crash: the panic handler reports watchdogs and cache errors as causes, too."""

    long_name: str = ""
    """As core dump tools print it, where that differs."""

    @property
    def title(self) -> str:
        """The name in a core dump's report."""
        return self.long_name or self.name


READ, WRITE, EXECUTE = Access.READ, Access.WRITE, Access.EXECUTE


def _xtensa(
    name: str, words: str, access: Access | None = None, *, address: bool = False, long_name: str = ""
) -> Cause:
    return Cause(name, words, access, address or access is not None, long_name=long_name or f"{name}Cause")


CACHE_OFF = "flash or PSRAM was accessed while the cache was off"
COPROCESSOR = "the floating point unit or another coprocessor was used while it is off, as in an interrupt handler"
NO_CODE = "a jump to an address that holds no code, often a null or stale function pointer"
NO_READ = "a read from an address that may not be read, often through a null pointer"
NO_WRITE = "a write to an address that may not be written, often through a null pointer"

XTENSA_CAUSES: Mapping[int, Cause] = {
    0: _xtensa("IllegalInstruction", "an instruction that does not exist, or a jump into data"),
    1: _xtensa("Syscall", "a SYSCALL instruction"),
    2: _xtensa("InstructionFetchError", "the next instruction could not be fetched", EXECUTE),
    3: _xtensa(
        "LoadStoreError",
        "a load or store the bus does not allow, such as a byte access to instruction memory or a write to read-only "
        "memory",
        address=True,
    ),
    4: _xtensa("Level1Interrupt", "an interrupt of level 1 that nothing handles"),
    5: _xtensa("Alloca", "stack extension in the middle of a register window"),
    6: _xtensa("IntegerDivideByZero", "an integer division by zero"),
    8: _xtensa("Privileged", "a privileged instruction"),
    9: Cause(
        "LoadStoreAlignment",
        "a load or store at an address that is not aligned",
        has_address=True,
        misaligned=True,
        long_name="LoadStoreAlignmentCause",
    ),
    12: _xtensa(
        "InstrPDAddrError",
        "the bus reported an error while fetching an instruction",
        long_name="InstrPIFDataErrorCause",
    ),
    13: _xtensa("LoadStorePIFDataError", "the bus reported an error on a load or store", address=True),
    14: _xtensa("InstrPIFAddrError", "an instruction was fetched from an address the bus does not know"),
    15: _xtensa("LoadStorePIFAddrError", "a load or store at an address the bus does not know", address=True),
    16: _xtensa("InstTLBMiss", "no mapping for the next instruction"),
    17: _xtensa("InstTLBMultiHit", "several mappings for the next instruction"),
    18: _xtensa("InstFetchPrivilege", "the next instruction needs a higher privilege"),
    20: _xtensa("InstrFetchProhibited", NO_CODE, EXECUTE),
    24: _xtensa("LoadStoreTLBMiss", "no mapping for the address of a load or store", address=True),
    25: _xtensa("LoadStoreTLBMultiHit", "several mappings for the address of a load or store", address=True),
    26: _xtensa("LoadStorePrivilege", "a load or store that needs a higher privilege", address=True),
    28: _xtensa("LoadProhibited", NO_READ, READ),
    29: _xtensa("StoreProhibited", NO_WRITE, WRITE),
    **{
        32 + number: Cause(f"Cp{number}Dis", COPROCESSOR, long_name=f"Coprocessor{number}Disabled")
        for number in range(8)
    },
    65: Cause("DebugException", "a breakpoint or watchpoint, such as the stack canary"),
    66: Cause("DoubleException", "an exception inside the handling of an exception, often a stack overflow"),
    67: Cause("KernelException", "an exception in exception code"),
    68: Cause("CoprocessorException", "a coprocessor was used where that is not allowed"),
    69: Cause("InterruptWdtCPU0", "interrupts were off for too long on CPU 0 (interrupt watchdog)", kind="int_wdt"),
    70: Cause("InterruptWdtCPU1", "interrupts were off for too long on CPU 1 (interrupt watchdog)", kind="int_wdt"),
    71: Cause("CacheError", CACHE_OFF, kind="cache"),
}
"""EXCCAUSE -> cause; from 64 on, numbers that the panic handler makes up."""


def _riscv(name: str, words: str, access: Access | None = None, *, misaligned: bool = False) -> Cause:
    return Cause(name, words, access, access is not None, misaligned)


RISCV_CAUSES: Mapping[int, Cause] = {
    0: _riscv("Instruction address misaligned", "a jump to an odd address", EXECUTE, misaligned=True),
    1: _riscv("Instruction access fault", NO_CODE, EXECUTE),
    2: _riscv("Illegal instruction", "an instruction that does not exist, or a jump into data; abort() also ends here"),
    3: _riscv("Breakpoint", "a breakpoint instruction or a watchpoint, such as the stack guard"),
    4: _riscv("Load address misaligned", "a read at an address that is not aligned", READ, misaligned=True),
    5: _riscv("Load access fault", NO_READ, READ),
    6: _riscv("Store address misaligned", "a write at an address that is not aligned", WRITE, misaligned=True),
    7: _riscv("Store access fault", NO_WRITE, WRITE),
    8: _riscv("Environment call from U-mode", "an ECALL instruction in user mode"),
    9: _riscv("Environment call from S-mode", "an ECALL instruction in supervisor mode"),
    11: _riscv("Environment call from M-mode", "an ECALL instruction"),
    12: _riscv("Instruction page fault", "no mapping for the next instruction", EXECUTE),
    13: _riscv("Load page fault", "no mapping for the address of a read", READ),
    15: _riscv("Store page fault", "no mapping for the address of a write", WRITE),
    24: Cause("Interrupt watchdog", "interrupts were off for too long", kind="int_wdt"),
    25: Cause("Cache error", CACHE_OFF, kind="cache"),
    27: Cause("Assist debug", "the stack pointer left its bounds (stack guard)", kind="stack_overflow"),
}
"""MCAUSE -> cause; from 24 on, interrupts that the panic handler reports as causes."""

_OTHER_NAMES: Mapping[str, str] = {
    "instfetchprohibited": "instrfetchprohibited",
    "instrprohibited": "instrfetchprohibited",
    "instraccessfault": "instructionaccessfault",
    "instructionfault": "instructionaccessfault",
    "storeamoaccessfault": "storeaccessfault",
}
"""Names that Zephyr, NuttX and Rust give to causes -> the table's, both as `_letters` has them."""


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@cache
def _by_name() -> Mapping[str, Cause]:
    return {
        _letters(name): cause
        for table in (XTENSA_CAUSES, RISCV_CAUSES)
        for cause in table.values()
        for name in (cause.name, cause.title)
    }


@cache
def _by_exact_name() -> Mapping[str, Cause]:
    return {cause.name: cause for table in (XTENSA_CAUSES, RISCV_CAUSES) for cause in table.values()}


def cause_named(name: str) -> Cause | None:
    """Returns the cause that a board calls so, however it spaces and capitalises the name; None for any other text.

    Two processors may mean the same by names that only differ in that: the name as it is goes first.
    """
    if (exact := _by_exact_name().get(name)) is not None:
        return exact
    letters = _letters(name)
    return _by_name().get(_OTHER_NAMES.get(letters, letters))
