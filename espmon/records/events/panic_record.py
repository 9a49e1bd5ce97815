"""The panic record: what a crash report on the wire says, and what of it could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from espmon.records.record import Event, JsonObject

MAX_FRAMES = 256
"""Backtrace entries kept."""

MAX_DAMAGED = 32
"""Remarks about unreadable parts kept."""

MAX_STACK = 64 * 1024
"""Bytes of dumped stack memory kept."""

MAX_MESSAGE = 2048
"""Characters of the message kept."""


def is_code_address(address: int) -> bool:
    """True for an address that can hold instructions on some chip of the family: ROM, IRAM, flash, RTC, TCM."""
    return 0x40000000 <= address < 0x50010000 or 0x30100000 <= address < 0x30102000


def call_address(word: int) -> int:
    """An Xtensa return address with the window size in its top bits taken off: 0x800d1234 -> 0x400d1234."""
    if word >> 30 in (2, 3):
        plain = (word & 0x3FFFFFFF) | 0x40000000
        if plain < 0x44000000:
            return plain
    return word


@dataclass(slots=True)
class BacktraceFrame:
    """One entry of a printed backtrace; function, file and line are filled by whoever has the ELF."""

    pc: int
    sp: int | None = None
    function: str | None = None
    file: str | None = None
    line: int | None = None
    inlined: bool = False

    @property
    def is_code(self) -> bool:
        """False for 0x00000000, 0x7fffffff and the like: kept as printed, but the crash site is the next frame."""
        return is_code_address(self.pc)

    def to_json(self) -> JsonObject:
        """The frame as JSON."""
        return {
            "pc": f"0x{self.pc:08x}",
            "sp": None if self.sp is None else f"0x{self.sp:08x}",
            "function": self.function,
            "file": self.file,
            "line": self.line,
            "inlined": self.inlined,
        }


@dataclass(slots=True)
class CoreState:
    """What was printed about a core other than the one that crashed."""

    core: int | None
    registers: dict[str, int] = field(default_factory=dict)
    backtrace: list[BacktraceFrame] = field(default_factory=list)
    stack: list[tuple[int, bytearray]] = field(default_factory=list)
    corrupted: bool = False

    def to_json(self) -> JsonObject:
        """The core's state as JSON."""
        return {
            "core": self.core,
            "registers": {name: f"0x{value:08x}" for name, value in self.registers.items()},
            "backtrace": [frame.to_json() for frame in self.backtrace],
            "corrupted": self.corrupted,
        }


class Panic(Event):
    """One crash.

    Attributes:
        kind: "exception", "abort", "assert", "task_wdt", "int_wdt", "stack_overflow", "stack_smash", "heap", "cache",
            "brownout", "rust" or "other".
        cause: what the board called it ("LoadProhibited"), or what its cause register says when the banner was lost.
        plain: the same in plain words.
        arch: "xtensa", "riscv" or "esp8266"; None when nothing tells.
        core: number of the core that crashed.
        task: the task it happened in; for the task watchdog, the suspect.
        pc: where it crashed; for an abort without registers, where abort() was called.
        excvaddr: the address that was accessed (EXCVADDR, MTVAL).
        registers: name -> value, exactly as printed.
        backtrace: as printed, innermost first; entries that are no code are kept.
        stack: dumped stack memory as (address, bytes) pieces in the order printed.
        other_cores: what was printed about the other cores.
        corrupted: the board itself said that the backtrace is corrupted.
        continues: the board cut the backtrace because it was too deep.
        message: the text that came with it: assertion, error, panic message.
        abort_pc: the argument of "abort() was called at PC".
        starved: tasks that did not reset the task watchdog: (name, CPU or None).
        running: CPU -> task that was running when the task watchdog fired.
        suspect: the task that most likely caused a task watchdog.
        damaged: what could not be read, in plain words.
        nested: it happened while another crash was being reported.
        count: how many equal panics are folded into this one.
        elf_match: whether a given ELF is the program that crashed; None until someone compared.
    """

    __slots__ = (
        "abort_pc",
        "arch",
        "backtrace",
        "cause",
        "continues",
        "core",
        "corrupted",
        "count",
        "damaged",
        "elf_match",
        "elf_sha256",
        "excvaddr",
        "kind",
        "message",
        "nested",
        "other_cores",
        "pc",
        "plain",
        "registers",
        "running",
        "stack",
        "starved",
        "suspect",
        "task",
    )
    type: ClassVar[str] = "panic"

    def __init__(self, offset: int, length: int = 0, time: float | None = None, *, kind: str = "other") -> None:
        super().__init__(offset, length, time)
        self.kind = kind
        self.cause: str | None = None
        self.plain: str | None = None
        self.arch: str | None = None
        self.core: int | None = None
        self.task: str | None = None
        self.pc: int | None = None
        self.excvaddr: int | None = None
        self.registers: dict[str, int] = {}
        self.backtrace: list[BacktraceFrame] = []
        self.stack: list[tuple[int, bytearray]] = []
        self.other_cores: list[CoreState] = []
        self.corrupted = False
        self.continues = False
        self.elf_sha256: str | None = None
        self.elf_match: bool | None = None
        self.message: str | None = None
        self.abort_pc: int | None = None
        self.starved: list[tuple[str, int | None]] = []
        self.running: dict[int, str] = {}
        self.suspect: str | None = None
        self.damaged: list[str] = []
        self.nested = False
        self.count = 1

    def damage(self, what: str) -> None:
        """Remember something that could not be read (bounded, each once)."""
        if what not in self.damaged and len(self.damaged) < MAX_DAMAGED:
            self.damaged.append(what[:160])

    def say(self, text: str) -> None:
        """Add a line to the message (bounded)."""
        whole = text if self.message is None else f"{self.message}\n{text}"
        self.message = whole[:MAX_MESSAGE]

    @property
    def crash_frame(self) -> BacktraceFrame | None:
        """The first backtrace entry that is code: where it happened."""
        return next((frame for frame in self.backtrace if frame.is_code), None)

    def fields(self) -> JsonObject:
        """The fields of a `panic` in JSON."""
        fields: JsonObject = {
            "kind": self.kind,
            "cause": self.cause,
            "plain": self.plain,
            "arch": self.arch,
            "core": self.core,
            "task": self.task,
            "pc": None if self.pc is None else f"0x{self.pc:08x}",
            "excvaddr": None if self.excvaddr is None else f"0x{self.excvaddr:08x}",
            "registers": {name: f"0x{value:08x}" for name, value in self.registers.items()},
            "backtrace": [frame.to_json() for frame in self.backtrace],
            "corrupted": self.corrupted,
            "continues": self.continues,
            "elf_sha256": self.elf_sha256,
            "elf_match": self.elf_match,
            "message": self.message,
            "abort_pc": None if self.abort_pc is None else f"0x{self.abort_pc:08x}",
            "damaged": list(self.damaged),
            "nested": self.nested,
            "count": self.count,
            "stack_bytes": sum(len(piece) for _, piece in self.stack),
        }
        if self.kind == "task_wdt":
            fields["starved"] = [{"task": task, "cpu": cpu} for task, cpu in self.starved]
            fields["running"] = {str(cpu): task for cpu, task in sorted(self.running.items())}
            fields["suspect"] = self.suspect
        if self.other_cores:
            fields["other_cores"] = [state.to_json() for state in self.other_cores]
        return fields
