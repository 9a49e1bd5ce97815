"""The overlay of a running probe."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import ProgressBar

from espmon.session.view import Progress
from espmon.tui.screens.probing import ProbingScreen
from tests.tui.screens.host import UNANSWERED, Host, run_before, screen_text


class Probing(Host):
    """Counts cancels."""

    def __init__(self) -> None:
        self.cancels = 0
        super().__init__(lambda: ProbingScreen("gfx-board", self.cancel))

    def cancel(self) -> None:
        self.cancels += 1

    @property
    def probing(self) -> ProbingScreen:
        assert isinstance(self.screen, ProbingScreen)
        return self.screen


async def test_unknown_length_shows_an_indeterminate_bar() -> None:
    app = Probing()
    async with app.run_test():
        app.probing.update_progress(Progress("probe", "waiting for SYNC"))
        assert app.probing.query_one(ProgressBar).percentage is None
        app.probing.update_progress(Progress("probe", "reading the MAC", 3, 4))
        assert app.probing.query_one(ProgressBar).percentage == 0.75


async def test_the_last_lines_of_the_exchange_are_shown() -> None:
    app = Probing()
    async with app.run_test() as pilot:
        app.probing.add_transcript(*[f"-> request {index:02}" for index in range(30)])
        await pilot.pause()
        text = screen_text(app)
        assert "request 29" in text
        assert "request 22" in text
        assert "request 21" not in text


@pytest.mark.parametrize("key", ["escape", "n", "enter"])
async def test_cancel_asks_once_and_waits_for_the_board_to_be_back(key: str) -> None:
    app = Probing()
    async with app.run_test() as pilot:
        await pilot.press(key)
        await pilot.pause()
        assert app.cancels == 1
        assert app.answer is UNANSWERED
        assert "cancelling: bringing the board back" in screen_text(app)
        app.probing.finish()
        await pilot.pause()
        assert app.answer is False


async def test_leaving_works_even_when_the_cancel_hangs() -> None:
    app = Probing()
    async with app.run_test() as pilot:
        await pilot.press("escape", "escape")
        await pilot.pause()
        assert app.cancels == 1
        assert app.answer is False


async def test_finish_closes_it() -> None:
    app = Probing()
    async with app.run_test() as pilot:
        app.probing.finish()
        await pilot.pause()
        assert app.answer is True


async def test_the_transcript_cannot_command_the_terminal() -> None:
    app = Probing()
    async with app.run_test() as pilot:
        app.probing.add_transcript("[/bad] \x1b[2J\x9b31m " + "x" * 500)
        await pilot.pause()
        text = screen_text(app)
        assert "[/bad]" in text
        assert not set(text) & {"\x1b", "\x9b"}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_looks_as_accepted(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, Probing)
        app.probing.update_progress(Progress("probe", "Reading the MAC address", 3, 8))
        app.probing.add_transcript("-> SYNC", "<- SYNC ok", "-> READ_REG 0x40001000")
        await pilot.pause()
        text = screen_text(app)
        assert app.size == size
        for part in ("Probing gfx-board", "Reading the MAC address", "-> READ_REG 0x40001000", "Cancel"):
            assert part in text

    assert snap_compare(Probing(), terminal_size=size, run_before=run_before(check))
