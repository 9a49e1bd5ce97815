"""Flashing from the menu: planned, asked first, shown while it runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from espmon.session.session_events import Failure, FlashEvent
from espmon.session.state import State
from espmon.session.status import EventEntry, Severity
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.screens.flash_screens import FlashConfirmScreen, FlashProgressScreen
from tests.tui.fake_session import FakeSession
from tests.tui.running import Running, running


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "boot.bin").write_bytes(bytes([0xE9]) + bytes(99))
    (tmp_path / "app.bin").write_bytes(bytes([0xE9]) + bytes(199))
    arguments = {
        "flash_files": {"0x0": "boot.bin", "0x10000": "app.bin"},
        "bootloader": {"offset": "0x0", "file": "boot.bin", "encrypted": "false"},
        "app": {"offset": "0x10000", "file": "app.bin", "encrypted": "false"},
        "extra_esptool_args": {"chip": "esp32c3"},
    }
    (tmp_path / "flasher_args.json").write_text(json.dumps(arguments))
    return tmp_path


async def asked(case: Running, project: Path, key: str) -> None:
    case.app.project = project
    await case.press("ctrl+t", key)
    await case.until(lambda: isinstance(case.app.screen, FlashConfirmScreen), "the question")
    await case.pilot.pause()


async def test_flashing_lists_what_is_written_and_cancel_touches_nothing(project: Path) -> None:
    async with running() as case:
        await asked(case, project, "f")
        text = case.text()
        assert "boot.bin" in text
        assert "app.bin" in text
        await case.press("n")
        assert case.session.flashed == []


async def test_a_confirmed_flash_runs_and_the_log_comes_back(project: Path) -> None:
    async with running() as case:
        await asked(case, project, "f")
        await case.press("y")
        await case.until(lambda: isinstance(case.app.screen, FlashProgressScreen))
        assert [region.address for region in case.session.flashed[0].plan.regions] == [0, 0x10000]
        case.session.set(state=State.MONITORING, lease=None, progress=None)
        await case.until(lambda: case.app.screen is case.screen)


async def test_app_flash_writes_the_application_alone(project: Path) -> None:
    async with running() as case:
        await asked(case, project, "a")
        await case.press("y")
        await case.until(lambda: case.session.flashed)
        assert [region.role for region in case.session.flashed[0].plan.regions] == ["application"]


async def test_a_build_for_another_chip_is_warned_about(project: Path) -> None:
    async with running() as case:
        case.session.set(chip="ESP32-S3 (revision v0.2)", chip_key="esp32s3")
        await case.until(lambda: "ESP32-S3" in case.text())
        await asked(case, project, "f")
        await case.until(lambda: "esp32c3" in case.text())


async def test_a_build_for_the_chip_whose_name_begins_this_one_s_is_warned_about_too(project: Path) -> None:
    arguments = project / "flasher_args.json"
    arguments.write_text(arguments.read_text().replace("esp32c3", "esp32"))
    async with running() as case:
        case.session.set(chip="ESP32-C3 (QFN32) (revision v0.4)", chip_key="esp32c3")
        await asked(case, project, "f")
        await case.until(lambda: "The build is for esp32, the board is an ESP32-C3" in case.text())


async def test_a_folder_without_a_build_says_where_it_looked(tmp_path: Path) -> None:
    async with running() as case:
        case.app.project = tmp_path
        await case.press("ctrl+t", "f")
        await case.until(lambda: tmp_path.name in case.text())
        assert case.session.flashed == []


async def test_an_erase_names_what_goes_and_has_a_button_of_its_own(project: Path) -> None:
    async with running() as case:
        await asked(case, project, "e")
        text = case.text()
        assert "Everything on the flash goes first: NVS" in text
        assert "Erase and flash (y)" in text
        assert "the same already" not in text


async def flashing(case: Running, project: Path) -> None:
    await asked(case, project, "f")
    await case.press("y")
    await case.until(lambda: isinstance(case.app.screen, FlashProgressScreen))
    await case.pilot.pause()


@pytest.mark.parametrize("key", ["ctrl+right_square_bracket", "ctrl+q"])
async def test_leaving_while_the_board_is_written_is_asked_first(project: Path, key: str) -> None:
    async with running() as case:
        await flashing(case, project)
        await case.press(key)
        await case.until(lambda: "Flashing: really leave?" in case.text())
        await case.press(key)
        assert [type(screen) for screen in case.app.screen_stack].count(ConfirmScreen) == 1
        await case.press("n")
        await case.until(lambda: isinstance(case.app.screen, FlashProgressScreen))
        assert case.app.is_running


async def test_who_leaves_all_the_same_is_told_how_the_board_was_left(project: Path) -> None:
    session = FakeSession()
    text = "Unfinished: app.bin. The board was left in download mode, not reset: flash it again"

    async def close() -> None:
        session.events.append(cancelled(len(session.events), text))
        session.set(state=State.CLOSED)

    session.close = close  # type: ignore[method-assign]
    async with running(session=session) as case:
        await flashing(case, project)
        await case.press("ctrl+right_square_bracket")
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen))
        await case.pilot.pause()
        await case.press("y")
        app = case.app
    assert app.exit_message == f"Cancelled. {text}"
    assert app.return_value == 1


async def test_a_signal_leaves_at_once(project: Path) -> None:
    async with running() as case:
        await flashing(case, project)
        case.app.exit(143)
        app = case.app
    assert app.return_value == 143
    assert "half written" in app.exit_message


async def test_a_flash_that_ends_meanwhile_changes_the_question(project: Path) -> None:
    async with running() as case:
        await flashing(case, project)
        await case.press("ctrl+right_square_bracket")
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen))
        case.session.set(state=State.MONITORING, lease=None, progress=None)
        await case.until(lambda: "It has ended meanwhile: leave?" in case.text())
        await case.press("n")
        await case.until(lambda: case.app.screen is case.screen)
        assert case.app.is_running


async def test_the_progress_closes_also_under_another_screen(project: Path) -> None:
    async with running() as case:
        await flashing(case, project)
        await case.press("ctrl+p")
        await case.until(lambda: not isinstance(case.app.screen, FlashProgressScreen))
        case.session.set(state=State.MONITORING, lease=None, progress=None)
        await case.pilot.pause()
        await case.press("escape")
        await case.until(lambda: case.app.screen is case.screen)


async def test_without_a_flash_leaving_asks_nothing() -> None:
    async with running() as case:
        await case.press("ctrl+right_square_bracket")
        app = case.app
    assert app.return_value == 0
    assert app.exit_message == ""


def cancelled(identity: int, text: str) -> EventEntry:
    record = FlashEvent(0, 0.0, "write", Failure(text, cancelled=True))
    return EventEntry(identity, record, record.title, Severity.WARNING, 0.0, None, 0)
