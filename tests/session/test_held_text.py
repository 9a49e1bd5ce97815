"""A header that claims what follows does not hide the log."""

from __future__ import annotations

from pathlib import Path

import pytest

from espmon.records.demux import Demultiplexer
from espmon.session.event_log import EventLog
from espmon.session.pipeline import Pipeline
from espmon.session.settings import Settings
from espmon.session.store import LogStore
from tests.session.fakes import shown

HEADER = b"@ESPFRAME file:x.bin 16000000 raw -\r\n"
SECONDS = 6.0
"""Within which the text must be there."""


class Bench:
    """A pipeline whose time is given."""

    def __init__(self) -> None:
        self.store = LogStore()
        self.pipeline = Pipeline(
            Demultiplexer(), self.store, EventLog(lambda entry: None), lambda change: None, settings=Settings()
        )
        self.now = 0.0

    def say(self, data: bytes, seconds: float) -> None:
        self.now += seconds
        self.pipeline.tick(self.now)
        self.pipeline.feed(data, self.now)


@pytest.mark.parametrize(
    ("line", "pace"),
    [
        (b"I (%d) app: still here\r\n", 0.1),
        (b"\x1b[0;33mW (%d) wifi: beacon\x1b[0m\r\n", 0.02),
        (b"plain text %d of a sketch\r\n", 1.0),
        (b"temperature: %d \xc2\xb0C\r\n", 0.5),
    ],
)
def test_the_log_behind_a_header_is_shown_within_seconds(line: bytes, pace: float) -> None:
    bench = Bench()
    bench.say(HEADER, 0.0)
    number = 0
    while bench.now < SECONDS:
        bench.say(line % number, pace)
        number += 1
    assert bench.pipeline.demux.capture is None
    texts = shown(bench.store)
    assert sum(text.strip().endswith(line.split(b"%d")[1].strip().decode().removesuffix("\x1b[0m")) for text in texts)
    assert any(entry.title and "goes on in it" in str(entry.record.fields()) for entry in bench.pipeline.events.entries)


@pytest.mark.parametrize(
    ("payload", "pace"),
    [
        (bytes(range(256)) * 4, 0.09),
        (b"12,34,56\n" * 115, 0.09),  # a table as text, at the rate of the line
        (b'{"a": 1}' * 128, 0.09),
    ],
)
def test_a_payload_that_takes_long_is_waited_for(payload: bytes, pace: float, tmp_path: Path) -> None:
    bench = Bench()
    count = 100
    bench.say(b"@ESPFRAME file:x.bin %d raw -\r\n" % (len(payload) * count), 0.0)
    for _ in range(count):
        assert bench.pipeline.demux.capture is not None
        bench.say(payload, pace)
    bench.say(b"\r\n@ESPFRAME_END\r\n", pace)
    (entry,) = bench.pipeline.events.entries
    assert entry.record.fields()["complete"]
