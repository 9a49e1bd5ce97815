"""The overlay of a running probe."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import ProgressBar

from espmon.session.status import Progress
from espmon.tui.screens.probing_screen import ProbingScreen
from tests.tui.screens.host import UNANSWERED, Host, run_before, screen_text
from tests.tui.sized_pictures import SIZES


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


async def test_the_last_steps_stay_in_view() -> None:
    app = Probing()
    async with app.run_test() as pilot:
        for index in range(30):
            app.probing.update_progress(Progress("probe", f"step {index:02}"))
            app.probing.update_progress(Progress("probe", f"step {index:02}", 1, 2))
        await pilot.pause()
        text = screen_text(app)
        assert text.count("step 29") == 1, "it runs"
        assert text.count("step 28") == text.count("step 21") == 1
        assert "step 20" not in text
        assert "starting" not in text


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


async def test_steps_cannot_command_the_terminal() -> None:
    app = Probing()
    async with app.run_test() as pilot:
        app.probing.update_progress(Progress("probe", "[/bad] \x1b[2J\x9b31m " + "x" * 500))
        app.probing.update_progress(Progress("probe", "next"))
        await pilot.pause()
        text = screen_text(app)
        assert "[/bad]" in text
        assert not set(text) & {"\x1b", "\x9b"}


@pytest.mark.parametrize("size", SIZES)
def test_looks_as_accepted(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, Probing)
        for step in ("Resetting into the loader", "Waiting for the loader to answer", "Reading the chip"):
            app.probing.update_progress(Progress("probe", step))
        app.probing.update_progress(Progress("probe", "Reading the MAC address", 3, 8))
        await pilot.pause()
        text = screen_text(app)
        assert app.size == size
        for part in ("Probing gfx-board", "Reading the MAC address", "Waiting for the loader", "Cancel"):
            assert part in text

    assert snap_compare(Probing(), terminal_size=size, run_before=run_before(check))
