"""Walking through the log: from error to error, to marks, to a line or a time."""

from __future__ import annotations

import re
import time
from datetime import datetime
from pathlib import Path

import pytest

from espmon.session.status import ReplayState
from espmon.session.store import LogStore
from espmon.tui.actions import WALK
from espmon.tui.log.query import LineFilter
from espmon.tui.monitor.clock_times import moment_of
from espmon.tui.monitor.walking import level_line, time_line
from espmon.tui.screens.core_dump_screen import CoreDumpReportScreen
from espmon.tui.screens.prompt import TextPrompt
from tests.tui.fake_session import FakeSession, block_of
from tests.tui.happening import shown
from tests.tui.running import Running, numbered, running
from tests.tui.screens.crash_data import CORE

NEXT, PREVIOUS = "right_square_bracket", "left_square_bracket"
LOG = b"".join(
    b"%s (%d) app: line %d\r\n" % (b"E" if number % 100 == 50 else b"W" if number % 100 == 70 else b"I", number, number)
    for number in range(500)
)


async def arrives(case: Running, line: int) -> None:
    await case.until(lambda: case.screen.walking.here == line, f"line {line}")


def shows(case: Running, text: str) -> bool:
    return any(row.endswith(text) for row in case.rows())


@pytest.mark.parametrize(("key", "first"), [("e", 50), ("w", 70)])
async def test_errors_and_warnings_are_walked_both_ways(key: str, first: int) -> None:
    async with running() as case:
        await case.feed(LOG)
        for number in range(first + 400, first, -100):
            await case.press(PREVIOUS, key)
            await arrives(case, number)
            assert shows(case, f"app: line {number}")
        await case.press(PREVIOUS, key, PREVIOUS, key)
        await case.until(lambda: "before this" in case.text())
        await case.press(NEXT, key)
        await arrives(case, first + 100)


async def test_what_the_filter_hides_is_passed_over() -> None:
    async with running() as case:
        await case.feed(b"I (0) app: z\r\nE (1) other: a\r\nE (2) app: b\r\n" + numbered(200))
        case.pane.set_filter(LineFilter(printed="app"))
        await case.until(lambda: not case.pane.queries.filtering)
        await case.press("g", NEXT, "e")
        await arrives(case, 2)


async def test_crashes_are_walked_by_their_events() -> None:
    async with running() as case:
        await case.feed(numbered(300))
        case.session.add_event("panic", "Panic", line=20, boot=1)
        case.session.add_event("panic", "Panic", line=150, boot=1)
        await case.press(PREVIOUS, "c")
        await arrives(case, 150)
        await case.press(PREVIOUS, "c")
        await arrives(case, 20)


async def test_a_key_that_names_nothing_says_so_and_escape_goes_back() -> None:
    async with running() as case:
        await case.feed(numbered(10))
        await case.press(NEXT, "z")
        await case.until(lambda: "z names nothing to walk to" in case.text())
        await case.press(NEXT)
        assert case.screen.in_table
        assert not case.screen.in_menu
        assert all(entry.label in case.text() for entry in WALK)
        await case.press("escape")
        assert not case.screen.in_table
        assert case.screen.focused is case.pane


async def test_marks_are_numbered_tell_their_distance_and_are_listed() -> None:
    async with running(size=(100, 20)) as case:
        await case.feed(numbered(50))
        await case.press("m")
        assert shows(case, "line 49")
        assert any(row.startswith("── mark 1 ·") for row in case.rows())
        await case.feed(numbered(300, 50))
        await case.press("m")
        assert any(re.match(r"── mark 2 · [\d:.]+ · \+\d\.\d{3} s from mark 1 ", row) for row in case.rows())
        await case.press(PREVIOUS, "m")
        await arrives(case, 349)
        await case.press(PREVIOUS, "m")
        await arrives(case, 49)
        await case.press("apostrophe")
        await case.until(lambda: isinstance(case.app.screen, TextPrompt))
        await case.until(lambda: "mark 2 ·" in case.text() and "mark 1 ·" in case.text())
        await case.press(*"mark", "space", "2", "enter")
        await arrives(case, 349)
        await case.press("m")
        assert list(case.screen.walking.marks) == [49]
        assert not any(row.startswith("── mark 2") for row in case.rows())


@pytest.mark.parametrize(
    ("text", "line"),
    [("12", 11), ("boot 2", 150), ("(420)", 420), ("-9h", 499)],
    ids=lambda text: str(text),
)
async def test_a_place_is_a_line_a_boot_or_a_time(text: str, line: int) -> None:
    async with running() as case:
        await case.feed(LOG)
        case.session.add_event("reset", "Power on", line=0, boot=1)
        case.session.add_event("reset", "Power on", line=150, boot=2)
        await case.until(lambda: len(case.pane.drawing.marks) == 2)
        assert case.screen.walking.problem(text) == ""
        assert await case.screen.walking.place(text) == line


async def test_in_a_recording_times_count_from_where_it_ends() -> None:
    session = FakeSession()
    session.set(replay=ReplayState("recording", finished=True))
    async with running(session=session) as case:
        begun = time.time() - 86400 * 3
        session.store.wall = lambda clock: clock + begun
        for at in range(10):
            session.store.append(block_of(b"a\nb\n", 4 * at, 60.0 * at))
        assert await case.screen.walking.place("-5m") == 8
        clock = datetime.fromtimestamp(begun + 121).strftime("%H:%M:%S")
        assert await case.screen.walking.place(clock) == 6


async def test_the_line_walked_to_is_underlined_until_the_log_is_followed() -> None:
    async with running() as case:
        await case.feed(LOG)
        await case.press(PREVIOUS, "e")
        await arrives(case, 450)
        assert underlined(case) == ["E (450) app: line 450"]
        await case.until(lambda: "line 451 of 500" in case.text())
        await case.press("j", "m")
        assert underlined(case) == ["E (450) app: line 450"]
        await case.press("G")
        assert not underlined(case)
        await case.until(lambda: " 500 lines" in case.text())


async def test_enter_on_the_row_of_a_core_dump_opens_its_report(tmp_path: Path) -> None:
    async with running(size=(120, 40)) as case:
        await case.feed(b"I (1) app: one\nI (2) app: two\nI (3) app: three\n")
        entry = case.session.add_event("coredump", "Core dump", line=1, path=tmp_path / "core.elf")
        case.session.replace_event(entry.id, report=CORE)
        await shown(case, CoreDumpReportScreen)
        await case.press("escape", PREVIOUS, "c")
        await case.until(lambda: case.screen.walking.last == 1)
        await case.press("enter")
        await shown(case, CoreDumpReportScreen)


async def test_a_search_that_is_given_up_leaves_the_keys_where_they_were() -> None:
    async with running() as case:
        await case.feed(LOG)
        await case.press(PREVIOUS, "e")
        await arrives(case, 450)
        await case.press("slash", *"line 30")
        await case.until(lambda: "line 30" in "".join(underlined(case)))
        await case.press("escape")
        await case.until(lambda: underlined(case) == ["E (450) app: line 450"])


async def test_a_click_puts_the_keys_at_a_line() -> None:
    async with running() as case:
        await case.feed(LOG)
        await case.press("g")
        await case.pilot.click(case.pane, offset=(3, 4))
        await case.until(lambda: underlined(case) == ["I (4) app: line 4"])
        await case.press("m")
        assert list(case.screen.walking.marks) == [4]
        await case.press(NEXT, "e")
        await arrives(case, 50)


def underlined(case: Running) -> list[str]:
    """The rows of the log with a line below them."""
    strips = [case.pane._strip(y) for y in range(case.pane.size.height)]
    return [strip.text.rstrip() for strip in strips if all(part.style and part.style.underline for part in strip)]


@pytest.mark.parametrize("text", ["", "x", "25:99", "-5", "boot", "9" * 40, "[bold]", "mark"])
async def test_what_is_no_place_is_said_to_be_none(text: str) -> None:
    async with running() as case:
        assert case.screen.walking.problem(text)
        await case.screen.walking.go_to(text)
        await case.until(lambda: "Not in memory" in case.text())


def test_a_time_of_day_is_the_first_line_that_came_then_or_later() -> None:
    store = LogStore(wall=lambda clock: clock + 1e9)
    for at in range(5):
        store.append(block_of(b"a\nb\n", 4 * at, 10.0 * at))
    assert [time_line(store, 1e9 + when) for when in (-5, 0, 15, 40, 99)] == [0, 0, 4, 8, 9]
    assert time_line(LogStore(), 0) is None


DAY = datetime(2024, 3, 1, 12, 0, 0).timestamp()


@pytest.mark.parametrize(
    ("clock", "date", "first", "found"),
    [
        ("11:59:30", None, None, DAY - 30),
        ("12:30", None, None, DAY + 1800 - 86400),
        ("12:30", None, DAY - 60, DAY + 1800),
        ("11:59:30.5", None, DAY - 60, DAY - 29.5),
        ("11:00", None, DAY - 60, DAY + 82800),
        ("11:00", "2024-02-28", DAY - 60, DAY - 90000 - 86400),
        ("25:00", None, None, None),
        ("11:00", "2024-02-31", None, None),
        ("11:00", "0001-01-01", None, None),
    ],
)
def test_a_time_of_day_is_one_of_the_logs_own_time(
    clock: str, date: str | None, first: float | None, found: float | None
) -> None:
    when = moment_of(clock, date, DAY, first)
    assert when == found or (date == "0001-01-01" and (when is None or when < 0))


async def test_in_a_recording_times_are_those_of_when_it_was_made() -> None:
    session = FakeSession()
    session.feed(LOG)
    session.set(replay=ReplayState("session", 100, 100, finished=True))
    async with running(session=session) as case:
        await case.until(lambda: len(case.pane.drawing.store) == 500)
        made = session.store.record(0).time
        assert made is not None
        when = datetime.fromtimestamp(session.store.wall(made))
        for text in (f"{when:%H:%M:%S}", f"{when:%Y-%m-%d} {when:%H:%M:%S}", "-1h"):
            assert case.screen.walking.problem(text) == ""
            assert await case.screen.walking.place(text) == 0


async def test_a_search_for_a_level_ends_when_nobody_waits() -> None:
    store = LogStore()
    assert await level_line(store, ord("E"), 0, 1, lambda line: True, lambda: False) is None
