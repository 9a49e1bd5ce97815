"""A crash is titled by the board's name for it, once."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.records.events.harness import FIXTURES, only, panics

BANNER = re.compile(r"panic'ed \(([^()]*)\)")
DOUBLED = re.compile(r"\b(on core \d|in task \S+|on CPU\d)\b.*\b\1\b")

REGISTERS = "\r\nCore  0 register dump:\r\nPC      : 0x400d1234  PS      : 0x00060030\r\n\r\nRebooting...\r\n"
GURU = "Guru Meditation Error: Core  0 panic'ed ({}). \r\n"


@pytest.mark.parametrize(
    ("log", "title"),
    [
        (GURU.format("LoadProhibited") + "Temperature: 22.5 C\r\n" + REGISTERS, "Panic: LoadProhibited on core 0"),
        (
            GURU.format("Stack protection fault") + 'Detected in task "pump" at 0x42001234\r\n' + REGISTERS,
            "Panic: Stack protection fault in task pump on core 0",
        ),
        (
            GURU.format("Cache error") + "MMU entry fault error, error address: 0x42012345\r\n" + REGISTERS,
            "Panic: Cache error on core 0",
        ),
        (
            GURU.format("Memory protection fault") + "  memory type: DRAM0_SRAM\r\n" + REGISTERS,
            "Panic: Memory protection fault on core 0",
        ),
        (GURU.format("Interrupt wdt timeout on CPU0") + REGISTERS, "Panic: Interrupt wdt timeout on CPU0"),
        (
            "***ERROR*** A stack overflow in task pump has been detected.\r\n"
            "abort() was called at PC 0x400d1234 on core 0\r\n" + REGISTERS,
            "Panic: ***ERROR*** A stack overflow in task pump has been detected. on core 0",
        ),
        (
            "abort() was called at PC 0x400d1234 on core 1\r\n" + REGISTERS.replace("Core  0", "Core  1"),
            "Panic: abort() was called at PC 0x400d1234 on core 1",
        ),
        (
            "panicked at src/main.rs:4:5:\r\nthe pump is gone\r\n\r\nBacktrace:\r\n\r\n0x42001f02\r\n",
            "Panic: panicked at src/main.rs:4:5: the pump is gone",
        ),
    ],
)
def test_the_title_is_the_boards_name_for_the_crash(log: str, title: str) -> None:
    assert only(log).title == title


def test_what_is_no_panic_is_not_called_one() -> None:
    goes_on = only((FIXTURES / "task_wdt_goes_on.log").read_bytes())
    assert goes_on.title.startswith("Task watchdog: ")
    assert goes_on.severity == "warning"
    backtrace = only("Backtrace: 0x400d1231:0x3ffb0000 0x400d5675:0x3ffb0020\r\nI (5) a: b\r\n")
    assert backtrace.title.startswith("Backtrace: ")


@pytest.mark.parametrize("path", sorted(FIXTURES.iterdir()), ids=lambda path: path.stem)
def test_no_title_says_anything_twice(path: Path) -> None:
    for panic in panics(path.read_bytes()):
        assert DOUBLED.search(panic.title) is None, panic.title


def test_every_collected_crash_text_is_titled_by_its_cause(shared_facts: Path) -> None:
    rows = json.loads((shared_facts / "panic-messages.json").read_text())["rows"]
    assert len(rows) == 112
    for row in rows:
        panic = only(row["log"])
        assert DOUBLED.search(panic.title) is None, panic.title
        banner = BANNER.search(row["log"])
        if banner is not None and "Debug exception reason" not in row["log"]:
            assert panic.title.startswith(f"Panic: {banner[1]} on "), panic.title
