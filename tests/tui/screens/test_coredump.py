"""The core dump report."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Tree

from espmon.model.registers import RegisterSet
from espmon.model.stack_frame import StackFrame
from espmon.postmortem import CoreReport, decode_core
from espmon.postmortem.typed_value import Field, TypedValue
from espmon.tui.screens.core_dump_screen import CHOOSE_ELF, COMPARE, CoreDumpReportScreen
from espmon.tui.screens.crash_parts import FramesTable, local_source
from espmon.tui.screens.globals_pane import GlobalsPane, add_parts
from espmon.tui.screens.memory_pane import MemoryPane
from espmon.tui.screens.table import KeyedTable
from tests.inputs import REAL_DUMPS, dump_named
from tests.tui.screens.crash_data import (
    CORE,
    CRASHED,
    IDLE,
    SOURCE,
    SOURCE_LINE,
    SYMBOLIZER,
    core_bytes,
    core_report,
    source,
    task,
)
from tests.tui.screens.host import Host, run_before, screen_text, settle, toasts


def panel(report: CoreReport = CORE, **options: Any) -> CoreDumpReportScreen:
    options.setdefault("source", source)
    return CoreDumpReportScreen(report, **options)


def task_names(app: Host) -> list[str]:
    table = app.screen.query_one("#tasks", KeyedTable)
    return [row.cells["name"] for row in table.shown]


async def test_the_reason_is_said_first_with_task_and_place() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        first, second = screen_text(app).splitlines()[:2]
        assert "Task main gave up by calling abort() in command_abort (console.c:25)." in first
        assert "ESP32-C3: task main, at command_abort (console.c:25)" in second


@pytest.mark.parametrize("kind", ["panic", "abort", "assert", "stack"])
async def test_the_headline_is_plain_and_the_board_s_own_line_is_in_the_details(kind: str) -> None:
    report = core_report(kind)
    app = Host(lambda: panel(report))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert screen_text(app).splitlines()[0].strip() == report.sentence
        await pilot.press("3")
        await settle(pilot)
        assert report.crashed.reason is not None
        assert report.crashed.reason[:50] in screen_text(app)


async def test_an_interrupt_is_not_taken_for_the_task_that_it_interrupted() -> None:
    app = Host(lambda: panel(replace(CORE, crashed=replace(CORE.crashed, isr=True))))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert "in an interrupt while task main ran" in screen_text(app).splitlines()[1]


async def test_the_crashed_task_comes_first_and_then_the_fullest_stacks() -> None:
    tasks = [task("half", used=500, free=500), task("full", used=3400, free=184), CRASHED]
    app = Host(lambda: panel(replace(CORE, tasks=tasks)))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert task_names(app) == ["main", "full", "half"]
        assert "3400 95%" in screen_text(app)


async def test_the_cursor_starts_on_the_first_frame_worth_reading_with_its_source() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        frame = app.screen.query_one(FramesTable).frame
        assert frame is not None
        assert frame.function == "command_abort"
        text = screen_text(app)
        assert "/espmon-demo/console.c:25" in text
        assert "▶ 25          abort();" in text


async def test_another_task_shows_its_own_backtrace() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("down")
        await settle(pilot)
        text = screen_text(app)
        assert "vPortYield" in text
        assert "command_abort" not in "\n".join(text.splitlines()[2:])


async def test_a_file_that_is_not_here_and_a_frame_without_file_are_said() -> None:
    rom = StackFrame(0x40007D14, 0x3FC8B000)
    app = Host(lambda: panel(replace(CORE, tasks=[task("main", [*CRASHED.frames, rom])]), source=local_source()))
    async with app.run_test() as pilot:
        await settle(pilot)
        frames = app.screen.query_one(FramesTable)
        frames.focus()
        await pilot.press("home", "up", "up", "up")
        await settle(pilot)
        assert "The file is not on this computer" in screen_text(app)
        frames.move_to(str(len(CRASHED.frames)))
        await settle(pilot)
        assert "No source is known for this frame" in screen_text(app)


async def test_source_is_read_off_the_event_loop_and_a_late_excerpt_is_dropped() -> None:
    """Lesson 19: nothing is read inside the screen's update."""
    ready = threading.Event()
    readers: list[str] = []

    def slow(file: str, line: int) -> list[tuple[int, str]]:
        readers.append(threading.current_thread().name)
        if line == SOURCE_LINE:
            assert ready.wait(20)
            return list(SOURCE)
        return [(line, f"source of line {line}")]

    app = Host(lambda: panel(source=slow))
    async with app.run_test() as pilot:
        await pilot.pause()
        app.screen.query_one(FramesTable).move_to("4")
        while "source of line 74" not in screen_text(app):
            await pilot.pause()
        ready.set()
        await settle(pilot)
        assert "source of line 74" in screen_text(app)
        assert "abort();" not in screen_text(app)
        assert threading.current_thread().name not in readers


async def test_unreadable_source_says_why() -> None:
    def broken(file: str, line: int) -> list[tuple[int, str]]:
        raise OSError("Input/output error [/x]")

    app = Host(lambda: panel(source=broken))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert "It could not be read: Input/output error [/x]" in screen_text(app)


async def test_registers_and_regions_are_one_key_away() -> None:
    app = Host(panel)
    async with app.run_test(size=(100, 40)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await pilot.pause()
        assert "ra 0x4200062e" in screen_text(app)
        await pilot.press("3")
        await pilot.pause()
        text = screen_text(app)
        assert str(CORE.app_sha256) in text
        assert "Memory regions" in text


def damaged(data: bytes) -> bytes:
    """With one byte of its memory changed."""
    return data[:-200] + bytes([data[-200] ^ 1]) + data[-199:]


@pytest.mark.parametrize(
    ("report", "warning"),
    [
        (replace(CORE, elf_match=False), "This ELF is not the application's"),
        (replace(CORE, elf_match=None), "could not be checked whether the ELF belongs"),
        (decode_core(damaged(core_bytes("abort")), SYMBOLIZER), "the checksum (crc32) does not match"),
        (decode_core(core_bytes("abort")[:-300], SYMBOLIZER), "the dump is cut short"),
        (replace(CORE, warnings=["stack of wifi is damaged"]), "stack of wifi is damaged"),
    ],
    ids=["other ELF", "no SHA-256", "damaged", "cut short", "anything"],
)
async def test_what_limits_trust_is_said_above_everything_and_once(report: CoreReport, warning: str) -> None:
    app = Host(lambda: panel(report))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert warning in "\n".join(screen_text(app).splitlines()[2:4])
        said = app.screen.warnings()  # type: ignore[attr-defined]
        assert len([text for text in said if warning in text]) == 1


async def test_many_warnings_leave_room_for_the_report() -> None:
    app = Host(lambda: panel(replace(CORE, warnings=[f"warning {index} " + "x" * 300 for index in range(20)])))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "17 more under Details (3)" in text
        assert "command_abort" in text
        assert "Esc Back" in text


async def test_copying_takes_the_part_with_the_focus() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("c")
        assert app.copied.startswith("Tasks\nTask main (crashed)")
        await pilot.press("tab", "c")
        assert "#0  0x403803a6  panic_abort (inlined)  at /espmon-demo/panic.c:27" in app.copied
        await pilot.press("a")
        for part in ("abort() was called", "mcause", "vPortYield", "stack"):
            assert part in app.copied


async def test_saving_as_text_and_as_json() -> None:
    app = Host(lambda: panel(save_text=lambda: Path("/d/core.txt"), save_json=lambda: Path("/d/core.json")))
    async with app.run_test(notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("s", "j")
        await settle(pilot)
        assert "Saved /d/core.txt" in toasts(app)
        assert "Saved /d/core.json" in toasts(app)


async def test_variables_of_the_crashed_frame_are_shown_with_their_values() -> None:
    report = core_report("panic")
    app = Host(lambda: panel(report))
    async with app.run_test(size=(80, 40)) as pilot:
        await settle(pilot)
        await pilot.press("3")
        await settle(pilot)
        lines = screen_text(app).splitlines()
        assert any("int index" in line and line.rstrip(" ▁▂▃▄▅▆▇█").endswith("0") for line in lines)
        assert any("uint32_t raw" in line and "not known: optimized out" in line for line in lines)


async def test_variables_of_any_frame_of_any_task_are_one_key_away() -> None:
    app = Host(lambda: panel(core_report("panic")))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("4")
        await settle(pilot)
        assert "struct sensor_registers *) = 0x00000000" in screen_text(app)
        first = screen_text(app)
        await pilot.press("down")
        await settle(pilot)
        assert screen_text(app) != first
        app.screen.query_one("#variables").focus()
        await pilot.press("c")
        assert app.copied.startswith("Variables\n")


async def test_what_the_tasks_wait_for_and_the_heaps_are_one_key_away() -> None:
    app = Host(lambda: panel(core_report("panic")))
    async with app.run_test(size=(80, 40)) as pilot:
        await settle(pilot)
        assert "7 RTOS" in screen_text(app)
        await pilot.press("7")
        await settle(pilot)
        text = screen_text(app)
        assert "FreeRTOS" in text
        assert "sleeps until tick" in text
        app.screen.query_one("#kernel").focus()
        await pilot.press("c")
        assert app.copied.startswith("FreeRTOS and heaps\n")
        assert "Heaps\nthe list of heaps: not in this dump" in app.copied


async def test_the_likely_cause_stands_above_and_its_evidence_among_the_details() -> None:
    app = Host(lambda: panel(core_report("panic")))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "Writing member `control` of a null `struct sensor_registers *`." in screen_text(app).splitlines()[2]
        await pilot.press("a")
        assert "- control lies at offset 0 of what it points to" in app.copied


async def test_a_frame_without_variables_says_so() -> None:
    app = Host(lambda: panel(replace(core_report("panic"), inspector=None)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("4")
        await settle(pilot)
        assert "This frame has no variables that the ELF describes." in screen_text(app)


async def test_another_elf_can_be_asked_for() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("e")
        await pilot.pause()
        assert app.answer == CHOOSE_ELF


async def test_escape_closes_it() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert app.answer is None


async def test_a_dump_without_its_elf_is_still_shown() -> None:
    report = decode_core(core_bytes("abort"), None)
    app = Host(lambda: CoreDumpReportScreen(report))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert "abort()" in screen_text(app)
        await pilot.press("2", "3", "c", "a", "tab", "tab", "tab", "c")
        await settle(pilot)
        assert "not checked" in screen_text(app)


async def test_a_dump_that_says_nothing_of_its_crash_is_still_shown() -> None:
    crashed = replace(CORE.crashed, tcb=None, task=None, isr=None, reason=None, cause=None)
    bare = replace(CORE, chip=None, crashed=crashed, place=None, registers=RegisterSet(), tasks=[], regions=[])
    app = Host(lambda: CoreDumpReportScreen(bare))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert "unknown chip: task ?" in screen_text(app)
        await pilot.press("2", "3", "c", "a", "tab", "tab", "tab", "c")
        await settle(pilot)


async def test_a_thousand_tasks_are_listed() -> None:
    tasks = [task(f"task{index}", IDLE.frames[:1]) for index in range(1000)]
    app = Host(lambda: panel(replace(CORE, tasks=tasks)))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert len(task_names(app)) == 1000


async def test_names_from_a_dump_are_inert() -> None:
    name = "[red]\x1b[2J\x9b31m\u202e" + "n" * 500
    frame = StackFrame(0x42000000, 0, name, name, 3)
    hostile = replace(
        CORE,
        tasks=[task(name, [frame])],
        crashed=replace(CORE.crashed, task=name, reason=name),
        sentence=name,
        place=frame,
        warnings=[name],
        chip=name,
    )
    app = Host(lambda: panel(hostile))
    async with app.run_test(notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("3", "c")
        await settle(pilot)
        text = screen_text(app)
        assert "[red]" in text
        assert not set(text) & {"\x1b", "\x9b", "\u202e"}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_looks_as_accepted(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        text = screen_text(pilot.app)
        assert pilot.app.size == size
        for part in (
            "calling abort()",
            "main",
            "240 7%",
            "prio",
            "panic.c:27",
            "▶ 25",
            "2 Registers",
            "Save JSON",
        ):
            assert part in text

    app = Host(lambda: panel(save_text=lambda: Path("/x"), save_json=lambda: Path("/x")))
    assert snap_compare(app, terminal_size=size, run_before=run_before(check))


def test_source_of_this_computer_is_read_by_path_mapping(tmp_path: Path) -> None:
    (tmp_path / "sensor.c").write_text("".join(f"line {number}\n" for number in range(1, 40)))
    read = local_source({"/builds/project": str(tmp_path)})
    lines = read("/builds/project/sensor.c", 14)
    assert (14, "line 14") in lines
    assert read("/builds/project/none.c", 14) == []


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("riscv", "command_abort (console.c:25)"),
        ("xtensa", "run_command (main.c:17)"),
        *((name, "fail_once (test_core_dump.c:14)") for name in REAL_DUMPS),
    ],
)
async def test_a_real_dump_decoded_is_readable(name: str, place: str) -> None:
    dump = dump_named(name)
    report = decode_core(dump.text, dump.elf)
    app = Host(lambda: CoreDumpReportScreen(report, source=local_source()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        for part in ("calling abort()", f"task main, at {place}", "panic_abort", "IDLE"):
            assert part in text
        assert "The file is not on this computer" in text
        assert place.rstrip(")")[-9:] in text.splitlines()[6] + text.splitlines()[7]


NUMBER = TypedValue("int", "integer", 7, "7")


async def shown_tree(pilot: Pilot[Any], app: Host) -> Tree[Any]:
    tree = app.screen.query_one("#globals-tree", Tree)
    await wait_until(pilot, lambda: bool(tree.root.children))
    return tree


async def wait_until(pilot: Pilot[Any], holds: Callable[[], bool]) -> None:
    for _ in range(3000):
        if holds():
            return
        await pilot.pause(0.01)
    raise AssertionError("it did not come to that within 30 s")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_all_global_variables_are_a_tree_that_is_read_where_it_is_opened(size: tuple[int, int]) -> None:
    app = Host(panel)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("5")
        tree = await shown_tree(pilot, app)
        count = len(tree.root.children)
        names = [str(node.label).split()[0] for node in tree.root.children]
        assert names == sorted(names, key=str.lower)
        field = app.screen.query_one("#globals-filter", Input)
        field.value = names[0][:4].upper()
        await wait_until(pilot, lambda: len(tree.root.children) < count)
        assert all(names[0][:4].lower() in str(node.label).lower() for node in tree.root.children)
        field.value = ""
        await wait_until(pilot, lambda: len(tree.root.children) == count)
        field.focus()
        await pilot.press("enter")
        assert app.focused is tree
        node = tree.root.children[0]
        node.expand()
        await wait_until(pilot, lambda: " = " in str(node.label))
        for child in list(node.children):
            child.expand()
        await settle(pilot)
        assert " = " in app.screen.query_one(GlobalsPane).text
        tree.focus()
        await pilot.press("slash")
        await wait_until(pilot, lambda: app.focused is field)


async def test_members_of_a_structure_are_nodes_and_hostile_names_are_no_markup() -> None:
    inner = TypedValue("int[2]", "array", fields=(Field("0", NUMBER), Field("1", NUMBER)), left_out=3)
    value = TypedValue("struct s", "structure", fields=(Field("[red]x", NUMBER), Field(None, inner)), target=NUMBER)
    tree: Tree[Any] = Tree("")
    add_parts(tree.root, value)
    assert [str(node.label) for node in tree.root.children] == [
        "[red]x (int) = 7", "<unnamed> (int[2]) = {7, 7, ...}", "* (int) = 7"
    ]  # fmt: skip
    array = tree.root.children[1]
    add_parts(array, inner)
    assert [str(node.label) for node in array.children] == ["[0] (int) = 7", "[1] (int) = 7", "... 3 more"]


async def test_words_of_memory_say_what_they_point_to() -> None:
    app = Host(panel)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("6")
        pane = app.screen.query_one(MemoryPane)
        await wait_until(pilot, lambda: bool(pane.text))
        assert "(stack of main+" in pane.text.splitlines()[0]
        assert "-> stack of main+" in pane.text
        field = app.screen.query_one("#memory-place", Input)
        field.focus()
        field.value = "nowhere at all"
        await pilot.press("enter")
        await wait_until(pilot, lambda: pane.text.startswith("'nowhere at all' is neither"))
        field.value = ""
        await pilot.press("enter")
        await wait_until(pilot, lambda: pane.text.startswith("Give an address"))
        assert app.screen.focused is field


async def test_where_there_is_no_elf_there_are_no_global_variables() -> None:
    app = Host(lambda: panel(replace(CORE, inspector=None)))
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("5")
        await settle(pilot)
        assert "They need the application's ELF." in screen_text(app)


async def test_the_same_crash_of_past_sessions_is_in_the_details() -> None:
    app = Host(lambda: panel(seen=lambda: ["3 x in 2 sessions; builds: abc"]))
    async with app.run_test(size=(120, 60)) as pilot:
        await settle(pilot)
        await pilot.press("3")
        await wait_until(pilot, lambda: "3 x in 2 sessions; builds: abc" in screen_text(app))
        assert not app._notifications


async def test_d_asks_for_another_dump() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("d")
        await settle(pilot)
        assert app.answer == COMPARE
