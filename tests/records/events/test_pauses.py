"""A pause anywhere changes no event: each crash fixture with pauses at every position.

Run as a program, it tries a pause of either length at each position by itself, which takes a minute or two.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from espmon.records import Demultiplexer, JsonObject, Record
from tests.records.events.harness import FIXTURES

SHORT = ("idle",)
LONG = ("idle", "settle", "stall")
CRASHES = sorted(FIXTURES.iterdir())

STRIDE = 97
"""Positions of a single pause lie so far apart in a test; pauses behind every byte are tried all in one stream."""


def fed(data: bytes, at: int, pause: Sequence[str]) -> list[Record]:
    demux = Demultiplexer()
    found = list(demux.feed(data[:at]))
    for call in pause:
        found += getattr(demux, call)()
    return [*found, *demux.feed(data[at:]), *demux.flush()]


def outcome(found: list[Record]) -> tuple[list[JsonObject], list[JsonObject]]:
    """The lines, and the events that hold: of those of one type at one offset the last."""
    holding: dict[tuple[str, int], JsonObject] = {}
    for record in found:
        if record.derived:
            holding.pop((record.type, record.offset), None)
            holding[record.type, record.offset] = record.to_json()
    events = sorted(holding.values(), key=lambda event: (event["offset"], event["type"]))
    return [record.to_json() for record in found if not record.derived], events


def changed(path: Path, stride: int) -> list[tuple[int, Sequence[str]]]:
    """The pauses that change the outcome, of those at every `stride`-th position."""
    data = path.read_bytes()
    expected = outcome(fed(data, 0, ()))
    tried = [(at, pause) for at in range(0, len(data) + 1, stride) for pause in (SHORT, LONG)]
    return [(at, pause) for at, pause in tried if outcome(fed(data, at, pause)) != expected]


@pytest.mark.parametrize("path", CRASHES, ids=lambda path: path.stem)
def test_a_pause_loses_and_changes_no_event(path: Path) -> None:
    assert changed(path, STRIDE) == []


@pytest.mark.parametrize("pause", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("path", CRASHES, ids=lambda path: path.stem)
def test_pauses_behind_every_byte_lose_and_change_no_event(path: Path, pause: Sequence[str]) -> None:
    data = path.read_bytes()
    demux = Demultiplexer()
    found: list[Record] = []
    for at in range(len(data)):
        found += demux.feed(data[at : at + 1])
        for call in pause if pause is SHORT or at % 5 == 0 else ():
            found += getattr(demux, call)()
    found += demux.flush()
    whole = fed(data, 0, ())
    assert outcome(found) == outcome(whole)
    assert pause is LONG or len(found) == len(whole), "told twice"


def test_a_crash_that_nothing_follows_is_told_as_it_stands_and_again_when_it_goes_on() -> None:
    demux = Demultiplexer()
    demux.feed(b"Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n")
    (early,) = demux.settle()
    assert not demux.settle(), "nothing came since"
    demux.feed(b"Core  0 register dump:\r\nPC      : 0x400d1234  PS      : 0x00060030\r\n")
    (later,) = demux.settle()
    assert early.fields()["registers"] == {}
    assert later.fields()["registers"]["PC"] == "0x400d1234"
    assert (early.type, early.offset) == (later.type, later.offset)
    demux.feed(b"\r\nBacktrace: 0x400d1234:0x3ffb1230\r\n")
    (last,) = demux.flush()
    assert [frame["pc"] for frame in last.fields()["backtrace"]] == ["0x400d1234"]


def test_what_a_crash_was_told_as_is_not_told_again_when_it_ends_like_that() -> None:
    demux = Demultiplexer()
    demux.feed(b"abort() was called at PC 0x400d1234 on core 0\r\n\r\nBacktrace: 0x400d1234:0x3ffb1230\r\n")
    (told,) = demux.settle()
    assert told.type == "panic"
    assert [record.type for record in demux.flush()] == []


def test_a_prompt_is_told_once_and_again_at_no_length_and_no_end() -> None:
    demux = Demultiplexer()
    said: list[Record] = []
    for part in (b"Press Enter to print core", b" dump to UART", b"...", b"\r\n"):
        said += [record for record in (*demux.feed(part), *demux.idle(), *demux.idle()) if record.derived]
    said += [record for record in demux.flush() if record.derived]
    (note,) = said
    assert (note.fields()["action"], note.offset, note.length) == ("enter", 0, 38)


if __name__ == "__main__":
    for path in CRASHES:
        print(path.stem, changed(path, 1) or "every position is as good as any other")
