"""A recording as moments: leases, gaps, what is damaged, and where only the end of it is wanted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from espmon.session.replay.moment import Moment
from espmon.session.replay.recorded_session import RecordedSession
from espmon.session.session_folder import SIDECAR, STREAM
from tests.session.archive.recordings import BOOT, LINE, made_session


def moments(folder: Path, begin: int = 0) -> list[Moment]:
    source = RecordedSession(folder, begin)
    try:
        return list(source.moments())
    finally:
        source.close()


def written(folder: Path, data: bytes, *lines: dict[str, object]) -> Path:
    """A session with this stream and this sidecar."""
    made_session(folder.parent, b"")
    [made] = [path for path in folder.parent.iterdir() if (path / SIDECAR).exists()]
    made.rename(folder)
    (folder / STREAM).write_bytes(data)
    rows = [{"t": 1000.0, "m": 0.0, "event": "port", "name": "bench"}, *lines]
    (folder / SIDECAR).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def received(at: float, offset: int, length: int, lease: str = "pipeline") -> dict[str, object]:
    return {"t": 1000.0 + at, "m": at, "event": "bytes", "offset": offset, "length": length, "lease": lease}


def log_of(found: list[Moment]) -> bytes:
    return b"".join(moment.data for moment in found if not moment.lease)


def test_bytes_of_a_lease_are_no_log(tmp_path: Path) -> None:
    lines = received(1, 0, 4), received(2, 4, 4, "probe"), received(3, 8, 4, "flash"), received(4, 12, 4)
    found = moments(written(tmp_path / "x", b"log1PROBFLASlog2", *lines))
    assert log_of(found) == b"log1log2"
    assert [(moment.lease, moment.data) for moment in found if moment.lease] == [("probe", b"PROB"), ("flash", b"FLAS")]


def test_what_a_lease_read_of_the_log_is_log_after_all(tmp_path: Path) -> None:
    raw = {"t": 1002.5, "m": 2.5, "type": "raw", "offset": 0, "length": 4}
    found = moments(written(tmp_path / "x", b"PROBboot", received(2, 0, 8, "probe"), raw))
    assert log_of(found) == b"boot"


def test_a_gap_moves_what_stands_behind_it(tmp_path: Path) -> None:
    gap = {"t": 1001.5, "m": 1.5, "event": "gap", "offset": 4, "length": 100, "reason": "full"}
    found = moments(written(tmp_path / "x", b"log1log2", received(1, 0, 4), gap, received(2, 104, 4)))
    assert log_of(found) == b"log1log2"
    assert [moment.event["event"] for moment in found if moment.event] == ["port", "gap"]


def test_without_times_the_log_is_whole_and_that_is_said(tmp_path: Path) -> None:
    folder = written(tmp_path / "x", BOOT)
    (folder / SIDECAR).unlink()
    found = moments(folder)
    assert log_of(found) == BOOT
    assert "no times" in str(found[0].event)


def test_damaged_lines_and_a_short_stream_are_said(tmp_path: Path) -> None:
    folder = written(tmp_path / "x", b"log1", received(1, 0, 4), received(2, 4, 50))
    with (folder / SIDECAR).open("a") as file:
        file.write('no json\n[1]\n{"t": 1003, "m": 3')
    texts = [str(moment.event["text"]) for moment in moments(folder) if moment.event and "text" in moment.event]
    assert "lines of" in texts[0]
    assert "the last 50 bytes are missing" in texts[1]


def test_a_clock_that_was_set_is_told(tmp_path: Path) -> None:
    clock = {"t": 5000.0, "m": 2.0, "event": "clock", "step": 3998.0}
    walls = [moment.wall for moment in moments(written(tmp_path / "x", b"log1", received(1, 0, 4), clock))]
    assert [wall for wall in walls if wall is not None] == [1000.0, 5000.0]


@pytest.mark.parametrize("value", [-1, "4", None, 1 << 63, 4.5])
def test_numbers_that_mean_nothing_count_as_none(tmp_path: Path, value: object) -> None:
    line = {**received(1, 0, 4), "offset": value, "length": value, "m": value}
    assert log_of(moments(written(tmp_path / "x", b"log1", line))) == b"log1"


def test_the_end_alone_begins_with_a_line(tmp_path: Path) -> None:
    folder = made_session(tmp_path, BOOT + LINE * 4000)
    whole = RecordedSession(folder)
    tail = whole.tail(1000)
    assert isinstance(tail, RecordedSession)
    assert tail.begin > 0
    assert (BOOT + LINE * 4000)[tail.begin - 1 : tail.begin] == b"\n"
    assert log_of(list(tail.moments())) == (BOOT + LINE * 4000)[tail.begin :]
    assert whole.tail(1 << 30) is None
    for source in (tail, whole):
        source.close()
