"""The panic report."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from espmon.tui.screens.panic_screen import JUMP, KINDS, PanicReportScreen
from tests.tui.screens.crash_data import PANIC, source
from tests.tui.screens.host import Host, run_before, screen_text, settle


def panel(report: dict[str, Any] | None = None) -> PanicReportScreen:
    return PanicReportScreen({**PANIC, **(report or {})}, source=source)


async def test_one_plain_sentence_where_and_how_often() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        sentence, where, circumstances = screen_text(app).splitlines()[:3]
        assert "Task sensor read through a null pointer (address 0x00000004)" in sentence
        assert "in read_sample, /project/main/sensor.c:14" in where
        assert "task sensor, core 1, boot 4, seen 3 times" in circumstances


@pytest.mark.parametrize("kind", [*KINDS, "other"])
async def test_every_kind_has_a_sentence_of_its_own(kind: str) -> None:
    app = Host(lambda: PanicReportScreen({"kind": kind, "cause": "the cause"}))
    async with app.run_test() as pilot:
        await settle(pilot)
        first = screen_text(app).splitlines()[0]
        assert f"{KINDS.get(kind, 'The program stopped')}: the cause" in first


async def test_registers_carry_their_notes() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("2")
        await pilot.pause()
        text = screen_text(app)
        assert "A2 0x00000000" in text
        assert "A2  null pointer" in text
        assert "A3  pattern of freed memory" in text


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"elf_match": False}, "This ELF is not the application's"),
        ({"elf_match": None}, "Nothing the board printed says whether this ELF"),
        ({"corrupted": True}, "The backtrace is corrupted"),
        ({"damaged": ["A7"]}, "Not readable in the log: A7"),
        ({"warnings": ["frame 2 does not follow a call"]}, "frame 2 does not follow a call"),
    ],
)
async def test_what_limits_trust_is_never_hidden(change: dict[str, Any], warning: str) -> None:
    app = Host(lambda: panel(change))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert warning in screen_text(app).splitlines()[3]


async def test_without_an_elf_nothing_is_said_of_this_elf() -> None:
    frames = [{"pc": "0x420001ea", "sp": "0x3fc8b350", "function": None, "file": None, "line": None}]
    told = {"elf_match": None, "backtrace": frames, "warnings": ["No ELF: addresses are not decoded"]}
    app = Host(lambda: panel(told))
    async with app.run_test() as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "No ELF: addresses are not decoded" in text
        assert "this ELF" not in text


async def test_copying_the_backtrace_and_the_whole() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("c")
        assert app.copied.startswith("Backtrace\n#0  0x400d1238  read_sample (inlined)  at /project/main/sensor.c:14")
        await pilot.press("a")
        for part in ("null pointer", "seen 3 times", "#3", "0xfefefefe"):
            assert part in app.copied


async def test_l_goes_to_the_line_in_the_log() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("l")
        await pilot.pause()
        assert app.answer == JUMP


async def test_a_panic_without_backtrace_shows_what_is_certain() -> None:
    app = Host(lambda: PanicReportScreen({"kind": "task_wdt", "pc": None, "backtrace": None, "registers": None}))
    async with app.run_test() as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "The task watchdog ran out" in text
        assert "at an address that was not printed" in text
        await pilot.press("c", "a", "1", "2", "3")
        await settle(pilot)


async def test_text_from_the_board_is_inert() -> None:
    text = "[red]\x1b]0;x\x07\x9b1m\u202e" + "m" * 500
    app = Host(lambda: PanicReportScreen({"kind": "rust", "message": text, "task": text, "registers": {text: text}}))
    async with app.run_test(notifications=True) as pilot:
        await settle(pilot)
        shown = screen_text(app)
        assert "[red]" in shown
        assert not set(shown) & {"\x1b", "\x07", "\x9b", "\u202e"}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_looks_as_accepted(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        text = screen_text(pilot.app)
        assert pilot.app.size == size
        for part in ("read through a null pointer", "boot 4", "! The backtrace is corrupted", "sensor_task", "▶ 14"):
            assert part in text

    assert snap_compare(Host(lambda: panel({"corrupted": True})), terminal_size=size, run_before=run_before(check))


async def test_where_the_decoder_says_it_happened_goes_before_the_first_frame() -> None:
    where = {"function": "blink", "file": "/project/main/blink.c", "line": 7}
    app = Host(lambda: panel({"where": where}))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert "in blink, /project/main/blink.c:7" in screen_text(app)
