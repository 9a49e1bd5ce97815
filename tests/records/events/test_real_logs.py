"""Every crash, reset and backtrace of the index is reported, and none is invented: in real logs and in our own."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from espmon.records import Demultiplexer
from espmon.records.events import Panic, Reset
from espmon.records.record import Record
from tests.inputs import REAL_LOGS, Log, log_named
from tests.records.events.harness import panics, read, resets, trace

FIRST_LINE_DIFFERS = {
    (
        "060-panic-mixed",
        28,
    ): "the index points at the first register row; the report begins three lines earlier, at its banner",
    ("062-panic-xtensa", 2): "the index points at the first register row, the report begins at `Core 0 register dump:`",
    ("063-panic-riscv", 2): "the index points at the first register row, the report begins at `Core  0 register dump:`",
}
"""(log, line in the index) -> why the event begins elsewhere."""


def real(name: str) -> bytes:
    """A real log; skips the test where they are not here."""
    return log_named(name).data


def matches(panic: Panic, crash: dict[str, Any]) -> bool:
    """True when the event says everything that the index says about this crash."""
    registers = {name: f"0x{value:08x}" for name, value in panic.registers.items()}
    told: list[bool] = [
        registers.get(name) == crash[name]
        for name in ("PC", "EXCVADDR", "MEPC", "RA", "MCAUSE", "MTVAL")
        if name in crash
    ]
    if "backtrace" in crash:
        told.append(trace(panic) == crash["backtrace"])
    if "abort_pc" in crash:
        told.append(panic.abort_pc == int(crash["abort_pc"], 16))
    if "core" in crash:
        # A register dump without a number (old ESP-IDF) does not tell the core; the banner does.
        told.append(panic.core in (crash["core"], None))
    if "kind" in crash:
        told.append(panic.kind == crash["kind"])
    if "panic" in crash:
        told.append(panic.cause == crash["panic"])
    if "assert" in crash:
        told.append(crash["assert"] in (panic.message or ""))
    if "task" in crash:
        told.append(panic.task == crash["task"])
    if "elf_sha" in crash:
        told.append(panic.elf_sha256 == crash["elf_sha"])
    if "running" in crash:
        told.append([panic.running[cpu] for cpu in sorted(panic.running)] == crash["running"])
        told.append([f"{name} (CPU {cpu})" for name, cpu in panic.starved] == [crash["starved"]])
    return bool(told) and all(told)


def test_the_table_of_real_logs_is_complete(shared_data: Path) -> None:
    rows = json.loads((shared_data / "logs" / "index.json").read_text())
    assert {row["file"].removesuffix(".log") for row in rows} == set(REAL_LOGS)


def test_every_crash_of_the_index_is_reported_and_none_is_invented(log: Log) -> None:
    found = panics(log.data)
    for crash in log.truth["crashes"]:
        assert sum(matches(panic, crash) for panic in found) == crash["count"], crash
    assert len(found) == sum(crash["count"] for crash in log.truth["crashes"])


def test_a_crash_begins_where_the_index_says(log: Log) -> None:
    lines = {log.data.count(b"\n", 0, panic.offset) + 1 for panic in panics(log.data)}
    for crash in log.truth["crashes"]:
        first = crash.get("first_line")
        if first is not None and (log.name, first) not in FIRST_LINE_DIFFERS:
            assert first in lines


def test_every_reset_of_the_index_is_reported_and_none_is_invented(log: Log) -> None:
    found = Counter(f"0x{reset.code:x} {reset.reason} boot:0x{reset.boot_code:x}" for reset in resets(log.data))
    assert found == log.truth["resets"]


def test_an_event_points_at_the_lines_it_was_read_from(log: Log) -> None:
    for event in read(log.data):
        span = log.data[event.offset : event.offset + event.length]
        assert event.offset == 0 or log.data[event.offset - 1] in b"\r\n"
        if isinstance(event, Reset):
            assert b"rst" in span.splitlines()[0]


@pytest.mark.parametrize(
    "name",
    [
        "board-crashes-riscv", "board-crashes-xtensa", "board-payloads", "qemu-xtensa-panics", "012-int-wdt",
        "057-assert-boot-loop", "060-panic-mixed", "071-abort-riscv",
    ],
)  # fmt: skip
def test_the_cut_into_reads_does_not_change_the_events(name: str) -> None:
    data = log_named(name).data
    rng = random.Random(name)

    def events(steps: list[int]) -> list[dict[str, Any]]:
        demux = Demultiplexer()
        records: list[Record] = []
        at = 0
        while at < len(data):
            step = steps[at % len(steps)]
            records.extend(demux.feed(data[at : at + step]))
            at += step
        records.extend(demux.flush())
        return [record.to_json() for record in records if record.derived]

    whole = events([len(data)])
    assert whole
    assert events([1]) == whole
    assert events([rng.randrange(1, 300) for _ in range(101)]) == whole


def test_a_boot_loop_is_named_with_its_count() -> None:
    last = resets(real("084-flash-read-err-loop"))[-1]
    assert last.hint is not None
    assert last.hint.startswith("boot loop: TG0WDT_SYS_RESET 4 times in a row: the flash does not answer")


def test_a_board_that_cannot_read_its_flash_is_named_with_its_count() -> None:
    last = resets(log_named("board-flash-error").data)[-1]
    assert last.hint is not None
    assert re.match(r"boot loop: \w+ \d+ times in a row: the flash does not answer", last.hint)


def test_waiting_in_download_mode_is_no_loop() -> None:
    waiting = resets(real("057-assert-boot-loop"))[:4]
    assert all(reset.hint and reset.hint.startswith("download mode") for reset in waiting)


def test_a_board_of_our_own_that_waits_for_download_is_no_loop() -> None:
    waiting = resets(log_named("board-download").data)[:2]
    assert [bool(reset.hint and reset.hint.startswith("download mode")) for reset in waiting] == [True, True]


def test_escape_sequences_written_as_text_do_not_hide_the_application() -> None:
    data = log_named("board-escape-sequences-as-text").data
    boot = next(event for event in read(data) if event.type == "boot").to_json()
    assert (boot["app"], boot["idf_version"], boot["chip"]) == ("espmon_demo", "v5.3-simulated", "esp32c3")


def test_a_stack_row_with_a_digit_too_many_is_not_used_whole() -> None:
    whole, damaged = (panics(log_named(name).data) for name in ("board-odd-line-ends", "board-stack-with-nine-digits"))
    assert len(whole) == len(damaged) == 2
    for before, after in zip(whole, damaged, strict=True):
        assert {len(piece) for _, piece in before.stack} != {len(piece) for _, piece in after.stack}
        assert len([entry for entry in after.damaged if entry.startswith("stack at 0x")]) == len(after.stack)


def test_an_escaped_log_names_its_application() -> None:
    boot = next(event for event in read(real("106-escaped-control")) if event.type == "boot").to_json()
    assert boot["app"] == "Squeezelite-ESP32"
    assert boot["elf_sha256"] == "476b71230bd85b5e"
    assert boot["idf_version"] == "v4.0.2-206-g5630b17e1"
    assert boot["chip"] == "esp32"


def test_a_damaged_stack_word_is_not_used() -> None:
    (panic,) = panics(real("071-abort-riscv"))
    assert [(address, len(piece)) for address, piece in panic.stack][:2] == [(0x3FC9A350, 24), (0x3FC9A370, 24)]
    assert "stack at 0x3fc9a350: 0xa5a5a5a50" in panic.damaged


def test_an_entry_that_wraps_onto_the_next_line_is_joined() -> None:
    (panic,) = panics(real("068-stack-smash"))
    assert panic.damaged == []
    assert panic.backtrace[-1].sp is not None
