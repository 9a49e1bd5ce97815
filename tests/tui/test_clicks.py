"""What can be clicked is clicked: what each screen is made of, by what is found on it, and each widget of our own."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Button, DataTable, Input, OptionList, Select, Tab, TabbedContent
from textual.widgets._toggle_button import ToggleButton

import espmon.tui
from espmon.tui.actions import BY_ID, full_call
from espmon.tui.log.query import LEVELS
from espmon.tui.monitor.screen import MonitorScreen
from espmon.tui.monitor.standing import Standing
from espmon.tui.plot.plot_panel import PlotPanel
from espmon.tui.widgets.event_list import EventList
from espmon.tui.widgets.header import BoardHeader
from espmon.tui.widgets.key_catcher import RawKeys
from espmon.tui.widgets.level_picker import LevelPicker
from espmon.tui.widgets.log_pane import LogPane
from espmon.tui.widgets.map_bar import MapBar
from espmon.tui.widgets.search_bar import SearchBar
from espmon.tui.widgets.status_bar import StatusBar
from espmon.tui.widgets.status_chips import CHIPS
from espmon.tui.widgets.tab_bar import TabBar
from tests.tui.running import Running, numbered, running
from tests.tui.screens.host import Host, settle
from tests.tui.screens.test_every_screen import SCREENS
from tests.tui.test_board_tabs import RIGHT, desk
from tests.tui.test_header import STATES

Kind = TypeVar("Kind", bound=Widget)


CLICKED_IN = {
    BoardHeader: "test_clicks.py",
    EventList: "test_clicks.py",
    LevelPicker: "test_clicks.py",
    LogPane: "test_folds.py test_log_pane.py test_walking.py",
    MapBar: "test_log_map.py",
    PlotPanel: "test_plot.py",
    RawKeys: "test_clicks.py",
    SearchBar: "test_monitor_find.py",
    StatusBar: "test_clicks.py",
    TabBar: "test_clicks.py",
}
"""Widget of our own that listens to the mouse -> where it is clicked."""


def test_no_widget_that_listens_to_the_mouse_is_left_out() -> None:
    listening = {
        kind
        for module in (importlib.import_module(f"espmon.tui.{name}") for name in modules())
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if kind.__module__ == module.__name__ and any(f"on_{what}" in vars(kind) for what in ("click", "mouse_down"))
    }
    assert listening - set(CLICKED_IN) == set()
    for files in CLICKED_IN.values():
        for file in files.split():
            assert "pilot.click(" in (Path(__file__).parent / file).read_text("utf-8"), file


def modules() -> list[str]:
    """Those of the screen, without the package's own name."""
    return [one.name.removeprefix("espmon.tui.") for one in pkgutil.walk_packages(espmon.tui.__path__, "espmon.tui.")]


@pytest.mark.parametrize("name", SCREENS)
async def test_all_that_a_screen_is_made_of_is_within_reach_of_the_mouse(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fields, tabs, ticks, rows and buttons; what rows and buttons lead to is written down, not done."""
    pressed: list[object] = []

    def press(button: Button) -> Button:
        pressed.append(button.id)
        return button

    monkeypatch.setattr(Button, "press", press)
    monkeypatch.setattr(OptionList, "action_select", lambda options: pressed.append(options.highlighted))
    monkeypatch.setattr(DataTable, "_post_selected_message", lambda table: pressed.append(table.cursor_row))
    app = Host(SCREENS[name][0])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await click_fields_and_tabs(app, pilot)
        for table in seen(app, DataTable):
            above = table.header_height if table.show_header else 0
            rows = min(table.row_count, table.content_size.height - above)
            above += table.gutter.top
            for row in range(rows):
                await pilot.click(table, offset=(2, above + row))
                assert table.cursor_row == row + round(table.scroll_y)
            pressed.clear()
            if rows:
                await pilot.click(table, offset=(2, above + rows - 1))
                assert pressed == [table.cursor_row], "a second click chooses"
        for options in seen(app, OptionList):
            pressed.clear()
            for line in range(min(options.option_count, options.content_size.height)):
                await pilot.click(options, offset=(2, line))
            assert len(pressed) == min(options.option_count, options.content_size.height)
        pressed.clear()
        buttons = [button for button in seen(app, Button) if not button.disabled]
        for button in buttons:
            await pilot.click(button)
        assert pressed == [button.id for button in buttons]


def seen(app: Host, kind: type[Kind]) -> list[Kind]:
    """Widgets that stand whole on the screen."""
    screen = app.screen.region
    return [widget for widget in app.screen.query(kind) if widget.region and screen.contains_region(widget.region)]


async def click_fields_and_tabs(app: Host, pilot: Pilot[None]) -> None:
    """A click on a tab shows it, on a tick turns it, on a field or a choice puts the keys there."""
    for tab in list(app.screen.query(Tab)):
        await pilot.click(tab)
        await settle(pilot)
        assert app.screen.query_one(TabbedContent).active == str(tab.id).removeprefix("--content-tab-")
    for tick in seen(app, ToggleButton):
        before = tick.value
        await pilot.click(tick)
        assert tick.value is not before
    for field in seen(app, Input):
        await pilot.click(field)
        assert app.screen.focused is field
    for choice in [choice for choice in seen(app, Select) if not choice.disabled]:
        await pilot.click(choice)
        assert choice.expanded
        await pilot.press("escape")
        await settle(pilot)


async def test_each_chip_of_the_header_leads_where_its_key_does(monkeypatch: pytest.MonkeyPatch) -> None:
    led: list[str] = []

    async def write_down(screen: MonitorScreen, call: str) -> None:
        led.append(call)

    monkeypatch.setattr(MonitorScreen, "run_from_elsewhere", write_down)
    monkeypatch.setattr(Standing, "show", lambda standing: None)  # what is shown here stays
    async with running(size=(200, 24)) as case:
        bar, clicked = case.screen.query_one(BoardHeader), set()
        for status in STATES:
            bar.show(replace(status, name="desk"), "LOG")
            await case.until(lambda: not bar.waits, "the chips")
            await case.pilot.pause()
            for cells, action in bar._spans:
                if action not in clicked:
                    clicked.add(action)
                    led.clear()
                    await case.pilot.click(bar, offset=(cells.start + bar.gutter.left, 0))
                    await case.until(lambda: led, action)
                    assert led == [full_call(BY_ID[action].call)]
        assert clicked == {chip.action for chip in CHIPS} - {""}


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
