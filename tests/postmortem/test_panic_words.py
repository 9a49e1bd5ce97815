"""What the board's own text means, in plain words."""

from __future__ import annotations

import pytest

from espmon.model.crash_facts import CrashFacts
from espmon.model.crash_kinds import plain_words
from espmon.model.exception_causes import Access
from espmon.model.stack_frame import StackFrame
from espmon.postmortem.crash_sentence import crash_place, crash_sentence
from espmon.postmortem.panic_notes import note_on
from espmon.postmortem.panic_report import decode_panic


def sentence(kind: str, message: str = "", **fields: object) -> str:
    return decode_panic(CrashFacts(kind=kind, message=message or None, **fields), None).sentence  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "message", "words"),
    [
        ("abort", "abort() was called at PC 0x42067cd5 on core 0", "The program gave up by calling abort()."),
        (
            "abort",
            "ESP_ERROR_CHECK failed: esp_err_t 0x103 (ESP_ERR_INVALID_STATE) at 0x4008b1a4\n"
            'file: "./main/app.c" line 42\nfunc: app_main\nexpression: wifi_start()',
            "The program gave up because ESP_ERROR_CHECK got ESP_ERR_INVALID_STATE (0x103) from wifi_start() "
            "in app_main (app.c:42).",
        ),
        (
            "abort",
            "terminate called after throwing an instance of 'std::out_of_range'\nwhat():  vector::_M_range_check",
            "The program gave up because nobody caught the C++ exception std::out_of_range (vector::_M_range_check).",
        ),
        ("abort", "Panic core_esp8266_main.cpp:137 __yield", "The program gave up by calling panic() in __yield "
         "(core_esp8266_main.cpp:137)."),
        (
            "assert",
            "assert failed: tcpip_send_msg_wait_sem /IDF/lwip/api/tcpip.c:454 (Invalid mbox)",
            "The program stopped because an assertion failed: Invalid mbox, in tcpip_send_msg_wait_sem (tcpip.c:454).",
        ),
        (
            "assert",
            'assertion "state == 1" failed: file "/esp/nvs_page.cpp", line 315, function: int nvs::Page::erase(int)',
            "The program stopped because an assertion failed: state == 1, in nvs::Page::erase (nvs_page.cpp:315).",
        ),
        ("assert", "", "The program stopped at a failed assertion."),
        (
            "heap",
            "CORRUPT HEAP: Bad tail at 0x3fcb728c. Expected 0xbaad5678 got 0xbaad5600",
            "The program found a damaged heap: the marker behind a block, at 0x3fcb728c, was overwritten "
            "(0xbaad5600 instead of 0xbaad5678).",
        ),
        ("rust", "panicked at src/main.rs:42:9:\nindex out of bounds", "The program panicked: index out of bounds, "
         "at main.rs:42."),
        ("rust", "panicked at 'boom', src/main.rs:12:5", "The program panicked: boom, at main.rs:12."),
        ("rust", "A panic occured in 'src/main.rs', at line 17, column 5", "The program panicked at main.rs:17."),
        ("rust", "A panic occured in 'D:\\work\\main.rs', at line 17, column 5:\ncalled `Option::unwrap()` on a `None`",
         "The program panicked: called `Option::unwrap()` on a `None`, at main.rs:17."),
        ("rust", "panicked at C:\\My Work\\src\\main.rs:42:9:\nboom", "The program panicked: boom, at main.rs:42."),
        ("rust", "panicked at 'boom', C:\\My Work\\src\\main.rs:12:5", "The program panicked: boom, at main.rs:12."),
        ("other", "Undefined behavior of type out_of_bounds", "The program stopped at undefined behaviour: "
         "out of bounds."),
        ("stack_smash", "", "The program wrote past the end of a local buffer."),
        ("int_wdt", "", "The program kept interrupts off until the interrupt watchdog fired."),
        ("brownout", "", "The program stopped because the supply voltage fell too low."),
        ("task_wdt", "", "The program did not reset the task watchdog in time."),
    ],
)  # fmt: skip
def test_text_of_the_board_becomes_plain_words(kind: str, message: str, words: str) -> None:
    assert sentence(kind, message) == words


@pytest.mark.parametrize(
    ("cause", "address", "words"),
    [
        ("LoadProhibited", 0, "read from address 0 (a null pointer)"),
        ("StoreProhibited", 0x1C, "wrote to address 0x0000001c (a null pointer plus 28)"),
        ("Load access fault", 0xFEFEFEFE, "read from address 0xfefefefe (freed memory (heap poisoning))"),
        ("LoadStoreAlignment", 0x3FFB0002, "used the unaligned address 0x3ffb0002"),
        ("InstrFetchProhibited", 0xFFFFFFFF, "jumped to address 0xffffffff (-1, or erased flash)"),
    ],
)
def test_the_address_of_a_fault_is_read(cause: str, address: int, words: str) -> None:
    assert sentence("exception", cause=cause, excvaddr=address) == f"The program {words}."


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("LoadStoreError", "accessed address 0x3ffb0001: a load or store the bus does not allow, such as a byte access "
         "to instruction memory or a write to read-only memory"),
        ("LoadStoreTLBMultihit", "accessed address 0x3ffb0001: several mappings for the address of a load or store"),
        ("Cp0Dis", "stopped: the floating point unit or another coprocessor was used while it is off, as in an "
         "interrupt handler"),
        ("Unknown reason", "stopped: the panic handler was called for a reason that it does not know"),
        ("Watchpoint 1 triggered", "stopped: memory that a watchpoint watches was accessed, with no debugger attached"),
    ],
)  # fmt: skip
def test_a_cause_that_gives_no_direction_claims_none(cause: str, words: str) -> None:
    assert sentence("exception", cause=cause, plain=plain_words(cause), excvaddr=0x3FFB0001) == f"The program {words}."


@pytest.mark.parametrize(
    ("operation", "address", "memory", "words"),
    [
        (Access.WRITE, 0x3FC8B360, "DRAM0_SRAM", "wrote to address 0x3fc8b360 in DRAM0_SRAM, which memory protection "
         "forbids"),
        (Access.READ, 0x40030000, None, "read from address 0x40030000, which memory protection forbids"),
        (Access.EXECUTE, 0x3FC8B360, None, "ran code at address 0x3fc8b360, which memory protection forbids"),
        (None, 0x3FC8B360, None, "accessed address 0x3fc8b360, which memory protection forbids"),
        (None, None, "IRAM0_SRAM", "used IRAM0_SRAM in a way that memory protection forbids, such as running data or "
         "writing code"),
    ],
)  # fmt: skip
def test_memory_protection_tells_the_address_and_what_was_done(
    operation: Access | None, address: int | None, memory: str | None, words: str
) -> None:
    told = sentence(
        "exception", cause="Memory protection fault", operation=operation, fault_address=address, memory=memory
    )
    assert told == f"The program {words}."


@pytest.mark.parametrize(
    ("message", "address", "words"),
    [
        ("Cached memory region accessed while dbus or cache is disabled", None,
         "stopped: code or data in flash or PSRAM was used while the cache was off, as it is during a flash operation"),
        ("Dbus write to cache rejected, error address: 0x3c012345", 0x3C012345,
         "wrote to address 0x3c012345, which is mapped from flash and read-only, such as constant data"),
        ("Dbus tried to write cache", None, "wrote to memory that is mapped from flash and read-only, such as constant "
         "data"),
        ("MMU entry fault error, error address: 0x42012345", 0x42012345,
         "stopped: an address in flash or PSRAM was used that is not mapped (MMU entry fault), at address "
         "0x42012345"),
        ("Something new", None, "stopped: a cache error, Something new"),
    ],
)  # fmt: skip
def test_a_cache_error_is_told_by_the_line_that_says_which(message: str, address: int | None, words: str) -> None:
    assert sentence("cache", message, cause="Cache error", fault_address=address) == f"The program {words}."


@pytest.mark.parametrize(
    ("pointer", "words"),
    [
        (0x4FF16600, "used more stack than it has: the stack pointer 0x4ff16600 is 32 bytes outside, its bounds are "
         "0x4ff16620 and 0x4ff16c20"),
        (0x4FF16700, "was stopped by the stack guard although its stack pointer lies inside its stack: 0x4ff16700, its "
         "bounds are 0x4ff16620 and 0x4ff16c20; most likely a false alarm"),
    ],
)  # fmt: skip
def test_a_stack_overflow_is_judged_by_the_printed_bounds(pointer: int, words: str) -> None:
    told = sentence("stack_overflow", stack_pointer=pointer, stack_bounds=(0x4FF16620, 0x4FF16C20), task="IDLE0")
    assert told == f"Task IDLE0 {words}."


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ('FreeRTOS: FreeRTOS Task "worker" should not return, Aborting now!',
         'gave up: FreeRTOS: FreeRTOS Task "worker" should not return, Aborting now!'),
        ("KASAN error: WRITE of size 4 at 0x3fc91234\n  Bug type: use-after-free (shadow nibble=0xd)",
         "gave up because KASAN found a write of 4 bytes at 0x3fc91234 that is not allowed (use-after-free)"),
        ("pure virtual method called\nterminate called without an active exception",
         "gave up because a pure virtual function was called, on an object that is not made yet or not any more"),
        ("terminate called without an active exception",
         "gave up because std::terminate() was called without an exception: a std::thread that was neither joined nor "
         "detached was destroyed, or an exception left a function that is noexcept"),
        ("init function 0x42001234 has failed (0x101), aborting",
         "gave up: init function 0x42001234 has failed (0x101), aborting"),
    ],
)  # fmt: skip
def test_why_the_program_gave_up_is_told_in_its_own_words(reason: str, words: str) -> None:
    assert (
        sentence("abort", "abort() was called at PC 0x42001234 on core 0", reason=reason).rstrip(".")
        == f"The program {words}"
    )


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("assert failed: \b /src/main.cpp:42 (a == b)", "stopped because an assertion failed: a == b, at main.cpp:42"),
        ("assert failed: <cached disabled> <cached disabled>:42 (<cached disabled>)",
         "stopped at a failed assertion in line 42 of a source file, with the flash cache off: the names of function "
         "and file are in flash and could not be read"),
        ("assert failed: 0x42001234", "stopped at a failed assertion at 0x42001234"),
        ("Assert failed in esp_tee_foo, /idf/esp_tee/foo.c:42 (x != 0)",
         "stopped because an assertion failed: x != 0, in esp_tee_foo (foo.c:42)"),
    ],
)  # fmt: skip
def test_assertions_of_every_form_are_told(message: str, words: str) -> None:
    assert sentence("assert", message) == f"The program {words}."


def test_a_starved_task_did_not_keep_the_processor() -> None:
    told = sentence("task_wdt", task="worker", suspect="worker", starved=[("worker", None)], running={0: "main"})
    assert told == "Task worker did not reset the task watchdog in time: meanwhile main ran on CPU 0."
    idle = sentence(
        "task_wdt", task="worker", suspect="worker", starved=[("worker", None)], running={0: "IDLE0", 1: "IDLE1"}
    )
    assert idle == (
        "Task worker did not reset the task watchdog in time: the processors were idle, so it was waiting for "
        "something."
    )


def test_the_low_power_core_is_named() -> None:
    told = sentence("exception", cause="Load access fault", lp_core=True, core=0, excvaddr=None)
    assert told.startswith("The low-power core ")


def test_a_permission_unit_names_the_address_it_refused() -> None:
    told = sentence("exception", cause="APM - Authority exception", fault_address=0x600B1000)
    assert told == ("The program accessed address 0x600b1000, which the access permission unit (APM) forbids.")


def test_a_backtrace_alone_has_no_reason() -> None:
    assert sentence("other", "") == "The program printed a backtrace without a reason."


def test_an_address_on_the_stack_is_said() -> None:
    text = sentence("exception", cause="LoadProhibited", excvaddr=0x3FFB0010, stack=[(0x3FFB0000, bytes(64))])
    assert text == "The program read from address 0x3ffb0010 (on this stack)."


def test_the_suspect_of_a_task_watchdog_is_named() -> None:
    assert (
        sentence("task_wdt", task="gfx_loop", suspect="gfx_loop")
        == "Task gfx_loop kept the processor so long that the task watchdog fired."
    )


@pytest.mark.parametrize(
    ("register", "value", "note"),
    [
        ("A10", 0xA5A5A5A5, "never written stack (FreeRTOS fill)"),
        ("A2", 0xFEFEFEFE, "freed memory (heap poisoning)"),
        ("A2", 0xFEFEFF02, "freed memory (heap poisoning), plus 4"),
        ("EXCVADDR", 0, "null"),
        ("EXCVADDR", 16, "null pointer plus 16"),
        ("A3", 0, None),
        ("PS", 0xA5A5A5A5, None),
        ("A1", 0x3FFB0010, None),
        ("A4", 0x3FFB0010, "on this stack"),
        ("PC", 0x400D0000, "app_main"),
    ],
)
def test_a_register_s_value_gives_away_what_it_is(register: str, value: int, note: str | None) -> None:
    found = note_on(
        register,
        value,
        stack=[(0x3FFB0000, 0x3FFB1000)],
        function_at=lambda address: "app_main" if address == 0x400D0000 else None,
    )
    assert found == note


def test_where_a_library_without_source_stopped_its_caller_is_named_too() -> None:
    frames = [StackFrame(0x4000C2F8, function="strlen"), StackFrame(0x400D1234, 0, "parse", "/app/config.c", 12)]
    facts = CrashFacts(kind="exception", cause="LoadProhibited", excvaddr=0)
    assert crash_sentence(facts, 0, frames) == (
        "Core 0 read from address 0 (a null pointer) in strlen, called from parse (config.c:12)."
    )
    assert crash_place("exception", frames) is frames[1]
    assert crash_place("exception", frames[:1]) is frames[0]


def test_a_breakpoint_in_the_double_exception_vector_is_a_double_exception() -> None:
    words = sentence("exception", cause="BREAK instr", plain="a breakpoint", arch="xtensa", pc=0x400803C0, core=1)
    assert words == "Core 1 stopped: an exception inside the handling of an exception, often a stack overflow."
    assert sentence("exception", cause="BREAK instr", plain="a breakpoint", arch="xtensa", pc=0x400D03C0) == (
        "The program stopped: a breakpoint."
    )
