"""Flashing asks first, and says how far it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import ProgressBar

from espmon.session.status import Progress
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.screens.flash_screens import FlashConfirmScreen, FlashProgressScreen, FlashRegion
from tests.tui.screens.host import UNANSWERED, Host, run_before, screen_text
from tests.tui.sized_pictures import SIZES

REGIONS = [
    FlashRegion(0x1000, 26672, Path("build/bootloader/bootloader.bin"), "bootloader"),
    FlashRegion(0x8000, 3072, Path("build/partition_table/partition-table.bin"), "partition table"),
    FlashRegion(0x10000, 2411724, Path("build/gfx.bin"), "application gfx 1.2"),
]
STEP = "Writing gfx.bin at 0x00010000"


def ask(**options: Any) -> FlashConfirmScreen:
    sentences = ["Regions that match are skipped.", "The board is reset into its loader and back."]
    return FlashConfirmScreen("Write the project to gfx-board?", REGIONS, sentences, **options)


async def test_regions_files_sizes_and_what_will_happen_are_listed() -> None:
    app = Host(lambda: ask(warnings=["The chip was not probed yet"]))
    async with app.run_test() as pilot:
        await pilot.pause()
        text = screen_text(app)
        for part in ("0x00001000", "bootloader.bin", "26.0 KiB", "0x00010000", "gfx.bin", "application gfx 1.2"):
            assert part in text
        for part in ("3 regions, 2.3 MiB in all", "Regions that match are skipped", "! The chip was not probed yet"):
            assert part in text


@pytest.mark.parametrize(("keys", "answer"), [(["y"], True), (["n"], False), (["escape"], False), (["enter"], False)])
async def test_keys_answer_and_cancel_is_preselected(keys: list[str], answer: bool) -> None:
    app = Host(ask)
    async with app.run_test() as pilot:
        await pilot.press(*keys)
        await pilot.pause()
        assert app.answer is answer


async def test_an_erase_is_asked_a_second_time() -> None:
    app = Host(lambda: ask(erase="the whole flash, 16 MiB"))
    async with app.run_test() as pilot:
        await pilot.press("y")
        await pilot.pause()
        assert app.answer is UNANSWERED
        assert isinstance(app.screen, ConfirmScreen)
        assert "This erases the whole flash, 16 MiB." in screen_text(app)
        await pilot.press("enter")
        await pilot.pause()
        assert app.answer is UNANSWERED
        await pilot.press("y", "y")
        await pilot.pause()
        assert app.answer is True


async def test_forty_regions_keep_the_buttons_in_sight() -> None:
    regions = [FlashRegion(index * 0x1000, 4096, Path(f"[b]{index}.bin")) for index in range(40)]
    app = Host(lambda: FlashConfirmScreen("Write?", regions, ["sentence"] * 40, warnings=["w"] * 10))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        text = screen_text(app)
        for part in ("Write?", "[b]0.bin", "Cancel", "Flash (y)"):
            assert part in text


class Flashing(Host):
    """Counts cancels and owns the clock."""

    def __init__(self) -> None:
        self.cancels = 0
        self.now = 100.0
        super().__init__(lambda: FlashProgressScreen("Writing to gfx-board", self.cancel, lambda: self.now))

    def cancel(self) -> None:
        self.cancels += 1

    @property
    def panel(self) -> FlashProgressScreen:
        assert isinstance(self.screen, FlashProgressScreen)
        return self.screen

    def advance(self, seconds: float, done: int, total: int | None = 2_000_000, step: str = STEP) -> None:
        self.now += seconds
        self.panel.update_progress(Progress("flash", step, done, total))


async def test_rate_and_time_left_are_those_of_the_step() -> None:
    app = Flashing()
    async with app.run_test() as pilot:
        app.advance(0, 0, step="Erasing")
        app.advance(60, 0)
        app.advance(5, 512_000, 1_024_000)
        await pilot.pause()
        text = screen_text(app)
        assert "500.0 KiB of 1000.0 KiB   100.0 KiB/s   5.0 s left" in text
        assert app.panel.query_one(ProgressBar).percentage == 0.5


async def test_an_unknown_total_shows_no_time_left_and_an_indeterminate_bar() -> None:
    app = Flashing()
    async with app.run_test() as pilot:
        app.advance(0, 0, None)
        app.advance(2, 4096, None)
        await pilot.pause()
        assert app.panel.query_one(ProgressBar).percentage is None
        assert "2.0 KiB/s" in screen_text(app)
        assert "left" not in screen_text(app)


async def test_cancel_asks_once_and_waits_for_a_known_state() -> None:
    app = Flashing()
    async with app.run_test() as pilot:
        await pilot.press("escape")
        await pilot.pause()
        assert app.cancels == 1
        assert app.answer is UNANSWERED
        assert "bringing the board into a known state" in screen_text(app)
        await pilot.press("escape")
        await pilot.pause()
        assert app.cancels == 1
        assert app.answer is False


async def test_finish_closes_it() -> None:
    app = Flashing()
    async with app.run_test() as pilot:
        app.panel.finish()
        await pilot.pause()
        assert app.answer is True


@pytest.mark.parametrize("size", SIZES)
def test_the_question_looks_as_accepted(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        assert pilot.app.size == size
        for part in ("Write the project to gfx-board?", "partition-table.bin", "3.0 KiB", "Flash (y)", "n/Esc Cancel"):
            assert part in screen_text(pilot.app)

    app = Host(lambda: ask(warnings=["The chip was not probed yet"]))
    assert snap_compare(app, terminal_size=size, run_before=run_before(check))


@pytest.mark.parametrize("size", SIZES)
def test_the_progress_looks_as_accepted(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, Flashing)
        app.advance(0, 0)
        app.advance(4, 800_000)
        await pilot.pause()
        assert app.size == size
        for part in ("Writing to gfx-board", STEP, "40%", "195.3 KiB/s", "6.0 s left", "Cancel"):
            assert part in screen_text(app)

    assert snap_compare(Flashing(), terminal_size=size, run_before=run_before(check))
