"""The flash panel and what it opens: partitions, stored values, secrets hidden until they are asked for."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets._footer import FooterKey

from espmon.rom.app_image import AppDescription, Partition
from espmon.rom.flash_regions import FlashOutcome, RegionResult
from espmon.rom.nvs import PAGE_BYTES, parse_nvs
from espmon.session.status import PANEL_LEASE, Progress
from espmon.sim.nvs_image import nvs_partition
from espmon.tui.partition_reports import result_text
from espmon.tui.screens.flash_panel import FlashPanelScreen, PanelContents
from espmon.tui.screens.nvs_screen import NvsScreen
from espmon.tui.stored_values import page_problems, pages_text
from tests.tui.screens.host import Host, run_before, screen_text, settle

PARTITIONS = (
    Partition("nvs", 1, 2, 0x9000, 0x4000, False, False),
    Partition("otadata", 1, 0, 0xD000, 0x2000, False, False),
    Partition("factory", 0, 0, 0x10000, 0x100000, False, True),
    Partition("ota_0", 0, 0x10, 0x110000, 0x100000, True, False),
    Partition("a [b]name\x1b[31m", 1, 0x40, 0x210000, 0x1000, False, False),
)
CONTENTS = PanelContents(
    "ESP32-C3, through the stub",
    PARTITIONS,
    {"ota_0": AppDescription("demo", "1.2.3", "v5.5", "Jan  1 2026", "62d1b7a8")},
    "ota_0",
    "Record 1 has the higher sequence number, 3: (3 - 1) mod 1 is 0, so ota_0 starts",
)
STORED = parse_nvs(nvs_partition(4 * PAGE_BYTES))


class Asked:
    """What the panel's user wanted."""

    def __init__(self) -> None:
        self.wanted: list[tuple[str, str | None]] = []
        self.cancels = self.leaves = 0
        self.screen = FlashPanelScreen("Flash of gfx-board", self.ask, self.cancel, self.leave)

    def ask(self, what: str, row: Partition | None) -> None:
        self.wanted.append((what, row.name if row is not None else None))

    def cancel(self) -> None:
        self.cancels += 1

    def leave(self) -> None:
        self.leaves += 1


def panel() -> FlashPanelScreen:
    """A panel whose table was read."""
    screen = Asked().screen
    screen.show_contents(CONTENTS)
    return screen


def ready() -> tuple[Asked, Host]:
    asked = Asked()
    asked.screen.show_contents(CONTENTS)
    return asked, Host(lambda: asked.screen)


async def test_the_table_shows_what_starts_and_what_is_there() -> None:
    asked, app = ready()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        asked.screen.show_result("")
        await settle(pilot)
        text = screen_text(app)
        for part in ("data nvs", "0x00110000", "starts, demo 1.2.3", "read only", "a [b]name", "sequence"):
            assert part in text
        assert "\x1b" not in text


KEYS = {
    "v": "verify", "w": "write", "x": "erase", "s": "save", "g": "region", "f": "project", "V": "verify_project",
    "X": "erase_all", "r": "again", "enter": "look",
}  # fmt: skip


async def test_every_key_asks_for_the_row_under_the_cursor() -> None:
    asked, app = ready()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press(*KEYS)
        assert asked.wanted == [], "a job runs"
        asked.screen.show_result("")
        await pilot.press("down", *KEYS)
        await settle(pilot)
        assert asked.wanted == [(what, "otadata") for what in KEYS.values()]


async def test_escape_cancels_what_runs_and_then_leaves() -> None:
    asked, app = ready()
    async with app.run_test() as pilot:
        await settle(pilot)
        asked.screen.begin("writing a.bin")
        asked.screen.update_progress(Progress(PANEL_LEASE, "Writing a.bin", 50, 100))
        await settle(pilot)
        assert "Writing a.bin" in screen_text(app)
        await pilot.press("escape")
        assert (asked.cancels, asked.leaves) == (1, 0)
        asked.screen.show_result("Cancelled", problem=True)
        await pilot.press("escape")
        assert (asked.cancels, asked.leaves) == (1, 1)
        await settle(pilot)
        assert "bringing the board back" in screen_text(app)
        asked.screen.finish()
        await settle(pilot)
        assert app.answered


async def test_an_escape_that_comes_too_late_to_cancel_does_not_leave() -> None:
    asked, app = ready()
    async with app.run_test() as pilot:
        await settle(pilot)
        asked.screen.begin("writing a.bin")
        asked.screen.update_progress(Progress(PANEL_LEASE, "Writing a.bin", 100, 100))
        asked.screen.show_result("written: 100 bytes")
        asked.screen.action_leave()
        assert (asked.cancels, asked.leaves) == (0, 0)
        while not asked.leaves:
            await pilot.press("escape")


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ([(4096, 4096)], "written: 4.0 KiB (2.0 s)"),
        ([(4096, 4096), (8192, 0)], "written: 4.0 KiB, the rest was the same (2.0 s)"),
        ([(4096, 0)], "nothing written: it was the same already (2.0 s)"),
    ],
)
def test_what_was_written_is_told_as_it_was(sizes: list[tuple[int, int]], said: str) -> None:
    regions = [RegionResult(0, size, "", ok=True, written=written, skipped=size - written) for size, written in sizes]
    assert result_text(FlashOutcome("write", "ESP32-C3", "stub", regions, elapsed=2.0)) == said


async def test_progress_does_not_make_the_footer_anew() -> None:
    asked, app = ready()
    async with app.run_test() as pilot:
        await settle(pilot)
        keys = list(app.screen.query(FooterKey))
        for done in range(0, 4096 * 50, 4096):
            asked.screen.update_progress(Progress(PANEL_LEASE, "reading 1.0 MiB", done, 1 << 20))
        await settle(pilot)
        assert "reading 1.0 MiB" in screen_text(app)
        assert list(app.screen.query(FooterKey)) == keys, "each time a queue of widgets, and keys wait behind it"


async def test_a_result_stays_with_its_partition() -> None:
    asked, app = ready()
    async with app.run_test() as pilot:
        await settle(pilot)
        asked.screen.show_result("the same (0.1 s)", name="factory")
        await pilot.press("down")
        asked.screen.show_result("")
        await settle(pilot)
        assert "the same" not in screen_text(app)
        await pilot.press("down")
        await settle(pilot)
        assert "the same (0.1 s)" in screen_text(app)


def test_pages_that_cannot_be_read_are_one_row_without_a_state_made_of_noise() -> None:
    pages = parse_nvs(random.Random(1).randbytes(3 * PAGE_BYTES) + b"\xff" * PAGE_BYTES).pages
    assert page_problems(pages) == ["pages 0 to 2: encrypted"]
    assert pages_text(pages) == "pages 0 to 2: encrypted\npage 3: empty"
    torn = parse_nvs(nvs_partition(PAGE_BYTES)[:0x200] + b"\xff" * (PAGE_BYTES - 0x200)).pages
    assert page_problems(torn) == ["page 0: 1 of 16 entries are damaged"]
    assert pages_text(torn) == "page 0: active, number 0: 16 used, 1 erased, 109 free; 1 of 16 entries are damaged"


async def test_secrets_are_hidden_until_they_are_asked_for() -> None:
    app = Host(lambda: NvsScreen("nvs", STORED))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert "correct horse" not in screen_text(app)
        assert "hidden, 13 bytes" in screen_text(app)
        await pilot.press("down", "enter")
        await settle(pilot)
        assert "sta.pswd" in screen_text(app)
        assert "correct horse" not in screen_text(app)
        await pilot.press("escape", "m")
        await settle(pilot)
        assert "correct horse" in screen_text(app)
        await pilot.press("c")
        assert app.copied == "correct horse"
        await pilot.press("m")
        await settle(pilot)
        assert "correct horse" not in screen_text(app)


async def test_a_damaged_partition_says_what_could_not_be_read() -> None:
    data = bytearray(nvs_partition(2 * PAGE_BYTES))
    data[data.index(b"demo-net")] ^= 1
    app = Host(lambda: NvsScreen("nvs", parse_nvs(bytes(data) + b"\0" * PAGE_BYTES)))
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "! nvs.net80211 sta.ssid: its CRC is wrong" in text
        assert "page 2: invalid; its header's CRC is wrong" in text


SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.mark.parametrize("size", SIZES)
def test_the_panel_looks_like_this(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    asked, app = ready()

    async def check(pilot: Pilot[Any]) -> None:
        asked.screen.show_result("written: 1.2 MiB, the rest was the same (9.3 s)", name="nvs")
        await settle(pilot)
        assert "written: 1.2 MiB" in screen_text(pilot.app)

    assert snap_compare(app, terminal_size=size, run_before=run_before(check))


@pytest.mark.parametrize("size", SIZES)
def test_stored_values_look_like_this(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        assert "grüß dich" in screen_text(pilot.app)

    app = Host(lambda: NvsScreen("nvs at 0x00009000", STORED))
    assert snap_compare(app, terminal_size=size, run_before=run_before(check))
