"""Choosing a port."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Checkbox, Input, Select

from espmon.session.status import OpenRequest
from espmon.tui.screens.picker import DEMO_URL, PickerScreen, PortTable
from espmon.tui.screens.ports import PortLike, PortRow
from tests.tui.screens.host import UNANSWERED, Host, run_before, screen_text, settle
from tests.tui.sized_pictures import SIZES

S3 = PortRow(
    "/dev/ttyACM0", 0x303A, 0x1001, "7C:DF:A1:00:11:22", "1-2.3", "USB JTAG/serial debug unit", "gfx-board",
    "Espressif USB: the chip's own serial port", "ESP32-S3",
)  # fmt: skip
BRIDGE = PortRow(
    "/dev/ttyUSB0", 0x10C4, 0xEA60, "0001", "1-1", "CP2102N USB to UART Bridge Controller", None,
    "CP210x bridge, used on many ESP boards", "ESP32", busy="minicom, pid 4242",
)  # fmt: skip
AWAY = PortRow("/dev/ttyUSB7", nickname="lab-3", reason="known board, not plugged in", online=False)
PLAIN = PortRow("/dev/ttyS0", reason="a serial port without USB information")
PORTS: list[PortRow] = [S3, BRIDGE, AWAY, PLAIN]
FAILED = OpenRequest("/dev/ttyUSB0", baud=921600, probe=True)


class Picking(Host):
    """Holds a picker over a list of ports that the test may change."""

    def __init__(self, ports: Sequence[PortLike] = (), **options: Any) -> None:
        self.ports: Sequence[PortLike] = ports or PORTS
        self.scans = 0
        self.text = ""
        options.setdefault("rescan_every", None)
        super().__init__(lambda: PickerScreen(self.discover, **options))

    def discover(self) -> Sequence[PortLike]:
        self.scans += 1
        return self.ports

    @property
    def picker(self) -> PickerScreen:
        assert isinstance(self.screen, PickerScreen)
        return self.screen

    @property
    def selected(self) -> str | None:
        return self.picker.query_one(PortTable).selected

    def field(self, name: str) -> Input:
        return self.picker.query_one(f"#{name}", Input)


async def test_enter_opens_the_port_under_the_cursor() -> None:
    app = Picking()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("down", "enter")
        await pilot.pause()
        assert app.answer == OpenRequest("/dev/ttyUSB0", name=BRIDGE.product or "")


async def test_the_best_guess_is_selected_first_and_the_reason_is_shown() -> None:
    app = Picking()
    async with app.run_test() as pilot:
        await settle(pilot)
        assert app.selected == S3.device
        assert S3.reason in screen_text(app)
        await pilot.press("down")
        await pilot.pause()
        assert "held by minicom, pid 4242" in screen_text(app)


async def test_product_and_chip_stand_whole_where_a_port_without_a_name_is_long() -> None:
    by_path = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:2.4.1:1.0-port0"
    app = Picking([replace(BRIDGE, device=by_path, product="CP2102N USB to UART Bridge", chip_guess="ESP32-C3, S3")])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        row = screen_text(app).splitlines()[2]
        assert "CP2102N USB to UART Bridge  " in row
        assert "  ESP32-C3, S3  busy" in row
        assert "…" in row.partition("CP2102N")[0]


async def test_a_narrow_footer_leaves_out_what_the_form_shows_and_keeps_help_and_the_way_out() -> None:
    app = Picking(demo=True, beside=True, manage=print, name=print, past=print)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.pause()
        keys = " ".join(screen_text(app).splitlines()[-1].split())
        assert keys == "⏎ Open + Beside p Probe n Name d Devices o Past ? Help esc Leave"
        await pilot.resize_terminal(120, 24)
        await settle(pilot)
        assert "u URL  l Line" in screen_text(app).splitlines()[-1]


KNOWN = replace(BRIDGE, key="serial:0001", nickname="desk", busy="")
REMEMBERED = PortRow("serial:0001", nickname="desk", key="serial:0001", reason="known, not plugged in", online=False)


async def test_a_known_board_that_goes_stands_once_and_what_was_said_of_it_goes_when_it_is_back() -> None:
    app = Picking([S3, KNOWN])
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("down")
        app.picker.show_ports([S3, REMEMBERED])
        await pilot.press("enter")
        await pilot.pause()
        assert app.selected == KNOWN.device
        assert "desk is not plugged in" in screen_text(app)
        assert [line.split()[:1] for line in screen_text(app).splitlines()].count(
            ["desk"]
        ) == 2  # the row, what is said
        app.picker.show_ports([S3, KNOWN])
        await pilot.pause()
        assert "not plugged in" not in screen_text(app)
        await pilot.press("enter")
        await pilot.pause()
        assert app.answer.url == KNOWN.device


async def test_the_cursor_follows_a_board_that_comes_back_as_another_port() -> None:
    app = Picking([S3, KNOWN])
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("down")
        app.picker.show_ports([S3, REMEMBERED])
        app.picker.show_ports([replace(KNOWN, device="/dev/ttyUSB9"), S3])
        await pilot.press("enter")
        await pilot.pause()
        assert app.answer.url == "/dev/ttyUSB9"


async def test_escape_leaves_without_opening_anything() -> None:
    app = Picking()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert app.answer is None


async def test_escape_in_a_field_goes_back_to_the_list_first() -> None:
    app = Picking()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("u", "x", "escape")
        await pilot.pause()
        assert app.answer is UNANSWERED
        assert isinstance(app.focused, PortTable)


@pytest.mark.parametrize("field", ["url", "elf"])
async def test_letters_typed_into_a_field_are_text_and_never_hotkeys(field: str) -> None:
    """Lesson 1: keys of the list must not act while a field has the focus."""
    app = Picking(demo=True, failed=FAILED, error="no answer", manage=lambda: pytest.fail("a hotkey ate typing"))
    async with app.run_test() as pilot:
        await settle(pilot)
        scans = app.scans
        app.field(field).focus()
        letters = "mpursdqyn?jkaxNGg/f"
        await pilot.press(*letters.replace("?", "").replace("/", ""), "question_mark", "slash")
        await pilot.pause()
        assert sorted(app.field(field).value) == sorted(letters)
        assert app.answer is UNANSWERED
        assert app.scans == scans
        assert app.picker.query_one("#probe", Checkbox).value is FAILED.probe


@pytest.mark.parametrize("ticked", [True, False])
async def test_the_probe_tick_box_decides_whether_a_probe_is_asked_for(ticked: bool) -> None:
    """Lesson 20: a control that is shown works."""
    app = Picking()
    async with app.run_test() as pilot:
        await settle(pilot)
        if ticked:
            await pilot.click("#probe")
        await pilot.click("#open")
        await pilot.pause()
        assert app.answer.probe is ticked


async def test_the_tick_box_starts_as_the_defaults_say_and_p_turns_it() -> None:
    app = Picking(defaults=OpenRequest("", probe=True))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert app.picker.query_one("#probe", Checkbox).value
        await pilot.press("p", "enter")
        await pilot.pause()
        assert app.answer.probe is False


async def test_a_url_is_opened_with_the_rate_and_elf_of_the_form(tmp_path: Path) -> None:
    elf = tmp_path / "app.elf"
    elf.touch()
    app = Picking(defaults=OpenRequest("", no_reset=True))
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("u", *"rfc2217", "colon", "slash", "slash", *"lab", "colon", *"4000")
        app.field("baud").value = "74880"
        app.field("elf").value = str(elf)
        await pilot.press("enter")
        await pilot.pause()
        assert app.answer == OpenRequest("rfc2217://lab:4000", baud=74880, elf=(elf,), no_reset=True)


async def test_a_nickname_entered_is_the_port_it_names() -> None:
    app = Picking()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("u", *"gfx", "minus", *"board", "enter")
        await pilot.pause()
        assert (app.answer.url, app.answer.name) == (S3.device, "gfx-board")


@pytest.mark.parametrize("baud", ["", "0", "99999999"])
async def test_an_impossible_rate_is_refused_in_place(baud: str) -> None:
    app = Picking()
    async with app.run_test() as pilot:
        await settle(pilot)
        app.field("baud").value = baud
        await pilot.click("#open")
        await pilot.pause()
        assert app.answer is UNANSWERED
        assert "is not a baud rate" in screen_text(app)


async def test_common_rates_can_be_chosen() -> None:
    app = Picking()
    async with app.run_test() as pilot:
        await settle(pilot)
        app.picker.query_one("#bauds", Select).value = 921600
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        assert app.answer.baud == 921600


async def test_an_elf_that_is_not_there_is_refused_in_place() -> None:
    app = Picking()
    async with app.run_test() as pilot:
        await settle(pilot)
        app.field("elf").value = "/no/such/app.elf"
        await pilot.click("#open")
        await pilot.pause()
        assert app.answer is UNANSWERED
        assert "There is no ELF file /no/such/app.elf" in screen_text(app)


async def test_discovered_elf_files_can_be_chosen(tmp_path: Path) -> None:
    elf = tmp_path / "found.elf"
    elf.touch()
    app = Picking(discover_elfs=lambda: [elf])
    async with app.run_test() as pilot:
        await settle(pilot)
        assert "found: 1" in screen_text(app)
        app.picker.query_one("#elfs", Select).value = str(elf)
        await pilot.pause()
        assert app.field("elf").value == str(elf)


async def test_what_is_remembered_for_a_board_is_shown_before_it_is_used(tmp_path: Path) -> None:
    elf = tmp_path / "remembered.elf"
    elf.touch()
    app = Picking([S3, PortRow("/dev/ttyUSB1", baud=74880, elf=elf)])
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("down")
        await pilot.pause()
        assert (app.field("baud").value, app.field("elf").value) == ("74880", str(elf))
        await pilot.press("up")
        await pilot.pause()
        assert (app.field("baud").value, app.field("elf").value) == ("115200", "")


async def test_what_the_user_entered_is_not_replaced_by_what_is_remembered() -> None:
    app = Picking([S3, PortRow("/dev/ttyUSB1", baud=74880)])
    async with app.run_test() as pilot:
        await settle(pilot)
        app.field("baud").value = "9600"
        await pilot.press("down")
        await pilot.pause()
        assert app.field("baud").value == "9600"


# Rescanning


async def test_a_rescan_keeps_the_cursor_on_its_port() -> None:
    app = Picking()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("down")
        app.ports = [PortRow("/dev/ttyACM9", reason="new"), *PORTS]
        await pilot.press("r")
        await settle(pilot)
        assert app.selected == BRIDGE.device
        assert "/dev/ttyACM9" in screen_text(app)


async def test_enter_never_opens_another_port_when_the_chosen_one_is_unplugged() -> None:
    """Lesson 21 and wish 13: never the first of several by accident."""
    app = Picking()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("down")
        app.ports = [S3, PLAIN]
        await pilot.press("r")
        await settle(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert not app.answered
        assert "is not plugged in" in screen_text(app)
        app.ports = PORTS
        await pilot.press("r")
        await settle(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert app.answer.url == BRIDGE.device


async def test_the_list_refreshes_by_itself() -> None:
    app = Picking(rescan_every=0.01)
    async with app.run_test() as pilot:
        while app.scans < 3:
            await pilot.pause()
        app.ports = [PortRow("/dev/ttyACM9", reason="new")]
        while "/dev/ttyACM9" not in screen_text(app):
            await pilot.pause()


async def test_a_failed_scan_is_said_in_place_and_a_url_still_works() -> None:
    class Broken(Picking):
        def discover(self) -> Sequence[PortLike]:
            raise OSError("no /sys here")

    app = Broken()
    async with app.run_test() as pilot:
        while "Listing the ports failed: no /sys here" not in screen_text(app):
            await pilot.pause()
        app.field("url").value = "socket://host:1"
        await pilot.click("#open")
        await pilot.pause()
        assert app.answer.url == "socket://host:1"


async def test_no_port_at_all_says_what_to_do() -> None:
    class Nothing(Picking):
        def discover(self) -> Sequence[PortLike]:
            return []

    app = Nothing()
    async with app.run_test() as pilot:
        await settle(pilot)
        assert "No serial port found. Plug a board in" in screen_text(app)
        assert "pip install 'espmon[demo]'" in screen_text(app)
        await pilot.press("enter")
        await pilot.click("#open")
        await pilot.pause()
        assert app.answer is UNANSWERED
        assert "No port is selected" in screen_text(app)


# After a failure


async def test_an_empty_list_says_which_permission_is_missing() -> None:
    words = (
        "You are not in the group dialout of serial ports. Run `sudo usermod -aG dialout me`, then log out and in again"
    )
    app = Host(lambda: PickerScreen(lambda: [], rescan_every=None, demo=True, access=lambda: words))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = " ".join(screen_text(app).split())
        assert "sudo usermod -aG dialout me" in text
        assert "No serial port found" in text
        assert "s opens a simulated one" in text


async def test_what_a_failed_probe_said_opens_from_there() -> None:
    opened: list[str] = []

    def show() -> None:
        opened.append("exchange")

    for exchange, wanted in ((None, []), (show, ["exchange"])):
        screen = PickerScreen(lambda: PORTS, rescan_every=None, error="No chip answers", exchange=exchange)
        app = Host(partial(push, screen))
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            assert ("Exchange" in screen_text(app)) is bool(wanted)
            await pilot.press("x")
            assert opened == wanted


def push(screen: PickerScreen) -> PickerScreen:
    """The screen itself, for a host."""
    return screen


async def test_after_a_failed_probe_the_reason_is_shown_and_m_monitors_without_it() -> None:
    app = Picking(failed=FAILED, error="The chip did not answer", hint="Hold BOOT and try again")
    async with app.run_test() as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "The chip did not answer" in text
        assert "Hold BOOT and try again" in text
        assert "m No probe" in text
        assert app.selected == FAILED.url
        await pilot.press("m")
        await pilot.pause()
        assert app.answer == OpenRequest("/dev/ttyUSB0", baud=921600, probe=False)


async def test_monitoring_without_the_probe_is_offered_only_after_a_failed_probe() -> None:
    app = Picking(failed=OpenRequest("/dev/ttyUSB0", baud=9600), error="Permission denied")
    async with app.run_test() as pilot:
        await settle(pilot)
        assert not app.picker.query_one("#without-probe", Button).display
        assert app.field("baud").value == "9600"
        await pilot.press("m")
        await pilot.pause()
        assert app.answer is UNANSWERED


# The simulated board and the device manager


async def test_the_simulated_board_is_one_key_away_where_there_is_one() -> None:
    app = Picking(demo=True)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("s")
        await pilot.pause()
        assert app.answer.url == DEMO_URL


async def test_no_simulated_board_is_offered_where_there_is_none() -> None:
    app = Picking()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("s", "d")
        await pilot.pause()
        assert app.answer is UNANSWERED
        assert "Simulated board" not in screen_text(app)
        assert "Devices" not in screen_text(app)


async def test_d_opens_the_device_manager() -> None:
    opened: list[bool] = []
    app = Picking(manage=lambda: opened.append(True))
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("d")
        assert opened == [True]


# Names and help


KEYED = PortRow("/dev/ttyUSB1", product="CP2102N", key="serial:0002")


async def named(*keys: str, port: PortRow = KEYED) -> tuple[Picking, list[tuple[str, str]]]:
    """Press `n` and these keys on a port."""
    given: list[tuple[str, str]] = []
    app = Picking([port, S3], name=lambda key, changes: given.append((key, str(changes["nickname"]))))
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("n", *keys)
        await settle(pilot)
        app.text = screen_text(app)
    return app, given


async def test_n_names_the_board_on_the_port_under_the_cursor() -> None:
    app, given = await named(*"rover", "enter")
    assert given == [("serial:0002", "rover")]
    assert app.scans == 2, "the list is read again"


async def test_an_empty_name_takes_the_name_away() -> None:
    _, given = await named("ctrl+u", "enter", port=replace(KEYED, nickname="old"))
    assert given == [("serial:0002", "")]


@pytest.mark.parametrize(
    ("keys", "why"),
    [([*"gfx", "minus", *"board"], "another board's nickname"), ([*"Rover"], "has only a-z")],
)
async def test_a_name_that_cannot_be_is_refused_in_place(keys: list[str], why: str) -> None:
    app, given = await named(*keys, "enter")
    assert why in app.text
    assert given == []


async def test_a_port_that_nothing_tells_from_others_is_not_named() -> None:
    app, given = await named(port=PLAIN)
    assert "/dev/ttyS0 cannot be named" in app.text
    assert given == []


async def test_the_name_column_is_as_wide_as_the_names_are() -> None:
    nameless = [replace(BRIDGE, device=f"/dev/ttyUSB{number}") for number in range(2)]
    app = Picking(nameless)
    async with app.run_test() as pilot:
        await settle(pilot)
        assert "CP2102N USB to UART Bridge Controller" in screen_text(app).splitlines()[2]


async def test_the_state_has_its_colour() -> None:
    app = Picking()
    async with app.run_test() as pilot:
        await settle(pilot)
        table = app.picker.query_one(PortTable)
        online, busy, offline = (table.get_row_at(row)[4].style for row in range(3))
        assert len({str(online), str(busy), str(offline)}) == 3
        assert str(online) == app.theme_variables["success"]


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_the_help_is_there(key: str) -> None:
    class Helped(Picking):
        def action_help(self) -> None:
            self.text = "helped"

    app = Helped()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press(key)
        await pilot.pause()
        assert app.text == "helped"


# Hostile names


HOSTILE = [
    PortRow("/dev/ttyUSB0", 1, 2, "[red]x", "1-1", "\x1b]0;owned\x07\x1b[2J" + "x" * 500, "nick", "[/] \u202etxet"),
    PortRow("/dev/tty[/]", product="\u05d0\u05d1 \u200f\u2067name", reason="\x9bm" + "名" * 99, chip_guess="\x00\x7f"),
    PortRow("/dev/ttyUSB0", product="the same path twice"),
]  # fmt: skip


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 12)])
async def test_names_from_devices_are_inert_and_push_nothing_away(size: tuple[int, int]) -> None:
    app = Picking(HOSTILE)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("down", "up")
        await pilot.pause()
        text = screen_text(app)
        assert "nick" in text
        assert "/dev/tty[/]" in text
        assert not set(text) & {"\x1b", "\x07", "\x9b", "\x00", "\x7f", "\u202e", "\u200f", "\u2067"}


@pytest.mark.parametrize("size", SIZES)
def test_looks_as_accepted(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        text = screen_text(pilot.app)
        assert pilot.app.size == size
        for part in ("gfx-board", "/dev/ttyACM0", "USB JTAG/serial", "ESP32-S3", "busy", "offline", S3.reason):
            assert part in text
        for part in ("URL", "Baud", "ELF", "Probe the chip (asks first)", "Simulated board", "Rescan", "Open", "Leave"):
            assert part in text

    app = Picking(demo=True, manage=lambda: None)
    assert snap_compare(app, terminal_size=size, run_before=run_before(check))


@pytest.mark.parametrize("size", SIZES)
def test_looks_as_accepted_after_a_failed_probe(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        text = screen_text(pilot.app)
        assert pilot.app.size == size
        for part in ("The chip did not answer", "Hold BOOT", "Monitor without probing (m)", "esc Leave"):
            assert part in text

    app = Picking(failed=FAILED, error="The chip did not answer", hint="Hold BOOT and try again", demo=True)
    assert snap_compare(app, terminal_size=size, run_before=run_before(check))


async def test_a_remembered_board_that_is_forgotten_leaves_the_list_though_the_cursor_is_on_it() -> None:
    app = Picking()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("down", "down")
        assert app.selected == AWAY.device
        app.ports = [S3, BRIDGE, PLAIN]
        await pilot.press("r")
        await settle(pilot)
        assert "lab-3" not in screen_text(app)


async def test_an_unplugged_port_stays_through_more_than_one_scan() -> None:
    app = Picking()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("down")
        app.ports = [S3, PLAIN]
        for _ in range(3):
            await pilot.press("r")
            await settle(pilot)
        assert app.selected == BRIDGE.device


async def test_a_typed_text_that_failed_stands_in_the_field_and_typing_goes_on_there() -> None:
    app = Picking(typed="/nonexistent", failed=OpenRequest("/nonexistent"), error="There is no such port")
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("d", "s")
        assert app.field("url").value == "/nonexistentds"
        assert not app.answered
