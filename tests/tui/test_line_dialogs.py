"""Line settings, modem lines and breaks from the palette."""

from __future__ import annotations

import pytest

from espmon.tui.actions import ACTIONS
from espmon.tui.screens.prompt import TextPrompt
from tests.tui.running import Running, running


async def answer(case: Running, what: str, text: str) -> None:
    """Open a question as the palette does, and answer it."""
    await case.app.run_action(f"app.line('{what}')")
    await case.until(lambda: isinstance(case.app.screen, TextPrompt), "the question")
    await case.press("ctrl+u", *("space" if letter == " " else letter for letter in text), "enter")


async def test_the_format_of_the_line_is_set() -> None:
    async with running() as case:
        await answer(case, "format", "7E1 xon-xoff")
        await case.until(lambda: str(case.session.status.line) == "7E1 xon-xoff", "the format")


async def test_what_is_no_format_is_said_and_not_sent() -> None:
    async with running() as case:
        await answer(case, "format", "9X1")
        await case.until(lambda: "as in 8N1" in case.text(), "why not")
        await case.press("escape")
        assert str(case.session.status.line) == "8N1"


@pytest.mark.parametrize(("text", "sent"), [("0.5", "send_break 0.5"), ("99", ""), ("x", "")])
async def test_a_break_has_a_length(text: str, sent: str) -> None:
    async with running() as case:
        await answer(case, "break", text)
        if sent:
            await case.until(lambda: case.session.calls[-1:] == [sent], "the break")
        else:
            await case.until(lambda: "Enter seconds above 0" in case.text(), "why not")
            assert not [call for call in case.session.calls if call.startswith("send_break")]


async def test_modem_lines_move_by_their_actions() -> None:
    calls = [action.call for action in ACTIONS if action.call.startswith("modem_line")]
    assert len(calls) == 4, "on and off, each of them"
    async with running() as case:
        for call in calls:
            await case.app.run_action(call if call.startswith("app.") else f"screen.{call}")
        await case.until(lambda: len([one for one in case.session.calls if one.startswith("set_lines")]) == 4, "four")
        assert {"set_lines dtr=True rts=None", "set_lines dtr=None rts=False"} <= set(case.session.calls)
