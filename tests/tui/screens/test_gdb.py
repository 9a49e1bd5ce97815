"""Looking into a stopped program."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual.binding import Binding
from textual.pilot import Pilot

from espmon.tui.screens.gdb_inspector import (
    KEYS,
    GdbAction,
    GdbInspectScreen,
    GdbThread,
    GdbView,
    hex_dump,
    parse_memory,
)
from tests.tui.screens.crash_data import CORE, CRASHED, IDLE, source
from tests.tui.screens.host import UNANSWERED, Host, run_before, screen_text, settle

VIEW = GdbView(
    "Stopped by signal 5 (trap)",
    (GdbThread("1", "main", "shown", tuple(CRASHED.frames)), GdbThread("2", "IDLE", "read", tuple(IDLE.frames))),
    CORE.registers,
    {"ra": "console_dispatch"},
    0x3FFB0000,
    bytes(range(256)),
)


class Inspecting(Host):
    """Keeps what was asked for."""

    def __init__(self, view: GdbView = VIEW) -> None:
        self.asked: list[GdbAction] = []
        super().__init__(lambda: GdbInspectScreen(view, self.asked.append, source=source))

    @property
    def panel(self) -> GdbInspectScreen:
        assert isinstance(self.screen, GdbInspectScreen)
        return self.screen


async def test_threads_backtrace_source_registers_and_memory_are_shown() -> None:
    app = Inspecting()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        for part in ("Stopped by signal 5 (trap)", "main", "IDLE", "console_dispatch", "▶ 27"):
            assert part in text
        await pilot.press("2")
        await pilot.pause()
        assert "ra  console_dispatch" in screen_text(app)
        await pilot.press("3")
        await pilot.pause()
        assert "0x3ffb0020  20 21 22 23 24 25 26 27 28 29 2a 2b 2c 2d 2e 2f   !\"#$%&'()*+,-./" in screen_text(app)


@pytest.mark.parametrize(("key", "answer"), [("g", "continue"), ("d", "detach"), ("escape", None)])
async def test_keys_that_end_the_inspection(key: str, answer: str | None) -> None:
    app = Inspecting()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press(key)
        await pilot.pause()
        assert app.answer == answer


async def test_a_reset_is_asked_first() -> None:
    app = Inspecting()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("R", "enter")
        await pilot.pause()
        assert app.answer is UNANSWERED
        await pilot.press("R", "y")
        await pilot.pause()
        assert app.answer == "reset"


async def test_step_thread_and_memory_are_asked_for_and_the_screen_stays() -> None:
    app = Inspecting()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("n", "down", "enter", "m")
        await pilot.pause()
        await pilot.press("ctrl+a", "ctrl+k", *"0x400d0000", "space", *"64", "enter")
        await pilot.pause()
        assert app.asked == [
            GdbAction("step"),
            GdbAction("thread", thread="2"),
            GdbAction("memory", address=0x400D0000, length=64),
        ]
        assert app.answer is UNANSWERED


async def test_the_question_mark_lists_the_keys() -> None:
    app = Inspecting()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("question_mark")
        await settle(pilot)
        text = screen_text(app)
        for title in ("Step", "Frames of a thread", "Memory", "Detach"):
            assert title in text


async def test_every_key_of_the_screen_is_in_its_help() -> None:
    told = " ".join(keys for keys, *_ in KEYS).split()
    bound = [binding for binding in GdbInspectScreen.BINDINGS if isinstance(binding, Binding)]
    assert {binding.key_display or binding.key for binding in bound} - {"?"} <= set(told)


async def test_the_heading_says_where_a_step_led() -> None:
    app = Inspecting()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.panel.refresh_view(replace(VIEW, place="Stepped to 0x42001236, in app_main at main.c:12"))
        await settle(pilot)
        assert "Stepped to 0x42001236, in app_main at main.c:12" in screen_text(app)


async def test_a_new_view_replaces_the_old_and_the_cursor_stays() -> None:
    app = Inspecting()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("down")
        app.panel.refresh_view(
            replace(VIEW, stopped="Stopped after one step", busy="reading memory", warnings=("slow",))
        )
        await settle(pilot)
        text = screen_text(app)
        assert "Stopped after one step" in text
        assert "reading memory" in text
        assert "! slow" in text
        assert "vPortYield" in text


async def test_without_an_elf_registers_and_memory_still_work() -> None:
    app = Inspecting(GdbView("Stopped", (GdbThread("1"),), {"pc": 0x42000000}))
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("2")
        await pilot.pause()
        assert "pc 0x42000000" in screen_text(app)
        await pilot.press("3", "c", "a")
        await settle(pilot)
        assert "m reads memory at an address" in screen_text(app)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0x3ffb0000", (0x3FFB0000, 256)),
        ("0x3ffb0000 16", (0x3FFB0000, 16)),
        ("3fc8b350", (0x3FC8B350, 256)),
        ("40000000 0x40", (0x40000000, 64)),
        ("1073741824", None),
        ("", None),
        ("main", None),
        ("0x100000000", None),
        ("0 0", None),
        ("0 5000", None),
        ("1 2 3", None),
    ],
)
def test_addresses_as_people_write_them(text: str, wanted: tuple[int, int] | None) -> None:
    assert parse_memory(text) == wanted


def test_memory_bytes_never_reach_the_terminal_as_they_are() -> None:
    assert hex_dump(0, b"\x1b[2J\x9b\x00").endswith(".[2J..")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_looks_as_accepted(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        assert pilot.app.size == size
        for part in ("Stopped by signal 5", "nothing runs", "panic_abort", "3 Memory", "g Go on", "R Reset"):
            assert part in screen_text(pilot.app)

    assert snap_compare(Inspecting(), terminal_size=size, run_before=run_before(check))
