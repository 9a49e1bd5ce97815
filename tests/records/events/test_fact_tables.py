"""Every row of the collected tables of reset codes and of failed starts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from espmon.records.events import Boot, Reset
from espmon.records.events.reset_names import reason_class, reason_name
from espmon.records.notes import Note
from tests.records.events.harness import boots, read, resets

HEADER = (
    "ESP-ROM:esp32s3-20210327\r\nBuild:Mar 27 2021\r\nrst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)\r\n"
    "entry 0x403c98d0\r\nI (24) boot: ESP-IDF v5.2 2nd stage bootloader\r\n"
)
LATER = "ESP-ROM:esp32s3-20210327\r\nBuild:Mar 27 2021\r\nrst:0x3 (RTC_SW_SYS_RST),boot:0x8 (SPI_FAST_FLASH_BOOT)\r\n"
FILLED = {"u": "24576", "d": "2", "s": "ECDSA", "p": "0x42001234", "x": "20000", "X": "3F800000"}
ACTIONS = (
    r"\b(?:write|build|set|check|choose|lower|sign|make|enlarge|generate|switch|burn|use|send|look|release|add|unmap"
    r"|point)\b"
)
"""A hint says what to do: one of these verbs is in it."""


def rows(facts: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((facts / name).read_text())["rows"]
    return found


def filled(form: str) -> str:
    """A line as the board prints it: the format string with values in it."""
    form = form.replace("partition%s", "partition is not bootable")
    return re.sub(r"%[-0-9.]*([a-zA-Z])", lambda match: FILLED[match[1]], form).rstrip("\n")


def test_every_line_that_stops_a_start_has_a_hint_that_says_what_to_do(shared_facts: Path) -> None:
    table = rows(shared_facts, "boot-messages.json")
    assert len(table) == 73
    for row in table:
        line = f"E (123) {row['tag']}: {filled(row['message'])}\r\n"
        (boot,) = boots(HEADER + line)
        assert boot.hint is not None, line
        assert re.search(ACTIONS, boot.hint), boot.hint
        assert "{" not in boot.hint


def test_every_such_line_is_told_without_the_boots_header(shared_facts: Path) -> None:
    for row in rows(shared_facts, "boot-messages.json"):
        line = f"E (123) {row['tag']}: {filled(row['message'])}\r\n"
        for log in (line, line + LATER, "\x1b[0;31m" + line, f"12:00:01.123 -> {line}"):
            boot = next(event for event in read(log) if isinstance(event, Boot))
            assert boot.hint, log
            assert boot.offset == 0


def test_such_a_line_of_a_running_program_is_a_remark_and_no_boot(shared_facts: Path) -> None:
    for row in rows(shared_facts, "boot-messages.json"):
        line = f"E (123456) {row['tag']}: {filled(row['message'])}\r\n"
        events = read(line + "abort() was called at PC 0x42001234 on core 0\r\n")
        assert [event for event in events if isinstance(event, Note)], line
        assert not [event for event in events if isinstance(event, Boot)]


def test_every_collected_reset_code_has_its_name(shared_facts: Path) -> None:
    table = rows(shared_facts, "reset-codes.json")
    assert len(table) == 86
    for row in table:
        name = row.get("rom_name") or row.get("soc_name")
        if name is not None:
            assert reason_name(row["code"], row["chip"]) == name, row
            # A cleared register is no reason.
            assert (reason_class(name, row["code"], row["chip"]) == "unknown") == (name == "SW_CLR"), row


@pytest.mark.parametrize(
    ("chip", "code", "name", "kind"),
    [
        ("esp32", 14, "EXT_CPU_RESET", "software"),
        ("esp32s31", 23, "CHIP_USB_UART_RESET", "usb"),
        ("esp32e22", 23, "unknown", "unknown"),
        ("esp32e22", 7, "unknown", "watchdog"),
        ("esp32s3", 99, "unknown", "unknown"),
        ("esp32p4", 14, "unknown", "unknown"),
        (None, 23, "unknown", "unknown"),
    ],
)
def test_a_code_that_the_chip_does_not_have_gets_no_other_chips_name(
    chip: str | None, code: int, name: str, kind: str
) -> None:
    assert (reason_name(code, chip), reason_class(name, code, chip)) == (name, kind)


def test_the_reset_of_one_core_by_the_other_is_not_expected() -> None:
    (reset,) = resets("rst:0xe (EXT_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n")
    assert reset.expected is None


def test_a_cut_name_of_a_chip_without_a_table_stays_unknown() -> None:
    (reset,) = resets("ESP-ROM:esp32e22-20250101\r\nBuild:Jan  1 2025\r\nrst:0x17 (\r\n")
    assert (reset.chip, reset.reason, reset.expected) == ("esp32e22", "unknown", None)


def test_the_reset_reasons_are_events_of_their_own(shared_facts: Path) -> None:
    for row in rows(shared_facts, "reset-codes.json"):
        name = row.get("rom_name") or row.get("soc_name")
        if name is not None:
            log = f"ESP-ROM:{row['chip']}-2025\r\nrst:0x{row['code']:x} ({name}),boot:0x8 (SPI_FAST_FLASH_BOOT)\r\n"
            (reset,) = [event for event in read(log) if isinstance(event, Reset)]
            assert (reset.code, reset.reason, reset.chip) == (row["code"], name, row["chip"])
