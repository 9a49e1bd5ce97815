"""The log as text for a file: with times where that is wished, each line whole."""

from __future__ import annotations

from espmon.records.demux import Demultiplexer
from espmon.records.lines import LineBlock
from espmon.session.log_text import log_text


def test_times_stand_in_front_of_each_line() -> None:
    demux = Demultiplexer()
    blocks = [*demux.feed(b"one\r\ntwo\r\n", 1.0).parts, *demux.feed(b"cut", 2.0).parts, *demux.flush(3.0).parts]
    text = b"".join(
        log_text(block, stamp=lambda time: f"[{time}] ") for block in blocks if isinstance(block, LineBlock)
    )
    assert text == b"[1.0] one\n[1.0] two\n[2.0] cut\n"
