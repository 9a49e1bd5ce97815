"""Payloads of the compiled emitter, damaged in every way: see `framing`, which runs many more schedules."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from espmon.records import Demultiplexer, Line, Png, Record
from tests.firmware.compiled import RGB888, Driver, build, packed_size
from tests.torture.framing import bank, log_line, trial

EXAMPLES = 60
BYTES_A_SECOND = 11_520
"""115200 baud."""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Driver:
    return build(tmp_path_factory.mktemp("emitter"))


def test_no_line_is_lost_no_payload_invented_and_each_good_one_is_whole(driver: Driver, tmp_path: Path) -> None:
    trial(bank(driver, tmp_path), EXAMPLES)


@pytest.mark.parametrize("mode", ["streamed", "measured"])
def test_a_picture_of_a_megabyte_at_115200_baud_comes_whole_between_its_lines(
    driver: Driver, tmp_path: Path, mode: str
) -> None:
    source = tmp_path / "pixels"
    width, height = 680, 520
    source.write_bytes(random.Random(1).randbytes(packed_size(RGB888, width, height)))
    wire = driver("png", RGB888, width, height, source, mode)
    assert len(wire) > 1_000_000
    data = log_line(1, "wifi") + wire + log_line(2, "wifi")
    demux, time = Demultiplexer(), 0.0
    found: list[Record] = []
    for at in range(0, len(data), 4096):
        time += len(data[at : at + 4096]) / BYTES_A_SECOND
        found.extend(demux.feed(data[at : at + 4096], time))
        found.extend(demux.idle(time))
    found.extend(demux.flush(time))
    first, picture, last = found
    assert isinstance(first, Line)
    assert isinstance(last, Line)
    assert isinstance(picture, Png)
    assert (picture.error, picture.width, picture.height) == (None, width, height)
    assert last.time == pytest.approx(len(data) / BYTES_A_SECOND)
    assert picture.time == pytest.approx(4096 / BYTES_A_SECOND)
