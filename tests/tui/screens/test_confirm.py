"""The question before anything that touches the board."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from espmon.tui.screens.confirm import ConfirmScreen
from tests.tui.screens.host import Host, run_before, screen_text

BODY = ["The board is reset into its ROM loader and back.", "Nothing is written to it."]


def question() -> ConfirmScreen:
    return ConfirmScreen("Probe the chip on gfx-board?", BODY, "Probe")


async def answer_to(*keys: str) -> object:
    app = Host(question)
    async with app.run_test() as pilot:
        await pilot.press(*keys)
        await pilot.pause()
        return app.answer


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["y"], True),
        (["n"], False),
        (["escape"], False),
        (["enter"], False),
        (["right", "enter"], True),
        (["right", "left", "enter"], False),
        (["tab", "enter"], True),
    ],
)
async def test_keys_answer_and_cancel_is_preselected(keys: list[str], answer: bool) -> None:
    assert await answer_to(*keys) is answer


@pytest.mark.parametrize(("button", "answer"), [("#cancel", False), ("#confirm", True)])
async def test_the_mouse_answers_too(button: str, answer: bool) -> None:
    app = Host(question)
    async with app.run_test() as pilot:
        await pilot.click(button)
        await pilot.pause()
        assert app.answer is answer


async def test_device_names_are_shown_as_they_are_and_never_obeyed() -> None:
    name = "[red]boom[/] [/nothing] \x1b]0;owned\x07\u202e"
    app = Host(lambda: ConfirmScreen(f"Erase {name}?", [f"All of {name}."], name[:10], danger=True))
    async with app.run_test(notifications=True) as pilot:
        await pilot.pause()
        text = screen_text(app)
        assert "Erase [red]boom[/] [/nothing]" in text
        assert "All of [red]boom[/]" in text
        assert "[red]boom[ (y)" in text
        assert not set(text) & {"\x1b", "\x07", "\u202e"}


async def test_a_body_longer_than_the_screen_keeps_the_buttons_in_sight() -> None:
    app = Host(lambda: ConfirmScreen("Write?", [f"region {index}" for index in range(100)], "Write"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        text = screen_text(app)
        assert "Cancel" in text
        assert "Write (y)" in text
        assert "Write?" in text
        assert "region 0" in text
        await pilot.press(*["pagedown"] * 20)
        await pilot.pause()
        assert "region 99" in screen_text(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_looks_as_accepted(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        text = screen_text(pilot.app)
        assert pilot.app.size == size
        for part in ("Probe the chip on gfx-board?", *BODY, "Cancel", "Probe (y)", "n/Esc Cancel"):
            assert part in text

    assert snap_compare(Host(question), terminal_size=size, run_before=run_before(check))
