"""The report of a core dump: what crashed, why, and what every task was doing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from espmon.model.architecture import ARCHITECTURES, RISCV
from espmon.model.crash_facts import CrashFacts
from espmon.model.registers import RegisterSet
from espmon.model.stack_frame import Backtrace, StackFrame
from espmon.postmortem.dump_inspector import DumpInspector
from espmon.postmortem.likely_cause import LikelyCause
from espmon.postmortem.memory import Memory, SegmentMemory
from espmon.postmortem.variables import FrameVariables, Variable

if TYPE_CHECKING:
    from espmon.postmortem.dump_target import DumpSource
    from espmon.postmortem.rtos_state import RtosState

ROW_BYTES = 16
"""Bytes of memory on a row of the report."""

DEEP_STACK = 0.9
"""A task that has used more than this share of its stack is pointed out."""


@dataclass(slots=True)
class Crash:
    """What the device says of the crash; None where the dump does not say. `hint` is advice, empty when there is
    none.
    """

    tcb: int | None
    task: str | None
    isr: bool | None
    reason: str | None
    cause: str | None

    def to_json(self) -> dict[str, object]:
        """What the dump says, as the contract has it."""
        return asdict(self) | {"tcb": None if self.tcb is None else _hex(self.tcb)}


@dataclass(slots=True)
class TaskReport:
    """One task. Stack figures in bytes, None where its control block is damaged or missing."""

    tcb: int
    name: str
    crashed: bool
    priority: int | None
    base_priority: int | None
    stack_used: int | None
    stack_free: int | None
    state: str
    backtrace: Backtrace
    registers: dict[str, int]

    @property
    def frames(self) -> list[StackFrame]:
        """The backtrace's frames."""
        return self.backtrace.frames

    @property
    def stack_size(self) -> int | None:
        """Bytes of the task's stack."""
        if self.stack_used is None or self.stack_free is None:
            return None
        return self.stack_used + self.stack_free

    @property
    def deep(self) -> bool:
        """Whether the stack is nearly full."""
        size = self.stack_size
        return bool(size) and (self.stack_used or 0) >= DEEP_STACK * (size or 1)

    def to_json(self) -> dict[str, object]:
        """The task as the contract has it."""
        plain = ("name", "crashed", "priority", "base_priority", "stack_used", "stack_free")
        told = {"tcb": _hex(self.tcb), **{name: getattr(self, name) for name in plain}}
        return {**told, "frames": [_frame_json(frame) for frame in self.frames], "state": self.state}


class Region(NamedTuple):
    """A piece of memory: start address, bytes, and what it is ("tcb", "stack", "memory", or a section of the
    application), and how the program may use it ("R", "W", "X").
    """

    start: int
    size: int
    kind: str
    attributes: str = ""

    def to_json(self) -> dict[str, object]:
        """The region as the contract has it, and how the program may use it."""
        return self._asdict() | {"start": _hex(self.start)}


@dataclass(slots=True)
class CoreReport:
    """A decoded core dump.

    Attributes:
        chip: as people write it ("ESP32-S3"), None where the dump does not say.
        format: of its body, "elf" or "bin".
        version: low 16 bits of the version word.
        checksum: "ok", "bad" or "unknown".
        partial: it is cut short.
        app_sha256: of the application's ELF, as far as the dump has it.
        elf_match: whether the ELF is that application; None when that is not known.
        facts: the crash, as a printed panic has it.
        sentence: what happened.
        place: the frame where the program itself went wrong.
        crashed: what the dump says of the crash in its own words.
        registers: of the crashed task; cause and address first where they are stored apart.
        tasks: as the dump has them, the crashed one first.
        regions: the pieces of memory.
        warnings: doubts: why the report may be wrong or incomplete.
        variables: of the crashed frame.
        segments: (address, bytes) of the dumped memory.
        revision: of the chip, as 100 * major + minor; None where the dump does not say.
        notes: remarks on the values of registers, by name.
        symbols: what registers point to, by name: function or variable, and the offset in it.
        inspector: reads the variables of every frame; None where there is no ELF.
        likely: why it crashed, as far as the dump proves it.
        elf: path of the application's ELF that was used, None where the report was made without one.
    """

    chip: str | None
    format: str
    version: int | None
    checksum: str
    partial: bool
    app_sha256: str | None
    elf_match: bool | None
    facts: CrashFacts
    sentence: str
    place: StackFrame | None
    crashed: Crash
    registers: RegisterSet
    tasks: list[TaskReport]
    regions: list[Region]
    warnings: list[str]
    variables: list[Variable] = field(default_factory=list)
    segments: list[tuple[int, bytes]] = field(default_factory=list)
    elf: str | None = None
    revision: int | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    symbols: Mapping[str, str] = field(default_factory=dict)
    inspector: DumpInspector | None = field(default=None, repr=False, compare=False)
    likely: list[LikelyCause] = field(default_factory=list)

    def variables_of(self, task: TaskReport) -> list[FrameVariables]:
        """The arguments and local variables of each line of a task's backtrace, read when they are first asked for."""
        if self.inspector is None:
            return []
        return self.inspector.frames(task.tcb, task.registers, task.backtrace)

    def variables_json(self) -> list[dict[str, object]]:
        """The variables of every frame of every task: by task, and by the frame's index in its `frames`."""
        return [
            {"tcb": _hex(task.tcb), "frames": [part.to_json() for part in self.variables_of(task) if part.variables]}
            for task in self.tasks
        ]

    def target(self) -> DumpSource:
        """The dump as gdb's remote protocol shows it: the crashed task first, each by its name."""
        from espmon.postmortem.dump_target import DumpSource, DumpThread

        memory: Memory = self.inspector.memory if self.inspector is not None else SegmentMemory(self.segments)
        tasks = sorted(self.tasks, key=lambda task: not task.crashed)
        threads = [DumpThread(task.name, task.registers, f"priority {task.priority}, {task.state}") for task in tasks]
        return DumpSource(ARCHITECTURES[self.facts.arch or RISCV.name], threads, memory, self.chip, self.facts.kind)

    @property
    def rtos(self) -> RtosState | None:
        """What the RTOS was doing, read when it is first asked for; None without an ELF."""
        from espmon.postmortem.rtos_reader import TaskInput

        if self.inspector is None:
            return None
        return self.inspector.rtos([TaskInput(task.tcb, task.name, task.state == "running") for task in self.tasks])

    @property
    def frames(self) -> list[StackFrame]:
        """The chain of calls of the crashed task, innermost first; empty where it is not in the dump."""
        return next((task.frames for task in self.tasks if task.crashed), [])

    @property
    def _revision(self) -> str | None:
        return None if self.revision is None else f"v{self.revision // 100}.{self.revision % 100}"

    def to_json(self) -> dict[str, object]:
        """The report as the contract has it; addresses as lower-case text."""
        plain = ("chip", "format", "version", "checksum", "partial", "app_sha256", "elf_match")
        return {
            **{name: getattr(self, name) for name in plain},
            "crashed": self.crashed.to_json(),
            "registers": self.registers.to_json(),
            "tasks": [task.to_json() for task in self.tasks],
            "regions": [item.to_json() for item in self.regions],
            "warnings": self.warnings,
            "sentence": self.sentence,
            "variables": [item.to_json() for item in self.variables],
            "elf": self.elf,
            "chip_revision": self._revision,
            "notes": dict(self.notes),
            "symbols": dict(self.symbols),
            "likely_causes": [item.to_json() for item in self.likely],
        }

    def to_text(self) -> str:
        """The report for reading, with the sections users know from the vendor's tool."""
        lines = [_rule("core dump report"), self.sentence, *self._likely(), "", *self._summary(), *self._warnings()]
        lines += [_rule("registers of the crashed task"), *self._registers()]
        crashed = next((task for task in self.tasks if task.crashed), None)
        if crashed is not None:
            lines += [_rule("backtrace of the crashed task"), *backtrace_lines(crashed.backtrace)]
        if self.variables:
            lines += [_rule("variables where it crashed"), *self._variables()]
        lines += [_rule("tasks"), *self._table()]
        for task in self.tasks:
            lines += [_rule(f"task {task.name} (0x{task.tcb:08x})"), *backtrace_lines(task.backtrace)]
        lines += [_rule("memory regions"), f"{'address':<10}  {'bytes':>8}  {'use':<3}  what"]
        lines += [f"0x{item.start:08x}  {item.size:8}  {item.attributes:<3}  {item.kind}" for item in self.regions]
        return "\n".join(lines) + "\n"

    def memory_json(self) -> list[dict[str, str]]:
        """The dumped memory: where each piece begins, and its bytes (base64)."""
        return [{"start": _hex(start), "bytes": b64encode(data).decode("ascii")} for start, data in self.segments]

    def memory_text(self) -> str:
        """The dumped memory for reading: four words a row, and the characters that they are."""
        lines = [_rule("memory contents")]
        kinds = {region.start: region.kind for region in reversed(self.regions)}
        for start, data in self.segments:
            lines += ["", f"0x{start:08x}  {len(data)} bytes  {kinds.get(start, 'memory')}"]
            for at in range(0, len(data), ROW_BYTES):
                row = data[at : at + ROW_BYTES]
                words = [f"0x{int.from_bytes(row[n : n + 4], 'little'):08x}" for n in range(0, len(row), 4)]
                shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
                lines.append(f"0x{start + at:08x}: {' '.join(words):<43}  {shown}")
        return "\n".join(lines) + "\n"

    def variables_text(self) -> str:
        """The variables of every frame of every task, for reading."""
        lines: list[str] = []
        for task in self.tasks:
            lines.append(_rule(f"variables of task {task.name} (0x{task.tcb:08x})"))
            for part in self.variables_of(task):
                frame = task.frames[part.frame] if part.frame < len(task.frames) else None
                place = f" at {frame.file}:{frame.line}" if frame is not None and frame.file else ""
                lines.append(f"#{part.frame:<3}{part.function or '??'}{place}")
                for item in part.variables:
                    lines += item.content.lines(item.name, 2)
        return "\n".join(lines) + "\n"

    def rtos_text(self) -> str:
        """What the RTOS was doing, for reading."""
        state = self.rtos
        lines = ["it needs the ELF"]
        if state is not None and self.inspector is not None:
            lines = [*state.lines(), *self.inspector.rtos_objects(state).lines(state)]
        return "\n".join([_rule("FreeRTOS"), *lines]) + "\n"

    def rtos_json(self) -> dict[str, object] | None:
        """The same as JSON; None without an ELF."""
        state = self.rtos
        if state is None or self.inspector is None:
            return None
        objects = self.inspector.rtos_objects(state).to_json()
        return {**objects, **state.to_json(), "damage": [*state.damage, *self.inspector.rtos_objects(state).damage]}

    def heap_text(self) -> str:
        """The heaps, for reading."""
        told = ["it needs the ELF"]
        if self.inspector is not None:
            symbolizer = self.inspector.symbolizer
            owners = self.inspector.heap_trace.lines(lambda pc: symbolizer.symbol_and_offset(pc, returns=True))
            told = [*self.inspector.heaps.lines(), *owners]
        return "\n".join([_rule("heaps"), *told]) + "\n"

    def heap_json(self) -> dict[str, object]:
        """The same as JSON: the heaps, and what heap tracing recorded; None without an ELF."""
        inspector = self.inspector
        return {
            "heap": None if inspector is None else inspector.heaps.to_json(),
            "heap_trace": None if inspector is None else inspector.heap_trace.to_json(),
        }

    def _summary(self) -> list[str]:
        match = {True: "matches the ELF", False: "does NOT match the ELF", None: "not in the dump"}[self.elf_match]
        if self.elf is None:
            match = "no ELF to compare with"
        rows = [
            ("chip", (self.chip or "not given") + (f" (revision {self._revision})" if self._revision else "")),
            (
                "crashed task",
                f"{self.crashed.task or '?'} ({_hex(self.crashed.tcb) if self.crashed.tcb is not None else '?'})",
            ),
            ("in an interrupt", {True: "yes", False: "no", None: "not known"}[self.crashed.isr]),
            ("reason", self.crashed.reason or "not given"),
            ("cause", self.crashed.cause or "not given"),
            ("application", f"{self.app_sha256 or 'no SHA-256'} ({match})"),
            ("dump", f"{self.format}, checksum {self.checksum}{', partial' if self.partial else ''}"),
        ]
        return [f"{name + ':':<17}{text}" for name, text in rows]

    def _warnings(self) -> list[str]:
        return [f"warning: {text}" for text in self.warnings]

    def _likely(self) -> list[str]:
        return [
            line for item in self.likely for line in ("", item.sentence, *(f"  - {text}" for text in item.evidence))
        ]

    def _registers(self) -> list[str]:
        cells = [f"{name:<9}0x{value:08x}" for name, value in self.registers.items()]
        lines = ["   ".join(cells[at : at + 4]) for at in range(0, len(cells), 4)]
        remarks = {**self.notes, **self.symbols}
        return lines + [f"  {name:<9}{remarks[name]}" for name in self.registers if name in remarks]

    def _variables(self) -> list[str]:
        lines: list[str] = []
        function: str | None = None
        for item in self.variables:
            if item.function != function:
                function = item.function
                lines.append(f"in {function}:")
            value = item.value if item.value is not None else f"<{item.note}>"
            lines.append(f"  {'argument' if item.argument else 'local':<9}{item.name} ({item.type}) = {value}")
        return lines

    def _table(self) -> list[str]:
        head = f"  {'TCB':<11}{'NAME':<17}{'PRIO (C/B)':<12}{'STACK (USED/FREE)':<19}{'STATE':<11}"
        lines = [head.rstrip()]
        for task in self.tasks:
            priority = f"{_text(task.priority)}/{_text(task.base_priority)}"
            stack = f"{_text(task.stack_used)}/{_text(task.stack_free)}"
            mark = ">" if task.crashed else " "
            note = "stack nearly full" if task.deep else ""
            lines.append(
                f"{mark} 0x{task.tcb:08x} {task.name:<16} {priority:<11} {stack:<18} {task.state:<10} {note}".rstrip()
            )
        return lines


def backtrace_lines(trace: Backtrace) -> list[str]:
    """Return a backtrace as text, one frame a line, and why it ends where that matters."""
    lines = []
    for number, frame in enumerate(trace.frames):
        place = f" at {frame.file}:{frame.line}" if frame.file else ""
        marks = (" (inlined)" if frame.inlined else "") + (" (recovered from the stack)" if frame.recovered else "")
        lines.append(f"#{number:<3}0x{frame.pc:08x} in {frame.function or '??'}{place}{marks}")
    if not trace.complete and trace.end:
        lines.append(f"    ends here: {trace.end}")
    return lines


def _frame_json(frame: StackFrame) -> dict[str, object]:
    """A frame as core dump reports have it: without its stack pointer, and `recovered` always."""
    fields = {**frame.to_json(), "recovered": frame.recovered}
    del fields["sp"]
    return fields


def _hex(value: int | None) -> str:
    return f"0x{value or 0:08x}"


def _text(value: int | None) -> str:
    return "?" if value is None else str(value)


def _rule(title: str) -> str:
    return f"{'' if title == 'core dump report' else chr(10)}==================== {title} ".ljust(80, "=")
