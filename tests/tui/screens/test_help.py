"""Help lists every action of the registry."""

from __future__ import annotations

from typing import Any

import pytest
from textual.events import MouseScrollDown
from textual.pilot import Pilot
from textual.widgets import Input

from espmon.tui.actions import help_rows
from espmon.tui.screens.help import HelpScreen
from tests.tui.screens.host import UNANSWERED, Host, run_before, screen_text

ACTIONS = [
    ("ctrl+t r", "Reset", "Reset the board into its application", "Board"),
    ("/", "Search", "Find text in the log", "Log"),
    ("n / N", "Next, previous", "Go to the next match", "Log"),
    ("ctrl+t p", "Loader", "Reset the board into its loader", "Board"),
    ("ctrl+]", "Exit [now]", "Leave espmon", "espmon"),
]


def help_screen() -> HelpScreen:
    return HelpScreen(ACTIONS, about="espmon 0.1")


async def test_every_action_is_listed_under_its_group() -> None:
    app = Host(help_screen)
    async with app.run_test() as pilot:
        await pilot.pause()
        text = screen_text(app)
        for keys, title, description, group in ACTIONS:
            line = next(line for line in text.splitlines() if description in line)
            assert keys in line
            assert title in line
            assert group in text
        assert text.index("Board") < text.index("Reset the board into its loader") < text.index("Log")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("way", ["pagedown", "space", "down", "j", "wheel", "from the search field"])
async def test_every_action_can_be_scrolled_to(size: tuple[int, int], way: str) -> None:
    app = Host(lambda: HelpScreen(help_rows()))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        if way == "from the search field":
            await pilot.press("slash")
        seen = screen_text(app)
        assert help_rows()[0][1] in seen
        assert "Names of known boards" not in seen
        if way in ("down", "j", "wheel"):
            listed = app.screen.query_one("#list")
            listed.scroll_to(y=listed.max_scroll_y - 3, animate=False)
            await pilot.pause()
        for _ in range(20):
            if way == "wheel":
                app.screen.query_one("#list")._on_mouse_scroll_down(
                    MouseScrollDown(app.screen.query_one("#list"), 1, 1, 0, 1, 0, False, False, False)
                )
            else:
                await pilot.press("pagedown" if way == "from the search field" else way)
        await pilot.wait_for_scheduled_animations()
        await pilot.pause()
        assert help_rows()[-1][1] in screen_text(app)


async def test_search_narrows_and_letters_are_text_there() -> None:
    app = Host(help_screen)
    async with app.run_test() as pilot:
        await pilot.press("slash", *"next")
        await pilot.pause()
        assert app.screen.query_one(Input).value == "next"
        text = screen_text(app)
        assert "Next, previous" in text
        assert "Leave espmon" not in text
        await pilot.press("j", "k", "q")
        await pilot.pause()
        assert "Nothing matches" in screen_text(app)


async def test_escape_leaves_the_field_first_and_then_the_screen() -> None:
    app = Host(help_screen)
    async with app.run_test() as pilot:
        await pilot.press("slash", "escape")
        await pilot.pause()
        assert app.answer is UNANSWERED
        await pilot.press("escape")
        await pilot.pause()
        assert app.answer is None


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_looks_as_accepted(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        text = screen_text(pilot.app)
        assert pilot.app.size == size
        for part in ("Help", "espmon 0.1", "ctrl+t r", "Reset the board into its loader", "Exit [now]", "/ Search"):
            assert part in text

    assert snap_compare(Host(help_screen), terminal_size=size, run_before=run_before(check))
