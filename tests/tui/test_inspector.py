"""The events: listed, folded, filtered, opened, and leading to their line."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.style import Style

from espmon.session.status import MAX_EVENTS, EventAdded, Severity
from espmon.session.store import LogStore
from espmon.tui.log import layout
from espmon.tui.log.painter import Painter
from espmon.tui.log.remarks import Mark
from espmon.tui.widgets.event_list import EventList
from tests.tui.running import Running, numbered, running


async def with_events(case: Running) -> EventList:
    await case.feed(numbered(400))
    session = case.session
    session.add_event("reset", "Power on", line=0, boot=1)
    session.add_event("panic", "LoadProhibited in gfx_loop", severity=Severity.ERROR, line=200, boot=1)
    session.add_event("reset", "Panic reset", severity=Severity.WARNING, line=210, boot=2)
    session.add_event("panic", "LoadProhibited in gfx_loop", severity=Severity.ERROR, line=300, boot=2)
    events = case.screen.inspector.events
    await case.until(lambda: len(events.entries) == 4)
    return events


async def test_events_are_listed_under_their_boots() -> None:
    async with running(size=(120, 40)) as case:
        await with_events(case)
        await case.press("e")
        text = case.text()
        for part in ("boot 1", "boot 2", "Power on", "Panic reset", "✖"):
            assert part in text


async def test_the_inspector_stands_beside_the_log_from_100_columns() -> None:
    async with running(size=(100, 30)) as case:
        await case.feed(numbered(50))
        await case.press("e")
        assert case.pane.size.width > 20
        assert case.screen.inspector.size.width > 20


async def test_below_100_columns_the_inspector_takes_the_whole_width() -> None:
    async with running(size=(99, 30)) as case:
        await with_events(case)
        await case.press("e")
        assert case.screen.inspector.region.width == 99
        assert not case.screen.query_one("#log-column").display
        await case.press("e")
        assert case.rows()[-1] == "line 399"


async def test_jumping_goes_to_the_events_own_line_among_equal_ones() -> None:
    async with running(size=(120, 30)) as case:
        await case.feed(b"same text\n" * 500)
        case.session.add_event("note", "first", line=100)
        case.session.add_event("note", "second", line=350)
        await case.until(lambda: len(case.screen.inspector.events.entries) == 2)
        await case.press("e")
        for key, line in (("enter", 350), ("up", None), ("enter", 100)):
            await case.press(key)
            if line is not None:
                assert line in case.pane.visible_lines


async def test_jumping_in_a_narrow_terminal_shows_the_log() -> None:
    async with running(size=(80, 24)) as case:
        await with_events(case)
        await case.press("e", "enter")
        assert "line 300" in case.rows()
        assert case.screen.query_one("#log-column").display


async def test_a_jump_to_a_hidden_line_says_why() -> None:
    async with running(size=(120, 30)) as case:
        await with_events(case)
        await case.press("c", "e", "enter")
        await case.until(lambda: "u brings it back" in case.text())


async def test_folded_events_show_their_count_and_keep_their_place() -> None:
    async with running(size=(120, 40)) as case:
        events = await with_events(case)
        await case.press("e", "g")
        case.session.replace_event(1, count=60)
        await case.until(lambda: events.entries[1].count == 60)
        await case.pilot.pause()
        assert "×60 LoadProhibited in gfx_loop" in case.text()
        assert len(events.shown) == 4
        assert events.highlighted is not None
        assert events.highlighted.id == 0


async def test_one_kind_at_a_time() -> None:
    async with running(size=(120, 40)) as case:
        events = await with_events(case)
        await case.press("e", "v")
        assert {entry.record.type for entry in events.shown} == {"panic"}
        await case.press("v")
        assert {entry.record.type for entry in events.shown} == {"reset"}
        await case.press("v")
        assert len(events.shown) == 4


async def test_details_of_the_event_under_the_cursor_are_shown_as_they_are() -> None:
    async with running(size=(120, 40)) as case:
        await with_events(case)
        case.session.add_event("panic", "[bold]abort[/]", line=5, details=(("cause", "read of [red]0x0[/]"),))
        await case.press("e")
        await case.until(lambda: "read of [red]0x0[/]" in case.text())
        assert "[bold]abort[/]" in case.text()


async def test_a_long_value_hangs_under_its_beginning_in_any_width() -> None:
    async with running(size=(120, 40)) as case:
        text = "a write to an address that may not be written, often through a null pointer"
        case.session.add_event("panic", "Panic", line=5, details=(("plain", text), ("arch", "riscv")))
        await case.press("e")
        for size in ((120, 40), (100, 30)):
            await case.pilot.resize_terminal(*size)
            await case.until(lambda: hangs(case.text().splitlines()), f"hanging at {size}")


def hangs(rows: list[str]) -> bool:
    """Whether each row of the value begins below its first word."""
    first = next((y for y, row in enumerate(rows) if "a write to" in row), None)
    last = next((y for y, row in enumerate(rows) if row.endswith(("pointer", "pointer▁"))), None)
    if first is None or last is None or last <= first:
        return False
    column = rows[first].index("a write to")
    return all(row[column - 7 : column].isspace() and row[column] != " " for row in rows[first + 1 : last + 1])


async def test_the_cursor_stays_while_new_events_come() -> None:
    async with running(size=(120, 40)) as case:
        events = await with_events(case)
        await case.press("e", "up")
        held = events.highlighted
        case.session.add_event("note", "later")
        await case.until(lambda: len(events.entries) == 5)
        assert events.highlighted == held


async def test_boots_are_marked_in_the_log_and_reached_by_keys() -> None:
    async with running(size=(120, 30)) as case:
        await with_events(case)
        await case.press("left_square_bracket", "b")
        assert any("boot 2 · Panic reset" in row for row in case.rows())
        await case.press("left_square_bracket", "b")
        assert case.rows()[0].startswith("── boot 1 · Power on")
        await case.press("right_square_bracket", "b")
        assert any("boot 2 · Panic reset" in row for row in case.rows())


async def test_boots_are_reached_one_after_the_other_past_rows_that_are_no_lines() -> None:
    async with running(size=(80, 24)) as case:
        await case.feed(numbered(300))
        lines = [0, *range(200, 212, 2)]
        for boot, line in enumerate(lines, 1):
            case.session.decorate(line + 1, "app_main at main.c:42", "called by main.c:7")
            case.session.add_event("reset", "Power on", line=line, boot=boot)
        await case.until(lambda: len(case.pane.drawing.marks) == len(lines))
        await case.press("left_square_bracket", "b")
        for boot in range(len(lines) - 1, 0, -1):
            await case.press("left_square_bracket", "b")
            assert any(row.startswith(f"── boot {boot} ·") for row in case.rows()), boot
            assert case.screen.walking.here == lines[boot - 1]
        await case.press("left_square_bracket", "b")
        await case.until(lambda: "No boot before this" in case.text())
        for boot in range(2, len(lines) + 1):
            await case.press("right_square_bracket", "b")
            assert case.screen.walking.here == lines[boot - 1]


async def test_each_boot_of_a_loop_is_marked_and_reached_though_it_is_one_event() -> None:
    async with running(size=(120, 30)) as case:
        await case.feed(numbered(400))
        case.session.add_event("reset", "Power on", line=0, boot=1)
        for boot in range(2, 6):
            case.session.events[:] = case.session.events[:1]
            case.session.add_event(
                "reset", f"boot loop, {boot} times", line=boot * 50, boot=boot, count=boot, order=boot
            )
        await case.until(lambda: len(case.pane.drawing.marks) == 5)
        assert len(case.screen.inspector.events.entries) == 2
        for boot in range(5, 1, -1):
            await case.press("left_square_bracket", "b")
            assert any(f"boot {boot} · boot loop, {boot} times" in row for row in case.rows())
        await case.press("left_square_bracket", "b")
        assert case.rows()[0].startswith("── boot 1 · Power on")


async def test_an_event_that_is_counted_again_stands_where_it_is_now() -> None:
    async with running(size=(120, 40)) as case:
        events = await with_events(case)
        await case.press("e")
        for number, entry in enumerate(case.session.events):
            case.session.replace_event(entry.id, order=number)
        case.session.replace_event(1, count=2, boot=2, line=350, order=4)
        await case.until(lambda: events.entries[1].count == 2)
        await case.pilot.pause()
        assert [entry.id for entry in events.shown] == [0, 2, 3, 1]
        case.session.tell(EventAdded(replace(case.session.events[1], count=1, order=1)))
        case.session.add_event("note", "later", order=5)
        await case.until(lambda: len(events.entries) == 5)
        assert events.entries[1].count == 2, "what is older comes late when the screen is completed"


async def test_a_thousand_events_are_no_burden() -> None:
    async with running(size=(120, 40)) as case:
        for number in range(1000):
            case.session.add_event("reset", f"reset {number}", boot=number)
        await case.until(lambda: len(case.screen.inspector.events.entries) == 1000)
        await case.press("e")
        assert "reset 999" in case.text()


async def test_the_list_keeps_as_many_events_as_the_session_does() -> None:
    async with running() as case:
        await case.until(lambda: case.screen.completed)
        entry = case.session.add_event("reset", "Power on", boot=1)
        events = case.screen.inspector.events
        events.update_entries([replace(entry, id=number) for number in range(MAX_EVENTS + 1)])
        assert len(events.entries) == MAX_EVENTS - MAX_EVENTS // 10
        assert next(reversed(events.entries)) == MAX_EVENTS


def test_the_lines_marked_first_lose_their_remarks_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "MAX_MARKED", 3)
    drawing = layout.Layout(LogStore(), Painter(Style()))
    assert all(drawing.add_mark(line, Mark(f"boot {line}")) for line in range(5))
    assert list(drawing.marks) == [2, 3, 4]
    assert not drawing.add_mark(4, Mark("boot 4")), "said once"
