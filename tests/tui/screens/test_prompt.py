"""One line of input with a check."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from espmon.tui.screens.prompt import TextPrompt
from tests.tui.screens.host import UNANSWERED, Host, run_before, screen_text


def must_be_number(text: str) -> str:
    return "" if text.isdecimal() else f"{text} is not a number"


def ask() -> TextPrompt:
    return TextPrompt("Go to line", "12", check=must_be_number, candidates=["1", "last [bold]"], note="of 400 lines")


async def test_letters_are_typed_and_enter_returns_them() -> None:
    """Lesson 1: no hotkey of the dialog eats typing."""
    app = Host(lambda: TextPrompt("Log file"))
    async with app.run_test() as pilot:
        await pilot.press(*"nyqrdaNj", "enter")
        await pilot.pause()
        assert app.answer == "nyqrdaNj"


async def test_a_text_that_does_not_fit_is_refused_in_place_until_it_is_changed() -> None:
    app = Host(ask)
    async with app.run_test() as pilot:
        await pilot.press("x", "enter")
        await pilot.pause()
        assert app.answer is UNANSWERED
        assert "x is not a number" in screen_text(app)
        await pilot.press("backspace", "7")
        await pilot.pause()
        assert "is not a number" not in screen_text(app)
        await pilot.press("enter")
        await pilot.pause()
        assert app.answer == "7"


@pytest.mark.parametrize("way", ["escape", "button"])
async def test_cancel_returns_nothing(way: str) -> None:
    app = Host(ask)
    async with app.run_test() as pilot:
        await (pilot.click("#cancel") if way == "button" else pilot.press(way))
        await pilot.pause()
        assert app.answer is None


async def test_a_candidate_can_be_chosen_and_is_not_markup() -> None:
    app = Host(lambda: TextPrompt("ELF", candidates=["a[/x].elf", "b\x1b[2J.elf"]))
    async with app.run_test() as pilot:
        await pilot.pause()
        assert "a[/x].elf" in screen_text(app)
        assert "\x1b" not in screen_text(app)
        await pilot.press("tab", "down", "enter")
        await pilot.pause()
        assert app.answer in ("a[/x].elf", "b\x1b[2J.elf")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_looks_as_accepted(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        text = screen_text(pilot.app)
        assert pilot.app.size == size
        for part in ("Go to line", "of 400 lines", "12", "last [bold]", "Cancel", "OK"):
            assert part in text

    assert snap_compare(Host(ask), terminal_size=size, run_before=run_before(check))


@pytest.mark.parametrize("height", [16, 24, 40])
@pytest.mark.parametrize("count", [1, 4, 40])
async def test_below_the_suggestions_there_are_no_empty_rows(height: int, count: int) -> None:
    app = Host(lambda: TextPrompt("Rate", candidates=[str(number) for number in range(count)], note="in baud"))
    async with app.run_test(size=(80, height)) as pilot:
        await pilot.pause()
        await pilot.pause()
        lines = screen_text(app).splitlines()
        buttons = next(index for index, line in enumerate(lines) if "Cancel" in line and "OK" in line)
        assert lines[buttons + 2].strip().startswith("╰")
        assert lines[buttons - 2].strip("│ ").split()[0].isdecimal()
