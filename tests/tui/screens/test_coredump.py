"""The core dump report."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from espmon.postmortem import decode_core
from espmon.tui.screens.core_dump_screen import CHOOSE_ELF, CoreDumpReportScreen
from espmon.tui.screens.crash_parts import FramesTable, local_source
from espmon.tui.screens.table import KeyedTable
from tests.inputs import REAL_DUMPS, dump_named
from tests.tui.screens.crash_data import CORE_DUMP, FRAMES, SOURCE, source, task
from tests.tui.screens.host import Host, run_before, screen_text, settle, toasts


def panel(report: dict[str, Any] | None = None, **options: Any) -> CoreDumpReportScreen:
    options.setdefault("source", source)
    return CoreDumpReportScreen({**CORE_DUMP, **(report or {})}, **options)


def task_names(app: Host) -> list[str]:
    table = app.screen.query_one("#tasks", KeyedTable)
    return [row.cells["name"] for row in table.shown]


async def test_the_reason_is_said_first_with_task_and_place() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        first, second = screen_text(app).splitlines()[:2]
        assert "abort() was called at PC 0x400d66b9 on core 0" in first
        assert "esp32: task sensor, at read_sample (sensor.c:14)" in second


GURU = "Guru Meditation Error: Core  0 panic'ed ({}). Exception was unhandled."


@pytest.mark.parametrize(
    ("crashed", "sentence"),
    [
        (
            {"reason": GURU.format("Store access fault"), "cause": "Store access fault (7) at 0x00000000: a write"},
            "Task sensor wrote to address 0 (a null pointer)",
        ),
        (
            {"reason": GURU.format("LoadProhibited"), "cause": "LoadProhibitedCause (28) at 0x00000010: a read"},
            "Task sensor read from address 0x00000010 (a null pointer plus 16)",
        ),
        (
            {"reason": None, "cause": "IntegerDivideByZeroCause (6): an integer division by zero"},
            "Task sensor stopped: an integer division by zero",
        ),
        (
            {"reason": GURU.format("Interrupt wdt timeout on CPU0"), "cause": None, "isr": True},
            "An interrupt stopped: Interrupt wdt timeout on CPU0",
        ),
        ({"reason": "assert failed: f a.c:1 (x)", "cause": None}, "assert failed: f a.c:1 (x)"),
        ({"reason": None, "cause": None}, "The reason is not recorded"),
    ],
)
async def test_the_headline_is_plain_and_the_board_s_own_line_is_in_the_details(
    crashed: dict[str, Any], sentence: str
) -> None:
    report = {**CORE_DUMP, "crashed": {"task": "sensor", "isr": False, **crashed}}
    app = Host(lambda: panel(report))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert screen_text(app).splitlines()[0].strip() == sentence
        await pilot.press("3")
        await settle(pilot)
        if crashed["reason"]:
            assert crashed["reason"][:50] in screen_text(app)


async def test_the_crashed_task_comes_first_and_then_the_fullest_stacks() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        assert task_names(app) == ["sensor", "wifi", "IDLE0", "Tmr Svc"]
        assert "3400 95%" in screen_text(app)


async def test_the_cursor_starts_on_the_first_frame_worth_reading_with_its_source() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        frame = app.screen.query_one(FramesTable).frame
        assert frame is not None
        assert frame["function"] == "read_sample"
        text = screen_text(app)
        assert "/project/main/sensor.c:14" in text
        assert "▶ 14      assert(sensor != NULL" in text


async def test_another_task_shows_its_own_backtrace() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("down")
        await settle(pilot)
        text = screen_text(app)
        assert "prvIdleTask" in text
        assert "read_sample" not in "\n".join(text.splitlines()[2:])


async def test_a_file_that_is_not_here_and_a_frame_without_file_are_said() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        frames = app.screen.query_one(FramesTable)
        frames.focus()
        await pilot.press("home", "up", "up", "up")
        await settle(pilot)
        assert "The file is not on this computer" in screen_text(app)
        frames.move_to("5")
        await settle(pilot)
        assert "No source is known for this frame" in screen_text(app)


async def test_source_is_read_off_the_event_loop_and_a_late_excerpt_is_dropped() -> None:
    """Lesson 19: nothing is read inside the screen's update."""
    ready = threading.Event()
    readers: list[str] = []

    def slow(file: str, line: int) -> list[tuple[int, str]]:
        readers.append(threading.current_thread().name)
        if line == 14:
            assert ready.wait(20)
            return SOURCE
        return [(line, f"source of line {line}")]

    app = Host(lambda: panel(source=slow))
    async with app.run_test() as pilot:
        await pilot.pause()
        app.screen.query_one(FramesTable).move_to("4")
        while "source of line 31" not in screen_text(app):
            await pilot.pause()
        ready.set()
        await settle(pilot)
        assert "source of line 31" in screen_text(app)
        assert "assert(sensor" not in screen_text(app)
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
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("2")
        await pilot.pause()
        assert "a15 0x3ffbffff" in screen_text(app)
        await pilot.press("3")
        await pilot.pause()
        text = screen_text(app)
        assert "4f2a91c0e7d4455b" in text
        assert "Memory regions" in text


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"elf_match": False}, "This ELF is not the application's"),
        ({"elf_match": None}, "could not be checked whether the ELF belongs"),
        ({"checksum": "bad"}, "checksum is wrong"),
        ({"partial": True}, "cut short"),
        ({"warnings": ["stack of wifi is damaged"]}, "stack of wifi is damaged"),
    ],
)
async def test_what_limits_trust_is_said_above_everything(change: dict[str, Any], warning: str) -> None:
    app = Host(lambda: panel(change))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert warning in "\n".join(screen_text(app).splitlines()[2:4])


@pytest.mark.parametrize(
    ("change", "said", "words"),
    [
        ({"partial": True}, "the dump is cut short: 1,200 of 4,000 bytes are here", "cut short"),
        ({"checksum": "bad"}, "the checksum (SHA-256) does not match", "checksum"),
    ],
)
async def test_what_the_decoder_says_is_not_said_again(change: dict[str, Any], said: str, words: str) -> None:
    app = Host(lambda: panel({**change, "warnings": [said]}))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        told = app.screen.warnings()  # type: ignore[attr-defined]
        assert [warning for warning in told if words in warning] == [said]


async def test_many_warnings_leave_room_for_the_report() -> None:
    app = Host(lambda: panel({"warnings": [f"warning {index} " + "x" * 300 for index in range(20)]}))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "17 more under Details (3)" in text
        assert "read_sample" in text
        assert "Esc Back" in text


async def test_copying_takes_the_part_with_the_focus() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("c")
        assert app.copied.startswith("Tasks\nTask sensor (crashed)")
        await pilot.press("tab", "c")
        assert "#3  0x400d1238  read_sample (inlined)  at /project/main/sensor.c:14" in app.copied
        await pilot.press("a")
        for part in ("abort() was called", "a15", "prvIdleTask", "stack of sensor"):
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
    variables = [
        {"name": "count", "type": "int", "value": "3", "note": ""},
        {"name": "sensor", "type": "sensor_t *", "value": None, "note": "optimised out"},
    ]
    app = Host(lambda: panel({"variables": variables}))
    async with app.run_test(size=(80, 40)) as pilot:
        await settle(pilot)
        await pilot.press("3")
        await settle(pilot)
        lines = screen_text(app).splitlines()
        assert any("int count" in line and line.rstrip().endswith("3") for line in lines)
        assert any("sensor_t * sensor" in line and "not known: optimised out" in line for line in lines)


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


async def test_a_report_with_nothing_in_it_is_still_shown() -> None:
    app = Host(lambda: CoreDumpReportScreen({}))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert "The reason is not recorded" in screen_text(app)
        await pilot.press("2", "3", "c", "a", "tab", "tab", "tab", "c")
        await settle(pilot)
        assert "not checked" in screen_text(app)


async def test_a_thousand_tasks_are_listed() -> None:
    tasks = [task(f"task{index}", 100, 900, FRAMES[:1]) for index in range(1000)]
    app = Host(lambda: panel({"tasks": tasks}))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert len(task_names(app)) == 1000


async def test_names_from_a_dump_are_inert() -> None:
    name = "[red]\x1b[2J\x9b31m\u202e" + "n" * 500
    hostile = [task(name, 1, 2, [{**FRAMES[0], "function": name, "file": name, "line": 3}], crashed=True)]
    crashed = {"task": name, "reason": name, "isr": False}
    app = Host(lambda: panel({"tasks": hostile, "crashed": crashed, "warnings": [name], "chip": name}))
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
            "abort() was called",
            "sensor",
            "880 25%",
            "prio",
            "panic.c:472",
            "▶ 14",
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
    report = decode_core(dump.text, dump.elf).to_json()
    app = Host(lambda: CoreDumpReportScreen(report, source=local_source()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        for part in ("abort() was called", f"task main, at {place}", "panic_abort", "IDLE"):
            assert part in text
        assert "The file is not on this computer" in text
        assert place.rstrip(")")[-9:] in text.splitlines()[6] + text.splitlines()[7]
