"""A printed panic and an ELF become a report: one sentence, the place, the chain of calls, and how far to trust it.

Plain data in, plain data out: this module knows nothing of records or of the session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from espmon.postmortem.backtrace import Backtrace, SegmentMemory, StackFrame
from espmon.postmortem.panic_notes import access_size_hint, first_value, note_on
from espmon.postmortem.panic_words import Words, tell
from espmon.postmortem.printed_backtrace import Evidence, read_backtrace
from espmon.postmortem.riscv_code import call_before
from espmon.postmortem.riscv_unwinder import unwind_riscv
from espmon.postmortem.symbolizer import Symbolizer
from espmon.postmortem.xtensa_code import call_size_before
from espmon.postmortem.xtensa_unwinder import unwind_xtensa

ABORT_FRAMES = frozenset(
    {
        "abort", "panic_abort", "esp_system_abort", "__assert_func", "__assert", "_esp_error_check_failed",
        "_esp_error_check_failed_without_abort", "vApplicationStackOverflowHook", "__stack_chk_fail",
        "taskCHECK_FOR_STACK_OVERFLOW",
        "lock_acquire_generic", "vPortTaskWrapper", "panic_handler", "xt_unhandled_exception",
        "esp_restart_noos", "esp_panic_handler", "panicHandler", "__cxa_throw", "__cxxabiv1::__terminate",
        "std::terminate", "__ubsan_default_handler", "ubsan_default_handler", "multi_heap_assert",
        "heap_caps_alloc_failed", "rust_begin_unwind", "core::panicking::panic_fmt", "task_wdt_isr",
        "task_wdt_timeout_handling", "esp_task_wdt_isr_user_handler",
    }
)  # fmt: skip
"""Functions that only carry the bad news: the place of a crash is the first frame outside of them."""

ABORT_FRAME_FILES = ("/freertos/", "/newlib/", "/esp_system/panic", "/core/src/panicking", "/std/src/panicking")
"""Parts of paths whose frames are the system's own, for aborts."""

SCHEDULER = frozenset(
    {
        "vTaskSwitchContext", "vPortYield", "vPortYieldFromISR", "vPortEvaluateYieldFromISR", "_frxt_dispatch",
        "_frxt_int_exit", "rtos_int_exit", "esp_crosscore_int_send_yield", "vTaskDelay", "vTaskDelayUntil",
        "xTaskDelayUntil", "xTaskIncrementTick", "xQueueReceive", "xQueueGenericSend", "xQueueSemaphoreTake",
        "xQueuePeek", "ulTaskGenericNotifyTake", "xTaskGenericNotifyWait", "xTaskGenericNotify", "xEventGroupWaitBits",
    }
)  # fmt: skip
"""Where a stack overflow is noticed: the switch to another task, and what asks for one."""

GIVEN_UP = frozenset({"abort", "assert", "heap", "stack_smash", "stack_overflow", "rust"})
"""Kinds where the program itself called the panic: the frames on top are machinery."""

MAX_STACK_WORDS = 4096
"""Words of an ESP8266 stack dump that are looked at."""


@dataclass(frozen=True, slots=True)
class CoreFacts:
    """What was printed about another core; fields as in `PanicFacts`."""

    core: int | None
    registers: Mapping[str, int] = field(default_factory=dict)
    backtrace: Sequence[tuple[int, int | None]] = ()
    stack: Sequence[tuple[int, bytes]] = ()
    corrupted: bool = False


@dataclass(frozen=True, slots=True)
class PanicFacts:
    """What the board printed. Field for field what a `panic` record has, as plain values."""

    kind: str
    cause: str | None = None
    plain: str | None = None
    arch: str | None = None
    core: int | None = None
    task: str | None = None
    pc: int | None = None
    excvaddr: int | None = None
    registers: Mapping[str, int] = field(default_factory=dict)
    backtrace: Sequence[tuple[int, int | None]] = ()
    stack: Sequence[tuple[int, bytes]] = ()
    message: str | None = None
    abort_pc: int | None = None
    suspect: str | None = None
    corrupted: bool = False
    continues: bool = False
    damaged: Sequence[str] = ()
    elf_sha256: str | None = None
    others: Sequence[CoreFacts] = ()


@dataclass(frozen=True, slots=True)
class PanicReport:
    """A decoded panic."""

    facts: PanicFacts
    sentence: str
    frames: Sequence[StackFrame]
    place: StackFrame | None
    notes: Mapping[str, str]
    warnings: Sequence[str]
    elf_match: bool | None
    others: Sequence[tuple[CoreFacts, Sequence[StackFrame]]] = ()

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for the same crash: kind and top functions (addresses where there are no names)."""
        code = [frame for frame in self.frames if frame.pc and not frame.inlined]
        top = tuple(frame.function or frame.pc for frame in code[:4]) or (self.facts.pc,)
        return (self.facts.kind, *top)

    def to_json(self) -> dict[str, Any]:
        """The report as the screen and scripts have it."""
        facts = self.facts
        fields: dict[str, Any] = {
            "sentence": self.sentence,
            "kind": facts.kind,
            "cause": facts.cause,
            "message": facts.message,
            "core": facts.core,
            "task": facts.task,
            "where": _frame_json(self.place) if self.place else None,
            "registers": {name: f"0x{value:08x}" for name, value in facts.registers.items()},
            "notes": dict(self.notes),
            "backtrace": [_frame_json(frame) for frame in self.frames],
            "elf_sha256": facts.elf_sha256,
            "elf_match": self.elf_match,
            "damaged": list(facts.damaged),
            "warnings": list(self.warnings),
        }
        if self.others:
            fields["other_cores"] = [
                {
                    "core": core.core,
                    "registers": {name: f"0x{value:08x}" for name, value in core.registers.items()},
                    "backtrace": [_frame_json(frame) for frame in frames],
                    "corrupted": core.corrupted,
                }
                for core, frames in self.others
            ]
        return fields

    def to_text(self) -> str:
        """The report for a terminal or a file; device text in it is not sanitised yet."""
        rows = [self.sentence]
        if self.facts.message:
            rows += ["", *self.facts.message.splitlines()]
        rows += ["", "Backtrace:"] if self.frames else ["", "No backtrace."]
        rows += _frame_rows(self.frames)
        for core, frames in self.others:
            name = f"core {core.core}" if core.core is not None else "the other core"
            rows += ["", f"Backtrace of {name}:", *_frame_rows(frames)]
        if self.facts.registers:
            rows += ["", "Registers:"]
            rows += [
                f"  {name:<9} 0x{value:08x}  {self.notes.get(name, '')}".rstrip()
                for name, value in self.facts.registers.items()
            ]
        for title, items in (("Warnings", self.warnings), ("Could not be read", self.facts.damaged)):
            if items:
                rows += ["", f"{title}:", *(f"  {item}" for item in items)]
        return "\n".join(rows) + "\n"


def _frame_json(frame: StackFrame) -> dict[str, object]:
    """A frame as panic records have it: `recovered` is there only when it is so."""
    fields = frame.to_json()
    if not frame.recovered:
        del fields["recovered"]
    return fields


def _frame_rows(frames: Sequence[StackFrame]) -> list[str]:
    rows = []
    for number, frame in enumerate(frames):
        where = f" at {frame.file}:{frame.line if frame.line is not None else '?'}" if frame.file else ""
        marks = " (inlined)" if frame.inlined else " (recovered)" if frame.recovered else ""
        rows.append(f"  #{number:<2} 0x{frame.pc:08x}  {frame.function or '??'}{marks}{where}")
    return rows


def decode_panic(facts: PanicFacts, symbolizer: Symbolizer | None) -> PanicReport:
    """Decode a panic. Without an ELF the report has what the board printed, and says what is missing.

    Raises `PostmortemError` only for an ELF that cannot be read.
    """
    warnings: list[str] = []
    match = _elf_match(facts, symbolizer, warnings)
    frames = _frames(facts, symbolizer, warnings)
    place = _place(facts, frames)
    stack = [(start, start + len(data)) for start, data in facts.stack]
    notes = {
        name: note
        for name, value in facts.registers.items()
        if (note := note_on(name, value, stack=stack, function_at=_namer(symbolizer, name))) is not None
    }
    hint = access_size_hint(facts.cause, facts.excvaddr)
    if hint:
        notes.setdefault("MTVAL" if "MTVAL" in facts.registers else "EXCVADDR", hint)
    if facts.corrupted:
        warnings.append("The board itself says that the backtrace is corrupted")
    if facts.continues:
        warnings.append("The board cut the backtrace: it goes on below the last frame")
    others = []
    for core in facts.others:
        alone = PanicFacts(
            kind=facts.kind,
            arch=facts.arch,
            core=core.core,
            pc=first_value(core.registers, ("PC", "MEPC")),
            registers=core.registers,
            backtrace=core.backtrace,
            stack=core.stack,
        )
        others.append((core, _frames(alone, symbolizer, [])))
    return PanicReport(facts, _sentence(facts, place), frames, place, notes, warnings, match, others)


def _elf_match(facts: PanicFacts, symbolizer: Symbolizer | None, warnings: list[str]) -> bool | None:
    if symbolizer is None:
        warnings.append("No ELF: addresses are not decoded. Choose the ELF that the board runs")
        return None
    if not facts.elf_sha256:
        return None
    if symbolizer.sha256.startswith(facts.elf_sha256.lower()):
        return True
    warnings.append(
        f"The ELF is not what the board runs: it printed SHA256 {facts.elf_sha256}, "
        f"the ELF has {symbolizer.sha256[: len(facts.elf_sha256)]}. Names and lines may be wrong"
    )
    return False


def _frames(facts: PanicFacts, symbolizer: Symbolizer | None, warnings: list[str]) -> list[StackFrame]:
    if symbolizer is None:
        return [StackFrame(pc, sp or 0, None, None, None) for pc, sp in facts.backtrace] or _bare(facts)
    if facts.backtrace:
        return _printed(facts, symbolizer, warnings)
    if facts.arch == "riscv" and facts.stack and facts.pc is not None:
        registers = {name.lower().split("/")[0]: value for name, value in facts.registers.items()}
        registers["pc"] = facts.pc
        memory = SegmentMemory((start, bytes(data)) for start, data in facts.stack)
        trace = unwind_riscv(registers, memory, symbolizer)
        caller = registers.get("ra", 0)
        if len(trace) == 1 and symbolizer.is_code(caller) and call_before(symbolizer, caller) is not None:
            # A jump to something that is no function (a wrong pointer): the return address is still in its register.
            onward = unwind_riscv({**registers, "pc": caller}, memory, symbolizer)
            trace = Backtrace(trace.frames, onward.end, onward.complete)
            trace.add(caller, registers.get("sp", 0), symbolizer.lookup_caller(caller))
            trace.frames += [frame for frame in onward.frames if frame.pc != caller]
            warnings.append("The program counter is in no function; the chain goes on at the return address register")
        if not trace.complete and trace.end:
            warnings.append(f"The chain ends early: {trace.end}")
        return list(trace.frames)
    if facts.arch == "esp8266" and facts.stack:
        return _scanned(facts, symbolizer, warnings)
    if facts.registers.keys() >= {"PC", "A0"}:
        return _from_xtensa_registers(facts, symbolizer, warnings)
    trace = Backtrace()
    for pc in dict.fromkeys(value for value in (facts.pc, facts.abort_pc) if value):
        trace.add(pc, 0, symbolizer.lookup(pc))
    returns_to = first_value(facts.registers, ("RA",))
    if len(trace) and returns_to and symbolizer.is_code(returns_to) and returns_to != facts.pc:
        trace.add(returns_to, 0, symbolizer.lookup_caller(returns_to))
        warnings.append("No stack was printed: the last frame is the return address register, which may be older")
    return trace.frames


def _from_xtensa_registers(facts: PanicFacts, symbolizer: Symbolizer, warnings: list[str]) -> list[StackFrame]:
    """The program counter and, without a printed backtrace, the callers that the registers name: A0, as a rule."""
    registers = {name.lower(): value for name, value in facts.registers.items()}
    memory = SegmentMemory((start, bytes(data)) for start, data in facts.stack)
    trace = unwind_xtensa(registers, memory, symbolizer)
    if len(trace) > 1:
        warnings.append("No backtrace was printed: the callers are those that the registers name")
    elif trace.end:
        warnings.append(f"No backtrace was printed, and the registers name no caller: {trace.end}")
    return trace.frames


def _bare(facts: PanicFacts) -> list[StackFrame]:
    return [StackFrame(pc, 0, None, None, None) for pc in (facts.pc, facts.abort_pc) if pc][:1]


def _printed(facts: PanicFacts, symbolizer: Symbolizer, warnings: list[str]) -> list[StackFrame]:
    beside = Evidence(
        pc=facts.registers.get("PC"),
        a0=facts.registers.get("A0"),
        abort_pc=facts.abort_pc,
        faulted=facts.kind not in ("task_wdt", "int_wdt"),
    )
    printed = [pc for pc, _ in facts.backtrace]
    found = read_backtrace(printed, symbolizer, beside)
    trace = Backtrace()
    for (pc, sp), (_, symbols) in zip(facts.backtrace, found.frames_at(symbolizer), strict=True):
        trace.add(pc, sp or 0, symbols)
    for count, what in (
        (found.outside, "are no code of this ELF"),
        (found.unlikely, "do not follow a call in this ELF"),
    ):
        if count:
            warnings.append(f"{count} of {len(printed)} addresses {what}: another build, or a damaged backtrace")
    return trace.frames


def _scanned(facts: PanicFacts, symbolizer: Symbolizer, warnings: list[str]) -> list[StackFrame]:
    """ESP8266: stack words that are code addresses right after a call, in order; the chip prints no frames."""
    trace = Backtrace()
    if facts.pc is not None:
        trace.add(facts.pc, 0, symbolizer.lookup(facts.pc))
    for start, data in facts.stack:
        for at in range(0, min(len(data), MAX_STACK_WORDS * 4) - 3, 4):
            value = int.from_bytes(data[at : at + 4], "little")
            if symbolizer.is_code(value) and call_size_before(symbolizer, value) == 0:
                trace.add(value, start + at, symbolizer.lookup_caller(value), recovered=True)
    warnings.append("Found by looking through the stack for return addresses: old calls may be among them")
    return trace.frames


def _place(facts: PanicFacts, frames: Sequence[StackFrame]) -> StackFrame | None:
    named = [frame for frame in frames if frame.function]
    skipped = ABORT_FRAMES | SCHEDULER if facts.kind == "stack_overflow" else ABORT_FRAMES
    if facts.kind in GIVEN_UP:
        for frame in named:
            if frame.function not in skipped and not any(part in (frame.file or "") for part in ABORT_FRAME_FILES):
                return frame
    return next((frame for frame in named if frame.function not in skipped), named[0] if named else None)


def _namer(symbolizer: Symbolizer | None, register: str) -> Callable[[int], str | None]:
    def name(address: int) -> str | None:
        if symbolizer is None or not symbolizer.is_code(address):
            return None
        frames = symbolizer.lookup_caller(address) if register == "RA" else symbolizer.lookup(address)
        return frames[0].function if frames else None

    return name


def _sentence(facts: PanicFacts, place: StackFrame | None) -> str:
    who = f"Task {facts.task}" if facts.task else f"Core {facts.core}" if facts.core is not None else "The program"
    told = tell(
        Words(
            kind=facts.kind,
            cause=facts.cause,
            plain=facts.plain,
            arch=facts.arch,
            excvaddr=facts.excvaddr,
            message=facts.message or "",
            suspect=facts.suspect,
            stack=[(start, start + len(data)) for start, data in facts.stack],
        )
    )
    where = told.where
    if place is not None:
        at = f" ({place.file.replace(chr(92), '/').rsplit('/', 1)[-1]}:{place.line})" if place.file else ""
        where = f"{place.function}{at}"
    text = f"{who} {told.what}".rstrip(".")
    if where is None:
        return text + "."
    if told.what.startswith("jumped to") and place is not None and place.pc != facts.pc:
        return f"{text}, called from {where}."
    bare = place is None and " (" not in where and ":" in where
    return f"{text}{',' if ': ' in told.what else ''} {'at' if bare else 'in'} {where}."
