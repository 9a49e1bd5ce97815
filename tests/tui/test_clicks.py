"""What can be clicked is clicked: each button of each screen, ticks, events, counts, and the bar of raw keys."""

from __future__ import annotations

import pytest
from textual.geometry import Offset
from textual.widgets import Button

from espmon.tui.log.query import LEVELS
from espmon.tui.widgets.key_catcher import RawKeys
from espmon.tui.widgets.level_picker import LevelPicker
from espmon.tui.widgets.status_bar import StatusBar
from tests.tui.running import Running, numbered, running
from tests.tui.screens.host import Host, settle
from tests.tui.screens.test_every_screen import SCREENS
from tests.tui.test_board_tabs import RIGHT, desk


@pytest.mark.parametrize("name", SCREENS)
async def test_each_button_is_within_reach_of_the_mouse(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pressed: list[str | None] = []

    def press(button: Button) -> Button:
        pressed.append(button.id)
        return button

    monkeypatch.setattr(Button, "press", press)
    app = Host(SCREENS[name][0])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        buttons = [button for button in app.screen.query(Button) if button.region and not button.disabled]
        for button in buttons:
            await pilot.click(button)
        assert pressed == [button.id for button in buttons]


def at(case: Running, text: str) -> Offset:
    """Where on the screen a text begins."""
    return next(Offset(row.index(text), y) for y, row in enumerate(case.text().splitlines()) if text in row)


async def test_each_level_is_ticked_by_a_click() -> None:
    async with running(size=(120, 24)) as case:
        await case.feed(numbered(3))
        await case.press("f")
        picker = case.screen.query_one(LevelPicker)
        for level in LEVELS:
            await case.pilot.click(offset=at(case, "■" + picker.names[level]) + Offset(1, 0))
            await case.until(lambda level=level: level not in picker.levels, level)  # type: ignore[misc]
        assert not picker.levels


async def test_a_click_on_an_event_chooses_it_and_a_second_one_goes_to_its_line() -> None:
    async with running(size=(140, 30)) as case:
        await case.feed(numbered(200))
        case.session.add_event("panic", "The first of them", line=20, boot=1)
        case.session.add_event("panic", "The second of them", line=150, boot=1)
        await case.press("e")
        await case.until(lambda: "The first" in case.text() and "The second" in case.text())
        place = at(case, "The first")
        await case.pilot.click(offset=place)
        entry = case.screen.inspector.events.highlighted
        assert entry is not None
        assert entry.line == 20
        await case.pilot.click(offset=place, times=2)
        await case.until(lambda: case.screen.walking.last == 20)


async def test_a_click_on_a_count_goes_to_the_last_of_them() -> None:
    async with running(size=(120, 24)) as case:
        await case.feed(numbered(50) + b"E (1) app: broken\nW (2) app: weak\n" + numbered(50))
        for sign, line in (("✖ 1", 50), ("▲ 1", 51)):
            await case.press("G")
            await case.until(lambda sign=sign: sign in case.text().splitlines()[-2], sign)  # type: ignore[misc]
            bar = case.screen.query_one(StatusBar)
            await case.pilot.click(bar, offset=(case.text().splitlines()[-2].index(sign), 0))
            await case.until(lambda line=line: case.screen.walking.last == line, f"line {line}")  # type: ignore[misc]


async def test_a_click_on_the_bar_of_raw_keys_comes_back() -> None:
    async with running() as case:
        await case.press("r")
        await case.until(lambda: case.screen.mode == "RAW")
        await case.pilot.click(RawKeys)
        await case.until(lambda: case.screen.mode == "LOG")


async def test_a_click_on_a_tab_leads_to_its_board() -> None:
    async with desk(RIGHT, size=(120, 24)) as made:
        case = made.case
        await case.until(lambda: "right" in case.text().splitlines()[at(case, "left").y])
        row = at(case, "left").y
        for name in ("right", "left"):
            await case.pilot.click(offset=(case.text().splitlines()[row].index(name), row))
            await case.until(lambda name=name: case.app.tabs.current.name == name, name)  # type: ignore[misc]
            await case.until(lambda: case.screen.completed and "right" in case.text().splitlines()[row], "its screen")
