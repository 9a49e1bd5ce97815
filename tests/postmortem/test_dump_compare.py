"""Two dumps side by side: what differs is told, what does not is not."""

from __future__ import annotations

from dataclasses import replace

from espmon.postmortem.core_report import CoreReport
from espmon.postmortem.dump_compare import MAX_DIFFERENCES, Comparison, compare, crash_functions, differing_parts
from espmon.postmortem.dump_inspector import DumpInspector
from espmon.postmortem.heap_state import HeapBlock, HeapReport, HeapState
from espmon.postmortem.memory import SegmentMemory
from espmon.postmortem.rtos_state import RtosState, RtosTask, Wait
from espmon.postmortem.typed_value import Field, TypedValue
from espmon.postmortem.types import size_of
from tests.tui.screens.crash_data import CORE, SYMBOLIZER, core_report, task


def told(found: Comparison) -> dict[tuple[str, str], tuple[str | None, str | None]]:
    return {(item.area, item.what): (item.first, item.second) for item in found.differences}


def inspected(report: CoreReport, segments: list[tuple[int, bytes]]) -> CoreReport:
    assert report.inspector is not None
    return replace(report, inspector=DumpInspector(SYMBOLIZER, SegmentMemory(segments), report.inspector.architecture))


def test_a_dump_does_not_differ_from_itself() -> None:
    found = compare(CORE, core_report("abort"))
    assert found.same_crash
    assert found.differences == []
    assert found.lines()[:2] == ["the same crash", "nothing differs"]


def test_another_crash_is_another_crash() -> None:
    found = compare(CORE, core_report("panic"))
    assert not found.same_crash
    assert told(found)["crash", "what happened"] == (CORE.sentence, core_report("panic").sentence)
    assert ("stack", "main: frame 0") in told(found)
    assert "another crash" in found.lines()


def test_tasks_are_paired_by_name_and_the_rest_is_named() -> None:
    first = replace(CORE, tasks=[task("a"), task("same"), task("same", used=1)])
    second = replace(CORE, tasks=[task("b"), task("same", used=7), task("same", used=1)])
    assert told(compare(first, second)) == {
        ("task", "task a"): (first.tasks[0].state, None),
        ("task", "task b"): (None, second.tasks[0].state),
        ("task", "same: stack used"): ("100", "7"),
        ("task", "same: stack size"): ("1000", "907"),
    }


def test_a_line_that_moved_and_a_chain_that_parts_are_told_once() -> None:
    frames = CORE.tasks[0].frames
    moved = [frames[0]._replace(line=999), *frames[1:]]
    first, second = replace(CORE, tasks=[task("t", frames)]), replace(CORE, tasks=[task("t", moved)])
    ((where, (mine, his)),) = told(compare(first, second)).items()
    assert where == ("stack", "t: frame 0")
    assert (mine or "").rpartition(":")[0] == (his or "").rpartition(":")[0]
    shorter = replace(CORE, tasks=[task("t", frames[:-1])])
    assert told(compare(first, shorter))["stack", f"t: frame {len(frames) - 1}"][1] == "the end"


def test_only_global_variables_that_both_dumps_hold_are_compared() -> None:
    assert CORE.inspector is not None
    items = [item for item in CORE.inspector.globals.all() if (size_of(item.type) or 0) >= 4][:2]
    assert len(items) == 2
    sizes = [size_of(item.type) or 0 for item in items]
    first = inspected(CORE, [(items[0].address, b"\1" * sizes[0]), (items[1].address, b"\1" * sizes[1])])
    second = inspected(CORE, [(items[0].address, b"\2" * sizes[0])])
    found = compare(first, second)
    assert found.compared == 1
    assert found.missing >= 1
    assert {item.what.split(".")[0].split("[")[0] for item in found.differences} == {items[0].name}
    assert {item.area for item in found.differences} == {"global"}
    assert found.to_json()["globals"] == {"compared": 1, "not_in_both": found.missing, "left_out": 0}
    assert "global variables: 1 in both dumps were compared" in found.lines()[-1]


def number(value: int) -> TypedValue:
    return TypedValue("int", "integer", value, str(value))


def test_the_part_of_a_value_that_differs_is_named_by_its_path() -> None:
    def state(mode: int) -> TypedValue:
        modes = TypedValue("int[2]", "array", fields=(Field("0", number(1)), Field("1", number(mode))))
        return TypedValue("struct state", "structure", fields=(Field("id", number(5)), Field("mode", modes)))

    assert list(differing_parts("app", state(2), state(3))) == [("app.mode[1]", "2", "3")]
    assert list(differing_parts("app", state(2), state(2))) == []
    gone = TypedValue("struct state", "structure", note="not in this dump")
    assert list(differing_parts("app", state(2), gone)) == [("app", "{id = 5, mode = {1, 2}}", "<not in this dump>")]


def test_what_is_left_out_is_counted() -> None:
    assert CORE.inspector is not None
    item = max(CORE.inspector.globals.all(), key=lambda found: size_of(found.type) or 0)
    size = size_of(item.type) or 0
    comparison = compare(
        inspected(CORE, [(item.address, bytes(size))]), inspected(CORE, [(item.address, b"\1" * size)])
    )
    told_parts = [found for found in comparison.differences if found.area == "global"]
    assert comparison.room + len(told_parts) == MAX_DIFFERENCES
    comparison.left_out = 3
    assert comparison.lines()[-1] == "3 more parts of them differ"


def test_heaps_and_what_tasks_wait_for_are_compared() -> None:
    reports = [inspected(CORE, []), inspected(CORE, [])]
    waits = (Wait("delay", until=5), Wait("suspended", for_ever=True))
    for number_, (report, wait) in enumerate(zip(reports, waits, strict=True)):
        assert report.inspector is not None
        blocks = [HeapBlock(0x3FC90000, 64, True), HeapBlock(0x3FC90040, 900 - number_ * 100, False)]
        heap = HeapState(0x3FC90000, 0x3FC90400, True, 100, 900, blocks, ["canary gone"] * number_)
        report.inspector.__dict__["heaps"] = HeapReport(True, [heap])
        report.inspector._rtos = RtosState([RtosTask(1, "main", wait, 300)], tick=1)
    assert told(compare(*reports)) == {
        ("rtos", "main: waits"): ("sleeps until tick 5 (4 from now)", "is suspended"),
        ("heap", "heap 0x3fc90000: free"): ("900", "800"),
        ("heap", "heap 0x3fc90000: largest free block"): ("900", "800"),
        ("heap", "heap 0x3fc90000: damage"): (None, "canary gone"),
    }
    assert reports[1].inspector is not None
    reports[1].inspector.__dict__["heaps"] = HeapReport(True, [])
    assert told(compare(*reports))["heap", "heap 0x3fc90000: free"] == ("900", None)


def test_functions_of_a_crash_are_one_for_each_address() -> None:
    frames = CORE.tasks[0].frames
    assert len(crash_functions(frames)) <= 4
    assert crash_functions([frames[0], frames[0]._replace(function="outer", inlined=False)]) == (frames[0].function,)
    assert crash_functions([frames[0]._replace(function=None)]) == ()
