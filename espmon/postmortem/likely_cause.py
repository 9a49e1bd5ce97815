"""Why it most likely crashed, as far as the dump proves it: each cause with the evidence it stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from espmon.model.crash_facts import CrashFacts
from espmon.model.registers import RegisterSet
from espmon.model.stack_frame import Backtrace
from espmon.postmortem.dump_inspector import DumpInspector
from espmon.postmortem.panic_notes import NULL_REACH, PATTERNS
from espmon.postmortem.postmortem_error import PostmortemError
from espmon.postmortem.typed_value import TypedValue
from espmon.postmortem.variables import FrameVariables

if TYPE_CHECKING:
    from espmon.postmortem.heap_state import HeapReport
    from espmon.postmortem.memory_access import MemoryAccess
    from espmon.postmortem.pointer_members import PointerMember
    from espmon.postmortem.rtos_state import RtosState

FILLS = (0xFEFEFEFE, 0xCECECECE, 0xA5A5A5A5, 0xFEEEFEEE)
"""What memory is filled with that holds nothing; a pointer out of it has this value."""

FILL_REACH = 0x1000
"""How far from a pointer its members are looked for."""

STACK_SMASH = "__stack_chk_fail"
ALLOCATION_FAILED = frozenset({"heap_caps_alloc_failed", "heap_caps_match_failed"})
NO_MEMORY_FRAMES = frozenset({"std::__throw_bad_alloc()", "std::__throw_bad_alloc"})
XTENSA_DIVISION = 6
"""EXCCAUSE of a division by zero; RISC-V does not raise one."""
MAX_CANDIDATES = 4


class LikelyCause(NamedTuple):
    """A cause: what kind, in one sentence, and the facts of the dump that say so."""

    kind: str
    sentence: str
    evidence: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """The cause as reports have it."""
        return {"kind": self.kind, "sentence": self.sentence, "evidence": list(self.evidence)}


class CrashScene(NamedTuple):
    """What there is to judge by.

    Attributes:
        stack: lowest address and end of the crashed task's stack; None where its control block does not say.
        inspector: reads variables; None where there is no ELF.
    """

    facts: CrashFacts
    registers: RegisterSet
    trace: Backtrace
    stack: tuple[int, int] | None
    inspector: DumpInspector | None
    sp: str

    @property
    def access(self) -> MemoryAccess | None:
        """The access to memory that faulted: only where the instruction's address is the one that the fault names."""
        if self.inspector is None or self.facts.kind != "exception" or self.facts.pc is None:
            return None
        from espmon.postmortem.memory_access import access_at  # most crashes are given up on purpose

        found = access_at(self.facts.arch or "", self.inspector.symbolizer, self.facts.pc)
        if found is None or found.base not in self.registers:
            return None
        reached = self.registers[found.base] + found.offset & 0xFFFFFFFF
        return found if reached == self.facts.excvaddr else None

    def frames(self) -> Sequence[FrameVariables]:
        """The variables of the functions where the processor stopped."""
        if self.inspector is None:
            return []
        states = self.inspector.states(self.registers, self.trace)
        return self.inspector.frame(states) if states else []


def likely_causes(scene: CrashScene) -> list[LikelyCause]:
    """Return the causes that the dump proves, the best proven first; empty where it proves none."""
    return [cause for judge in JUDGES for cause in judge(scene)]


def deadlocks(state: RtosState | None) -> list[LikelyCause]:
    """Return the circles of tasks that wait for each other's mutexes."""
    if state is None:
        return []
    return [
        LikelyCause(
            "deadlock",
            f"{' and '.join(state.name(tcb) for tcb in circle)} wait for each other for ever.",
            (state.deadlock(circle),),
        )
        for circle in state.deadlocks
    ]


def damaged_heaps(report: HeapReport | None) -> list[LikelyCause]:
    """Return what a walk through the heaps found damaged."""
    damage = [text for heap in report.heaps for text in heap.damage] if report is not None else []
    return [LikelyCause("heap_corruption", "The heap is damaged.", tuple(damage))] if damage else []


def _stack_overflow(scene: CrashScene) -> Iterator[LikelyCause]:
    pointer = scene.registers.get(scene.sp)
    if scene.stack is None or pointer is None or scene.facts.isr:
        return
    low, high = scene.stack
    who = f"task {scene.facts.task}" if scene.facts.task else "the task"
    bounds = f"its control block says that the stack of {who} is 0x{low:08x} to 0x{high:08x} ({high - low} bytes)"
    if low - (high - low) <= pointer < low:
        yield LikelyCause(
            "stack_overflow",
            f"The stack of {who} overflowed by {low - pointer} bytes or more.",
            (f"the stack pointer is 0x{pointer:08x}", bounds),
        )


def _null_member(scene: CrashScene) -> Iterator[LikelyCause]:
    access = scene.access
    if access is None or scene.inspector is None or scene.registers[access.base] != 0:
        return
    if not 0 <= access.offset < NULL_REACH:
        return
    found = _candidates(scene, access)
    proven = [f"the instruction at 0x{scene.facts.pc:08x} is {access.words}, and {access.base} is 0"]
    places = {(item.type, item.member) for item in found}
    if len(places) == 1:
        item = found[0]
        who = " and ".join(dict.fromkeys(candidate.path for candidate in found[:MAX_CANDIDATES]))
        held = f"{who} ({item.type}) is null" if len(found) == 1 else f"{who} ({item.type}) are null"
        offset = f"{item.member} lies at offset {access.offset} of what it points to"
        yield LikelyCause(
            "null_member",
            f"{'Writing' if access.write else 'Reading'} member `{item.member}` of a null `{item.type}`.",
            (*proven, held, offset),
        )
    elif found:
        names = ", ".join(f"{item.path} ({item.type}: {item.member})" for item in found[:MAX_CANDIDATES])
        yield LikelyCause(
            "null_pointer", f"A null pointer was used, plus {access.offset}.", (*proven, f"null here: {names}")
        )


def _candidates(scene: CrashScene, access: MemoryAccess) -> list[PointerMember]:
    from espmon.postmortem.pointer_members import null_members

    assert scene.inspector is not None
    try:
        return null_members(scene.inspector, scene.registers, scene.trace, access.offset, access.size)
    except PostmortemError:
        return []


def _filled_pointer(scene: CrashScene) -> Iterator[LikelyCause]:
    access, facts = scene.access, scene.facts
    if access is not None:
        value, how = scene.registers[access.base], f"the instruction at 0x{facts.pc:08x} is {access.words}"
        name = f"{access.base} is 0x{value:08x}"
    elif facts.kind == "exception" and facts.pc is not None:
        value, how, name = facts.pc, "the processor ran to a place that is no code", f"pc is 0x{facts.pc:08x}"
    else:
        return
    fill = next((fill for fill in FILLS if 0 <= value - fill < FILL_REACH), None)
    if fill is None:
        return
    yield LikelyCause(
        "filled_pointer",
        f"A pointer was taken from {PATTERNS[fill].replace(' (heap poisoning)', '')}.",
        (how, name, f"0x{fill:08x} is the fill of {PATTERNS[fill]}"),
    )


def _division(scene: CrashScene) -> Iterator[LikelyCause]:
    if scene.facts.arch == "xtensa" and scene.facts.cause and scene.registers.get("exccause") == XTENSA_DIVISION:
        yield LikelyCause(
            "division_by_zero",
            "An integer was divided by zero.",
            (f"the cause register says so (EXCCAUSE {XTENSA_DIVISION})", *_zero_variables(scene)),
        )


def _zero_variables(scene: CrashScene) -> Iterator[str]:
    zeros = [
        item.name for part in scene.frames() for item in part.variables
        if item.content.kind == "integer" and item.content.number == 0
    ]  # fmt: skip
    if zeros:
        yield f"0 in this function: {', '.join(dict.fromkeys(zeros))}"


def _smashed(scene: CrashScene) -> Iterator[LikelyCause]:
    names = [frame.function for frame in scene.trace.frames]
    if STACK_SMASH not in names or scene.inspector is None:
        return
    index = len(names) - names[::-1].index(STACK_SMASH)
    if index >= len(names):
        return
    victim = scene.trace.frames[index]
    evidence = [f"{STACK_SMASH} was called from {victim.function}: the canary behind its local variables was changed"]
    arrays = [
        f"{item.name} ({item.type})" for part in _all_frames(scene) if part.frame == index for item in part.variables
        if not item.argument and item.content.kind in ("text", "array")
    ]  # fmt: skip
    if arrays:
        evidence.append(f"its local arrays: {', '.join(arrays)}")
    which = f", most likely of {arrays[0]}" if len(arrays) == 1 else ""
    yield LikelyCause("stack_smash", f"{victim.function} wrote past the end of a local array{which}.", tuple(evidence))


def _no_memory(scene: CrashScene) -> Iterator[LikelyCause]:
    for index, frame in enumerate(scene.trace.frames):
        if frame.function in ALLOCATION_FAILED or frame.function in NO_MEMORY_FRAMES:
            wanted = _argument(scene, index, "requested_size")
            size = f" of {wanted.text} bytes" if wanted is not None and wanted.text else ""
            caller = next(
                (f.function for f in scene.trace.frames[index + 1 :] if f.function and "heap_caps" not in f.function),
                None,
            )
            who = f" in {caller}" if caller else ""
            yield LikelyCause(
                "heap_exhausted", f"An allocation{size}{who} found no memory.", (f"{frame.function} is on the stack",)
            )
            return


def _argument(scene: CrashScene, frame: int, name: str) -> TypedValue | None:
    return next(
        (item.content for part in _all_frames(scene) if part.frame == frame for item in part.variables
         if item.name == name),
        None,
    )  # fmt: skip


def _all_frames(scene: CrashScene) -> Sequence[FrameVariables]:
    if scene.inspector is None:
        return []
    return scene.inspector.frames(-1, scene.registers, scene.trace)


JUDGES: Sequence[Callable[[CrashScene], Iterator[LikelyCause]]] = (
    _stack_overflow,
    _null_member,
    _filled_pointer,
    _division,
    _smashed,
    _no_memory,
)
"""Each looks for one kind of cause."""
