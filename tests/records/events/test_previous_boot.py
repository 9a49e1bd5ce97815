"""Crashes that the firmware kept over a restart and prints afterwards."""

from __future__ import annotations

import pytest

from tests.records.events.harness import only, panics, resets, trace

REPORT = (
    "{0}*** CRASH DETECTED ON PREVIOUS BOOT ***\r\n{0}  Reason: Fault - LoadProhibited\r\n{0}  Crashed core: 1\r\n"
    "{0}  PC:  0x400D2A1B  (fault location)\r\n{0}  EXCVADDR: 0x00000010  (faulting address)\r\n"
    "{0}  BT0: 0x400D2A18  (backtrace)\r\n{0}  BT1: 0x400E51C4  (backtrace)\r\n"
    "{0}  Other core (0) backtrace:\r\n{0}  BT0: 0x40081234  (backtrace)\r\n"
    "{0}Use: addr2line -pfiaC -e firmware.elf 0x400D2A1B 0x400D2A18 0x400E51C4\r\n"
    "{0}Other core: addr2line -pfiaC -e firmware.elf 0x40081234\r\n"
)
HEADS = ["[E][esp32.crash:332]: ", "[06:56:16.227][E][esp32.crash:335]: ", "E (812) esp32.crash: ", ""]


@pytest.mark.parametrize("head", HEADS)
def test_a_crash_of_the_boot_before_is_a_crash(head: str) -> None:
    panic = only(REPORT.format(head))
    assert (panic.previous_boot, panic.kind, panic.cause, panic.arch) == (True, "exception", "LoadProhibited", "xtensa")
    assert (panic.core, panic.pc, panic.excvaddr) == (1, 0x400D2A1B, 0x10)
    assert trace(panic) == ["0x400d2a18", "0x400e51c4"]
    assert [(core.core, len(core.backtrace)) for core in panic.other_cores] == [(0, 1)]


@pytest.mark.parametrize(
    ("reason", "kind", "cause"),
    [
        ("Abort", "abort", "Abort"),
        ("Task wdt - Unknown", "task_wdt", "Task wdt"),
        ("Interrupt wdt - Interrupt wdt timeout on CPU0", "int_wdt", "Interrupt wdt timeout on CPU0"),
        ("Fault - Load access fault", "exception", "Load access fault"),
        ("Exception - LoadProhibit (exccause=28)", "exception", "LoadProhibited"),
        ("Exception - DivByZero (exccause=6)", "exception", "IntegerDivideByZero"),
    ],
)
def test_the_reason_is_read_in_the_handlers_words(reason: str, kind: str, cause: str) -> None:
    head = "[E][esp8266:171]: "
    panic = only(
        f"{head}*** CRASH DETECTED ON PREVIOUS BOOT ***\r\n{head}  Reason: {reason}\r\n{head}  PC: 0x40201234\r\n"
    )
    assert (panic.kind, panic.cause, panic.pc) == (kind, cause, 0x40201234)


def test_the_same_crash_is_told_once_a_boot() -> None:
    report = REPORT.format(HEADS[0])
    assert len(panics(report + "[D][api:102]: Client connected\r\n" + report)) == 1
    banner = "ets Jul 29 2019 12:21:46\r\n\r\nrst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
    assert len(panics(report + banner + report)) == 2


def test_lines_of_other_components_in_between_are_passed_over() -> None:
    lines = REPORT.format(HEADS[0]).splitlines(True)
    panic = only("".join(line + "[C][wifi:400]:   BSSID: 00:11:22:33:44:55\r\n" for line in lines))
    assert (panic.core, len(panic.backtrace), panic.damaged) == (1, 2, [])


def test_the_announcement_alone_is_no_crash() -> None:
    assert panics("[E][esp32.crash:332]: *** CRASH DETECTED ON PREVIOUS BOOT ***\r\n" + "[I][app:1]: on\r\n" * 20) == []


def test_a_crash_of_the_boot_before_is_not_the_reason_of_the_next_restart() -> None:
    (reset,) = resets(REPORT.format(HEADS[0]) + "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n")
    assert (reset.after_panic, reset.expected) == (False, True)


def test_what_home_assistant_puts_before_the_lines_does_not_matter() -> None:
    host = "2026-06-03 12:22:49.982 ERROR (MainThread) [homeassistant.components.esphome.manager] Porch: "
    panic = only("".join(host + line for line in REPORT.format(HEADS[0]).splitlines(True)))
    assert (panic.cause, panic.core, len(panic.backtrace)) == ("LoadProhibited", 1, 2)


def test_decoded_lines_in_between_are_passed_over() -> None:
    decoded = "WARNING Decoded 0x400d2a18: run() at /a/b.cpp:4\r\n" + " (inlined by) go at /a/b.cpp:5\r\n" * 14
    panic = only("".join(line + decoded for line in REPORT.format(HEADS[0]).splitlines(True)))
    assert (panic.core, len(panic.backtrace), len(panic.other_cores)) == (1, 2, 1)


def test_a_report_whose_beginning_was_lost_keeps_its_addresses() -> None:
    panic = only("".join(REPORT.format(HEADS[0]).splitlines(True)[5:]))
    assert (panic.previous_boot, trace(panic)) == (True, ["0x400d2a18", "0x400e51c4"])
