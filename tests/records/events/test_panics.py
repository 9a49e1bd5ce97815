from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.model.architecture import RISCV, XTENSA, is_code_address
from espmon.records.event import LineView
from espmon.records.events import PanicEvents
from espmon.records.events.panic_rows import stack_row, whole_stack_row
from espmon.records.record import Record
from tests.records.events.harness import fixture, only, panics, trace, views


def test_a_stack_protection_fault_names_its_task_and_keeps_the_stack() -> None:
    panic = only(fixture("c6_stack_protection"))
    assert (panic.kind, panic.arch, panic.core, panic.task) == ("stack_overflow", "riscv", 0, "mqtt_task")
    assert panic.registers["MEPC"] == panic.pc == 0x42008A84
    assert [(hex(address), len(piece)) for address, piece in panic.stack] == [("0x40831f70", 64)]
    assert bytes(panic.stack[0][1][8:12]) == (0x42008ADE).to_bytes(4, "little")
    assert panic.elf_sha256 == "4a5b6c7d8"
    assert panic.damaged == []


def test_the_task_watchdog_blames_the_task_that_was_running_not_the_idle_task() -> None:
    panic = only(fixture("p4_task_wdt_abort"))
    assert panic.kind == "task_wdt"
    assert panic.starved == [("IDLE1", 1)]
    assert panic.running == {0: "IDLE0", 1: "gfx_loop"}
    assert panic.suspect == panic.task == "gfx_loop"
    assert panic.registers == {"MEPC": 0x40008730, "RA": 0x4000872C}
    assert panic.damaged == []


def test_a_task_watchdog_that_does_not_reset_is_one_event_with_a_backtrace_for_each_core() -> None:
    panic = only(fixture("task_wdt_goes_on"))
    assert (panic.kind, panic.suspect, panic.core) == ("task_wdt", "sensor_poll", 0)
    assert trace(panic) == ["0x400d5a6b", "0x400d5a70", "0x40082c79"]
    assert [(other.core, len(other.backtrace)) for other in panic.other_cores] == [(1, 2)]
    end = fixture("task_wdt_goes_on").index(b"I (6000)")
    assert panic.offset + panic.length == end


def test_the_registers_of_the_other_core_stay_apart() -> None:
    panic = only(fixture("both_cores_int_wdt"))
    assert (panic.kind, panic.core) == ("int_wdt", 1)
    assert panic.registers["PC"] == 0x400D1234
    assert panic.registers["EPC1"] == 0x400D5A6B
    (other,) = panic.other_cores
    assert (other.core, other.registers["PC"], other.corrupted) == (0, 0x4008F001, True)
    assert panic.corrupted is False


def test_a_canary_names_the_task_and_a_sha_before_the_backtrace_does_not_end_the_report() -> None:
    panic = only(fixture("canary_old"))
    assert (panic.kind, panic.task, panic.core) == ("stack_overflow", "loopTask", 1)
    assert trace(panic) == ["0x40081a2c", "0x7ffffffd"]
    assert panic.continues
    assert panic.elf_sha256 is None, "a SHA of zeros is none"
    assert panic.crash_frame is not None
    assert panic.crash_frame.pc == 0x40081A2C


def test_heap_corruption_wins_over_the_assertion_that_found_it_and_glued_entries_are_parted() -> None:
    panic = only(fixture("heap"))
    assert panic.kind == "heap"
    assert panic.message is not None
    assert panic.message.splitlines()[0].startswith("CORRUPT HEAP: Bad tail at 0x3fcb728c")
    assert trace(panic) == ["0x40083e1d", "0x4008edc5", "0x40094521"]
    assert panic.backtrace[0].sp == 0x3FFB2550


def test_a_failed_error_check_keeps_where_and_what() -> None:
    panic = only(fixture("error_check"))
    assert (panic.kind, panic.abort_pc, panic.pc) == ("abort", 0x4008B1A7, 0x4008B1A7)
    assert (panic.message or "").splitlines()[1:] == [
        'file: "./main/app.c" line 42',
        "func: app_main",
        "expression: wifi_start()",
    ]


def test_an_esp8266_exception_keeps_registers_and_stack_and_names_the_cut_word() -> None:
    first, second, third = panics(fixture("esp8266_exception"))
    assert (first.arch, first.cause, first.pc, first.excvaddr) == ("esp8266", "LoadProhibited", 0x40216C64, 0x0C)
    assert sum(len(piece) for _, piece in first.stack) == 40
    assert first.damaged == ["stack at 0x3ffffe80: 3ffee"]
    assert second.cause == third.cause == "LoadStoreAlignment"


def test_the_soft_watchdog_and_a_panic_of_the_esp8266_are_two_reports() -> None:
    soft, panic = panics(fixture("esp8266_soft_wdt"))
    assert (soft.kind, soft.cause) == ("task_wdt", "Soft WDT reset")
    assert (panic.kind, panic.message) == ("abort", "Panic core_esp8266_main.cpp:137 __yield")


def test_the_soft_watchdog_of_newer_cores_stays_one_though_it_goes_on_as_an_exception() -> None:
    panic = only("Soft WDT reset\n\nException (4):\nepc1=0x40201098 epc2=0x00000000\n\n>>>stack>>>\n<<<stack<<<\n")
    assert (panic.kind, panic.cause, panic.pc) == ("task_wdt", "Soft WDT reset", 0x40201098)


def test_an_exception_of_the_esp8266_is_read_in_the_words_of_its_vendor_behind_a_prompt() -> None:
    panic = only(
        ">>> Fatal exception 9(LoadStoreAlignmentCause):\nepc1=0x4022b25f, epc2=0x00000000, excvaddr=0x402291a2\n"
    )
    assert (panic.kind, panic.cause, panic.pc, panic.excvaddr) == (
        "exception", "LoadStoreAlignment", 0x4022B25F, 0x402291A2,
    )  # fmt: skip


def test_an_abort_of_the_esp8266_is_one_when_a_stack_follows() -> None:
    assert only("Abort called\n\n>>>stack>>>\n3fffea90:  00000000 3fffede8\n<<<stack<<<\n").kind == "abort"
    assert panics("Abort called\n" + "I (3) app: more\n" * 40) == []


def test_a_cut_context_row_of_the_esp8266_is_no_register_of_another_system() -> None:
    panic = only(">>>stack>>>\n\nctx: sys\nsp: 3fffe8e0 en\n3fffea90:  00000000 3fffede8\n")
    assert (panic.arch, panic.registers) == ("esp8266", {})


def test_a_banner_that_was_cut_is_no_message() -> None:
    line = "Guru Meditation Error of type IllegalInstruction occurred on core  0. Exception was unhandled."
    assert only(f"{line}\n{line[:54]}\n").message is None


def test_what_cpp_threw_on_the_esp8266_is_the_message() -> None:
    panic = only("User exception (panic/abort/assert)\nUnhandled C++ exception: OOM\n\n>>>stack>>>\n<<<stack<<<\n")
    assert (panic.kind, panic.message) == ("abort", "Unhandled C++ exception: OOM")


def test_a_crash_after_a_task_watchdog_that_went_on_is_a_report_of_its_own() -> None:
    watchdog, crash = panics(
        "E (9) task_wdt: Task watchdog got triggered. The following tasks did not reset the watchdog in time:\n"
        "E (9) task_wdt:  - IDLE1 (CPU 1)\nE (9) task_wdt: CPU 1: loopTask\n"
        "Guru Meditation Error: Core  0 panic'ed (Interrupt wdt timeout on CPU0). \n"
        "Core  0 register dump:\nPC      : 0x40109698  PS      : 0x00060034\n"
    )
    assert (watchdog.kind, watchdog.suspect, watchdog.registers) == ("task_wdt", "loopTask", {})
    assert (crash.kind, crash.task, crash.nested, crash.pc) == ("int_wdt", None, False, 0x40109698)


@pytest.mark.parametrize(
    "words",
    [
        "../components/freertos/queue.c:1304 (xQueueGiveFromISR)- assert failed!",
        "ASSERTION FAIL [z_spin_lock_valid(l)] @ WEST_TOPDIR/zephyr/include/zephyr/spinlock.h:114",
    ],
)
def test_a_failed_assertion_keeps_its_words(words: str) -> None:
    panic = only(f"{words}\nabort() was called at PC 0x400328fd on core 0\n")
    assert (panic.kind, panic.message) == ("assert", words)


def test_a_rust_panic_takes_the_bare_addresses_and_passes_over_the_decoded_ones() -> None:
    panic = only(fixture("rust_new"))
    assert panic.kind == "rust"
    assert panic.message == "panicked at src/main.rs:42:9:\nindex out of bounds: the len is 4 but the index is 7"
    assert trace(panic) == ["0x42001f02", "0x42009c6a", "0x4200010e"]


def test_a_rust_exception_and_the_panic_it_causes_are_one_report() -> None:
    panic = only(fixture("rust_exception"))
    assert (panic.cause, panic.pc, panic.excvaddr) == ("Load access fault", 0x420EF8F0, 0xFFD0000F)
    assert panic.registers["RA"] == 1108277650
    assert trace(panic) == ["0x420ef8f0", "0x42001234"]


def test_the_registers_of_a_rust_exception_on_riscv_are_read_under_both_of_their_names() -> None:
    panic = only(
        "Exception 'Instruction access fault' mepc=0xfcb42c22, mtval=0xfcb42c22\nTrapFrame\n"
        "PC=0xfcb42c22         RA/x1=0x4216387c      SP/x2=0x40805098\n"
        "T2/x7=0x40835fe4      S0/FP/x8=0x408360d0   S10/x26=0x00000007\n\nMCAUSE=0x00000001\n"
    )
    assert panic.registers == {
        "MEPC": 0xFCB42C22, "MTVAL": 0xFCB42C22, "PC": 0xFCB42C22, "RA": 0x4216387C, "SP": 0x40805098,
        "T2": 0x40835FE4, "S0/FP": 0x408360D0, "S10": 7, "MCAUSE": 1,
    }  # fmt: skip


def test_the_older_rust_wording_is_read() -> None:
    panic = only(fixture("rust_old_xtensa"))
    assert (panic.cause, panic.pc, panic.excvaddr) == ("LoadProhibited", 0x420060B3, 0xDEADBEAF)


def test_a_rust_panic_on_top_of_esp_idf_keeps_its_message() -> None:
    panic = only(fixture("rust_std"))
    assert (panic.kind, panic.message) == ("rust", "panicked at 'boom', src/main.rs:12:5")
    assert panic.stack[0][0] == 0x4080F330


def test_zephyr_on_xtensa() -> None:
    panic = only(fixture("zephyr_xtensa"))
    assert (panic.cause, panic.pc, panic.task, panic.core) == ("load prohibited", 0x400E55F7, "shell_uart", 0)
    assert panic.registers["A3"] == 0


def test_zephyr_on_riscv() -> None:
    panic = only(fixture("zephyr_riscv"))
    assert (panic.cause, panic.arch, panic.task) == ("Instruction Access fault", "riscv", "main")
    assert panic.registers["RA"] == 0x42001234
    assert panic.registers["A1"] == 0x3FC83E98


def test_the_call_trace_of_zephyr_on_riscv_is_the_backtrace() -> None:
    panic = only(
        "<err> os:  mcause: 2, Illegal instruction\n<err> os: call trace:\n<err> os:   0: sp: 3fc89d60 ra: 42005678\n"
        "<err> os:       1: fp: 3fc89d70 ra: 42001234 [main+0x4]\n<err> os: >>> ZEPHYR FATAL ERROR 0: x on CPU 0\n"
    )
    assert trace(panic) == ["0x42005678", "0x42001234"]


def test_the_structure_that_an_older_rust_panics_with_does_not_part_it_from_its_backtrace() -> None:
    info = "PanicInfo {\n" + "    field: x,\n" * 14 + "}\n"
    banner = "!! A panic occured in 'src/main.rs', at line 3, column 9"
    panic = only(f"{banner}\n\n{info}\nBacktrace:\n\n0x4200103e\n0x42000e2a\n")
    assert (panic.kind, trace(panic)) == ("rust", ["0x4200103e", "0x42000e2a"])


def test_nuttx() -> None:
    panic = only(fixture("nuttx"))
    assert (panic.task, panic.core, panic.pc) == ("nsh_main", 1, 0x40378C86)


NUTTX_XTENSA = """\
nsh> ping[CPU0] xtensa_user_panic: User Exception: EXCCAUSE=001c task: Telnet session
[CPU0] dump_assert_info: Current Version: NuttX  12.0.0 e696e99d9a Mar  4 2023 22:33:58 xtensa
[CPU0] dump_assert_info: Assertion failed panic: at file: common/xtensa_assert.c:187 task: Telnet session 0x400d7a4c
[CPU0] up_dump_register:    PC: 400dda98    PS: 00060f30
[CPU0] up_dump_register:   SAR: 0000001f CAUSE: 0000001c VADDR: 00000050
[CPU0] dump_stackinfo: User Stack:
[CPU0] dump_stackinfo:   base: 0x3ffed090
[CPU0] stack_dump: 0x3ffed720: 3f4005a5 000000bb 800d6e90 3ffed818 3f4005a5 000000bb 3ffec91c 400d7a4c
[CPU0] sched_dumpstack: backtrace| 5: 0x400dda98 0x400ddb84
[CPU0] sched_dumpstack: backtrace| 5: 0x400d7a4c
[CPU0] sched_dumpstack: backtrace| 0: 0x400d1234
"""


def test_an_exception_of_nuttx_is_no_assertion_and_keeps_stack_and_backtrace_of_its_task() -> None:
    panic = only(NUTTX_XTENSA)
    assert (panic.kind, panic.cause, panic.arch, panic.core) == ("exception", "LoadProhibited", "xtensa", 0)
    assert (panic.task, panic.pc, panic.excvaddr) == ("Telnet session", 0x400DDA98, 0x50)
    assert [(hex(address), len(piece)) for address, piece in panic.stack] == [("0x3ffed720", 32)]
    assert trace(panic) == ["0x400dda98", "0x400ddb84", "0x400d7a4c"]


@pytest.mark.parametrize("assert_first", [True, False])
def test_an_exception_of_nuttx_on_riscv_is_read_in_either_order(assert_first: bool) -> None:
    lines = [
        "[ 1.001] riscv_exception: EXCEPTION: Store/AMO access fault. MCAUSE: 00000007, EPC: 4200cc90, MTVAL: 00000004",
        "[ 1.001] dump_assert_info: Assertion failed panic: at file: common/riscv_exception.c:135 task: Idle_Task",
    ]
    panic = only("\n".join(reversed(lines) if assert_first else lines) + "\n")
    assert (panic.kind, panic.cause, panic.arch) == ("exception", "Store/AMO access fault", "riscv")
    assert (panic.task, panic.pc, panic.excvaddr) == ("Idle_Task", 0x4200CC90, 4)


def test_a_damaged_report_says_what_is_certain_and_names_the_rest() -> None:
    panic = only(fixture("damaged"))
    assert panic.registers.keys() == {"PC", "PS", "A0", "A1", "A2", "A4", "A6", "A7", "A9"}
    assert trace(panic) == ["0x400d15ee", "0x400d1700"]
    assert "register A8: 0x000000000" in panic.damaged
    assert "register row: EXC" in panic.damaged
    assert "backtrace entry: 0x400d1606f:0x3ffb21f0" in panic.damaged
    assert "backtrace entry: 0x400d18" in panic.damaged


def test_panics_inside_panics_are_told_apart_and_a_repeated_banner_is_counted() -> None:
    first, second, third = panics(fixture("nested"))
    assert (first.cause, first.nested) == ("LoadProhibited", False)
    assert (second.cause, second.nested, second.count) == ("Double exception", True, 2)
    assert (third.cause, third.nested, third.core) == ("IllegalInstruction", True, 1)
    assert trace(third) == ["0x401956bc", "0x400d1606"]


def test_a_decoded_report_pasted_into_a_log_is_no_crash() -> None:
    assert panics(fixture("pasted_report")) == []


def test_a_crash_behind_a_pasted_report_without_an_end_is_reported() -> None:
    assert only(fixture("pasted_report").split(b"CORE DUMP END")[0] + b"\n" + fixture("c6_stack_protection")).task


def test_a_gdb_stop_packet_ends_the_report() -> None:
    class Packet(Record):
        type = "gdb"

    recognizer = PanicEvents()
    events: list[Record] = []
    for _, view in views(fixture("gdbstub").replace(b"Entering gdb stub now.\n", b"")):
        if view.text.startswith("$T"):
            events.extend(recognizer.span(Packet(view.offset, view.length)))
        else:
            events.extend(recognizer.line(view))
    assert [event.type for event in events] == ["panic"]
    assert not recognizer.attentive


def test_a_cache_error_keeps_its_detail() -> None:
    panic = only(fixture("gdbstub"))
    assert (panic.kind, panic.message) == ("cache", "Dbus write to cache rejected, error address: 0x3c000000")


def test_what_cpp_threw_is_the_message() -> None:
    assert "what():  vector::_M_range_check" in (only(fixture("cpp_terminate")).message or "")


def test_a_log_line_between_the_banner_and_its_detail_does_not_take_the_detail_away() -> None:
    panic = only(
        "Guru Meditation Error: Core  0 panic'ed (Memory protection fault). \nI (12) wifi: joined\n"
        "Write operation at address 0x800842a4 not permitted\n\nCore  0 register dump:\n"
    )
    assert panic.message == "Write operation at address 0x800842a4 not permitted"


def test_rows_that_lost_their_colons_are_said_to_be_damaged() -> None:
    panic = only("Core 0 register dump:\nPC       0x4013bf  PS       0x00060a4\n\nBacktrace: 0x4013bfc1:0x3ffb8900\n")
    assert panic.damaged == ["no register could be read"]


def test_undefined_behaviour_is_reported() -> None:
    assert only(fixture("ubsan")).cause == "out_of_bounds"


def test_the_report_ends_at_the_reset_banner_when_its_end_was_cut() -> None:
    panic = only("Guru Meditation Error: Core  0 panic'ed (LoadProhibited). \r\nets Jul 29 2019 12:21:46\r\n")
    assert panic.length == 60
    assert "the report ended before a backtrace or a stack dump" in panic.damaged


@pytest.mark.parametrize(
    "prefix",
    [
        "12:34:56.789 > ",
        "[Apr  9 10:29:50.746] ",
        "12:34:56.789 -> ",
        "[12:34:56]",
        "[12:34:56:789] ",
        "2024-05-06T07:08:09.123Z INFO: ",
        "> ",
        "    ",
        "> > ",
    ],
)
def test_what_host_tools_put_before_lines_does_not_matter(prefix: str) -> None:
    plain = fixture("c6_stack_protection").decode()
    marked = "".join(f"{prefix}{line}\n" for line in plain.splitlines())
    one, other = only(plain), only(marked)
    assert one.registers == other.registers
    assert one.stack == other.stack
    assert (one.task, one.message, one.damaged) == (other.task, other.message, other.damaged)


@pytest.mark.parametrize(
    ("line", "pcs", "damaged"),
    [
        ("Backtrace:0x400d1234:0x3ffb0000 0x400d5678:0x3ffb0020", ["0x400d1234", "0x400d5678"], []),
        ("Backtrace: 400D1234:3FFB0000 400D5678:3FFB0020 |<-EXIT", ["0x400d1234", "0x400d5678"], []),
        ("Backtrace: 0x800d1234:0x3ffb0000", ["0x400d1234"], []),
        ("Backtrace: 0xc00d1234:0x3ffb0000", ["0x400d1234"], []),
        ("Backtrace: 0x00000000:0x3ffb0000 0x400d1234:0x3ffb0020", ["0x00000000", "0x400d1234"], []),
        ("Backtrace: 0x400d1234:0x3ffb0000 0x400d56789:0x3ffb0020", ["0x400d1234"], ["0x400d56789:0x3ffb0020"]),
        ("Backtrace: 0x400d1234:0x3ffb0000 0x400d5678:0x3ff", ["0x400d1234", "0x400d5678"], ["0x400d5678:0x3ff"]),
        ("Backtrace: 0x400d1234:0x3ffb0000 0x400d5", ["0x400d1234"], ["0x400d5"]),
        ("Backtrace: 0x400d1234:0x3ffb00zz 0x400d5678:0x3ffb0020", ["0x400d5678"], ["0x400d1234:0x3ffb00zz"]),
    ],
)
def test_a_backtrace_gives_what_is_whole(line: str, pcs: list[str], damaged: list[str]) -> None:
    panic = only(f"{line}\r\n")
    assert trace(panic) == pcs
    assert [what for what in panic.damaged if "entry" in what] == [f"backtrace entry: {what}" for what in damaged]


def test_a_corrupted_backtrace_says_so() -> None:
    assert only("Backtrace: 0x400d1234:0x3ffb0000 |<-CORRUPTED\n").corrupted


@pytest.mark.parametrize(
    "line",
    [
        "I (12) app: panic handler installed, asserting nothing",
        "I (12) app: last panic: abort() was called at PC 0x400d1234 on core 0",
        "W (12) app: previous run: Guru Meditation Error: Core  0 panic'ed (LoadProhibited)",
        "Backtrace:",
        "Traceback (most recent call last): Exception 'boom'",
        "ESP_ERROR_CHECK_WITHOUT_ABORT failed: esp_err_t 0x103 (ESP_ERR_INVALID_STATE) at 0x4008b1a4",
        "[E][esp32.crash:332]: *** CRASH DETECTED ON PREVIOUS BOOT ***",
        'panic_abort (details=0x4ff16eec "abort() was called at PC 0x4ff05887 on core 0") at /idf/panic.c:491',
        '* 1    process 10 0x40081a01 in panic_abort (details=0x3 "abort() was called at PC 0x400d4b3b on core 0")',
        "--- 0x400d1234: abort() was called at PC 0x400d1234",
        "Exception (3): this is just text",
        "Soft WDT resets so far: 3",
        "Abort called",
        "EXCEPTION: Load access fault handled",
        "ASSERTION FAIL count: 0",
        "call trace: off",
        "see the register dump: it is in the manual",
        "Stack smashing protection is a feature of the compiler",
        "Guru Meditation Errors are listed in the guide",
    ],
)
def test_text_about_crashes_is_no_crash(line: str) -> None:
    assert panics(f"I (1) app: before\r\n{line}\r\nI (2) app: after\r\n" + "I (3) app: more\r\n" * 40) == []


def test_a_report_is_closed_when_too_much_other_text_follows() -> None:
    recognizer = PanicEvents()
    list(recognizer.line(LineView(0, 60, "Guru Meditation Error: Core  0 panic'ed (LoadProhibited). ", None)))
    for index in range(60):
        list(recognizer.line(LineView(60 + index * 20, 20, f"I ({index}) app: goes on", None)))
    assert not recognizer.attentive


def test_a_backtrace_that_a_terminal_wrapped_is_put_together_again() -> None:
    wrapped = "0x40081708:0x3ffbc8d0 0\nx400822fe:0x3ffbca30 0x400dc5f5:0x\n3ffbcb50 0x4\n01396b2:0x3ffbcd10"
    panic = only(f"Backtrace: {wrapped}\n")
    assert trace(panic) == ["0x40081708", "0x400822fe", "0x400dc5f5", "0x401396b2"]
    assert panic.damaged == []


def test_the_rest_of_a_banner_is_no_message() -> None:
    panic = only("Guru Meditation Error: Core  0 panic'ed (LoadProhibited)\n. Exception was unhandled.\n")
    assert panic.message is None


def test_a_crash_report_of_the_rom_misses_no_register_that_it_never_prints() -> None:
    rows = [f"{name:<8}: 0x4ffac2c0" for name in RISCV.dump if name not in ("MEPC", "MTVEC", "MHARTID", "S0/FP")]
    dump = "\n".join(["PC      : 0x4ffac2c0", "S0      : 0x00000000", *rows, "INTLEVEL: 0x00520200"])
    panic = only(f"Core  0 panic'ed (Illegal instruction)\nCore 0 register dump:\n{dump}\nRebooting...\n")
    assert (panic.arch, panic.pc, panic.damaged) == ("riscv", 0x4FFAC2C0, [])


def test_window_bits_are_taken_off_call_addresses_only() -> None:
    assert XTENSA.call_address(0x800D1234) == 0x400D1234
    assert XTENSA.call_address(0xFFFFFFFF) == 0xFFFFFFFF
    assert XTENSA.call_address(0x4FF01234) == 0x4FF01234
    assert not is_code_address(0x7FFFFFFF)


def test_an_endless_report_stays_bounded() -> None:
    recognizer = PanicEvents()
    events: list[Record] = []
    text = "Backtrace: " + " ".join(["0x400d1234:0x3ffb0000"] * 500)
    list(recognizer.line(LineView(0, 20, "Core  0 register dump:", None)))
    for index in range(5000):
        row = f"{0x3FFB0000 + 32 * index:08x}: " + " ".join(["0x40012345"] * 8)
        for line in ("Stack memory:", row, "A3 : 0x3", text) if index % 7 == 0 else (row,):
            events.extend(recognizer.line(LineView(100 * index, 100, line, None)))
    events.extend(recognizer.end())
    for event in events:
        fields = event.to_json()
        assert len(fields["backtrace"]) <= 256
        assert len(fields["damaged"]) <= 32
        assert fields["stack_bytes"] <= 64 * 1024


PIECES = [
    "Guru Meditation Error: Core  0 panic'ed (", "LoadProhibited). ", "Backtrace: ", "0x400d1234:0x3ffb0000 ", "0x",
    "|<-CORRUPTED", "Core  1 register dump:", "PC      : 0x400d15f1  ", "MEPC    : ", "Stack memory:",
    "3fc9a350: 0xa5a5a5a5 ", ">>>stack>>>", "Exception (28):", "epc1=0x4020", "abort() was called at PC 0x",
    "CORRUPT HEAP: ", "task_wdt: CPU 0: IDLE", "Task watchdog got triggered", "panicked at ",
    "TrapFrame { ra: 99999999999, t0: zz }", "mcause: 1, x", "** A0 0x1 SP (nil)",
    "ZEPHYR FATAL ERROR 0: x on CPU 0", "ELF file SHA256: abcdef1", "Rebooting...", "rst:0x",
    "ESP32 CORE DUMP START", " ", ":", "é\x00",
]  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=6).map("".join), max_size=25))
def test_no_line_raises_and_nothing_is_reported_beyond_the_stream(lines: list[str]) -> None:
    recognizer = PanicEvents()
    at = 0
    events: list[Record] = []
    for line in lines:
        events.extend(recognizer.line(LineView(at, len(line) + 1, line, None)))
        at += len(line) + 1
    events.extend(recognizer.end())
    for event in events:
        event.to_json()
        assert event.offset >= 0
        assert event.offset + event.length <= at
    assert not recognizer.attentive


@given(
    st.integers(0, 0xFFFFFFFF),
    st.lists(st.integers(0, 0xFFFFFFFF), min_size=1, max_size=16),
    st.sampled_from(["", " ", " x", " 0x1"]),
)
def test_a_whole_stack_row_is_read_the_short_way_as_it_is_the_long_way(
    address: int, words: list[int], tail: str
) -> None:
    text = f"{address:08x}: " + " ".join(f"0x{word:08x}" for word in words) + tail
    short, long = whole_stack_row(text), stack_row(text, prefix="0x")
    assert long is not None
    if tail.strip():
        assert short is None
    else:
        assert [short] == long.pieces
        assert long.damaged is None
