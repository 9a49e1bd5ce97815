"""A printed panic and an ELF become a report: one sentence, the place, the chain of calls, and how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from espmon.model.architecture import ADDRESS_NAMES, ARCHITECTURES, PC_NAMES, XTENSA
from espmon.model.crash_facts import CoreState, CrashFacts
from espmon.model.stack_frame import StackFrame
from espmon.postmortem.crash_sentence import crash_headline, crash_place, crash_sentence
from espmon.postmortem.memory import DAMAGED, FOREIGN
from espmon.postmortem.panic_frames import PrintedCore, panic_frames
from espmon.postmortem.panic_notes import access_size_hint, register_notes, register_symbols
from espmon.postmortem.symbolizer import Symbolizer


@dataclass(frozen=True, slots=True)
class PanicReport:
    """A decoded panic.

    Attributes:
        facts: what the board printed.
        core: the core that the report is about: of a task watchdog, the one that the suspect was running on.
        sentence: what happened.
        frames: its chain of calls, innermost first.
        place: the frame where the program itself went wrong.
        notes: remarks on the values of registers, by name.
        symbols: what registers point to, by name: function or variable, and the offset in it.
        warnings: doubts: why the report may be wrong or incomplete.
        elf_match: whether the ELF is the program that crashed, None when that is not known.
        others: the other cores with their chains.
    """

    facts: CrashFacts
    core: CoreState
    sentence: str
    frames: Sequence[StackFrame]
    place: StackFrame | None
    notes: Mapping[str, str]
    symbols: Mapping[str, str]
    warnings: Sequence[str]
    elf_match: bool | None
    others: Sequence[tuple[CoreState, Sequence[StackFrame]]] = ()

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for the same crash: kind and top functions (addresses where there are no names)."""
        code = [frame for frame in self.frames if frame.pc and not frame.inlined]
        top = tuple(frame.function or frame.pc for frame in code[:4]) or (self.facts.pc,)
        return (self.facts.kind, *top)

    @property
    def headline(self) -> str:
        """What happened in a few words, for one row; device text in it is not sanitised yet."""
        return crash_headline(self.facts, self.place)

    def to_json(self) -> dict[str, Any]:
        """The report as the screen and scripts have it: the panic record's fields, with what decoding adds."""
        fields: dict[str, Any] = {
            **self.facts.fields(),
            "core": self.core.core,
            "registers": self.core.registers.to_json(),
            "backtrace": [frame.to_json() for frame in self.frames],
            "corrupted": self.core.corrupted,
            "sentence": self.sentence,
            "where": self.place.to_json() if self.place else None,
            "notes": dict(self.notes),
            "symbols": dict(self.symbols),
            "elf_match": self.elf_match,
            "warnings": list(self.warnings),
        }
        if self.others:
            fields["other_cores"] = [
                {**core.to_json(), "backtrace": [frame.to_json() for frame in frames]} for core, frames in self.others
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
        if self.core.registers:
            rows += ["", "Registers:"]
            rows += [
                f"  {name:<9} 0x{value:08x}  {self.symbols.get(name) or self.notes.get(name, '')}".rstrip()
                for name, value in self.core.registers.items()
            ]
        for title, items in (("Warnings", self.warnings), ("Could not be read", self.facts.damaged)):
            if items:
                rows += ["", f"{title}:", *(f"  {item}" for item in items)]
        return "\n".join(rows) + "\n"


def _frame_rows(frames: Sequence[StackFrame]) -> list[str]:
    rows = []
    for number, frame in enumerate(frames):
        where = f" at {frame.file}:{frame.line if frame.line is not None else '?'}" if frame.file else ""
        marks = " (inlined)" if frame.inlined else " (recovered)" if frame.recovered else ""
        rows.append(f"  #{number:<2} 0x{frame.pc:08x}  {frame.function or '??'}{marks}{where}")
    return rows


def decode_panic(facts: CrashFacts, symbolizer: Symbolizer | None) -> PanicReport:
    """Decode a panic. Without an ELF the report has what the board printed, and says what is missing.

    Raises `PostmortemError` only for an ELF that cannot be read.
    """
    warnings: list[str] = []
    match = _elf_match(facts, symbolizer, warnings)
    core, *others = _cores(facts)
    pc = facts.pc if core.backtrace is facts.backtrace else None
    wrong = FOREIGN if match is False else DAMAGED
    printed = PrintedCore(facts.kind, facts.arch, core, pc, facts.abort_pc, wrong, facts.unconfirmed)
    frames = panic_frames(printed, symbolizer, warnings)
    place = crash_place(facts.kind, frames)
    stack = [(start, start + len(data)) for start, data in core.stack]
    architecture = ARCHITECTURES.get(facts.arch or "")
    notes = register_notes(core.registers, architecture, symbolizer, stack)
    symbols = register_symbols(core.registers, architecture, symbolizer)
    hint = access_size_hint(facts.cause, facts.excvaddr)
    if hint:
        notes.setdefault(
            next((name for name in ADDRESS_NAMES if name in core.registers), XTENSA.address_register), hint
        )
    if core.corrupted:
        warnings.append("The board itself says that the backtrace is corrupted")
    if facts.continues:
        warnings.append("The board cut the backtrace: it goes on below the last frame")
    beside = [PrintedCore(facts.kind, facts.arch, each, each.registers.first(PC_NAMES)) for each in others]
    decoded = [(each.state, panic_frames(each, symbolizer, [])) for each in beside]
    sentence = crash_sentence(facts, core.core, frames)
    return PanicReport(facts, core, sentence, frames, place, notes, symbols, warnings, match, decoded)


def _cores(facts: CrashFacts) -> list[CoreState]:
    """What was printed of each core; of a task watchdog, the one that the suspect was running on comes first."""
    crashed = CoreState(facts.core, facts.registers, facts.backtrace, facts.stack, facts.corrupted)
    cores = [crashed, *facts.other_cores]
    blamed = next((cpu for cpu, task in facts.running.items() if task == facts.suspect), None)
    first = next((core for core in cores if blamed is not None and core.core == blamed), crashed)
    return [first, *(core for core in cores if core is not first)]


def _elf_match(facts: CrashFacts, symbolizer: Symbolizer | None, warnings: list[str]) -> bool | None:
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
