"""What stands around a device's lines, and between them, changes no crash."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from espmon.records import Demultiplexer
from espmon.records.events import Panic
from tests.inputs import Log
from tests.records.events.harness import FIXTURES

CRASHES = sorted(FIXTURES.iterdir())
ESCAPED = {"106-escaped-control"}
"""A log that has its line ends written out."""

NOISE = (b"I (12345) wifi: event 5", b"Temperature: 22.5 C", b"[  1234][I][main.cpp:12] loop(): tick")
"""Lines of other tasks."""

AROUND: dict[str, Callable[[bytes], bytes]] = {
    "time and arrow": lambda line: b"12:34:56.789 -> " + line,
    "time in brackets": lambda line: b"[12:34:56:789] " + line,
    "ESPHome's time": lambda line: b"[12:34:56.123]" + line,
    "date and level": lambda line: b"2024-05-06T12:34:56.123+0200 INFO: " + line,
    "day and year": lambda line: b"[Tue Feb 19 18:02:49.225 2019] " + line,
    "quoted": lambda line: b"> " + line,
    "indented": lambda line: b"        " + line,
    "coloured": lambda line: b"\x1b[0;31m" + line + b"\x1b[0m",
}
ENDS: dict[str, tuple[bytes, ...]] = {
    "LF": (b"\n",),
    "CR LF": (b"\r\n",),
    "CR CR LF": (b"\r\r\n",),
    "mixed": (b"\n", b"\r\n", b"\r\r\n"),
}


def lines(data: bytes) -> list[bytes]:
    return re.split(rb"\r*\n|\r", data)


def crashes(data: bytes) -> Iterator[tuple[object, ...]]:
    """What is certain of each crash, without where it stands."""
    demux = Demultiplexer()
    for record in [*demux.feed(data), *demux.flush()]:
        if isinstance(record, Panic):
            chain = tuple((frame.pc, frame.sp) for frame in record.backtrace)
            yield (
                record.kind, record.cause, record.reason, record.core, record.task, record.pc, record.operation,
                record.fault_address, record.fatal, record.nested, chain, tuple(record.registers.items()),
            )  # fmt: skip


def joined(data: list[bytes], ends: tuple[bytes, ...] = (b"\r\n",)) -> bytes:
    return b"".join(line + ends[index % len(ends)] for index, line in enumerate(data))


def check_around(data: bytes, around: str) -> None:
    rows = lines(data)
    assert list(crashes(joined([AROUND[around](row) if row else row for row in rows]))) == list(crashes(joined(rows)))


def check_ends(data: bytes, ends: str) -> None:
    rows = lines(data)
    assert list(crashes(joined(rows, ENDS[ends]))) == list(crashes(joined(rows)))


def check_noise(data: bytes) -> None:
    rows = lines(data)
    expected = [crash[:2] + crash[3:] for crash in crashes(joined(rows))]
    for noise in NOISE:
        noisy = [piece for index, row in enumerate(rows) for piece in ([row, noise] if index % 4 == 0 else [row])]
        assert [crash[:2] + crash[3:] for crash in crashes(joined(noisy))] == expected, noise


def check_cut(data: bytes) -> None:
    """A log that is cut anywhere has no more crashes than before, and no other ones but the last."""
    rows = lines(data)
    whole = list(crashes(joined(rows)))
    for cut in range(0, len(rows), max(1, len(rows) // 24)):
        found = list(crashes(joined(rows[:cut])))
        assert len(found) <= len(whole)
        assert [crash[:4] for crash in found[:-1]] == [crash[:4] for crash in whole[: len(found) - 1] if found]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("path", CRASHES, ids=lambda path: path.stem)
def test_what_a_host_puts_around_lines_changes_no_crash(path: Path, around: str) -> None:
    check_around(path.read_bytes(), around)


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("path", CRASHES, ids=lambda path: path.stem)
def test_line_ends_of_any_kind_change_no_crash(path: Path, ends: str) -> None:
    check_ends(path.read_bytes(), ends)


@pytest.mark.parametrize("path", CRASHES, ids=lambda path: path.stem)
def test_lines_of_other_tasks_change_no_crash(path: Path) -> None:
    check_noise(path.read_bytes())


@pytest.mark.parametrize("path", CRASHES, ids=lambda path: path.stem)
def test_a_cut_log_has_no_other_crashes(path: Path) -> None:
    check_cut(path.read_bytes())


def test_the_same_holds_of_whole_logs(log: Log) -> None:
    if log.name in ESCAPED:
        check_cut(log.data)  # its line ends are written out: nothing can be put around its lines
        return
    for around in ("time and arrow", "ESPHome's time", "coloured"):
        check_around(log.data, around)
    check_ends(log.data, "mixed")
    check_cut(log.data)
