from __future__ import annotations

import pytest

from espmon.model.chip_identity import chip_identities
from espmon.records.demux import Demultiplexer
from espmon.records.event import LineView
from espmon.records.events import Reset, ResetEvents
from espmon.records.events.boot_hints import header_as_text
from espmon.records.lines import LineBlock
from tests.records.events.harness import fixture, resets


def one(text: str) -> Reset:
    (reset,) = resets(text)
    return reset


@pytest.mark.parametrize(
    ("line", "code", "reason", "mode", "expected"),
    [
        ("rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)", 1, "POWERON_RESET", "SPI_FAST_FLASH_BOOT", True),
        ("rst:0x5 (DSLEEP),boot:0x8 (SPI_FAST_FLASH_BOOT)", 5, "DSLEEP", "SPI_FAST_FLASH_BOOT", True),
        ("rst:0x15 (USB_UART_HPSYS),boot:0x1e (FLASH)", 21, "USB_UART_HPSYS", "FLASH", True),
        ("rst:0x17 (CHIP_USB_UART_RESET),boot:0xf (FLASH)", 23, "CHIP_USB_UART_RESET", "FLASH", True),
        ("rst:0xf (RTCWDT_BROWN_OUT_RESET),boot:0x13 (FLASH)", 15, "RTCWDT_BROWN_OUT_RESET", "FLASH", False),
        ("rst:0x12 (SUPER_WDT),boot:0x8 (SPI_FAST_FLASH_BOOT)", 18, "SUPER_WDT", "SPI_FAST_FLASH_BOOT", False),
        ("rst:0x1a (CPU_LOCKUP),boot:0x18 (SPI_FAST_FLASH_BOOT)", 26, "CPU_LOCKUP", "SPI_FAST_FLASH_BOOT", False),
        ("rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)", 12, "SW_CPU_RESET", "SPI_FAST_FLASH_BOOT", None),
        (
            "rst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))",
            1, "POWERON_RESET", "DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2)", True,
        ),
        (" ets Jan  8 2013,rst cause:4, boot mode:(3,7)", 4, "WDT_RST", "SPI_FLASH_BOOT", False),
        (" ets Jan  8 2013,rst cause:2, boot mode:(1,6)", 2, "EXT_RST", "DOWNLOAD(UART)", True),
        ("12:34:56.789 -> rst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)", 1, "POWERON", "SPI_FAST_FLASH_BOOT", True),
        ("> rst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)<\\r><\\n>", 1, "POWERON", "SPI_FAST_FLASH_BOOT", True),
        ("garbage\ufffdrst:0x10 (RTCWDT_RTC_RE", 16, "RTCWDT_RTC_RESET", None, False),
        ("rst:0x1 (POWERON),boot:0x0 (USB_BOOT)", 1, "POWERON", "USB_BOOT", True),
        ("rst:0x7", 7, "TG0WDT_SYS_RESET", None, False),
        ("rst:0x10 (RTCWDT_RTC_RESET),boot:0x", 16, "RTCWDT_RTC_RESET", None, False),
    ],
)  # fmt: skip
def test_a_banner_is_read(line: str, code: int, reason: str, mode: str | None, expected: bool | None) -> None:
    reset = one(f"{line}\r\n")
    assert (reset.code, reset.reason, reset.boot_mode, reset.expected) == (code, reason, mode, expected)


def test_a_cut_name_comes_from_the_table_of_the_chip_that_was_named() -> None:
    assert one("ESP-ROM:esp32c6-20220919\nBuild:Sep 19 2022\nrst:0x15 (USB_U\n").reason == "USB_UART_HPSYS"


def test_a_name_that_one_chip_alone_gives_a_reason_names_the_chip() -> None:
    assert one("rst:0x1 (POWERON_RESET),boot:0x13 (X)\nflash read err, 1000\n").chip == "esp32"
    assert one("rst:0x7 (HP_SYS_HP_WDT_RESET),boot:0xf (X)\n").chip == "esp32p4"
    assert one("rst:0x1 (POWERON),boot:0x8 (X)\n").chip is None


def test_a_task_watchdog_that_goes_on_is_no_reason_for_a_restart() -> None:
    log = "E (9) task_wdt: Task watchdog got triggered.\n" + "I (10) app: goes on\n" * 20
    assert one(f"{log}rst:0xc (RTC_SW_CPU_RST),boot:0x8 (X)\n").after_panic is False


def test_the_esp32_is_known_by_its_next_line_too() -> None:
    assert one("rst:0xc (SW_CPU_RESET),boot:0x13 (X)\nconfigsip: 0, SPIWP:0xee\nentry 0x4\n").chip == "esp32"


def test_the_rom_of_the_c2_goes_by_the_number_of_its_package() -> None:
    assert one("ESP-ROM:esp8684-api2-20220127\nBuild:Jan 27 2022\nrst:0x18 (JTAG_\n").reason == "JTAG_CPU_RST"
    assert one("ESP-ROM:esp8684-api2-20220127\nrst:0x1 (POWERON),boot:0xe (X)\n").chip == "esp32c2"


def test_a_restart_after_a_panic_is_not_expected_and_says_why() -> None:
    reset = one("abort() was called at PC 0x400d1234 on core 0\n\nRebooting...\nrst:0xc (SW_CPU_RESET),boot:0x13 (X)\n")
    assert (reset.expected, reset.after_panic) == (False, True)
    assert reset.hint == "the program crashed just before this restart"


@pytest.mark.parametrize(
    ("crash", "banner"),
    [
        (
            "E (9) task_wdt: Task watchdog got triggered.\nE (9) task_wdt: Aborting.\n\nBacktrace:",
            "rst:0xc (RTC_SW_CPU_RST),boot:0x8 (X)",
        ),
        ("panicked at src/main.rs:4:5:\nboom\n\nBacktrace:\n\n0x42001f02", "rst:0xc (SW_CPU),boot:0x8 (X)"),
        ("<err> os: >>> ZEPHYR FATAL ERROR 0: CPU exception on CPU 0", "rst:0x3 (RTC_SW_SYS_RST),boot:0x8 (X)"),
        ("Exception (28):\nepc1=0x40216c64 epc2=0x00000000", " ets Jan  8 2013,rst cause:2, boot mode:(3,6)"),
        (">>> Fatal exception 9(LoadStoreAlignmentCause):", " ets Jan  8 2013,rst cause:2, boot mode:(3,6)"),
        (">>>stack>>>\n3ffffe60:  4024c564\n<<<stack<<<", " ets Jan  8 2013,rst cause:2, boot mode:(3,6)"),
    ],
)
def test_a_restart_after_a_crash_of_any_kind_says_why(crash: str, banner: str) -> None:
    reset = one(f"{crash}\n\n{banner}\n")
    assert (reset.expected, reset.after_panic) == (False, True)
    assert reset.hint == "the program crashed just before this restart"


def test_a_panic_long_before_is_not_the_reason() -> None:
    log = "abort() was called at PC 0x400d1234 on core 0\n" + "I (1) app: goes on\n" * 2000
    assert one(log + "rst:0xc (SW_CPU_RESET),boot:0x13 (X)\n").after_panic is False


def test_a_brownout_explains_the_software_reset_that_follows_it() -> None:
    reset = one(fixture("brownout").decode())
    assert reset.expected is False
    assert "voltage" in (reset.hint or "")


def test_what_the_rom_says_next_is_the_hint() -> None:
    text, csum, waiting = resets(fixture("text_header"))
    assert 'which is the text "init"' in (text.hint or "")
    assert text.saved_pc == {0: 0x4004C0DC}
    assert (csum.reason, csum.chip) == ("RTC_SW_SYS_RST", "esp32c3")
    assert "checksum 0x99 instead of 0x5f" in (csum.hint or "")
    assert (waiting.expected, waiting.boot_mode) == (True, "DOWNLOAD(USB/UART0/SDIO_FEI_FEO)")
    assert (waiting.hint or "").startswith("download mode")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("invalid header: 0xffffffff", "flash is empty"),
        ("invalid header: 0x00000000", "reads as zeros"),
        ("invalid header: 0x25207325", '"%s %"'),
        ("flash read err, 1000", "does not answer (read error 1000)"),
        (
            "Invalid chip id. Expected 9 read 4. Bootloader for wrong chip?",
            "another chip (expected chip id 9, found 4)",
        ),
        ("ets_main.c 371", "ets_main.c 371"),
        ("waiting for download", "download mode"),
        ("wait usb download", "download mode"),
    ],
)
def test_boot_failures_are_said_in_plain_words(line: str, words: str) -> None:
    reset = one(f"rst:0x3 (SW_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n{line}\r\n")
    assert words in (reset.hint or "")


@pytest.mark.parametrize("last", ["secure boot check fail", "secure boot verification failed"])
def test_secure_boot_that_refuses_says_so_before_the_rom_names_its_line(last: str) -> None:
    reset = one(f"rst:0x7 (TG0WDT_SYS_RST),boot:0x8 (X)\r\nmode:DIO, clock div:1\r\n{last}\r\nets_main.c 329\r\n")
    assert (reset.hint or "").startswith("secure boot refused the bootloader")


@pytest.mark.parametrize(
    ("line", "words"),
    [("csum err:0x78!=0xfc", "checksum 0x78 instead of 0xfc"), ("Invalid image block, can't boot.", "no image")],
)
def test_what_the_rom_says_after_it_loaded_some_of_the_image_is_the_hint(line: str, words: str) -> None:
    reset = one(
        "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\nconfigsip: 0\r\nload:0x3fff0018,len:4\r\n"
        f"ho 0 tail 12 room 4\r\nload:0x40078000,len:9720\r\n{line}\r\nets_main.c 371 \r\n"
    )
    assert words in (reset.hint or "")


def test_secure_boot_that_succeeds_is_no_failure() -> None:
    reset = one(
        "rst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\r\nValid secure boot key blocks: 0 1\r\n"
        "secure boot verification succeeded\r\nload:0x3fcd5820,len:0x2c84\r\n"
    )
    assert reset.hint is None


def test_both_cores_keep_their_saved_pc() -> None:
    assert one(fixture("p4_task_wdt_abort").decode()).saved_pc == {0: 0x4FF03F56, 1: 0x4FF01BA8}


def loop(gap: str, count: int = 4) -> list[Reset]:
    return resets((f"rst:0x10 (RTCWDT_RTC_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\nload:0x1\n{gap}") * count)


def test_equal_resets_in_a_row_are_a_loop_from_the_third_on() -> None:
    found = loop("")
    assert [reset.repeats for reset in found] == [1, 2, 3, 4]
    assert [bool(reset.hint and "boot loop" in reset.hint) for reset in found] == [False, False, True, True]


def test_resets_after_long_runs_are_no_loop() -> None:
    assert [reset.repeats for reset in loop("I (1) app: text\n" * 2000)] == [1, 1, 1, 1]
    hours = "".join(f"I ({3_600_000 * hour}) app: report {hour}\n" for hour in range(1, 9))
    assert [reset.repeats for reset in loop(hours)] == [1, 1, 1, 1]
    assert [reset.repeats for reset in loop("text\n" * 5000)] == [1, 1, 1, 1]


def test_resets_after_runs_that_say_much_in_a_short_time_are_a_loop() -> None:
    much = "".join(f"I ({300 + at}) app: text\n" for at in range(2000))
    assert [reset.repeats for reset in loop(much)] == [1, 2, 3, 4]


def test_waking_from_deep_sleep_again_and_again_is_no_loop() -> None:
    found = resets("rst:0x5 (DEEPSLEEP_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\nentry 0x1\n" * 5)
    assert [(reset.repeats, reset.hint) for reset in found] == [(1, None)] * 5


def test_a_loop_needs_short_runs_where_host_times_are_known() -> None:
    recognizer = ResetEvents()
    found: list[Reset] = []
    for index in range(4):
        banner = LineView(index * 100, 60, "rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)", index * 300.0)
        found.extend(event for event in recognizer.line(banner) if isinstance(event, Reset))
    found.extend(event for event in recognizer.end() if isinstance(event, Reset))
    assert [reset.repeats for reset in found] == [1, 1, 1, 1]


def timed(line: str, seconds: float) -> list[int]:
    """How often each of four such resets, `seconds` apart, came in a row."""
    demux = Demultiplexer()
    parts = [part for index in range(4) for part in demux.feed(f"{line}\nentry 0x1\n".encode(), index * seconds).parts]
    return [part.repeats for part in parts if isinstance(part, Reset)]


@pytest.mark.parametrize(
    "line",
    [
        "rst:0x1 (POWERON),boot:0xd (SPI_FAST_FLASH_BOOT)",
        "rst:0x15 (USB_UART_CHIP_RESET),boot:0xd (SPI_FAST_FLASH_BOOT)",
        " ets Jan  8 2013,rst cause:2, boot mode:(3,6)",
    ],
)
def test_a_key_that_is_pressed_now_and_then_is_no_loop(line: str) -> None:
    assert timed(line, 15.0) == [1, 1, 1, 1]
    assert timed(line, 2.0) == [1, 2, 3, 4]


def test_a_program_that_fails_after_half_a_minute_again_and_again_is_in_a_loop() -> None:
    assert timed("rst:0x8 (TG1WDT_SYS_RST),boot:0xd (SPI_FAST_FLASH_BOOT)", 30.0) == [1, 2, 3, 4]


def test_resets_that_were_wanted_are_no_loop_and_those_after_the_last_of_them_may_be_one() -> None:
    demux = Demultiplexer()
    banner = b"rst:0x1 (POWERON),boot:0xd (SPI_FAST_FLASH_BOOT)\nentry 0x1\n"
    found: list[Reset] = []
    for wanted in (True, True, True, True, False, False):
        if wanted:
            demux.restarted()
        found.extend(part for part in demux.feed(banner).parts if isinstance(part, Reset))
    assert [reset.repeats for reset in found] == [1, 1, 1, 1, 2, 3]
    assert [bool(reset.hint) for reset in found] == [False] * 5 + [True]


def test_a_restart_that_is_announced_in_the_middle_of_a_line_changes_nothing_but_the_count() -> None:
    banner = b"rst:0x1 (POWERON),boot:0xd (SPI_FAST_FLASH_BOOT)\nentry 0x1\n"
    for cut in range(len(banner)):
        demux = Demultiplexer()
        parts = [*demux.feed(banner + banner[:cut]).parts]
        demux.restarted()
        parts += [*demux.feed(banner[cut:]).parts, *demux.flush().parts]
        assert [reset.offset for reset in parts if isinstance(reset, Reset)] == [0, len(banner)]
        assert b"".join(part.data for part in parts if isinstance(part, LineBlock)) == banner * 2


@pytest.mark.parametrize("line", ["the rst:0x10 code means a watchdog", "see rst:0x7 in the manual"])
def test_prose_about_resets_is_no_reset(line: str) -> None:
    assert resets(f"{line}\r\n") == []


def test_the_tables_know_every_class_they_use() -> None:
    chips = [chip for chip in chip_identities().values() if chip.key != "esp8266"]
    rows = [(code, reason) for chip in chips for code, reason in chip.reset_reasons.items()]
    for kind in {reason.group for _, reason in rows}:
        line = next(
            f"rst:0x{code:x} ({reason.name}),boot:0x8 (X)\n" for code, reason in rows if reason.group == kind
        )  # fmt: skip
        assert one(line).reason


def test_a_header_that_is_no_text_is_not_called_one() -> None:
    assert header_as_text(0x81004136) == ""


BOOTED = "configsip: 0, SPIWP:0xee\nentry 0x400805a4\nI (29) boot: ESP-IDF v5.1 2nd stage bootloader\n"
POWER_ON = "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\n" + BOOTED
RESTART = "rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\n" + BOOTED


@pytest.mark.parametrize(
    ("run", "count"),
    [
        ("I (300) app: up\nI (28800000) app: still up\n", 1),
        ("I (300) app: up\nI (2500) app: falling\n", 4),
        ("[   300][I][main.cpp:4] setup(): up\n[7200000][I][main.cpp:9] loop(): still up\n", 1),
        ("[00:00:01.000,000] <inf> app: up\n[02:00:01.000,000] <inf> app: still up\n", 1),
        ("hello\nworld\n", 1),
        ("", 4),
    ],
    ids=["hours", "seconds", "hours of Arduino", "hours of Zephyr", "no time at all", "nothing but the ROM"],
)
def test_the_time_between_starts_by_hand_decides_whether_they_are_a_loop(run: str, count: int) -> None:
    found = resets((POWER_ON + run) * 4)
    assert found[-1].repeats == count
    assert ("loop" in (found[-1].hint or "")) == (count >= 3)


@pytest.mark.parametrize("minutes", [0, 30])
def test_the_clock_of_a_host_tool_tells_how_long_a_run_was(minutes: int) -> None:
    log = "".join(
        f"{8 + minutes * at // 60:02}:{minutes * at % 60:02}:{at:02}.250 -> {line}\n"
        for at in range(5)
        for line in POWER_ON.splitlines()
    )
    assert resets(log)[-1].repeats == (1 if minutes else 5)


def test_a_recording_that_is_read_fast_is_judged_by_the_boards_own_time() -> None:
    demux = Demultiplexer()
    data = (POWER_ON + "I (28800000) app: still up\n").encode()
    parts = [part for at in range(4) for part in demux.feed(data, 1000.0 + at * 0.001).parts]
    assert [part.repeats for part in parts if isinstance(part, Reset)] == [1, 1, 1, 1]


def test_a_program_that_restarts_the_chip_is_no_weak_supply() -> None:
    found = resets((RESTART + "I (900) app: no network\n") * 4)
    assert found[-1].repeats == 4
    assert "supply" not in (found[-1].hint or "")
    assert "the program restarts the chip itself" in (found[-1].hint or "")


def test_a_restart_that_was_announced_is_expected() -> None:
    _, reset = resets(RESTART + "I (9000) ota: done, rebooting\n" + RESTART)
    assert (reset.expected, reset.hint) == (True, 'the program said so: "done, rebooting"')


def test_what_the_second_stage_restarts_the_chip_for_is_no_loop() -> None:
    run = "I (13229) flash_encrypt: completed\nI (13229) boot: Resetting with flash encryption enabled...\n"
    found = resets((RESTART + run) * 5)
    assert [reset.repeats for reset in found[1:]] == [1, 1, 1, 1]
    assert not any("loop" in (reset.hint or "") for reset in found)


def test_watchdogs_that_take_turns_are_one_loop() -> None:
    one, other = "rst:0x8 (TG1WDT_SYS_RESET),boot:0x13 (X)\n", "rst:0x10 (RTCWDT_RTC_RESET),boot:0x13 (X)\n"
    last = resets((one + BOOTED + other + BOOTED) * 2)[-1]
    assert last.repeats == 4
    assert (last.hint or "").startswith("boot loop: TG1WDT_SYS_RESET and RTCWDT_RTC_RESET 4 times in a row")


def test_flashing_again_and_again_is_no_loop() -> None:
    loader = "rst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT(UART0))\nwaiting for download\n"
    assert [reset.repeats for reset in resets((POWER_ON + loader) * 4)] == [1, 2] + [1, 2] * 3


def test_crashes_hours_apart_are_no_loop() -> None:
    stack = "3fc8b350: 0x00000000 0x42000102\n" * 300
    crash = f"abort() was called at PC 0x400d1234 on core 0\n{stack}Rebooting...\n"
    hours = "".join((RESTART, "I (28800000) app: still up\n", crash))
    assert resets(hours * 4)[-1].repeats == 1
    assert resets((RESTART + "I (900) app: up\n" + crash) * 4)[-1].repeats == 4


@pytest.mark.parametrize("line", [" ets Jan  8 2013,rst cause 1, boot mode (3,6)", " ets Jan  8 2013,rst cause 1"])
def test_an_esp8266_without_colons_is_read(line: str) -> None:
    reset = one(f"{line}\r\n")
    assert (reset.chip, reset.code, reset.reason, reset.expected) == ("esp8266", 1, "POWERON", True)


@pytest.mark.parametrize("line", ["rst cause 1 means power on", "the rst cause is 4", "rst cause: none"])
def test_talk_about_the_cause_of_a_reset_is_no_reset(line: str) -> None:
    assert resets(f"{line}\r\n") == []


def test_a_crash_right_behind_the_banner_explains_the_next_restart() -> None:
    banner = "rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\n"
    _, second = resets(banner + "abort() was called at PC 0x400d1234 on core 0\nRebooting...\n" + banner)
    assert second.after_panic


def test_the_last_word_of_a_crash_that_was_cut_announces_nothing() -> None:
    reset = one("Rebooting...\nets Jul 29 2019 12:21:46\n\nrst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\n")
    assert (reset.expected, reset.hint) == (None, None)


def test_a_watchdog_says_how_far_the_rom_came() -> None:
    banner = "rst:0x10 (RTCWDT_RTC_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\nconfigsip: 0, SPIWP:0x00\n"
    assert "before anything else was printed" in (resets(banner * 2)[-1].hint or "")
    assert "while the ROM loaded" in (resets((banner + "load:0x3ffc0008,len:4\n") * 2)[-1].hint or "")
    assert "stopped responding" in (resets((banner + BOOTED) * 2)[-1].hint or "")
