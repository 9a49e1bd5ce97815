"""Flashing from the menu: planned, asked first, shown while it runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from espmon.session.state import State
from espmon.tui.screens.flash import FlashConfirmScreen, FlashProgressScreen
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
        case.session.set(chip="ESP32-S3 (revision v0.2)")
        await case.until(lambda: "ESP32-S3" in case.text())
        await asked(case, project, "f")
        await case.until(lambda: "esp32c3" in case.text())


async def test_a_folder_without_a_build_says_where_it_looked(tmp_path: Path) -> None:
    async with running() as case:
        case.app.project = tmp_path
        await case.press("ctrl+t", "f")
        await case.until(lambda: str(tmp_path)[:20] in case.text())
        assert case.session.flashed == []
