"""The capture panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import ProgressBar

from espmon.session.status import Capture
from espmon.tui.screens.capture import CaptureAnswer, CaptureResult, CaptureScreen
from tests.tui.screens.host import UNANSWERED, Host, run_before, screen_text
from tests.tui.sized_pictures import SIZES

RUNNING = Capture("coredump", 23456, None, 401, 3.4)
DONE = CaptureResult(23456, Path("/data/core-1.elf"), lines=401, checksum="ok", chip="esp32")


class Capturing(Host):
    """Counts aborts."""

    def __init__(self, kind: str = "coredump") -> None:
        self.aborts = 0
        super().__init__(lambda: CaptureScreen(kind, self.abort))

    def abort(self) -> None:
        self.aborts += 1

    @property
    def panel(self) -> CaptureScreen:
        assert isinstance(self.screen, CaptureScreen)
        return self.screen


async def test_a_capture_of_unknown_size_shows_an_indeterminate_bar() -> None:
    """Lesson 7: a core dump does not say how long it is."""
    app = Capturing()
    async with app.run_test() as pilot:
        app.panel.update_capture(RUNNING)
        await pilot.pause()
        assert app.panel.query_one(ProgressBar).percentage is None
        assert "22.9 KiB   401 lines   3.4 s" in screen_text(app)
        assert "%" not in screen_text(app)


async def test_a_capture_of_known_size_shows_how_far_it_is() -> None:
    app = Capturing("png")
    async with app.run_test() as pilot:
        app.panel.update_capture(Capture("png", 512, 2048, 0, 0.5))
        await pilot.pause()
        assert app.panel.query_one(ProgressBar).percentage == 0.25
        assert "512 B of 2.0 KiB" in screen_text(app)
        assert "Receiving a screenshot" in screen_text(app)


@pytest.mark.parametrize("way", ["a", "button"])
async def test_abort_ends_it_once_and_keeps_what_came(way: str) -> None:
    """Lesson 6: abort must not throw the data away."""
    app = Capturing()
    async with app.run_test() as pilot:
        app.panel.update_capture(RUNNING)
        await (pilot.click("#abort") if way == "button" else pilot.press("a", "a"))
        await pilot.pause()
        assert app.aborts == 1
        assert app.answer is UNANSWERED
        assert "what came is kept" in screen_text(app)
        app.panel.show_result(CaptureResult(100, Path("/data/core.part"), complete=False, error="aborted by the user"))
        await pilot.pause()
        text = screen_text(app)
        assert "Core dump received, cut short" in text
        assert "/data/core.part" in text
        assert "aborted by the user" in text


@pytest.mark.parametrize("key", ["escape", "enter"])
async def test_hiding_is_preselected_and_touches_nothing(key: str) -> None:
    app = Capturing()
    async with app.run_test() as pilot:
        app.panel.update_capture(RUNNING)
        await pilot.press(key)
        await pilot.pause()
        assert app.answer is None
        assert app.aborts == 0


async def test_afterwards_size_checksum_chip_and_path_are_shown() -> None:
    app = Capturing()
    async with app.run_test() as pilot:
        app.panel.show_result(DONE)
        await pilot.pause()
        text = screen_text(app)
        for part in ("22.9 KiB (23456 bytes), 401 lines", "correct", "esp32", "/data/core-1.elf"):
            assert part in text
        await pilot.press("c")
        assert app.copied == "/data/core-1.elf"


async def test_a_wrong_checksum_and_a_failed_save_are_said_loudly() -> None:
    app = Capturing()
    async with app.run_test() as pilot:
        app.panel.show_result(CaptureResult(10, None, checksum="bad"))
        await pilot.pause()
        assert "WRONG: the dump is damaged" in screen_text(app)
        assert "NOT SAVED" in screen_text(app)


async def test_decoding_is_shown_and_the_report_opens_when_it_is_ready() -> None:
    app = Capturing()
    async with app.run_test() as pilot:
        app.panel.show_result(DONE)
        app.panel.show_decoding()
        await pilot.pause()
        assert "decoding" in screen_text(app)
        await pilot.press("r")
        await pilot.pause()
        assert app.answer is UNANSWERED
        app.panel.show_ready("abort() was called in task sensor")
        await pilot.pause()
        assert "abort() was called in task sensor" in screen_text(app)
        await pilot.press("r")
        await pilot.pause()
        assert app.answer is CaptureAnswer.REPORT


async def test_a_failed_decode_keeps_the_dump_and_says_what_to_do() -> None:
    app = Capturing()
    async with app.run_test() as pilot:
        app.panel.show_result(DONE)
        app.panel.show_failed("no ELF fits this application [/x]", "Choose its ELF with e")
        await pilot.pause()
        text = screen_text(app)
        assert "Not decoded: no ELF fits this application [/x]" in text
        assert "/data/core-1.elf" in text
        await pilot.press("e")
        await pilot.pause()
        assert app.answer is CaptureAnswer.CHOOSE_ELF


async def test_what_came_before_the_screen_was_there_is_shown() -> None:
    panel = CaptureScreen("coredump", lambda: None)
    panel.update_capture(RUNNING)
    app = Host(lambda: panel)
    async with app.run_test() as pilot:
        await pilot.pause()
        assert "401 lines" in screen_text(app)


@pytest.mark.parametrize("size", SIZES)
def test_looks_as_accepted_while_it_runs(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, Capturing)
        app.panel.update_capture(RUNNING)
        await pilot.pause()
        assert app.size == size
        for part in ("Receiving a core dump", "22.9 KiB", "401 lines", "Hide", "a Abort, keep what came"):
            assert part in screen_text(app)

    assert snap_compare(Capturing(), terminal_size=size, run_before=run_before(check))


@pytest.mark.parametrize("size", SIZES)
def test_looks_as_accepted_when_it_is_done(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, Capturing)
        app.panel.show_result(DONE)
        app.panel.show_failed("no ELF fits this application", "Choose its ELF with e")
        await pilot.pause()
        assert app.size == size
        for part in ("Core dump received", "correct", "esp32", "/data/core-1.elf", "Not decoded", "e Choose ELF"):
            assert part in screen_text(app)

    assert snap_compare(Capturing(), terminal_size=size, run_before=run_before(check))
