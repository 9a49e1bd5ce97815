"""Two core dumps side by side: what differs in the crash, tasks, stacks, heaps and global variables."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from espmon.model.stack_frame import StackFrame
from espmon.postmortem.core_report import CoreReport, TaskReport
from espmon.postmortem.crash_texts import file_name
from espmon.postmortem.global_variables import GlobalVariable, GlobalVariables
from espmon.postmortem.heap_state import SHOWN_SIZES, HeapState
from espmon.postmortem.typed_value import TypedValue
from espmon.postmortem.types import size_of

TOP_FRAMES = 4
"""Functions by which crashes are told apart."""

MAX_DIFFERENCES = 500
"""Differing parts of global variables that are told."""

MAX_DEPTH = 8
MISSING = "-"
"""What stands for the side that does not have it."""


class Difference(NamedTuple):
    """What the two dumps do not agree on.

    Attributes:
        area: "crash", "task", "stack", "rtos", "heap" or "global".
        what: which part: `state of idle`, `app_state.mode[2]`.
        first, second: as the dumps have it; None where one does not.
    """

    area: str
    what: str
    first: str | None
    second: str | None

    def to_json(self) -> dict[str, object]:
        """The difference as reports have it."""
        return self._asdict()


@dataclass(slots=True)
class Comparison:
    """What differs. `same_crash`: the same kind of crash in the same functions; `compared` global variables are in both
    dumps, `missing` in one of them or none, `left_out` differences are not told.
    """

    same_crash: bool
    differences: list[Difference] = field(default_factory=list)
    compared: int = 0
    missing: int = 0
    left_out: int = 0
    room: int = MAX_DIFFERENCES
    """Parts of global variables that may still be told."""

    def to_json(self) -> dict[str, object]:
        """The comparison as JSON has it."""
        return {
            "same_crash": self.same_crash,
            "differences": [item.to_json() for item in self.differences],
            "globals": {"compared": self.compared, "not_in_both": self.missing, "left_out": self.left_out},
        }

    def lines(self) -> list[str]:
        """The comparison for reading, an area after the other."""
        found = ["the same crash" if self.same_crash else "another crash"]
        area = ""
        for item in self.differences:
            if item.area != area:
                area = item.area
                found += ["", TITLES[area]]
            found.append(f"  {item.what}")
            found += [f"    A {item.first or MISSING}", f"    B {item.second or MISSING}"]
        if not self.differences:
            found.append("nothing differs")
        found.append("")
        found.append(f"global variables: {self.compared} in both dumps were compared, {self.missing} are not in both")
        if self.left_out:
            found.append(f"{self.left_out} more parts of them differ")
        return found


TITLES: Mapping[str, str] = {
    "crash": "crash",
    "task": "tasks",
    "stack": "stacks",
    "rtos": "FreeRTOS",
    "heap": "heaps",
    "global": "global variables",
}


def crash_functions(frames: Sequence[StackFrame]) -> tuple[str, ...]:
    """The functions where it crashed, innermost first, one for each address; empty where one has no name."""
    innermost: dict[int, str | None] = {}
    for frame in frames:
        innermost.setdefault(frame.pc, frame.function)
    names = [*innermost.values()][:TOP_FRAMES]
    return tuple(name for name in names if name) if all(names) else ()


def compare(first: CoreReport, second: CoreReport) -> Comparison:
    """Compare two dumps, of one build or of two."""
    key, other = _crash_key(first), _crash_key(second)
    found = Comparison(key is not None and key == other)
    found.differences += _crash(first, second)
    tasks = list(_paired(first.tasks, second.tasks))
    for mine, his in tasks:
        found.differences += _task(mine, his)
    for mine, his in tasks:
        if mine is not None and his is not None:
            found.differences += _stack(mine, his)
    found.differences += _rtos(first, second)
    found.differences += _heaps(first, second)
    _globals(first, second, found)
    return found


def _crash_key(report: CoreReport) -> Hashable | None:
    functions = crash_functions(report.frames)
    where: tuple[Hashable, ...] = functions or tuple(frame.pc for frame in report.frames[:TOP_FRAMES])
    return (report.facts.kind, where) if where else None


def _differing(area: str, rows: Iterable[tuple[str, object, object]]) -> Iterator[Difference]:
    for what, first, second in rows:
        if first != second:
            texts = [None if value is None else str(value) for value in (first, second)]
            yield Difference(area, what, texts[0], texts[1])


def _crash(first: CoreReport, second: CoreReport) -> Iterator[Difference]:
    rows: list[tuple[str, object, object]] = [
        ("chip", first.chip, second.chip),
        ("application", first.app_sha256, second.app_sha256),
        ("what happened", first.sentence, second.sentence),
        ("place", _place(first.place), _place(second.place)),
        ("likely cause", _likely(first), _likely(second)),
    ]
    return _differing("crash", rows)


def _likely(report: CoreReport) -> str | None:
    return report.likely[0].sentence if report.likely else None


def _place(frame: StackFrame | None) -> str | None:
    """The folders of the computer that built it are left out."""
    if frame is None or frame.function is None:
        return None
    return f"{frame.function} ({file_name(frame.file)}:{frame.line})" if frame.file else frame.function


def _paired(
    first: Sequence[TaskReport], second: Sequence[TaskReport]
) -> Iterator[tuple[TaskReport | None, TaskReport | None]]:
    """Tasks of the same name, in their order; then those that only the second has."""
    left = list(second)
    for task in first:
        other = next((item for item in left if item.name == task.name), None)
        if other is not None:
            left.remove(other)
        yield task, other
    for task in left:
        yield None, task


def _task(mine: TaskReport | None, his: TaskReport | None) -> Iterator[Difference]:
    if mine is None or his is None:
        task = mine or his
        assert task is not None
        states = [None if item is None else item.state for item in (mine, his)]
        yield Difference("task", f"task {task.name}", states[0], states[1])
        return
    rows: list[tuple[str, object, object]] = [
        (f"{mine.name}: crashed", mine.crashed, his.crashed),
        (f"{mine.name}: state", mine.state, his.state),
        (f"{mine.name}: priority", mine.priority, his.priority),
        (f"{mine.name}: stack used", mine.stack_used, his.stack_used),
        (f"{mine.name}: stack size", mine.stack_size, his.stack_size),
    ]
    yield from _differing("task", rows)


def _stack(mine: TaskReport, his: TaskReport) -> Iterator[Difference]:
    """The first frame at which two backtraces part, and what follows."""
    chains = [[frame.function or f"0x{frame.pc:08x}" for frame in task.frames] for task in (mine, his)]
    if chains[0] != chains[1]:
        pairs = zip(*chains, strict=False)
        at = next((index for index, (left, right) in enumerate(pairs) if left != right), min(map(len, chains)))
        rest = [" < ".join(chain[at:]) or "the end" for chain in chains]
        yield Difference("stack", f"{mine.name}: frame {at}", rest[0], rest[1])
        return
    places = [[_place(frame) for frame in task.frames] for task in (mine, his)]
    for index, (left, right) in enumerate(zip(*places, strict=True)):
        if left != right:
            yield Difference("stack", f"{mine.name}: frame {index}", left, right)
            return


def _rtos(first: CoreReport, second: CoreReport) -> Iterator[Difference]:
    left, right = first.rtos, second.rtos
    if left is None or right is None:
        return
    his = {task.name: (right.waiting(task.wait), task.unused) for task in right.tasks}
    for task in left.tasks:
        if task.name in his:
            wait, unused = his[task.name]
            yield from _differing("rtos", [(f"{task.name}: waits", left.waiting(task.wait), wait)])
            yield from _differing("rtos", [(f"{task.name}: stack never used", task.unused, unused)])
    circles = ["; ".join(map(state.deadlock, state.deadlocks)) or None for state in (left, right)]
    yield from _differing("rtos", [("deadlocks", circles[0], circles[1])])


def _heaps(first: CoreReport, second: CoreReport) -> Iterator[Difference]:
    heaps = [
        {heap.start: heap for heap in report.inspector.heaps.heaps} if report.inspector is not None else {}
        for report in (first, second)
    ]
    for start in sorted({*heaps[0], *heaps[1]}):
        mine, his = (side.get(start) for side in heaps)
        pairs = zip(_figures(mine), _figures(his), strict=True)
        rows = [(f"heap 0x{start:08x}: {name}", left, right) for (name, left), (_, right) in pairs]
        yield from _differing("heap", rows)


def _figures(heap: HeapState | None) -> list[tuple[str, object]]:
    names = ("free", "least free ever", "damage", "largest free block", "used blocks", "sizes")
    if heap is None:
        return [(name, None) for name in names]
    values: list[object] = [heap.counted_free, heap.minimum_free, "; ".join(heap.damage) or None, None, None, None]
    if heap.walked:
        sizes = ", ".join(f"{count} x {size}" for size, count in heap.sizes[:SHOWN_SIZES])
        values[0], values[3:] = heap.free, [heap.largest_free, sum(block.used for block in heap.blocks), sizes]
    return [*zip(names, values, strict=True)]


def _globals(first: CoreReport, second: CoreReport, found: Comparison) -> None:
    if first.inspector is None or second.inspector is None:
        return
    readers = first.inspector.globals, second.inspector.globals
    same = first.inspector.symbolizer.sha256 == second.inspector.symbolizer.sha256
    others = {} if same else {(item.name, item.file): item for item in readers[1].all()}
    memories = first.inspector.memory, second.inspector.memory
    seen: set[int] = set()
    for item in readers[0].all():
        other = item if same else others.get((item.name, item.file))
        if item.address in seen:
            continue
        seen.add(item.address)
        if other is None:
            found.missing += 1
            continue
        contents = [
            memory.read(one.address, size_of(one.type) or 1)
            for memory, one in zip(memories, (item, other), strict=True)
        ]
        if None in contents:
            found.missing += 1
            continue
        found.compared += 1
        if contents[0] != contents[1]:
            _add_global(readers, item, other, found)


def _add_global(
    readers: tuple[GlobalVariables, GlobalVariables], item: GlobalVariable, other: GlobalVariable, found: Comparison
) -> None:
    values = [reader.value(one) for reader, one in zip(readers, (item, other), strict=True)]
    for path, left, right in differing_parts(item.name, values[0], values[1]):
        if found.room > 0:
            found.room -= 1
            found.differences.append(Difference("global", path, left, right))
        else:
            found.left_out += 1


def differing_parts(path: str, first: TypedValue, second: TypedValue, depth: int = 0) -> Iterator[tuple[str, str, str]]:
    """The parts of a value that differ, each with its path: `app_state.mode[2]`."""
    names = [[part.name for part in value.fields] for value in (first, second)]
    if names[0] and names[0] == names[1] and depth < MAX_DEPTH:
        for left, right in zip(first.fields, second.fields, strict=True):
            inner = f"[{left.name}]" if first.kind == "array" else f".{left.name or '<unnamed>'}"
            yield from differing_parts(path + inner, left.value, right.value, depth + 1)
        return
    texts = first.to_text(), second.to_text()
    if texts[0] != texts[1]:
        yield path, *texts
