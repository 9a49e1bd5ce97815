"""Rows are selected with keys, over more than a page; the selection is copied, saved and dropped."""

from __future__ import annotations

import re

from textual.geometry import Offset
from textual.selection import Selection

from espmon.tui.widgets.status_bar import StatusBar
from tests.tui.running import Running, numbered, running


def selected(case: Running) -> str:
    return case.screen.get_selected_text() or ""


def lines(first: int, last: int) -> str:
    return "\n".join(f"line {number}" for number in range(first, last + 1))


async def copied(case: Running, key: str) -> str:
    await case.press(key)
    await case.until(lambda: bool(case.app.clipboard), "the clipboard")
    return case.app.clipboard


async def test_the_first_step_selects_the_lowest_row_and_each_other_one_more() -> None:
    async with running() as case:
        await case.feed(numbered(100))
        await case.press("shift+up")
        assert selected(case) == lines(99, 99)
        await case.press("shift+up", "shift+up", "shift+up", "shift+down")
        assert selected(case) == lines(97, 99)
        await case.until(lambda: "3 rows selected, y copies" in case.text())
        assert await copied(case, "y") == lines(97, 99)


async def test_pages_and_ends_go_beyond_the_screen_which_goes_along() -> None:
    async with running(size=(80, 24)) as case:
        await case.feed(numbered(2000))
        await case.press("shift+pageup", "shift+pageup", "shift+pageup")
        first = 1999 - 3 * (case.pane.size.height - 1)
        assert selected(case) == lines(first, 1999)
        assert case.rows()[0] == f"line {first}"
        await case.press("shift+home")
        assert selected(case) == lines(0, 1999)
        assert case.rows()[0] == "line 0"
        await case.press("shift+end", "shift+down")
        assert selected(case) == lines(1999, 1999)
        assert case.rows()[-1] == "line 1999"


async def test_new_lines_do_not_move_what_is_selected() -> None:
    async with running() as case:
        await case.feed(numbered(100))
        await case.press("shift+up", "shift+up")
        await case.feed(numbered(500, 100))
        assert selected(case) == lines(98, 99)
        assert case.pane.unseen == 500


async def test_it_goes_on_from_what_was_selected_with_the_mouse() -> None:
    async with running() as case:
        await case.feed(numbered(100))
        case.screen.selections = {case.pane: Selection(Offset(3, 90), Offset(2, 92))}
        await case.press("shift+down", "shift+down")
        assert selected(case) == lines(90, 94)


async def test_it_begins_at_the_match_that_was_gone_to() -> None:
    async with running() as case:
        await case.feed(numbered(300))
        await case.press("slash", *"line 42", "enter")
        await case.until(lambda: case.pane.drawing.current == 42)
        await case.press("shift+down", "shift+down", "shift+down")
        assert selected(case) == lines(42, 44)


async def test_ctrl_c_copies_and_drops_it_and_so_escape_drops_it() -> None:
    async with running() as case:
        await case.feed(numbered(100))
        await case.press("shift+up", "shift+up")
        assert await copied(case, "ctrl+c") == lines(98, 99)
        await case.until(lambda: not selected(case))
        assert case.session.sent == []
        await case.press("shift+up", "escape")
        await case.until(lambda: not re.search("row.* selected", case.text()))
        assert not selected(case)


async def test_a_filtered_log_is_selected_as_it_is_shown() -> None:
    async with running() as case:
        await case.feed(numbered(100))
        await case.press("f", *"7", "enter")
        await case.until(lambda: len(case.pane.view) == 19 and not case.pane.queries.filtering)
        await case.press("escape", "shift+up", "shift+up", "shift+up")
        assert selected(case) == "line 79\nline 87\nline 97"


async def test_an_empty_log_has_nothing_to_select() -> None:
    async with running() as case:
        await case.press("shift+up", "shift+end", "shift+pageup")
        assert not selected(case)


async def test_the_mouse_selects_up_to_the_edge_and_beyond_it_as_the_log_scrolls() -> None:
    async with running(size=(80, 24)) as case:
        await case.feed(numbered(300))
        await case.press("g")
        status = case.screen.query_one(StatusBar)
        await case.pilot.mouse_down(case.pane, offset=(0, 5))
        await case.pilot.hover(case.pane, offset=(3, 8))
        await case.until(lambda: case.pane.text_selection is not None)
        await case.pilot.hover(status, offset=(3, 0))
        await case.until(lambda: (case.pane.top_line or 0) >= 3, "it scrolls")
        await case.pilot.mouse_up(status, offset=(3, 0))
        await case.until(lambda: case.pane.dragged._timer is None)
        selection = case.pane.text_selection
        assert selection is not None
        assert selection.start is not None
        assert selection.end is not None
        assert (selection.start.y, selection.end.y) == (5, case.pane.visible_lines[-1])
        assert list(case.screen.selections) == [case.pane], "nothing of other rows is selected"
