"""A log that stays in its file is the same log as one in memory, however it came."""

from __future__ import annotations

from io import BytesIO
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from espmon.records.demux import Demultiplexer
from espmon.records.limits import Limits
from espmon.records.lines import LineBlock
from espmon.session import file_pages
from espmon.session.backing import Backing
from espmon.session.file_pages import FileBlock
from espmon.session.mark_block import MarkBlock
from espmon.session.replay.file_store import FileStore
from espmon.session.store import LogStore

CAP = 64
PIECES = st.sampled_from(
    [
        b"I (1) a: b\n",
        b"x\r\n",
        b"\r",
        b"\n",
        b"\r\r\n",
        b"10%\r20%\r",
        b"long " * 40,
        b"\x1b[31mred\x1b[0m\n",
        b"\xff\xfe",
        b"end",
    ]
)


def both(data: bytes, cuts: list[int]) -> tuple[LogStore, FileStore]:
    """The log of `data`, cut into reads a second apart, in memory and in the file."""
    backing = Backing()
    backing.add(0, BytesIO(data), 0)
    memory, file = LogStore(1 << 30, cr_overwrites=True), FileStore(backing, CAP, cr_overwrites=True)
    demux = Demultiplexer(Limits(line=CAP))
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    batches = [demux.feed(data[a:b], float(n)) for n, (a, b) in enumerate(pairwise(places))]
    for number, batch in enumerate([*batches, demux.flush(99.0)]):
        blocks = [part for part in batch.parts if isinstance(part, LineBlock)]
        if number == 1:
            blocks.append(MarkBlock("mark", demux.offset, 1.0))
        for store in (memory, file):
            for block in blocks:
                store.append(block)
    return memory, file


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=30), st.lists(st.integers(0, 4000), max_size=8))
def test_both_have_the_same_lines_and_rows(pieces: list[bytes], cuts: list[int]) -> None:
    memory, file = both(b"".join(pieces), cuts)
    assert len(memory) == len(file)
    assert memory.rows_end == file.rows_end
    for line in range(len(memory)):
        mine, other = file.record(line), memory.record(line)
        assert mine.to_json() == other.to_json()
        block, index = memory.locate(line)
        page, place = file.locate(line)
        assert (page.raw(place), page.line_offset(place)) == (block.raw(index), block.line_offset(index))
        assert page.page.raw(place) == block.raw(index)
        assert memory.rows.start(line) == file.rows.start(line)


def test_a_line_that_a_reset_cuts_stays_two() -> None:
    memory, file = both(b"rst\n\x80tx\xfeESP-ROM:esp32s3-20210327\r\nBuild:Mar 27 2021\r\n" * 3, [])
    assert len(memory) > 9
    assert [file.record(line).to_json() for line in range(len(file))] == [
        memory.record(line).to_json() for line in range(len(memory))
    ]


def test_small_reads_are_put_together_and_keep_their_times() -> None:
    data = b"".join(b"line %d\n" % number for number in range(100))
    _, file = both(data, list(range(0, len(data), 9)))
    blocks = [segment.block for segment in file.segments() if isinstance(segment.block, FileBlock)]
    assert len(blocks) == 2  # the mark is between them
    times = [file.record(line).time or 0.0 for line in range(len(file))]
    assert times == sorted(times)
    assert len(set(times)) > 50


def test_a_page_is_read_again_when_it_was_not_looked_at_for_long() -> None:
    data = b"x" * 60 + b"\n"
    many = data * 3000
    _, file = both(many, [])
    assert file.record(2999).text == "x" * 60
    assert len(file._pages._kept) <= file_pages.MAX_PAGES


def test_what_the_file_has_lost_is_shown_as_empty_lines() -> None:
    backing, data = Backing(), b"one\ntwo\nthree\n"
    shrunk = BytesIO(data[:5])
    backing.add(0, shrunk, 0)
    file = FileStore(backing, CAP)
    for block in Demultiplexer().feed(data, 1.0).parts:
        assert isinstance(block, LineBlock)
        file.append(block)
    assert [file.record(line).text for line in range(len(file))] == ["one", "t", ""]
