"""What memory has no room for is read from the recording: the log stays the same log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from espmon.records.demux import Demultiplexer
from espmon.records.limits import Limits
from espmon.records.lines import LineBlock
from espmon.session.connection import PortAccess
from espmon.session.file_pages import FileBlock
from espmon.session.mark_block import MarkBlock
from espmon.session.recorded_text import RecordedText
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from espmon.session.store import LogStore
from espmon.time_limit import time_limit
from tests.session.fakes import Port, ScriptedHandle, Watch

CAP = 64
PIECES = st.sampled_from(
    [b"I (1) a: b\n", b"x\r\n", b"\r", b"\n", b"\r\r\n", b"10%\r20%\r", b"long " * 40, b"\x1b[31mred\x1b[0m\n", b"\xff"]
)


class Disk:
    """The file of a stream, and what of it is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.write_bytes(b"")
        self.written = 0
        self.text = RecordedText(path, CAP, lambda: self.written)

    def take(self, offset: int, data: bytes, *, written: bool = True) -> None:
        with self.path.open("ab") as file:
            file.write(data)
        self.text.took(offset, len(data))
        if written:
            self.written = self.path.stat().st_size


def fill(disk: Disk, data: bytes, cuts: list[int], limit: int) -> tuple[LogStore, LogStore]:
    """The log of `data` cut into reads, once all in memory, once with so much memory and the disk."""
    whole, store = LogStore(1 << 30, cr_overwrites=True), LogStore(limit, cr_overwrites=True)
    store.record_in(disk.text)
    demux = Demultiplexer(Limits(line=CAP))
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for number, (begin, end) in enumerate(pairwise(places)):
        disk.take(begin, data[begin:end])
        parts = list(demux.feed(data[begin:end], float(number)).parts)
        if number == len(places) - 2:
            parts += demux.flush(99.0).parts
        blocks = [part for part in parts if isinstance(part, LineBlock)]
        if number % 5 == 4:
            blocks.append(MarkBlock("mark", demux.offset, float(number)))
        for block in blocks:
            whole.append(block)
            store.append(block)
    return whole, store


def same(whole: LogStore, store: LogStore, first: int = 0) -> None:
    assert (len(store), store.first, store.rows_end) == (len(whole), first, whole.rows_end)
    for line in range(first, len(whole)):
        assert store.record(line).to_json() == whole.record(line).to_json()
        assert store.rows.start(line) == whole.rows.start(line)


@examples(max_examples=60, deadline=None)
@given(st.lists(PIECES, max_size=60), st.lists(st.integers(0, 9000), max_size=30))
def test_lines_left_to_the_recording_are_the_same_lines(pieces: list[bytes], cuts: list[int]) -> None:
    with TemporaryDirectory() as folder:
        disk = Disk(Path(folder) / "stream.bin")
        whole, store = fill(disk, b"".join(pieces) * 3, cuts, limit=20_000)
        same(whole, store, store.first)  # many blocks of one line each have no room, however short they are


def left_to_the_file(store: LogStore) -> int:
    return sum(isinstance(segment.block, FileBlock) for segment in store.segments())


LINES = b"".join(b"I (%d) a: line %d\n" % (number, number) for number in range(20_000))


def test_memory_holds_the_newest_pages_and_the_file_the_others(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "stream.bin")
    whole, store = fill(disk, LINES, list(range(0, len(LINES), 3000)), limit=200_000)
    assert left_to_the_file(store) > 3
    assert store.bytes <= 200_000
    same(whole, store)


def test_what_is_not_on_the_disk_goes_and_so_does_what_was_before_it(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "stream.bin")
    whole, store = LogStore(1 << 30), LogStore(200_000)
    store.record_in(disk.text)
    demux = Demultiplexer()
    for number, at in enumerate(range(0, len(LINES), 3000)):
        data = LINES[at : at + 3000]
        if number != 3:  # the disk was full
            disk.take(at, data)
        for part in demux.feed(data, 1.0).parts:
            assert isinstance(part, LineBlock)
            whole.append(part)
            store.append(part)
    assert store.first > 0
    assert left_to_the_file(store) > 2
    same(whole, store, store.first)


def test_without_a_file_the_oldest_lines_go(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "stream.bin")
    disk.path.unlink()
    store = LogStore(200_000)
    store.record_in(disk.text)
    disk.text.took(0, len(LINES))
    disk.written = len(LINES)
    for part in Demultiplexer().feed(LINES, 1.0).parts:
        assert isinstance(part, LineBlock)
        store.append(part)
        store.append(MarkBlock("x", len(LINES), 1.0))
    assert store.first > 0


async def test_a_session_scrolls_back_in_its_recording(tmp_path: Path) -> None:
    handle = ScriptedHandle()
    session = Session(settings=Settings(store_bytes=200_000), folder=tmp_path, access=PortAccess(opener=Port(handle)))
    watch = Watch()
    session.subscribe(watch)
    await session.open(OpenRequest("fake://board"))
    for at in range(0, len(LINES), 4000):
        handle.push(LINES[at : at + 4000])
    store = session.store
    await watch.until(lambda: len(store) == 20_000, 30.0)
    shown = [store.record(line).text for line in range(store.first, 20_000, 999)]
    assert left_to_the_file(store) or store.first  # the disk may be slower than the board
    assert shown == [f"I ({line}) a: line {line}" for line in range(store.first, 20_000, 999)]
    await session.close()


async def test_a_session_that_has_ended_is_read_on_and_so_it_is_when_it_is_opened_again(tmp_path: Path) -> None:
    handles = [ScriptedHandle(), ScriptedHandle()]
    session = Session(settings=Settings(store_bytes=300_000), folder=tmp_path, access=PortAccess(opener=Port(*handles)))
    store = session.store
    for number, handle in enumerate(handles):
        await session.open(OpenRequest("fake://board"))
        for at in range(0, len(LINES), 60_000):
            data = LINES[at : at + 60_000]
            handle.push(data)
            # What the disk has not got yet when memory is full goes.
            await until(partial(on_disk, store, number * len(LINES) + at + len(data)))
        await session.close()
        assert left_to_the_file(store) > 3
        texts = [store.record(line).text for line in range(store.first, len(store), 499)]
        assert all(texts), "a line that memory has no room for reads as empty"
    assert store.first == 0


def on_disk(store: LogStore, end: int) -> bool:
    """Whether the newest recording has all up to stream offset `end`."""
    recorded = store._recorded[-1]
    return recorded.holds(end - 1, 1)


async def until(condition: Callable[[], bool]) -> None:
    async with time_limit(30):
        while not condition():  # noqa: ASYNC110 the disk announces nothing
            await asyncio.sleep(0.002)
