"""The index of a recording says where times, lines and events are, and is told apart from what is damaged."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

from espmon.records.record import JsonObject
from espmon.session.archive.past_sessions import look_at
from espmon.session.archive.session_index import INDEX, MARK_BYTES, SessionIndexer, Summary, read_index, summarise
from espmon.session.session_folder import new_session_folder
from tests.session.archive.recordings import BOOT, LINE, PANIC, demuxed


def written(path: Path, portions: list[bytes], *, end: bool = True) -> None:
    """What an indexer writes of a stream of which a portion comes each tenth of a second."""
    lines: list[str] = []

    def write(fields: JsonObject, now: float) -> None:
        lines.append(json.dumps({"t": now, "m": now - 1000.0, **fields}))

    indexer = SessionIndexer(write, lambda: 1000.0)
    for part in demuxed(portions, start=1000.0, step=0.1):
        indexer.take(part, None)
    if end:
        indexer.end()
    path.write_text("".join(f"{line}\n" for line in lines))


def test_marks_lead_from_times_and_lines_to_offsets(tmp_path: Path) -> None:
    written(tmp_path / "index.jsonl", [LINE * 10] * 100)
    index = read_index(tmp_path / "index.jsonl")
    assert [round(mark.m) for mark in index.lines] == list(range(10))
    assert all(mark.offset == (mark.line or 0) * len(LINE) for mark in index.lines)


def test_a_fast_stream_has_a_mark_for_each_portion_of_bytes(tmp_path: Path) -> None:
    written(tmp_path / "index.jsonl", [LINE * 400] * 100, end=False)
    offsets = [mark.offset for mark in read_index(tmp_path / "index.jsonl").lines]
    assert max(b - a for a, b in pairwise(offsets)) <= MARK_BYTES + 400 * len(LINE)


def test_events_and_the_summary_say_what_there_is(tmp_path: Path) -> None:
    written(tmp_path / "index.jsonl", [BOOT, LINE, PANIC, BOOT])
    index = read_index(tmp_path / "index.jsonl")
    assert {"reset", "boot", "panic"} <= {mark.event for mark in index.events}
    assert index.summary is not None
    assert (index.summary.boots, index.summary.crashes) == (2, 1)
    assert (index.summary.chip, index.summary.app) == ("esp32", "hello")


def test_an_index_without_its_end_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "index.jsonl"
    written(path, [BOOT, LINE * 10, PANIC, BOOT], end=False)
    with path.open("a") as file:
        file.write('{"t": 3, "m": 4, "off')
    index = read_index(path)
    assert index.torn
    assert (summarise(index).boots, summarise(index).crashes) == (2, 1)


def test_a_session_is_as_long_as_it_was_open_not_as_its_board_spoke(tmp_path: Path) -> None:
    folder = new_session_folder(tmp_path, "quiet", 1000.0)
    lines = {"t": 1001.0, "m": 1.0, "offset": 0, "line": 0}, {"t": 4600.0, "m": 3600.0, "offset": 9, "event": "end"}
    (folder / INDEX).write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert look_at(folder).seconds == 3600.0


def test_hostile_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "index.jsonl"
    path.write_bytes(
        b'[1]\n{"offset": "x"}\n' + b"[" * 100_000 + b'\n\xff\xfe\n{"offset": 5, "line": 1, "t": true, "m": 1}\n'
        b'{"offset": 9, "event": "reset", "title": "\\u001b[2J", "t": 1, "m": 2}\n'
        b'{"offset": 9, "event": "end", "boots": -4, "bytes": "many"}\n'
    )
    index = read_index(path)
    assert [(mark.offset, mark.t) for mark in index.lines] == [(5, 0.0)]
    assert index.events[0].title == "␛[2J"
    assert index.summary == Summary()
