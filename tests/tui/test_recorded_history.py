"""A log that memory has no room for: what is older is read from the recording by everything that looks at it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from espmon.records.limits import Limits
from espmon.session.file_pages import FileBlock
from espmon.session.recorded_text import RecordedText
from espmon.session.store import LogStore
from espmon.tui.log.query import LineFilter, TextQuery
from tests.tui.fake_session import FakeSession
from tests.tui.running import Running, running
from tests.tui.test_log_saving import read, save_as

LINES = 12_000
MEMORY = 200_000
PIECE = 500
NEEDLE, ERROR, BOOT = 777, 1234, 555


def line_text(number: int) -> str:
    """The line with this number, one of three with something to find."""
    said = {NEEDLE: "the needle", BOOT: "boot begins"}.get(number, "nothing new")
    return f"{'E' if number == ERROR else 'I'} ({number}) app: line {number}, {said} in the hay"


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


@asynccontextmanager
async def long_log(path: Path, *, recording: bool = True) -> AsyncIterator[Running]:
    """A screen on a session whose memory holds the newest lines only; the others are in the file, where it records."""
    session = FakeSession(limit=MEMORY)
    recorded = RecordedText(path, Limits().line, lambda: session.offset)
    if recording:
        session.store.record_in(recorded)
    texts = [f"{line_text(number)}\r\n".encode() for number in range(LINES)]
    write(path, b"".join(texts))
    async with running(session=session, size=(110, 30)) as case:
        for start in range(0, LINES, PIECE):
            data = b"".join(texts[start : start + PIECE])
            recorded.took(session.offset, len(data))
            session.feed(data)
        await case.until(lambda: len(session.store) == LINES)
        yield case


def left_to_file(store: LogStore, line: int) -> bool:
    """Whether a line is in the recording alone."""
    return isinstance(store.segment(line).block, FileBlock)


async def test_it_is_scrolled_to_its_beginning(tmp_path: Path) -> None:
    async with long_log(tmp_path / "stream.bin") as case:
        store = case.session.store
        assert store.first == 0
        assert all(left_to_file(store, line) for line in (0, NEEDLE, ERROR, BOOT))
        assert not left_to_file(store, LINES - 1)
        await case.press("g")
        await case.until(lambda: case.rows()[0] == line_text(0))
        await case.press("pagedown")
        await case.until(lambda: line_text(30) in case.rows())
        assert "older" not in case.text()


async def test_it_is_searched_and_filtered(tmp_path: Path) -> None:
    async with long_log(tmp_path / "stream.bin") as case:
        await case.press("slash", *"needle", "enter")
        await case.until(lambda: line_text(NEEDLE) in case.rows(), "the match")
        assert "gone" not in case.text()
        case.pane.set_filter(LineFilter(include=TextQuery("boot begins")))
        await case.until(lambda: not case.pane.queries.filtering)
        assert [case.pane.view.line(at) for at in range(len(case.pane.view))] == [BOOT]
        case.pane.set_filter(LineFilter(frozenset("E")))
        await case.until(lambda: not case.pane.queries.filtering and len(case.pane.view) == 1)
        await case.until(lambda: case.rows()[0] == line_text(ERROR), "the error alone")


async def test_it_is_walked(tmp_path: Path) -> None:
    async with long_log(tmp_path / "stream.bin") as case:
        walking = case.screen.walking
        case.session.add_event("reset", "Power on", line=BOOT, boot=1)
        await case.until(lambda: BOOT in case.pane.drawing.marks)
        await case.press("left_square_bracket", "e")
        await case.until(lambda: walking.here == ERROR, "the error before")
        assert line_text(ERROR) in case.rows()
        await case.press("left_square_bracket", "b")
        await case.until(lambda: walking.here == BOOT, "the boot before")
        assert await walking.place("778") == NEEDLE
        assert await walking.place("boot 1") == BOOT
        assert await walking.place("(1234)") in (ERROR, ERROR + 1)


async def test_all_of_it_is_exported(tmp_path: Path) -> None:
    async with long_log(tmp_path / "stream.bin") as case:
        case.app.action_save_log("all")
        await save_as(case, tmp_path / "all.txt")
        saved = read(tmp_path / "all.txt").splitlines()
        assert len(saved) == LINES
        assert [saved[number] for number in (0, BOOT, NEEDLE, ERROR)] == [
            line_text(number) for number in (0, BOOT, NEEDLE, ERROR)
        ]


async def test_without_a_recording_the_oldest_line_and_a_search_say_what_is_gone(tmp_path: Path) -> None:
    async with long_log(tmp_path / "stream.bin", recording=False) as case:
        gone = case.session.store.first
        assert gone > ERROR
        await case.press("g")
        await case.until(lambda: case.rows()[1] == line_text(gone), "the oldest line")
        assert f"{gone:,} older lines not kept: memory is full, no recording has them" in case.rows()[0]
        await case.press("slash", *"needle")
        await case.until(lambda: f"{gone:,} older lines are gone" in case.text(), "what was not searched")
        assert not case.pane.queries.count
