"""What is known of a crash before anything is looked up: as the board printed it, or as a core dump has it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from espmon.model.exception_causes import Access
from espmon.model.registers import RegisterSet
from espmon.model.stack_frame import StackFrame

StackPieces = list[tuple[int, bytes | bytearray]]
"""Stack memory as (address, bytes), in the order printed."""


@dataclass(slots=True)
class CoreState:
    """What was printed about a core other than the one that crashed; fields as in `CrashFacts`."""

    core: int | None
    registers: RegisterSet = field(default_factory=RegisterSet)
    backtrace: list[StackFrame] = field(default_factory=list)
    stack: StackPieces = field(default_factory=list)
    corrupted: bool = False

    def to_json(self) -> dict[str, Any]:
        """The core's state as panic records have it."""
        return {
            "core": self.core,
            "registers": self.registers.to_json(),
            "backtrace": [frame.to_json() for frame in self.backtrace],
            "corrupted": self.corrupted,
        }


ADDRESSES = frozenset({"pc", "excvaddr", "fault_address", "stack_pointer", "stack_bounds", "abort_pc"})
OTHERWISE_TOLD = ("isr", "stack", "starved", "running", "suspect", "other_cores")
"""Fields that JSON has in another form, for some kinds alone, or not at all."""


def _json(name: str, value: Any) -> Any:
    if isinstance(value, RegisterSet):
        return value.to_json()
    if isinstance(value, StackFrame):
        return value.to_json()
    if isinstance(value, list | tuple):
        return [_json(name, item) for item in value]
    return f"0x{value:08x}" if name in ADDRESSES and value is not None else value


@dataclass(eq=False, repr=False)
class CrashFacts:
    """One crash. A `panic` record is one; a core dump fills what it has.

    Attributes:
        kind: "exception", "abort", "assert", "task_wdt", "int_wdt", "stack_overflow", "stack_smash", "heap", "cache",
            "brownout", "rust" or "other".
        cause: what the board called it ("LoadProhibited"), or what its cause register says when the banner was lost.
        plain: the same in plain words.
        arch: name of its `Architecture` ("xtensa", "riscv", "esp8266"); None when nothing tells.
        core: number of the core that crashed.
        isr: whether an interrupt was running; None when nothing tells.
        task: the task it happened in; for the task watchdog, the suspect.
        pc: where it crashed; for an abort without registers, where abort() was called.
        excvaddr: the address that was accessed (EXCVADDR, MTVAL).
        registers: name -> value, exactly as printed.
        backtrace: as printed, innermost first; entries that are no code are kept.
        stack: dumped stack memory.
        other_cores: what was printed about the other cores.
        corrupted: the board itself said that the backtrace is corrupted.
        continues: the board cut the backtrace because it was too deep.
        message: the text that came with it: assertion, error, panic message.
        reason: why the program gave up, in its own words: what it printed just before abort() or the registers.
        operation: what was done with `fault_address` or `excvaddr`, where the report says so; None where it does not.
        fault_address: the address that the report's text names: of a memory protection fault, a cache error, a refused
            access; None where only a register has it.
        memory: what lies there, in the board's words ("DRAM0_SRAM").
        stack_pointer: the stack pointer that a stack protection fault prints.
        stack_bounds: the bounds that it prints: (lowest address, address behind the highest).
        lp_core: it happened on the low-power core.
        fatal: False when the program goes on after the report: a task watchdog that only warns.
        previous_boot: it happened before the last restart; the firmware kept it and printed it afterwards.
        unconfirmed: nothing but the form of its addresses says that it is a backtrace; an ELF can tell.
        abort_pc: the argument of "abort() was called at PC".
        starved: tasks that did not reset the task watchdog: (name, CPU or None).
        running: CPU -> task that was running when the task watchdog fired.
        suspect: the task that most likely caused a task watchdog.
        damaged: what could not be read, in plain words.
        elf_sha256: the part of the application ELF's SHA-256 that was printed, lower case.
        elf_match: whether a given ELF is the program that crashed; None until someone compared.
        nested: it happened while another crash was being reported.
        count: how many equal crashes are folded into this one.
    """

    kind: str = "other"
    cause: str | None = None
    plain: str | None = None
    arch: str | None = None
    core: int | None = None
    isr: bool | None = None
    task: str | None = None
    pc: int | None = None
    excvaddr: int | None = None
    registers: RegisterSet = field(default_factory=RegisterSet)
    backtrace: list[StackFrame] = field(default_factory=list)
    stack: StackPieces = field(default_factory=list)
    other_cores: list[CoreState] = field(default_factory=list)
    corrupted: bool = False
    continues: bool = False
    message: str | None = None
    reason: str | None = None
    operation: Access | None = None
    fault_address: int | None = None
    memory: str | None = None
    stack_pointer: int | None = None
    stack_bounds: tuple[int, int] | None = None
    lp_core: bool = False
    fatal: bool = True
    previous_boot: bool = False
    unconfirmed: bool = False
    abort_pc: int | None = None
    starved: list[tuple[str, int | None]] = field(default_factory=list)
    running: dict[int, str] = field(default_factory=dict)
    suspect: str | None = None
    damaged: list[str] = field(default_factory=list)
    elf_sha256: str | None = None
    elf_match: bool | None = field(default=None, compare=False)
    nested: bool = False
    count: int = field(default=1, compare=False)

    def same_as(self, other: CrashFacts) -> bool:
        """Whether the two are the same in everything that was printed; not in how often, nor in what was compared."""
        return all(getattr(self, item.name) == getattr(other, item.name) for item in fields(CrashFacts) if item.compare)

    def fields(self) -> dict[str, Any]:
        """The fields of a `panic` in JSON."""
        told = {item.name: _json(item.name, getattr(self, item.name)) for item in fields(CrashFacts)}
        told["stack_bytes"] = sum(len(piece) for _, piece in self.stack)
        for name in OTHERWISE_TOLD:
            del told[name]
        if self.kind == "task_wdt":
            told["starved"] = [{"task": task, "cpu": cpu} for task, cpu in self.starved]
            told["running"] = {str(cpu): task for cpu, task in sorted(self.running.items())}
            told["suspect"] = self.suspect
        if self.other_cores:
            told["other_cores"] = [state.to_json() for state in self.other_cores]
        return told
