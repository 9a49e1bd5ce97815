"""What holds for each screen: it fits, it can be left, toasts are seen on it, and its keys can be remapped."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.style import Style
from syrupy.assertion import SnapshotAssertion
from textual.binding import Binding
from textual.color import Color
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import ModalScreen, Screen
from textual.widgets import TabbedContent, TabPane

import espmon.tui
from espmon.tui.log.contrast import contrast
from espmon.tui.monitor.screen import MonitorScreen
from espmon.tui.monitor.timeline_screen import TimelineScreen
from espmon.tui.palette_commands import PaletteCommand
from espmon.tui.screens.board_abilities import BoardAbilitiesScreen
from espmon.tui.screens.capture import CaptureScreen
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.screens.core_dump_screen import CoreDumpReportScreen
from espmon.tui.screens.device_form import DeviceForm
from espmon.tui.screens.device_manager import DeviceManagerScreen
from espmon.tui.screens.dialog import Dialog
from espmon.tui.screens.flash_screens import FlashConfirmScreen, FlashProgressScreen, FlashRegion
from espmon.tui.screens.gdb_inspector import GdbInspectScreen
from espmon.tui.screens.help import HelpScreen
from espmon.tui.screens.ide_has_port import IdeHasPortScreen
from espmon.tui.screens.leaving_screen import LeavingScreen
from espmon.tui.screens.nvs_screen import NvsScreen
from espmon.tui.screens.palette_screen import PaletteScreen
from espmon.tui.screens.panic_screen import PanicReportScreen
from espmon.tui.screens.past_sessions_screen import PastSessionsScreen
from espmon.tui.screens.picker import PickerScreen, PortTable
from espmon.tui.screens.probing_screen import ProbingScreen
from espmon.tui.screens.prompt import TextPrompt
from espmon.tui.screens.report_screen import ReportScreen, Section
from espmon.tui.screens.screenshot_screen import ScreenshotScreen
from espmon.tui.screens.stub_offer import StubScreen
from espmon.tui.screens.transfer_screen import TransferScreen
from espmon.tui.theme import THEMES
from tests.tui.screens.crash_data import CORE, PANIC, source
from tests.tui.screens.host import Host, screen_text, settle, toasts
from tests.tui.screens.test_board_abilities import ABILITIES
from tests.tui.screens.test_build import pane
from tests.tui.screens.test_devices import GFX, LAB
from tests.tui.screens.test_flash_panel import STORED, panel
from tests.tui.screens.test_gdb import VIEW
from tests.tui.screens.test_picker import PORTS
from tests.tui.sized_pictures import SIZES, PictureExtension, picture, pictures
from tests.tui.test_monitor_snapshots import set_zone
from tests.tui.test_past_sessions import past

PAST = past("20261122-081500-desk")


async def nothing() -> None:
    """What a command of the palette does here."""


SCREENS: dict[str, tuple[Callable[[], Screen[Any]], str]] = {
    "picker": (lambda: PickerScreen(lambda: PORTS, rescan_every=None, demo=True), "gfx-board"),
    "confirm": (lambda: ConfirmScreen("Really?", ["It happens."]), "Really?"),
    "probing": (lambda: ProbingScreen("gfx-board", lambda: None), "Probing gfx-board"),
    "prompt": (lambda: TextPrompt("Log file"), "Log file"),
    "help": (lambda: HelpScreen([("x", "Do", "Does it", "All")]), "Does it"),
    "report": (lambda: ReportScreen("Probe", [Section("Chip", (("chip", "esp32"),))]), "esp32"),
    "abilities": (lambda: BoardAbilitiesScreen("gfx-board", ABILITIES), "reboot"),
    "devices": (lambda: DeviceManagerScreen(lambda: [GFX, LAB], print, print, refresh_every=None), "gfx-board"),
    "device form": (lambda: DeviceForm("Edit gfx-board", {"nickname": "gfx"}, set()), "Edit gfx-board"),
    "capture": (lambda: CaptureScreen("coredump", lambda: None), "Receiving a core dump"),
    "core dump": (lambda: CoreDumpReportScreen(CORE, source=source), "calling abort()"),
    "panic": (lambda: PanicReportScreen(PANIC, source=source), "null pointer"),
    "screenshot": (lambda: ScreenshotScreen(Path("/no/shot.png"), 4, 4, 4), "/no/shot.png"),
    "flash": (lambda: FlashConfirmScreen("Write?", [FlashRegion(0, 1, Path("a.bin"))], ["It is written."]), "Write?"),
    "build": (pane, "FAILED, exit code 2"),
    "flash panel": (panel, "Flash of gfx-board"),
    "nvs": (lambda: NvsScreen("nvs", STORED), "sta.ssid"),
    "flashing": (lambda: FlashProgressScreen("Writing", lambda: None, lambda: 0.0), "Writing"),
    "past sessions": (lambda: PastSessionsScreen(lambda: [PAST]), PAST.name),
    "stub": (lambda: StubScreen("gfx-board waits in its stub", ["Look at it."]), "gfx-board waits in its stub"),
    "ide": (lambda: IdeHasPortScreen("gfx-board", lambda: None), "gfx-board"),
    "transfer": (lambda: TransferScreen("Sending a.bin to gfx-board", lambda: None), "Sending a.bin"),
    "palette": (lambda: PaletteScreen([PaletteCommand("Reset the board", nothing)]), "Reset the board"),
    "gdb": (lambda: GdbInspectScreen(VIEW, lambda action: None, source=source), "Stopped by signal 5"),
}
"""name -> (how to make it, what must be readable on it)."""

PICTURED_IN_THE_APP = {MonitorScreen, TimelineScreen}
"""Screens that need all of the app: pictured in test_monitor_snapshots, test_monitor_pictures, test_board_snapshots."""

WITHOUT_KEYS = {LeavingScreen}
"""Screens without a key that answers: it is there while the program ends, and a second leaving key ends it at once."""


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of day as they are there."""
    monkeypatch.setenv("TZ", "UTC")
    set_zone()
    yield
    monkeypatch.undo()
    set_zone()


every_screen = pytest.mark.parametrize("name", SCREENS)


def test_no_screen_is_left_out() -> None:
    modules = [
        importlib.import_module(one.name)
        for one in pkgutil.walk_packages(espmon.tui.__path__, "espmon.tui.")
        if not one.name.endswith("__main__")
    ]
    screens = {
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Screen) and kind.__module__ == module.__name__
    }
    bases = {base for kind in screens for base in kind.__mro__[1:]} - {MonitorScreen}
    made = {type(make()) for make, _ in SCREENS.values()}
    assert screens - bases - made - WITHOUT_KEYS == PICTURED_IN_THE_APP
    assert {kind for kind in made if kind.__module__.startswith("espmon.tui.")} <= screens


@every_screen
async def test_it_can_be_left_with_escape(name: str) -> None:
    """Wish 19: leaving always works; what waits for a board needs a second Esc."""
    app = Host(SCREENS[name][0])
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("escape", "escape")
        await pilot.pause()
        assert app.answered
        assert not app.answer


@every_screen
async def test_a_toast_is_seen_on_it(name: str) -> None:
    """Lesson 4: a crash notice must be visible in every mode."""
    app = Host(SCREENS[name][0])
    async with app.run_test(notifications=True) as pilot:
        await settle(pilot)
        app.notify("The board crashed [/x]", severity="error", markup=False)
        await settle(pilot)
        assert "The board crashed [/x]" in toasts(app)
        assert "The board crashed [/x]" in screen_text(app)


@every_screen
async def test_no_key_of_the_application_acts_below_it(name: str) -> None:
    class Keys(Host):
        BINDINGS = [Binding(key, "boom", "Boom") for key in "fgwvz0"]  # noqa: RUF012

        def action_boom(self) -> None:
            pytest.fail("a key acted below the screen")

    app = Keys(SCREENS[name][0])
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press(*"fwvz0")
        await pilot.pause()
        assert "Boom" not in screen_text(app)


@every_screen
@pytest.mark.usefixtures("utc")
async def test_it_looks_as_accepted_and_fits(name: str, snapshot: SnapshotAssertion) -> None:
    """Each of its tabs has a picture in each size: a new screen or tab fails here until its pictures are accepted."""
    make, wanted = SCREENS[name]
    app = Host(make)
    seen = []
    async with app.run_test(size=SIZES[0]) as pilot:
        for size in SIZES:
            await pilot.resize_terminal(*size)
            seen += await in_each_tab(app, pilot)
            assert wanted in screen_text(app)
            assert screen_text(app).splitlines()[-1].strip(), "the footer is out of sight"
        for size in ((60, 16), (30, 8), SIZES[0]):
            await pilot.resize_terminal(*size)
            await still(app, pilot)
        assert wanted in screen_text(app)
        assert screen_text(app).splitlines()[-1].strip(), "the footer is out of sight"
    assert pictures(seen) == snapshot(extension_class=PictureExtension)


async def in_each_tab(app: Host, pilot: Pilot[None]) -> list[str]:
    """The picture of a screen without tabs, or that of each tab."""
    found = []
    for content in app.screen.query(TabbedContent):
        first = content.active
        for tab in content.query(TabPane):
            content.active = str(tab.id)
            found.append(await still(app, pilot, str(tab.id)))
        content.active = first
        await still(app, pilot)
    return found or [await still(app, pilot)]


async def still(app: Host, pilot: Pilot[None], name: str = "") -> str:
    """The picture that does not change any more."""
    await settle(pilot)
    drawn = picture(app, name)
    while (again := await after_pause(app, pilot, name)) != drawn:
        drawn = again
    return drawn


async def after_pause(app: Host, pilot: Pilot[None], name: str) -> str:
    """The picture when all messages are handled."""
    await pilot.pause()
    return picture(app, name)


def loudest(screen: Screen[Any], ground: Color, inside: Region) -> tuple[float, float]:
    """The strongest contrast of a cell's background with the ground, inside of a region and outside of it."""
    within = beyond = 1.0
    for y, strip in enumerate(screen._compositor.render_strips()):
        x = 0
        for segment in strip:
            style = segment.style or Style()
            back = style.color if style.reverse else style.bgcolor
            bright = 1.0 if back is None or back.is_default else contrast(Color.from_rich_color(back), ground)
            for column in range(x, x + segment.cell_length):
                if inside.contains(column, y):
                    within = max(within, bright)
                else:
                    beyond = max(beyond, bright)
            x += segment.cell_length
    return within, beyond


@pytest.mark.parametrize(
    "name", [name for name, (make, _) in SCREENS.items() if isinstance(make(), Dialog | PickerScreen)]
)
async def test_in_a_dialog_nothing_is_brighter_than_what_has_the_focus(name: str) -> None:
    app = Host(SCREENS[name][0])
    async with app.run_test(size=(100, 40)) as pilot:
        for theme in THEMES:
            app.register_theme(theme)
            app.theme = theme.name
            await settle(pilot)
            ground = Color.parse(app.theme_variables["background"])
            kinds = {(type(control), control.classes): control for control in app.screen.focus_chain}
            seen = 0
            for control in kinds.values():
                control.focus()
                await pilot.pause()
                if app.focused is control:
                    within, beyond = loudest(app.screen, ground, control.region)
                    assert within > 1.1 * beyond, f"{theme.name}: {type(control).__name__} {control.id}"
                    seen += 1
            assert seen


@every_screen
def test_every_key_has_an_id_so_that_it_can_be_remapped(name: str) -> None:
    kinds: list[type] = [type(SCREENS[name][0]()), *([PortTable] if name == "picker" else [])]
    assert issubclass(kinds[0], ModalScreen)
    ids = [
        binding.id for kind in kinds for binding in kind.__dict__.get("BINDINGS", ()) if isinstance(binding, Binding)
    ]
    assert None not in ids
    assert len(ids) == len(set(ids))
