"""Numbers where a board says one: of thousands of digits, of another script, or none at all."""

from __future__ import annotations

import json

import pytest

from tests.records.streams import assert_tiles, records
from tests.records.test_contract import check

BANNER = "Guru Meditation Error: Core  0 panic'ed (LoadProhibited).\r\n"
DUMP = BANNER + "Core  0 register dump:\r\nPC      : 0x400d1234  PS      : 0x00060030\r\n"
RISCV = BANNER + "Core  0 register dump:\r\nMEPC    : 0x42001234  RA      : 0x{}  SP      : 0x3fc9a350  GP : 0x{}\r\n"
WATCHDOG = "E (1) task_wdt: Task watchdog got triggered. The following tasks did not reset the watchdog in time:\r\n"
ROM = "rst:0x10 (RTCWDT_RTC_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"

FORMS = (
    "Guru Meditation Error: Core  {} panic'ed (LoadProhibited).", "Core  {} register dump:\r\nPC      : 0x400d1234",
    DUMP + "Core  {} register dump:\r\nPC      : 0x400d1234", BANNER + "PC      : 0x{}  PS      : 0x{}",
    "abort() was called at PC 0x{} on core {}", "Backtrace: 0x{}:0x{}", DUMP + "Backtrace: 0x400d1234:0x{} 0x{}:0x{}",
    RISCV + "Stack memory:\r\n3fc9a350: 0x{} 0x{} 0x12345678\r\n{}: 0x1 0x2", DUMP + "EXCVADDR: 0x{}  EXCCAUSE: 0x{}",
    BANNER + 'Detected in task "main" at 0x{}\r\nStack pointer: 0x{}', DUMP + "ELF file SHA256: {}",
    WATCHDOG + "E (1) task_wdt:  - IDLE{} (CPU {})\r\nE (1) task_wdt: Tasks currently running:\r\n"
    "E (1) task_wdt: CPU {}: busy\r\nE (1) task_wdt: Print CPU {} (current core) backtrace",
    "rst cause:{}, boot mode:({},{})", "rst:0x{} (X),boot:0x{} (Y)", "rst:0x1 (X),boot:0x{} (Y)\r\nSaved PC:0x{}",
    ROM + "invalid header: 0x{}", ROM + "flash read err, {}", ROM + "csum err:0x{}!=0x{}\r\nets_main.c {}",
    ROM + "mismatch chip ID, expected {}, found {}", ROM + "Image requires chip rev >= v{}.{}",
    "Exception ({}):\r\nepc1=0x{} epc2=0x0 excvaddr=0x{} depc=0x0", "Panic core_esp8266_main.cpp:{} __yield",
    "ctx: cont\r\nsp: {} end: {} offset: {}\r\n>>>stack>>>\r\n{}:  40201234 {} 3ffe8500 40202222\r\n<<<stack<<<",
    "panicked at src/main.rs:{}:{}:\r\nx\r\n\r\nBacktrace:\r\n\r\n0x{}\r\n{}",
    "Exception 'Load access fault' mepc=0x{}, mtval=0x{}\r\nTrapFrame {{ ra: {}, t0: {}, a0: {} }}",
    "ZEPHYR FATAL ERROR {}: CPU exception on CPU {}", "E: mcause: {}, Load access fault\r\nE: mtval: {}\r\nE: mepc: {}",
    "<err> os:  ** FATAL EXCEPTION\r\n<err> os:  ** CPU {} EXCCAUSE {} (x)\r\n<err> os:  ** PC {} VADDR {}",
    "I ({}) a: b", "[{}][E][f.c:{}] x", "[00:00:{}.123,000] <err> os: x", "I (2024-{}-{} 12:34:56.789) a: b",
    '@ESPCAPS {{"a": {}}}', "@ESPFRAME json {} raw {}", "PNG_BEGIN {}", "$T{}#{}",
)  # fmt: skip

NUMBERS = {
    "thousands of digits": "9" * 5000, "thousands of hex digits": "f" * 5000, "superscript": "²", "Arabic": "٣",
    "ten digits": "9999999999", "nine hex digits": "fffffffff", "eight hex digits": "ffffffff", "sign": "-1",
    "none": "", "exponent": "1e999", "not a number": "NaN",
}  # fmt: skip


@pytest.mark.parametrize("digits", NUMBERS.values(), ids=NUMBERS.keys())
def test_no_number_stops_the_stream_or_breaks_the_contract(digits: str) -> None:
    for form in FORMS:
        data = (form.replace("{}", digits).replace("{{", "{").replace("}}", "}") + "\r\n\r\n").encode()
        found = records(data)
        assert_tiles(found, len(data))
        for record in found:
            check(json.loads(json.dumps(record.to_json(), allow_nan=False)))


def test_capabilities_are_nested_as_deep_as_json_can_be_written() -> None:
    for depth in (10, 900, 100_000):
        data = b'@ESPCAPS {"a": ' + b"[" * depth + b"]" * depth + b"}\r\n"
        for record in records(data):
            json.dumps(record.to_json())
