"""From the bytes of a core dump and the application's ELF to a report."""

from __future__ import annotations

from pathlib import Path

from espmon.model.abort_frames import ABORT_FRAMES
from espmon.model.architecture import MACHINES
from espmon.model.crash_facts import CrashFacts
from espmon.model.registers import RegisterSet
from espmon.model.stack_frame import Backtrace
from espmon.postmortem.core_crash import cause_of, crash_facts, reason_of
from espmon.postmortem.core_format import FAKE_STACKS, Core, CoreTask, parse_core
from espmon.postmortem.core_input import read_core
from espmon.postmortem.core_report import CoreReport, Crash, Region, TaskReport
from espmon.postmortem.crash_sentence import crash_place, crash_sentence
from espmon.postmortem.dump_inspector import DumpInspector
from espmon.postmortem.elf import SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, Elf
from espmon.postmortem.likely_cause import CrashScene, damaged_heaps, deadlocks, likely_causes
from espmon.postmortem.memory import DAMAGED, FOREIGN, SegmentMemory
from espmon.postmortem.panic_notes import register_notes, register_symbols
from espmon.postmortem.postmortem_error import PostmortemError, reading
from espmon.postmortem.structures import TaskLayout, assumed_layout, task_layout
from espmon.postmortem.symbolizer import Symbolizer
from espmon.postmortem.task_states import StateOf, states_by_likeness, states_by_symbols
from espmon.postmortem.unwinders import unwind
from espmon.postmortem.variables import Variable

TRAP_FRAME_WORDS = 37
MIN_SHA_DIGITS = 4
MAX_STACK = 1 << 20
"""A stack larger than this means its control block is damaged."""
WATCHDOGS = frozenset({"task_wdt", "int_wdt"})


class CoreMemory(SegmentMemory):
    """The dump's memory, and behind it what the application's ELF holds and the program cannot have changed."""

    def __init__(self, core: Core, elf: Elf | None) -> None:
        super().__init__(core.segments)
        self._elf = elf

    def read(self, address: int, size: int) -> bytes | None:
        """Return exactly `size` bytes, None where neither the dump nor the ELF has them all."""
        found = super().read(address, size)
        if found is None and self._elf is not None:
            found = self._elf.read_constant(address, size)
            return found if len(found) == size else None
        return found


def decode_core(
    core_bytes: bytes | Core,
    elf_path: str | Path | Symbolizer | None,
    rom_elf: str | Path | None = None,
    force: bool = False,
) -> CoreReport:
    """Decode a core dump in any of its forms with the application's ELF; without one the report has what the dump says.

    Args:
        core_bytes: the dump in any form, or one that was taken apart already.
        elf_path: the application's ELF, or a symbolizer of it (which has the ROM's ELF already); None: no ELF.
        rom_elf: the chip's ROM ELF, for names and frames in ROM.
        force: decode although the ELF is not the one the dump was made by.

    Raises `PostmortemError` when there is no dump in the bytes, the ELF cannot be read, is for another processor, or
    is not the one the dump was made by (both SHA-256 are named; `force` turns that into a warning). A dump that is
    cut short gives a report marked partial.
    """
    core = core_bytes if isinstance(core_bytes, Core) else parse_core(read_core(core_bytes))
    symbolizer: Symbolizer | None
    if isinstance(elf_path, Symbolizer | None):
        symbolizer = elf_path
    else:
        symbolizer = Symbolizer([elf_path, *([rom_elf] if rom_elf is not None else [])])
    if symbolizer is None:
        core.warnings.insert(0, _wanted(core))
        with reading("core dump"):
            return _Decoder(core, None, None).report()
    _check_processor(core, symbolizer.elf)
    if force:
        match = _check_sha256(core, symbolizer.elf, force)
        with reading("core dump"):
            return _Decoder(core, symbolizer, match).report()
    try:  # the SHA-256, a quarter of the time for a large ELF, may be worked out elsewhere meanwhile
        with reading("core dump"):
            report = _Decoder(core, symbolizer, None).report()
    except PostmortemError:
        _check_sha256(core, symbolizer.elf, force)  # that it is another application's is the reason then
        raise
    report.elf_match = _check_sha256(core, symbolizer.elf, force)
    return report


def _wanted(core: Core) -> str:
    made_by = f" whose SHA-256 begins with {core.app_sha256}" if core.app_sha256 else ""
    return (
        "no ELF: there are no functions, lines and variables, and addresses are shown raw. They need the ELF of the "
        f"application{made_by}, in ESP-IDF build/PROJECT.elf"
    )


def _check_processor(core: Core, elf: Elf) -> None:
    if elf.machine != core.architecture.elf_machine:
        other = MACHINES.get(elf.machine)
        theirs, ours = other.title if other else f"machine {elf.machine}", core.architecture.title
        raise PostmortemError(f"{elf.path} is for {theirs}, the core dump is from {core.chip or ours} ({ours})")


def _check_sha256(core: Core, elf: Elf, force: bool) -> bool | None:
    prefix = core.app_sha256
    if prefix is None or len(prefix) < MIN_SHA_DIGITS:
        return None
    if elf.sha256.startswith(prefix):
        return True
    text = f"the core dump was made by application {prefix}, but {elf.path} is {elf.sha256}"
    if not force:
        raise PostmortemError(f"{text}; give the matching ELF, or --force to decode all the same", mismatch=True)
    core.warnings.append(f"{text}: names and lines may be wrong")
    return False


class _Decoder:
    def __init__(self, core: Core, symbolizer: Symbolizer | None, match: bool | None) -> None:
        self.core = core
        self.match = match
        self.wrong = FOREIGN if match is False else DAMAGED
        self.symbolizer = symbolizer
        self.memory = CoreMemory(core, symbolizer.elf if symbolizer is not None else None)
        self.inspector: DumpInspector | None = None
        if symbolizer is not None:
            self.inspector = DumpInspector(symbolizer, self.memory, core.architecture)
        self.layout = self._layout()
        self.state_of = self._states()

    def _layout(self) -> TaskLayout:
        described = task_layout(self.symbolizer.images[0]) if self.symbolizer is not None else None
        if described is not None:
            return described
        if self.symbolizer is not None:
            self.core.warnings.append(
                "the ELF does not describe the task control block: names and stacks are read at usual places"
            )
        by_address = dict(self.core.segments)
        return assumed_layout(by_address.get(task.tcb, b"") for task in self.core.tasks)

    def _states(self) -> StateOf:
        if self.symbolizer is not None:
            return states_by_symbols(self.symbolizer.elf, self.layout)
        blocks = {task.tcb: self._block(task.tcb) for task in self.core.tasks}
        running = blocks.pop(self.core.crashed_tcb or 0, b"")
        return states_by_likeness(self.layout, running, blocks.values())

    def report(self) -> CoreReport:
        core = self.core
        tasks = [self._task(task) for task in core.tasks]
        crashed = next((task for task in tasks if task.crashed), None)
        registers = self._crash_registers(crashed)
        reason = reason_of(core.details, crashed.backtrace if crashed else None)
        on_purpose = crashed is not None and any(f.function in ("panic_abort", "abort") for f in crashed.frames)
        if self.symbolizer is None:
            on_purpose = bool(core.details)  # the device has its own words for what the program gave up itself
        crash = Crash(
            core.crashed_tcb,
            crashed.name if crashed else None,
            core.isr,
            reason,
            cause_of(core.architecture, registers, on_purpose),
        )
        if crash.reason is None:
            crash.reason = crash.cause
        facts = crash_facts(core, registers, crash.task, crashed.backtrace if crashed else None)
        place = crash_place(facts.kind, crashed.frames if crashed else ())
        warnings = list(core.warnings)
        warnings += [
            f"task {task.name} has used {task.stack_used} of {task.stack_size} bytes of its stack"
            for task in tasks
            if task.deep
        ]
        warnings += [f"ELF: {text}" for text in self.symbolizer.damage] if self.symbolizer is not None else []
        report = CoreReport(
            core.chip,
            core.format,
            core.version,
            core.checksum,
            core.partial,
            core.app_sha256,
            self.match,
            facts,
            crash_sentence(facts, facts.core, crashed.frames if crashed else ()),
            place,
            crash,
            registers,
            tasks,
            self._regions(),
            warnings,
            self._variables(crashed),
            core.segments,
            str(self.symbolizer.elf.path) if self.symbolizer is not None else None,
            core.revision,
            register_notes(registers, core.architecture, None, self._stacks()),  # functions are among the symbols
            register_symbols(registers, core.architecture, self.symbolizer),
            self.inspector,
            likely_causes(self._scene(facts, registers, crashed)) if crashed is not None else [],
        )
        if facts.kind in WATCHDOGS:  # something did not move: why, only the kernel's objects tell
            report.likely += deadlocks(report.rtos)
        elif facts.kind == "heap" and self.inspector is not None:
            report.likely += damaged_heaps(self.inspector.heaps)
        return report

    def _scene(self, facts: CrashFacts, registers: RegisterSet, crashed: TaskReport) -> CrashScene:
        """What the cause is judged by."""
        block = self._block(crashed.tcb)
        low, high = self.layout.word(block, "pxStack"), self.layout.word(block, "pxEndOfStack")
        bounds = None
        if low is not None and high is not None and self.layout.certain and 0 < high - low <= MAX_STACK:
            bounds = low, high
        everything = RegisterSet({**crashed.registers, **registers})
        sp = self.core.architecture.sp.lower()
        return CrashScene(facts, everything, crashed.backtrace, bounds, self.inspector, sp)

    def _stacks(self) -> list[tuple[int, int]]:
        pieces = zip(self.core.segments, self.core.kinds, strict=True)
        return [(start, start + len(data)) for (start, data), kind in pieces if kind == "stack"]

    def _crash_registers(self, crashed: TaskReport | None) -> RegisterSet:
        if crashed is None:
            return RegisterSet(self.core.extra)
        order, architecture = self.core.layout.order, self.core.architecture
        cause = (architecture.cause_register.lower(), architecture.address_register.lower())
        names = (*(name for name in cause if name not in order), *order)
        extra = self.core.extra
        stored = {name: crashed.registers[name] for name in names if name in crashed.registers and name not in extra}
        return RegisterSet({**extra, **stored})

    def _task(self, task: CoreTask) -> TaskReport:
        core, layout = self.core, self.layout
        crashed = task.tcb == core.crashed_tcb and not core.crashed_skipped
        block = self._block(task.tcb)
        damaged = bool(task.flags & 1) or not block
        name = task.name or (layout.name(block) if block else "") or "?"
        top, start = layout.word(block, "pxTopOfStack"), layout.word(block, "pxStack")
        end = layout.word(block, "pxEndOfStack")
        if end is None:
            end = sum(task.stack) if task.stack is not None else self.memory.end_of(top or 0)
        used = free = None
        if not damaged and top is not None and start is not None:
            used = abs(end - top) if end is not None else None
            free = abs(start - top)
        if (used or 0) > MAX_STACK or (free or 0) > MAX_STACK:
            core.warnings.append(f"task {name}: its control block at 0x{task.tcb:08x} is damaged")
            used = free = None
        if task.flags & 2:
            core.warnings.append(f"task {name}: its stack pointer was not sane, the device stored a substitute")
        registers = RegisterSet(task.registers)
        if crashed:
            registers.update(self._trap_registers(registers))
        trace = self._unwind(registers, end)
        state = "running" if crashed else self.state_of(block)
        base = layout.word(block, "uxBasePriority")
        priority = layout.word(block, "uxPriority")
        return TaskReport(task.tcb, name, crashed, priority, base, used, free, state, trace, registers)

    def _block(self, tcb: int) -> bytes:
        for start, data in self.core.segments:
            if start == tcb:
                return data
        # A dump of all memory holds the blocks inside larger pieces.
        needed = max(self.layout.offsets.values()) + max(self.layout.name_size, 4)
        return SegmentMemory.read(self.memory, tcb, needed) or b""

    def _trap_registers(self, registers: dict[str, int]) -> dict[str, int]:
        """RISC-V: the crashed task's stack begins with the exception frame, whose last words say the cause."""
        names = self.core.layout.trap
        if not names or self.core.architecture.cause_register.lower() in registers:
            return {}
        for (start, data), kind in zip(self.core.segments, self.core.kinds, strict=True):
            if kind != "stack" or len(data) < 4 * TRAP_FRAME_WORDS:
                continue
            words = [int.from_bytes(data[at : at + 4], "little") for at in range(0, 4 * TRAP_FRAME_WORDS, 4)]
            if words[0] == registers.get("pc") and words[1] == registers.get("ra") and words[2] == registers.get("sp"):
                if start in FAKE_STACKS:
                    self.core.warnings.append(
                        "the crashed task's stack pointer was not sane, the device stored a substitute"
                    )
                return dict(zip(names, words[32:37], strict=True))
        return {}

    def _unwind(self, registers: dict[str, int], stack_end: int | None) -> Backtrace:
        segment_end = self.memory.end_of(registers.get(self.core.architecture.sp.lower(), 0))
        if segment_end is not None and (stack_end is None or not 0 <= stack_end - segment_end <= MAX_STACK):
            stack_end = segment_end
        return unwind(self.core.architecture, registers, self.memory, self.symbolizer, stack_end, self.wrong)

    def _variables(self, crashed: TaskReport | None) -> list[Variable]:
        """Variables where the processor stopped and, behind abort() and its like, of the function that called it."""
        if self.symbolizer is None or self.inspector is None or crashed is None or "pc" not in crashed.registers:
            return []
        states = self.inspector.states(crashed.registers, crashed.backtrace)
        shown = [0]
        pc = crashed.registers["pc"]
        for index, state in enumerate(states):
            name = self.symbolizer.function_name(state.address)
            if state.address != pc and name is not None and name not in ABORT_FRAMES:
                shown.append(index)
                break
            if state.address == pc and name not in ABORT_FRAMES:
                break
        found: list[Variable] = []
        for index in shown:
            for part in reversed(self.inspector.frame(states[index:])):
                found += part.variables
        return found

    def _regions(self) -> list[Region]:
        dumped = [
            Region(start, len(data), kind, "RW")
            for (start, data), kind in zip(self.core.segments, self.core.kinds, strict=True)
        ]
        if self.symbolizer is None:
            return dumped
        sections = [
            Region(section.address, section.size, section.name, _attributes(section.flags))
            for section in self.symbolizer.elf.sections.values()
            if section.flags & SHF_ALLOC and section.stored
        ]
        return dumped + sections


def _attributes(flags: int) -> str:
    """How the program may use a section: read it, write it, run it."""
    return f"R{'W' if flags & SHF_WRITE else ''}{'X' if flags & SHF_EXECINSTR else ''}"
