"""What the board's own text means, in plain words."""

from __future__ import annotations

import pytest

from espmon.model.crash_facts import CrashFacts
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
