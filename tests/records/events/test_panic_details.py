"""What stands in a crash report besides its cause: read by its form, and nothing else is taken for it."""

from __future__ import annotations

import pytest

from espmon.model.exception_causes import Access
from espmon.records.events import Panic
from tests.records.events.harness import fixture, only, panics, resets, trace

BANNER = "Guru Meditation Error: Core  0 panic'ed ({}). \r\n"
REGISTERS = (
    "\r\nCore  0 register dump:\r\n"
    "MEPC    : 0x42001234  RA      : 0x42005678  SP      : 0x3fc8b350  GP      : 0x3fc80030  \r\n"
    "MSTATUS : 0x00001881  MTVEC   : 0x40380001  MCAUSE  : {:#010x}  MTVAL   : 0x00000000  \r\n\r\n"
    "Stack memory:\r\n3fc8b350: 0x00000000 0x42000102 0x00000000 0x42000102\r\n\r\n\r\n"
    "ELF file SHA256: 62d1b7a8f\r\n\r\nRebooting...\r\n"
)
BACKTRACE = (
    "\r\n\r\nBacktrace: 0x400d1231:0x3ffb0000 0x400d5675:0x3ffb0020\r\n\r\n\r\nELF file SHA256: 62d1b7a8f\r\n\r\n"
)
RESTART = "Rebooting...\r\nets Jul 29 2019 12:21:46\r\n\r\nrst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"


def with_details(cause: str, *lines: str, mcause: int = 0x1A) -> Panic:
    return only(BANNER.format(cause) + "".join(f"{line}\r\n" for line in lines) + REGISTERS.format(mcause))


def test_a_memory_protection_fault_keeps_operation_address_and_memory() -> None:
    panic = with_details(
        "Memory protection fault", "  memory type: IRAM0_SRAM", "  faulting address: 0x40381234",
        "  world: PMS_WORLD_0", "  operation type: WRITE",
    )  # fmt: skip
    assert (panic.cause, panic.operation, panic.fault_address) == ("Memory protection fault", Access.WRITE, 0x40381234)
    assert panic.memory == "IRAM0_SRAM"


def test_the_other_form_of_a_memory_protection_fault_is_read_too() -> None:
    panic = with_details(
        "Memory protection fault", "Instruction fetch operation at address 0x3ffb1000 not permitted (DRAM0_SRAM)"
    )
    assert (panic.operation, panic.fault_address, panic.memory) == (Access.EXECUTE, 0x3FFB1000, "DRAM0_SRAM")


@pytest.mark.parametrize(
    "lines",
    [
        ("  - no details available -",),
        (
            "  memory type: DRAM0_SRAM",
            "  faulting address: N/A (error ESP_FAIL)",
            "  operation type: N/A (error ESP_FAIL)",
        ),
        ("Unknown operation at address 0x4003 not permitted",),
    ],
)
def test_what_a_memory_protection_fault_does_not_say_stays_unknown(lines: tuple[str, ...]) -> None:
    panic = with_details("Memory protection fault", *lines)
    assert (panic.operation, panic.fault_address) == (None, None)


def test_the_bounds_of_a_stack_are_kept() -> None:
    panic = with_details(
        "Stack protection fault", "", 'Detected in task "blinker" at 0x42007766', "Stack pointer: 0x3fc90010",
        "Stack bounds: 0x3fc90040 - 0x3fc90a40", mcause=27,
    )  # fmt: skip
    assert (panic.cause, panic.kind, panic.task) == ("Stack protection fault", "stack_overflow", "blinker")
    assert (panic.stack_pointer, panic.stack_bounds) == (0x3FC90010, (0x3FC90040, 0x3FC90A40))


@pytest.mark.parametrize(
    ("line", "operation", "address"),
    [
        ("Dbus write to cache rejected, error address: 0x3c010000", Access.WRITE, 0x3C010000),
        ("Icache reject error, error address: 0x42012345", None, 0x42012345),
        ("Cached memory region accessed while ibus or cache is disabled", None, None),
        ("Icache frobnication error, error address: 0x42000010", None, 0x42000010),
    ],
)
def test_a_cache_error_keeps_what_the_cache_says(line: str, operation: Access | None, address: int | None) -> None:
    panic = with_details("Cache error", line, mcause=25)
    assert (panic.kind, panic.cause, panic.message) == ("cache", "Cache error", line)
    assert (panic.operation, panic.fault_address) == (operation, address)


@pytest.mark.parametrize("cause", ["LoadProhibited", "Cache error", "Stack protection fault", "Unknown reason"])
@pytest.mark.parametrize("line", ["Temperature: 22.5 C", "reading sensor 4 of 9", "key=value", ">>> 1+1", "-- 42 --"])
def test_what_another_task_prints_in_between_is_no_part_of_the_crash(cause: str, line: str) -> None:
    panic = with_details(cause, line)
    assert (panic.cause, panic.message, panic.reason) == (cause, None, None)


def test_a_refused_access_keeps_its_address() -> None:
    panic = with_details(
        "APM - Authority exception", "Fault addr: 0x42001234 | Origin: U-mode", "Access addr: 0x600b1000 | Mode: REE0",
        "Module: HP_APM | Path: 0", "Master: HPCORE | Region: 3", mcause=25,
    )  # fmt: skip
    assert (panic.cause, panic.fault_address) == ("APM - Authority exception", 0x600B1000)


def test_a_crash_of_the_low_power_core_says_so() -> None:
    panic = only("Guru Meditation Error: LP Core panic'ed Load access fault\r\n" + REGISTERS.format(5))
    assert (panic.lp_core, panic.core, panic.cause, panic.pc) == (True, None, "Load access fault", 0x42001234)


@pytest.mark.parametrize(
    "words",
    [
        'FreeRTOS: FreeRTOS Task "pump" should not return, Aborting now!',
        "ERROR: Coprocessors must not be used in ISRs!",
        "the valve controller lost its calibration",
    ],
)
@pytest.mark.parametrize("rest", [REGISTERS.format(2), BACKTRACE + RESTART])
def test_a_program_that_gives_up_says_why_before_its_registers_or_its_backtrace(words: str, rest: str) -> None:
    log = f"I (300) wifi: connected\r\n\r\n{words}\r\n{rest}"
    panic = only(log)
    assert (panic.kind, panic.reason, panic.cause) == ("abort", words, None)
    assert panic.fatal


def test_a_restart_after_such_a_backtrace_is_a_crash() -> None:
    (reset,) = resets("Mem alloc fail. size 0x1000 caps 0x1800\r\n" + BACKTRACE + RESTART)
    assert (reset.after_panic, reset.expected) == (True, False)


def test_a_line_of_another_task_does_not_hide_the_reason() -> None:
    panic = only(
        'FreeRTOS: FreeRTOS Task "pump" should not return, Aborting now!\r\nI (301) wifi: lost\r\nTemperature: 4 C\r\n'
        + REGISTERS.format(2)
    )
    assert panic.reason == 'FreeRTOS: FreeRTOS Task "pump" should not return, Aborting now!'


def test_a_fault_whose_banner_was_lost_is_told_by_its_cause_and_not_by_the_line_before() -> None:
    panic = only("pump is on\r\n" + REGISTERS.format(5))
    assert (panic.kind, panic.cause, panic.reason) == ("exception", "Load access fault", None)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("E (123) cpu_start: init function 0x42001234 has failed (0x101), aborting", None),
        ("port*_CRITICAL called from ISR context. Aborting!", None),
        ("I (123) app: everything is fine", ""),
        ("Temperature: 22.5 C", ""),
        ("esp32> crash abort", ""),
        ("0x400d1234: main at main.c:4", ""),
    ],
)
def test_the_line_before_abort_is_its_reason_if_it_speaks_of_a_failure(line: str, reason: str | None) -> None:
    panic = only(f"{line}\r\n\r\nabort() was called at PC 0x42001234 on core 0\r\n" + REGISTERS.format(7))
    expected = line.partition(") ")[2] if line.startswith("E (") else line
    assert panic.reason == (expected if reason is None else None)


def test_the_address_sanitizer_says_what_was_done_where() -> None:
    panic = only(
        "KASAN error: READ of size 1 at 0x3fc91234\r\n  Bug type: heap-buffer-overflow\r\n\r\n"
        "KASAN: invalid memory access\r\n" + REGISTERS.format(2)
    )
    assert (panic.kind, panic.operation, panic.fault_address) == ("abort", Access.READ, 0x3FC91234)
    assert panic.reason == "KASAN: invalid memory access"


WATCHDOG = (
    "E (5316) task_wdt: Task watchdog got triggered. The following tasks/users did not reset the watchdog in time:\r\n"
    "E (5316) task_wdt:  - IDLE0 (CPU 0)\r\nE (5316) task_wdt: Tasks currently running:\r\n"
    "E (5316) task_wdt: CPU 0: busy\r\nE (5316) task_wdt: CPU 1: IDLE1\r\n"
    "E (5316) task_wdt: Print CPU 0 (current core) backtrace\r\n\r\n"
    "Backtrace: 0x400d1231:0x3ffb0000 0x400d5675:0x3ffb0020\r\n\r\n"
)


def test_a_task_watchdog_after_which_the_program_goes_on_is_not_fatal() -> None:
    assert not only(WATCHDOG + "I (5400) app: still here\r\n" * 20).fatal
    assert only(WATCHDOG + "E (5316) task_wdt: Aborting.\r\n" + BACKTRACE + RESTART).fatal


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_task_watchdog_whose_first_lines_were_lost_is_still_one(cut: int) -> None:
    panic = only("".join(WATCHDOG.splitlines(True)[cut:]))
    assert (panic.kind, panic.fatal) == ("task_wdt", False)


def test_a_banner_inside_a_banner_is_two_crashes() -> None:
    first, nested = panics(
        "Guru Meditation Error: Core  1 panic'ed (StoreProhib"
        "Guru Meditation Error: Core  1 panic'ed (Double exception). \r\n"
        "Core  1 register dump:\r\nPC      : 0x400d1234  PS      : 0x00060030\r\n"
    )
    assert (first.cause, first.damaged[0]) == ("StoreProhibited", "cause: StoreProhib")
    assert (nested.cause, nested.nested, nested.pc) == ("Double exception", True, 0x400D1234)


CHAIN = "0x400d1231:0x3ffb0000 0x400d5675:0x3ffb0020 0x4008abcd:0x3ffb0040"


def test_a_chain_without_a_name_is_a_backtrace_without_a_reason() -> None:
    panic = only(f"I (5) app: hello\r\n{CHAIN}\r\nI (6) app: on\r\n")
    assert trace(panic) == ["0x400d1231", "0x400d5675", "0x4008abcd"]
    assert (panic.kind, panic.unconfirmed, panic.fatal, panic.reason) == ("other", True, False, None)


def test_a_chain_behind_registers_is_their_backtrace() -> None:
    panic = only(
        BANNER.format("LoadProhibited") + "Core  0 register dump:\r\nPC      : 0x400d1234  PS      : 0x00060030\r\n"
        f"\r\n{CHAIN}\r\n\r\nRebooting...\r\n"
    )
    assert (panic.cause, len(panic.backtrace), panic.unconfirmed) == ("LoadProhibited", 3, False)


@pytest.mark.parametrize(
    "line",
    [
        "0x400d1231:0x3ffb0000",
        "0x400d1231:0x3ffb0040 0x400d5675:0x3ffb0020",
        "0x12345678:0x3ffb0000 0x12345679:0x3ffb0020",
        f"I (5) app: the last crash was {CHAIN}",
        "0x400d1231:0x3ffb0000 is at 0x400d5675:0x3ffb0020",
    ],
)
def test_pairs_of_numbers_that_are_no_chain_are_no_crash(line: str) -> None:
    assert panics(f"{line}\r\n" + "I (6) app: on\r\n" * 20) == []


def test_what_a_decoder_says_in_between_does_not_hide_the_reason() -> None:
    panic = only("core 0 PC 0x4200975a panic: overflow\r\n--- 0x4200975a: main at /home/a/main.zig:14\r\n" + BACKTRACE)
    assert panic.reason == "core 0 PC 0x4200975a panic: overflow"


def test_a_starved_task_on_the_line_of_the_watchdog_itself_is_read() -> None:
    panic = only(WATCHDOG.replace("in time:\r\n", "in time:", 1))
    assert panic.starved == [("IDLE0", 0)]
    assert (panic.message or "").endswith("in time:")


@pytest.mark.parametrize("behind", [")", ",", " |<-CONTINUES", "."])
def test_what_was_pasted_behind_a_backtrace_does_not_cost_its_last_entry(behind: str) -> None:
    panic = only(f"Backtrace: 0x400d1231:0x3ffb0000 0x400d5675:0x3ffb0020{behind}\r\n")
    assert (trace(panic), panic.damaged) == (["0x400d1231", "0x400d5675"], [])


def test_a_line_full_of_banners_is_read_in_a_few_pieces() -> None:
    found = panics("Guru Meditation Error: Core  0 panic'ed (" * 2000 + "\r\n")
    assert 1 < len(found) < 8
    assert len({panic.offset for panic in found}) == len(found)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gave_up_riscv", ("abort", None, 'FreeRTOS: FreeRTOS Task "pump" should not return, Aborting now!', 0)),
        ("gave_up_xtensa", ("abort", None, "ERROR: Coprocessors must not be used in ISRs!", 5)),
        ("abort_with_reason", ("abort", None, "mixer: buffer of channel 2 is invalid, aborting", 5)),
        ("memory_protection", ("exception", "Memory protection fault", None, 0)),
        ("cache_error", ("cache", "Cache error", None, 0)),
        ("previous_boot", ("exception", "LoadProhibited", None, 2)),
        ("chain_alone", ("other", None, None, 4)),
    ],
)
def test_a_whole_log_is_read_right(name: str, told: tuple[str, str | None, str | None, int]) -> None:
    panic = only(fixture(name))
    assert (panic.kind, panic.cause, panic.reason, len(panic.backtrace)) == told
