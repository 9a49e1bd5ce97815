"""The settings of the serial line in the picker."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input, Select

from espmon.port.line_format import Flow, LineFormat, Parity
from espmon.session.status import OpenRequest
from espmon.tui.screens.device_form import Changes
from espmon.tui.screens.line_fields import Choice, LineFields
from espmon.tui.screens.ports import PortRow
from tests.tui.screens.host import screen_text, settle
from tests.tui.screens.test_picker import KEYED, PLAIN, S3, Picking

MODBUS = PortRow("/dev/ttyUSB1", nickname="modbus", line=LineFormat.parse("7E2 rts-cts"))
SIZES = [(80, 24), (120, 40)]


@pytest.mark.parametrize("size", SIZES)
async def test_every_setting_of_the_line_is_shown_and_can_be_chosen_by_keys(size: tuple[int, int]) -> None:
    app = Picking(demo=True, manage=lambda: None)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        text = screen_text(app)
        for part in ("8 bits", "no parity", "1 stop", "no flow", "DTR as is", "RTS as is", "l Line"):
            assert part in text
        await pilot.press("l")
        for steps in (1, 2, 2, 2, 1, 2):  # each choice: open, so many down, take it, to the one beside it
            await pilot.press("enter", *["down"] * steps, "enter", "right")
            await settle(pilot)
        await pilot.press("escape", "enter")
        await pilot.pause()
        assert app.answer.line == LineFormat(7, Parity.ODD, 2.0, Flow.XON_XOFF)
        assert (app.answer.dtr, app.answer.rts) == (True, False)


@pytest.mark.parametrize("size", SIZES)
async def test_the_line_begins_as_the_command_line_says(size: tuple[int, int]) -> None:
    asked = OpenRequest("", line=LineFormat.parse("5S1.5 xon-xoff"), dtr=False, rts=True)
    app = Picking(defaults=asked)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        text = screen_text(app)
        for part in ("5 bits", "space parity", "1.5 stop", "XON/XOFF", "DTR off", "RTS on"):
            assert part in text
        await pilot.press("enter")
        await pilot.pause()
        assert (app.answer.line, app.answer.dtr, app.answer.rts) == (asked.line, False, True)


async def test_what_is_remembered_for_a_board_is_shown_and_used_for_it_only() -> None:
    app = Picking([S3, MODBUS])
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("down")
        await pilot.pause()
        assert all(part in screen_text(app) for part in ("7 bits", "even parity", "2 stop", "RTS/CTS"))
        await pilot.press("up")
        await pilot.pause()
        assert "8 bits" in screen_text(app)
        await pilot.press("enter")
        await pilot.pause()
        assert app.answer.line == LineFormat()


async def test_remembered_levels_are_shown_and_used_for_their_board_only() -> None:
    app = Picking([S3, replace(MODBUS, dtr=False, rts=True)])
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("down")
        await pilot.pause()
        assert all(part in screen_text(app) for part in ("DTR off", "RTS on"))
        await pilot.press("up")
        await pilot.pause()
        assert all(part in screen_text(app) for part in ("DTR as is", "RTS as is"))
        await pilot.press("down")
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        assert (app.answer.dtr, app.answer.rts) == (False, True)


async def test_a_name_keeps_what_was_entered_for_the_board(tmp_path: Path) -> None:
    elf = tmp_path / "app.elf"
    elf.write_bytes(b"")
    given: list[tuple[str, Changes]] = []
    app = Picking([KEYED], name=lambda key, changes: given.append((key, changes)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        fields = app.picker.query_one(LineFields)
        fields.query_one("#dtr", Select).value = "off"
        fields.query_one("#parity", Select).value = Parity.EVEN
        app.picker.query_one("#baud", Input).value = "9600"
        app.picker.query_one("#elf", Input).value = str(elf)
        await pilot.press("n", *"rover")
        await settle(pilot)
        assert "Remembered with it: 8E1, DTR off, 9600 baud" in screen_text(app)
        await pilot.press("enter")
        await settle(pilot)
    assert given == [
        (KEYED.key, {"line": "8E1", "dtr": False, "baud": 9600, "elf": str(elf), "nickname": "rover"}),
    ]


async def test_what_the_user_chose_is_not_replaced_by_what_is_remembered() -> None:
    app = Picking([S3, MODBUS])
    async with app.run_test() as pilot:
        await settle(pilot)
        app.picker.query_one("#parity", Select).value = Parity.ODD
        await pilot.press("down")
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        assert app.answer.line == LineFormat(parity=Parity.ODD)


async def test_on_a_narrow_screen_the_choice_with_the_focus_is_in_sight() -> None:
    app = Picking([PLAIN])
    async with app.run_test(size=(40, 16)) as pilot:
        await settle(pilot)
        await pilot.press("l", *["right"] * 5)
        await settle(pilot)
        assert isinstance(app.focused, Choice)
        assert app.focused.id == "rts"
        assert "RTS as is" in screen_text(app)


async def test_a_port_that_the_system_lists_brings_no_settings_of_its_own() -> None:
    app = Picking([PLAIN])
    async with app.run_test() as pilot:
        await settle(pilot)
        assert app.picker.query_one(LineFields).line == LineFormat()
