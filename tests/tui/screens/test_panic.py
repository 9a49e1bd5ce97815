"""The panic report."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from espmon.model.registers import RegisterSet
from espmon.model.stack_frame import StackFrame
from espmon.postmortem.panic_report import PanicReport, decode_panic
from espmon.records.events.panic_record import Panic
from espmon.sim.simulated_panic import panic_text
from espmon.tui.screens.panic_screen import JUMP, PanicReportScreen
from tests.tui.screens.crash_data import IMAGE, PANIC, SYMBOLIZER, panic_report, printed, source
from tests.tui.screens.host import Host, run_before, screen_text, settle


def panel(report: PanicReport = PANIC) -> PanicReportScreen:
    return PanicReportScreen(report, boot=4, count=3, source=source)


async def test_one_plain_sentence_where_and_how_often() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        sentence, where, circumstances = screen_text(app).splitlines()[:3]
        assert "Core 0 wrote to address 0 (a null pointer) in read_register (sensor.h:26)." in sentence
        assert "in read_register, /espmon-demo/sensor.h:26" in where
        assert "core 0, boot 4, seen 3 times" in circumstances


async def test_registers_carry_their_notes() -> None:
    app = Host(panel)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await pilot.pause()
        text = screen_text(app)
        assert "MTVAL 0x00000000" in text
        assert "MTVAL  null" in text
        assert "RA  sensor_update" in text


def cut() -> PanicReport:
    """A report that a reset cut in the middle of its registers."""
    text = panic_text(IMAGE.snapshot("panic"), IMAGE.sha256)
    rest = text[: text.index("S8 ")] + "\r\nESP-ROM:esp32c3-api1-20210207\r\nrst:0x7 (TG0WDT_SYS_RST),boot:0xc\r\n"
    return decode_panic(printed(rest), SYMBOLIZER)


@pytest.mark.parametrize(
    ("report", "warning"),
    [
        (panic_report("panic", sha256="0123456789abcdef" * 4), "This ELF is not the application's"),
        (cut(), "Nothing the board printed says whether this ELF"),
        (panic_report("stack"), "The chain ends early"),
        (panic_report("panic", elf=False), "No ELF: addresses are not decoded"),
    ],
    ids=["other ELF", "no SHA-256", "cut chain", "no ELF"],
)
async def test_what_limits_trust_is_never_hidden(report: PanicReport, warning: str) -> None:
    app = Host(lambda: panel(report))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert warning in screen_text(app).splitlines()[3]


async def test_what_could_not_be_read_is_said() -> None:
    report = cut()
    app = Host(lambda: panel(report))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert f"Not readable in the log: {report.facts.damaged[0]}" in screen_text(app)


async def test_without_an_elf_nothing_is_said_of_this_elf() -> None:
    app = Host(lambda: panel(panic_report("panic", elf=False)))
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
        first = f"#0  0x{PANIC.frames[0].pc:08x}  read_register (inlined)  at /espmon-demo/sensor.h:26"
        assert app.copied.startswith(f"Backtrace\n{first}")
        await pilot.press("a")
        for part in ("null pointer", "seen 3 times", "#3", f"0x{PANIC.core.registers['SP']:08x}"):
            assert part in app.copied


async def test_l_goes_to_the_line_in_the_log() -> None:
    app = Host(panel)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("l")
        await pilot.pause()
        assert app.answer == JUMP


async def test_a_panic_without_backtrace_shows_what_is_certain() -> None:
    app = Host(lambda: PanicReportScreen(decode_panic(Panic(0, kind="task_wdt"), None)))
    async with app.run_test() as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "did not reset the task watchdog in time" in text
        assert "at an address that was not printed" in text
        await pilot.press("c", "a", "1", "2", "3")
        await settle(pilot)


async def test_text_from_the_board_is_inert() -> None:
    text = "[red]\x1b]0;x\x07\x9b1m\u202e" + "m" * 500
    panic = Panic(0, kind="rust")
    panic.message, panic.task, panic.registers = text, text, RegisterSet({text: 1})
    app = Host(lambda: PanicReportScreen(decode_panic(panic, None)))
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
        for part in ("a null pointer", "boot 4", "! The backtrace is corrupted", "sensor_update", "▶ 26"):
            assert part in text

    app = Host(lambda: panel(replace(PANIC, warnings=["The backtrace is corrupted"])))
    assert snap_compare(app, terminal_size=size, run_before=run_before(check))


async def test_where_the_decoder_says_it_happened_goes_before_the_first_frame() -> None:
    where = StackFrame(0x42000000, 0, "blink", "/project/main/blink.c", 7)
    app = Host(lambda: panel(replace(PANIC, place=where)))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert "in blink, /project/main/blink.c:7" in screen_text(app)
