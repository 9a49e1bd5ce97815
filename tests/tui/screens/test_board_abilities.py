"""What a board says it can do: shown harmlessly, and a command is one key."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from espmon.records.capabilities import MAX_COMMANDS, Capabilities, capabilities_of
from espmon.tui.screens.board_abilities import BoardAbilitiesScreen
from tests.tui.running import running
from tests.tui.screens.host import Host, run_before, screen_text, settle

ABILITIES = capabilities_of(
    {
        "version": 2, "app": "weather [b]station[/]", "app_version": "1.4", "chip": "esp32s3", "console": "esp_console",
        "frames": ["png", "json", "acme/telemetry"], "screenshot": "screenshot",
        "commands": {"reboot": "restart", "wifi join": "join a network", "log [x]": "\x1b[31mred\x1b[0m"},
    }
)  # fmt: skip


def screen(capabilities: Capabilities | None = ABILITIES) -> BoardAbilitiesScreen:
    return BoardAbilitiesScreen("gfx-board", capabilities)


async def test_what_was_announced_is_shown_as_it_was_written() -> None:
    app = Host(screen)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        for part in (
            "weather [b]station[/] 1.4",
            "acme/telemetry",
            "wifi join",
            "join a network",
            "log [x]",
            "␛[31mred",
        ):
            assert part in text
        assert "version 2 of the format" in text


async def test_enter_sends_the_command_under_the_cursor() -> None:
    app = Host(screen)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("down", "enter")
        await pilot.pause()
        assert app.answer == "wifi join"


async def test_a_board_without_an_announcement_says_what_firmware_would_need() -> None:
    app = Host(lambda: screen(None))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "espmon firmware --lang c" in text
        assert "ask_capabilities" in text
        await pilot.press("enter")
        assert not app.answered


async def test_without_pictures_it_says_what_writes_the_code_for_them() -> None:
    app = Host(lambda: screen(capabilities_of({"frames": ["json"], "commands": {f"c{i}": "" for i in range(9999)}})))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "espmon firmware --lang c DIR" in screen_text(app)
        assert app.screen.query_one("KeyedTable").row_count == MAX_COMMANDS  # type: ignore[attr-defined]


async def test_the_palette_opens_it_and_the_line_goes_to_the_console() -> None:
    async with running(size=(120, 40)) as case:
        case.session.set(capabilities=ABILITIES)
        await case.until(lambda: case.app.status.capabilities is not None)
        case.app.action_abilities()
        await case.until(lambda: isinstance(case.app.screen, BoardAbilitiesScreen))
        await case.pilot.pause()
        await case.press("enter")
        await case.until(lambda: case.session.sent == [b"reboot\r"])


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_snapshot(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        assert "wifi join" in screen_text(pilot.app)

    assert snap_compare(Host(screen), terminal_size=size, run_before=run_before(check))
