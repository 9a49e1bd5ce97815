"""The boards that have names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from espmon.tui.screens.device_form import DeviceForm
from espmon.tui.screens.device_manager import DeviceManagerScreen, DeviceRow
from espmon.tui.screens.table import KeyedTable
from tests.tui.screens.host import UNANSWERED, Host, run_before, screen_text, settle

GFX = DeviceRow(
    "serial:7C:DF:A1:00:11:22", "gfx-board", "Graphics board", "on the desk", "ESP32-S3", "7c:df:a1:00:11:22",
    115200, "/home/u/gfx.elf", port="/dev/ttyACM0",
)  # fmt: skip
LAB = DeviceRow("location:1-4", "lab-3", "Old relay", chip="ESP8266", baud=74880)
NEW = DeviceRow("serial:0001", port="/dev/ttyUSB0", product="CP2102N", known=False)


class Managing(Host):
    """Holds a registry in memory."""

    def __init__(self, *devices: DeviceRow, **options: Any) -> None:
        self.devices = list(devices or (GFX, LAB, NEW))
        self.saved: list[tuple[str, Mapping[str, Any]]] = []
        self.removed: list[str] = []
        self.error = ""
        options.setdefault("refresh_every", None)
        super().__init__(lambda: DeviceManagerScreen(self.load, self.save, self.forget, **options))

    def load(self) -> Sequence[DeviceRow]:
        return list(self.devices)

    def save(self, key: str, changes: Mapping[str, Any]) -> None:
        if self.error:
            raise OSError(self.error)
        self.saved.append((key, changes))
        self.devices = [
            replace(device, known=True, **changes) if device.key == key else device for device in self.devices
        ]

    def forget(self, key: str) -> None:
        self.removed.append(key)
        self.devices = [device for device in self.devices if device.key != key]

    def field(self, name: str) -> Input:
        return self.screen.query_one(f"#{name}", Input)


async def test_boards_are_listed_with_their_state() -> None:
    app = Managing()
    async with app.run_test() as pilot:
        await settle(pilot)
        lines = screen_text(app).splitlines()
        for name, state in (("gfx-board", "online"), ("lab-3", "offline"), ("CP2102N", "not named")):
            assert any(name in line and state in line for line in lines)
        assert any("7c:df:a1:00:11:22" in line for line in lines)


async def test_editing_starts_with_what_is_known_and_saves_only_what_changed() -> None:
    """Lesson 15: renaming opened an empty form, and saving it wiped the description."""
    app = Managing()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("e")
        await pilot.pause()
        values = {name: app.field(name).value for name in ("nickname", "name", "description", "baud", "elf")}
        assert values == {
            "nickname": "gfx-board",
            "name": "Graphics board",
            "description": "on the desk",
            "baud": "115200",
            "elf": "/home/u/gfx.elf",
        }
        await pilot.press("end", "2", "enter")
        await settle(pilot)
        assert app.saved == [(GFX.key, {"nickname": "gfx-board2"})]
        assert "gfx-board2" in screen_text(app)
        assert "on the desk" in screen_text(app)


async def test_how_the_modem_lines_are_left_stands_beside_the_line() -> None:
    app = Managing(replace(GFX, dtr=False, rts=True))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert any(line.split()[:2] == ["DTR", "off"] for line in screen_text(app).splitlines())
        await pilot.press("e")
        await pilot.pause()
        assert [app.field(name).value for name in ("dtr", "rts")] == ["off", "on"]
        app.field("dtr").value, app.field("rts").value = "on", ""
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert app.saved == [(GFX.key, {"dtr": True, "rts": None})]


async def test_letters_typed_into_the_form_are_text() -> None:
    """Lesson 1: a, e, x, r, q act on the list, never on the form."""
    app = Managing()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("e")
        await pilot.pause()
        app.field("description").focus()
        app.field("description").value = ""
        await pilot.press(*"aexrqnyj")
        await pilot.pause()
        assert app.field("description").value == "aexrqnyj"
        assert app.removed == []


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("nickname", "Über", "A nickname has only a-z, 0-9, _ and -"),
        ("nickname", "lab-3", "lab-3 is another board's nickname"),
        ("baud", "fast", "fast is not a baud rate"),
        ("rts", "up", "RTS is on or off, or empty: as it is"),
    ],
)
async def test_what_cannot_be_saved_is_said_in_the_form(field: str, value: str, problem: str) -> None:
    app = Managing()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("e")
        await pilot.pause()
        app.field(field).value = value
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert isinstance(app.screen, DeviceForm)
        assert problem in screen_text(app)
        assert app.saved == []


async def test_cancelling_the_form_changes_nothing() -> None:
    app = Managing()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("e", "x", "escape")
        await settle(pilot)
        assert app.saved == []
        assert app.answer is UNANSWERED


async def test_adding_names_the_board_under_the_cursor_and_never_just_the_first() -> None:
    app = Managing()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("a")
        await pilot.pause()
        assert app.screen.query_one(KeyedTable).selected == NEW.key
        assert "Choose the board to add and press a again" in screen_text(app)
        await pilot.press("a")
        await pilot.pause()
        assert app.field("name").value == "CP2102N"
        app.field("nickname").value = "bench"
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert app.saved == [(NEW.key, {"nickname": "bench"})]


async def test_removing_asks_first() -> None:
    app = Managing()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("delete")
        await pilot.pause()
        assert "Remove gfx-board?" in screen_text(app)
        await pilot.press("enter")
        await settle(pilot)
        assert app.removed == []
        await pilot.press("delete", "y")
        await settle(pilot)
        assert app.removed == [GFX.key]
        assert "Graphics board" not in screen_text(app)


async def test_enter_connects_to_a_board_that_is_plugged_in() -> None:
    app = Managing()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("down", "enter")
        await pilot.pause()
        assert app.answer is UNANSWERED
        assert "lab-3 is not plugged in" in screen_text(app)
        await pilot.press("up", "enter")
        await pilot.pause()
        assert app.answer == "/dev/ttyACM0"


async def test_a_save_that_fails_is_said_in_place() -> None:
    app = Managing()
    app.error = "No space left on device [/x]"
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("e")
        await pilot.pause()
        app.field("name").value = "other"
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert "Not saved: No space left on device [/x]" in screen_text(app)


async def test_the_online_state_follows_the_ports() -> None:
    app = Managing(refresh_every=0.01)
    async with app.run_test() as pilot:
        await settle_once(pilot, app, "online")
        app.devices = [replace(GFX, port="")]
        await settle_once(pilot, app, "not plugged in")


async def settle_once(pilot: Pilot[Any], app: Managing, text: str) -> None:
    while text not in screen_text(app):
        await pilot.pause()


async def test_no_board_at_all_says_what_to_do() -> None:
    app = Managing()
    app.devices = []
    async with app.run_test() as pilot:
        await settle(pilot)
        assert "No board is known yet. Plug one in and press a" in screen_text(app)
        await pilot.press("a", "e", "x", "enter", "escape")
        await pilot.pause()
        assert app.answer is None


async def test_names_are_inert() -> None:
    name = "[red]\x1b]0;x\x07\u202e" + "n" * 500
    app = Managing(DeviceRow(name, name, name, name, name, name, 1, name, name))
    async with app.run_test(notifications=True) as pilot:
        await settle(pilot)
        assert not set(screen_text(app)) & {"\x1b", "\x07", "\u202e"}
        await pilot.press("delete")
        await pilot.pause()
        assert not set(screen_text(app)) & {"\x1b", "\x07", "\u202e"}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_looks_as_accepted(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        assert pilot.app.size == size
        for part in ("gfx-board", "ESP32-S3", "offline", "not named", "serial:7C:DF", "Connect", "Edit", "Remove"):
            assert part in screen_text(pilot.app)

    assert snap_compare(Managing(), terminal_size=size, run_before=run_before(check))
