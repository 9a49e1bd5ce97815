"""Events come in the order in which things happened, and none stands behind a line that came after it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from espmon.records import Demultiplexer
from espmon.records.lines import LineBlock
from tests.inputs import Log

CRASH = (
    "Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n\r\n"
    "Core  0 register dump:\r\nPC      : 0x400d1234  PS      : 0x00060030  A0      : 0x800d5678\r\n\r\n"
    "Backtrace: 0x400d1231:0x3ffb0000 0x400d5675:0x3ffb0020\r\n\r\nRebooting...\r\n"
)
ROM = "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\nconfigsip: 0, SPIWP:0xee\r\n"
NAMED = "I (29) boot: ESP-IDF v5.1 2nd stage bootloader\r\nI (50) app_init: Project name:     lamp\r\n"


def told(data: str | bytes, step: int | None = None) -> list[str]:
    """Lines and events in the order in which they come: the text of a line, the type of an event in brackets."""
    data = data.encode() if isinstance(data, str) else data
    demux = Demultiplexer()
    step = step or len(data)
    parts = [part for at in range(0, len(data), step) for part in demux.feed(data[at : at + step]).parts]
    parts += demux.flush().parts
    rows: list[str] = []
    for part in parts:
        if isinstance(part, LineBlock):
            rows += [line.text for line in part]
        else:
            rows.append(f"[{part.type}]")
    return rows


def events(data: str | bytes) -> list[str]:
    return [row for row in told(data) if row.startswith("[") and row.endswith("]")]


def test_a_reset_comes_before_the_crash_that_follows_it_at_once() -> None:
    assert events(ROM + CRASH) == ["[reset]", "[panic]"]


def test_a_boot_comes_before_the_crash_that_ends_it() -> None:
    assert events(ROM + "entry 0x400805a4\r\n" + NAMED + CRASH) == ["[reset]", "[boot]", "[panic]"]


def test_a_boot_stands_before_the_banner_of_the_next_start() -> None:
    rows = told((ROM + "entry 0x400805a4\r\n" + NAMED) * 2)
    assert rows.index("[boot]") < rows.index("rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)", 1)


def test_a_crash_that_was_cut_stands_before_the_next_start() -> None:
    rows = told(CRASH[: CRASH.index("Rebooting")] + "ets Jul 29 2019 12:21:46\r\n" + ROM)
    assert rows.index("[panic]") < rows.index("ets Jul 29 2019 12:21:46")


def test_a_payload_does_not_stand_between_a_crash_and_its_event() -> None:
    packet = b"$T05#b9"
    rows = told(CRASH[: CRASH.index("Rebooting")].encode() + b"Entering gdb stub now.\r\n" + packet + b"\r\n")
    assert rows.index("[panic]") < rows.index("[gdb]")


def test_every_event_of_a_log_comes_in_order(log: Log) -> None:
    demux = Demultiplexer()
    found = [record for record in [*demux.feed(log.data), *demux.flush()] if record.derived]
    offsets = [record.offset for record in found]
    assert offsets == sorted(offsets)


def test_every_event_of_the_wild_logs_comes_in_order(shared_data: Path) -> None:
    for path in sorted((shared_data / "wild").glob("*.log")):
        demux = Demultiplexer()
        offsets = [one.offset for one in [*demux.feed(path.read_bytes()), *demux.flush()] if one.derived]
        assert offsets == sorted(offsets), path.name


@pytest.mark.parametrize("seed", range(5))
def test_the_cut_into_reads_moves_no_event(seed: int) -> None:
    rng = random.Random(seed)
    pieces = [
        ROM,
        "entry 0x400805a4\r\n",
        NAMED,
        CRASH,
        "I (99) app: on\r\n",
        "E (30) boot: No bootable app partitions\r\n",
    ]
    data = "".join(rng.choices(pieces, k=20))
    whole = told(data)
    for step in (1, 7, 64, 1000):
        assert told(data, step) == whole
