"""The board's screen: what the emulator cannot keep up with is skipped but for its end, and the user is told."""

from __future__ import annotations

import pytest

from espmon.tui.raw import terminal_view
from espmon.tui.raw.terminal_view import TerminalView
from tests.tui.running import numbered, running


async def test_what_came_too_fast_to_be_drawn_is_said_and_its_end_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal_view, "BUDGET_SECONDS", 0.0)
    monkeypatch.setattr(terminal_view, "BEHIND_SECONDS", 0.0)
    async with running() as case:
        await case.press("r")
        view = case.screen.query_one(TerminalView)
        await case.until(lambda: view.emulator is not None)
        case.session.feed(numbered(6000))
        view.take()  # a slice of it, and the next turn of the loop takes another
        case.session.feed(numbered(6000, 6000))
        view.take()
        assert view.skipped > 60_000
        await case.until(lambda: "B too fast to draw" in case.text())
        await case.until(lambda: "line 11999" in case.text())
        assert "line 11960" not in case.text()


async def test_what_the_emulator_keeps_up_with_is_drawn_whole() -> None:
    async with running() as case:
        await case.press("r")
        view = case.screen.query_one(TerminalView)
        await case.until(lambda: view.emulator is not None)
        for start in range(0, 10_000, 1000):
            await case.feed(numbered(1000, start))
        await case.until(lambda: "line 9999" in case.text())
        assert view.skipped == 0
