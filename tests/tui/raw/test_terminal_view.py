"""The board's screen: what the emulator cannot keep up with is skipped but for its end, and the user is told."""

from __future__ import annotations

import pytest

from espmon.tui.raw import terminal_view
from espmon.tui.raw.terminal_view import TerminalView
from tests.tui.running import Running, numbered, running


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


async def test_a_reversed_screen_is_drawn_reversed_with_its_cursor() -> None:
    def reversed_cells(case: Running) -> list[bool]:
        strip = case.screen.query_one(TerminalView).render_line(0).crop(0, 4)
        return [bool(style and style.reverse) for text, style, _ in strip for _ in text]

    async with running(start_in="raw") as case:
        await case.until(lambda: case.screen.mode == "RAW")
        await case.feed(b"a\x1b[7mb\x1b[0m")
        await case.until(lambda: reversed_cells(case) == [False, True, True, False])
        await case.feed(b"\x1b[?5h")
        await case.until(lambda: reversed_cells(case) == [True, False, False, True])
        await case.feed(b"\x1b[?5l\b")
        await case.until(lambda: reversed_cells(case) == [False, False, False, False])
