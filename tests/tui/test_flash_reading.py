"""Looking at what the flash holds, from the screen: asked first, with progress, and the result opens."""

from __future__ import annotations

from pathlib import Path

import pytest

from espmon.rom.app_image import AppDescription, Partition
from espmon.rom.flash_regions import FlashOutcome, RegionResult
from espmon.session.session_events import Failure, FlashEvent
from espmon.session.state import State
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.screens.flash_screens import FlashConfirmScreen, FlashProgressScreen
from espmon.tui.screens.report_screen import ReportScreen
from tests.tui.running import Running, running
from tests.tui.test_app_flashing import project as project  # a fixture

INFO = FlashOutcome(
    "info",
    chip="ESP32-C3",
    after="application",
    partitions=[
        Partition("nvs", 1, 2, 0x9000, 0x6000, False, False),
        Partition("\x1b[31mapp", 0, 0x10, 0x10000, 0x100000, True, True),
    ],
    applications=[("ota_0", AppDescription("demo", "1.0.0", "v5.3", "Jan  1 2026", "62d1b7a8"))],
)


async def ended(case: Running, result: FlashOutcome | Failure, action: str) -> None:
    """The action has ended, as the session tells it: the event first, then the port is back."""
    await case.until(lambda: isinstance(case.app.screen, FlashProgressScreen))
    event = FlashEvent(0, 1.0, action, result)
    case.session.add_event("flash", event.title, record=event)
    case.session.set(state=State.MONITORING, lease=None, progress=None)


async def asked(case: Running) -> None:
    await case.app.run_action("app.flash_info")
    await case.until(lambda: isinstance(case.app.screen, ConfirmScreen))
    await case.until(lambda: "Nothing is written" in case.text())


async def test_the_partition_table_is_asked_for_and_shown_when_it_is_read() -> None:
    async with running(size=(100, 40)) as case:
        await asked(case)
        assert case.session.flashed == []
        await case.press("y")
        await ended(case, INFO, "info")
        assert case.session.flashed[0].action == "info"
        await case.until(lambda: isinstance(case.app.screen, ReportScreen))
        await case.until(lambda: "Partition table" in case.text())
        assert "Flash info: 2 partitions" in case.text()
        text = case.text()
        for part in ("nvs", "0x9000", "24 KiB", "ota_0", "encrypted, read only", "Application in ota_0", "v5.3"):
            assert part in text
        assert "\x1b" not in text


async def test_who_says_no_is_back_in_the_log() -> None:
    async with running() as case:
        await asked(case)
        await case.press("n")
        await case.until(lambda: case.app.screen is case.screen)
        assert case.session.flashed == []


async def test_a_reading_that_failed_opens_nothing() -> None:
    async with running() as case:
        await asked(case)
        await case.press("y")
        await ended(case, Failure("The chip did not answer"), "info")
        await case.until(lambda: case.app.screen is case.screen)
        await case.pilot.pause()
        assert case.app.screen is case.screen


async def test_without_a_port_nothing_is_asked() -> None:
    async with running() as case:
        case.session.set(state=State.LOST)
        await case.app.run_action("app.flash_info")
        await case.until(lambda: "needs an open port" in case.text())


@pytest.mark.parametrize("ok", [True, False])
async def test_the_project_is_compared_region_by_region(project: Path, ok: bool) -> None:
    async with running(size=(100, 40)) as case:
        case.app.project = project
        await case.app.run_action("app.flash('verify')")
        await case.until(lambda: isinstance(case.app.screen, FlashConfirmScreen))
        await case.until(lambda: "Compare the project with the flash of desk board?" in case.text())
        await case.press("y")
        region = RegionResult(0x10000, 200, "app.bin", ok)
        await ended(case, FlashOutcome("verify", chip="ESP32-C3", regions=[region]), "verify")
        assert case.session.flashed[0].action == "verify"
        await case.until(lambda: isinstance(case.app.screen, ReportScreen))
        await case.until(lambda: ("right" if ok else "WRONG") in case.text())
