"""Crashes, storms and boot loops are one row until somebody opens them; nothing is lost by that."""

from __future__ import annotations

import base64
import random

import pytest

from espmon.model.crash_facts import CrashFacts
from espmon.model.stack_frame import StackFrame
from espmon.postmortem.crash_sentence import MAX_WHY, crash_headline
from espmon.records import Demultiplexer
from espmon.records.lines import Line
from espmon.session.store import LogStore
from espmon.tui.log.base64_runs import Base64Runs
from espmon.tui.log.folds import Fold, Folds, Heading, Layer
from espmon.tui.log.log_view import LogView
from espmon.tui.log.query import LineFilter, TextQuery
from espmon.tui.log.row_texts import fitted_heading
from tests.tui.crash_text import CRASH, RESET
from tests.tui.fake_session import block_of
from tests.tui.running import Running, numbered, running


async def board(case: Running, *parts: bytes) -> None:
    """The bytes come, and what they mean."""
    for part in parts:
        case.session.feed(part)
    demux = Demultiplexer()
    for record in [*demux.feed(b"".join(parts)), *demux.flush()]:
        if record.derived and not isinstance(record, Line) and record.type in ("panic", "reset"):
            case.session.happen(record, line=case.session.store.line_at(record.offset))
    frames = case.app.link.frames
    case.session.feed(b"I (99) app: on we go\n")
    await case.until(lambda: case.app.link.frames > frames)
    await case.pilot.pause()


def folded(case: Running) -> list[str]:
    return [row for row in case.rows() if row.startswith((" ▸", " ▾", "┃  ▸"))]


def shown_by(view: LogView) -> list[int]:
    return [view.line(position) for position in range(len(view))]


def expected(folds: Folds, count: int, first: int) -> list[int]:
    hidden: set[int] = set()
    for fold in folds:
        if not folds.is_open(fold) and fold.low >= first:
            hidden.update(range(fold.low + 1, fold.high))
    return [line for line in range(first, count) if line not in hidden]


@pytest.mark.parametrize("seed", range(30))
def test_places_with_folds_are_those_of_a_log_without_the_hidden_lines(seed: int) -> None:
    chance = random.Random(seed)
    store = LogStore(cr_overwrites=True)
    store.append(block_of(b"".join(b"%d\n" % number for number in range(200))))
    view = LogView(store)
    folds = view.folds
    at = 0
    while at < 170:
        low = at + chance.randrange(12)
        high = low + chance.randrange(2, 20)
        if chance.random() < 0.4:
            middle = low + max(1, (high - low) // 2)
            folds.add(Fold(low, middle, Layer.CRASH))
            if high - middle > 1:
                folds.add(Fold(middle, high, Layer.CRASH))
        folds.add(Fold(low, high, chance.choice([Layer.LOOP, Layer.STORM])))
        if chance.random() < 0.3:
            # A loop goes on.
            folds.add(Fold(low, high + 5, Layer.LOOP))
            high += 5
        at = high
    for fold in list(folds):
        if chance.random() < 0.4:
            folds.set_open(fold, True)
    view.base = chance.choice([0, 0, 37])
    view.sync()
    lines = shown_by(view)
    assert lines == expected(folds, 200, view.base)
    for position, line in enumerate(lines):
        assert view.position(line) == position
        assert view.shows(line)
    assert all(not view.shows(line) for line in set(range(view.base, 200)) - set(lines))
    assert list(view.rows(view.base, 199)) == list(range(view.base, 200))


async def test_a_crash_is_one_row_that_says_what_happened() -> None:
    async with running(size=(110, 30)) as case:
        await board(case, numbered(3), CRASH, numbered(2))
        await case.until(lambda: folded(case))
        (row,) = folded(case)
        assert "LoadProhibited" in row
        assert "Enter opens" in row
        assert "C report" in row
        assert not any("register dump" in row or "Backtrace" in row for row in case.rows())


async def test_the_row_of_a_crash_has_what_happened_where_who_and_the_keys_that_lead_on() -> None:
    facts = CrashFacts(kind="exception", cause="StoreProhibited", excvaddr=0, task="main")
    place = StackFrame(0x400D0E38, None, "read_register", "main/sensor.h", 26)
    words = "✖ " + crash_headline(facts, place)
    heading = Heading(words, "C report, Enter opens", "51 lines", loud=True)
    whole = "✖ wrote to address 0 (null pointer) · read_register sensor.h:26 · task main · C report, Enter opens"
    assert fitted_heading(" ▸ ", heading, 120) == f" ▸ {whole} · 51 lines"
    assert fitted_heading(" ▸ ", heading, 105) == f" ▸ {whole}"
    narrow = fitted_heading(" ▸ ", heading, 79)
    assert narrow == " ▸ ✖ wrote to address 0 (null pointer) · read_register… · C report, Enter opens"
    assert fitted_heading(" ▸ ", heading, 30) == " ▸ ✖ wrote to address 0 (null…"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            CrashFacts(kind="assert", reason="assert failed: send tcpip.c:454 (Invalid mbox)"),
            "assertion failed: Invalid mbox · send tcpip.c:454",
        ),
        (
            CrashFacts(kind="exception", cause="IntegerDivideByZero", plain="a division by zero", task="app"),
            "stopped: a division by zero · task app",
        ),
        (CrashFacts(kind="abort", reason="x" * 100), f"gave up: {'x' * (MAX_WHY - 1)}…"),
    ],
)
def test_a_headline_has_the_reason_where_there_is_one(facts: CrashFacts, words: str) -> None:
    assert crash_headline(facts, None) == words


async def test_c_opens_the_report_of_the_crash_walked_to() -> None:
    async with running(size=(110, 30)) as case:
        await board(case, numbered(3), CRASH, RESET, numbered(4), CRASH.replace(b"LoadProhibited", b"StoreProhibited"))
        await case.until(lambda: len(folded(case)) == 2)
        shown: list[int] = []
        first, last = (entry.id for entry in case.session.events if entry.record.type == "panic")
        case.app.board.artifacts.show = lambda entry: shown.append(entry.id)  # type: ignore[method-assign]
        await case.press("left_square_bracket", "c", "left_square_bracket", "c", "C", "G", "C")
        assert shown == [first, last]


async def test_enter_opens_a_crash_with_a_rail_and_folds_its_registers() -> None:
    async with running(size=(110, 30)) as case:
        await board(case, numbered(3), CRASH, numbered(2))
        await case.until(lambda: folded(case))
        await case.press("enter")
        assert any(row.startswith("┃ Guru Meditation Error") for row in case.rows())
        assert any(row.startswith("┃  ▸ registers · 3 lines") for row in case.rows())
        assert not any("A2      :" in row for row in case.rows())
        assert any(row.startswith(" ▾ ✖") and "Enter closes" in row for row in case.rows())
        await case.press("enter")
        assert not any("Guru Meditation" in row for row in case.rows())
        await case.press("z")
        assert any("A2      :" in row for row in case.rows())
        await case.press("z")
        assert not any("Guru Meditation" in row for row in case.rows())


async def test_what_came_since_all_was_opened_does_not_keep_it_from_being_folded_again() -> None:
    async with running(size=(110, 40)) as case:
        await board(case, CRASH, numbered(12))
        await case.until(lambda: folded(case))
        await case.press("z")
        await case.until(lambda: any("A2      :" in row for row in case.rows()))
        offset, line = case.session.offset, len(case.session.store)
        case.session.feed(CRASH)
        panic = next(one for one in Demultiplexer().feed(CRASH + RESET) if one.type == "panic")
        panic.offset += offset
        case.session.happen(panic, line=line)
        await case.until(lambda: len(folded(case)) == 2)
        await case.press("z")
        assert [row[:3] for row in folded(case)] == [" ▸ ", " ▸ "]
        await case.press("z")
        assert all(map(case.pane.view.folds.is_open, case.pane.view.folds))


async def test_a_click_on_the_row_opens_it() -> None:
    async with running(size=(110, 30)) as case:
        await board(case, CRASH)
        await case.until(lambda: folded(case))
        y = next(y for y, row in enumerate(case.rows()) if row.startswith(" ▸"))
        await case.pilot.click(case.pane, offset=(5, y))
        await case.until(lambda: any("Guru Meditation" in row for row in case.rows()))


async def test_a_storm_is_one_row_with_a_count() -> None:
    async with running(size=(110, 30)) as case:
        entry = None
        await board(case, numbered(2))
        for _ in range(4):
            offset, first = case.session.offset, len(case.session.store)
            case.session.feed(CRASH)
            demux = Demultiplexer()
            panic = next(one for one in [*demux.feed(CRASH), *demux.flush()] if one.type == "panic")
            panic.offset += offset
            if entry is None:
                entry = case.session.happen(panic, line=first)
            else:
                case.session.replace_event(entry.id, record=panic, line=first, count=entry.count + 1)
        await case.until(lambda: any("×4" in row for row in folded(case)))
        assert len(folded(case)) == 1
        await case.press("left_square_bracket", "c")
        await case.until(lambda: case.screen.walking.last is not None)
        assert len(folded(case)) == 1, "its row is where a walk to the crash ends"
        await case.press("enter")
        assert len([row for row in folded(case) if row.startswith(" ▸")]) == 4
        walked = []
        for _ in range(4):
            await case.press("right_square_bracket", "c")
            walked.append(case.screen.walking.last)
        assert len(set(walked)) == 3, "then each is a place of its own, and there are three after the first"


async def test_a_boot_loop_is_one_row_with_a_count_and_the_cause() -> None:
    async with running(size=(120, 40)) as case:
        await board(case, numbered(3), *[CRASH, RESET] * 5)
        await case.until(lambda: any("boot loop ×5" in row for row in folded(case)))
        row = next(row for row in folded(case) if "boot loop" in row)
        assert "LoadProhibited" in row
        assert "rst:0xc" in case.text(), "the newest boot is not folded"
        assert len(folded(case)) == 1
        await case.press("enter")
        await case.until(lambda: len(folded(case)) > 1)


async def test_a_walk_goes_into_a_loop_and_passes_over_what_is_the_crash_s_own() -> None:
    said = b"E (9) app: it failed\n"
    async with running(size=(120, 40)) as case:
        await board(case, said, *[said, CRASH.replace(b"Backtrace", b"E (9) app: dying\nBacktrace"), RESET] * 5)
        await case.until(lambda: any("boot loop ×5" in row for row in folded(case)))
        assert not any("dying" in row for row in case.rows())
        await case.press("left_square_bracket", "e")
        await case.until(lambda: case.screen.walking.last is not None)
        line = case.screen.walking.last
        assert line is not None
        assert case.pane.drawing.line(line).text == said.decode().rstrip()
        assert any(row.startswith(" ▾ ↻ boot loop") or row.startswith(" ▸ ✖") for row in folded(case)), "it is open"
        assert not any("dying" in row for row in case.rows()), "it stands in the crash, which is one row"


async def test_a_search_opens_what_is_folded() -> None:
    async with running(size=(110, 30)) as case:
        await board(case, numbered(3), CRASH, numbered(2))
        await case.until(lambda: folded(case))
        case.pane.set_search(TextQuery("EXCVADDR"))
        await case.until(lambda: any("EXCVADDR" in row for row in case.rows()))
        assert case.pane.queries.count == 1


async def test_a_filter_shows_what_is_folded() -> None:
    async with running(size=(110, 30)) as case:
        await board(case, numbered(3), CRASH, numbered(2))
        await case.until(lambda: folded(case))
        case.pane.set_filter(LineFilter(include=TextQuery("Backtrace")))
        await case.until(lambda: any("Backtrace" in row for row in case.rows()))
        assert len(case.pane.view) == 1
        case.pane.set_filter(LineFilter())
        await case.until(lambda: folded(case))


async def test_a_copy_has_what_is_folded() -> None:
    async with running(size=(110, 30)) as case:
        await board(case, numbered(3), CRASH, numbered(2))
        await case.until(lambda: folded(case))
        text = case.pane.pager.text(None, None, 1000)
        assert text is not None
        assert "EXCVADDR" in text
        low = next(fold.low for fold in case.pane.view.folds)
        text = case.pane.pager.text((low, 5), (low, 8), 1000)
        assert text is not None
        assert text.startswith("Guru Meditation")
        assert "EXCVADDR" in text


BASE64 = b"".join(
    base64.b64encode(bytes((7 * row + column) % 256 for column in range(48 if row % 9 else 20))) + b"\r\n"
    for row in range(60)
)


async def test_base64_outside_of_a_crash_is_one_row_too() -> None:
    async with running(size=(110, 30)) as case:
        await case.feed(numbered(3) + BASE64 + numbered(2))
        await case.until(lambda: folded(case) == [" ▸ base64 · 60 lines · Enter opens"])
        assert len(case.pane.view) == 6
        await case.press("enter")
        assert any(row.startswith("BwgJCgsM") for row in case.rows())
        await case.press("enter")
        case.pane.set_search(TextQuery("BwgJCgsM"))
        await case.until(lambda: any(row.startswith("BwgJCgsM") for row in case.rows()))


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_base64_is_found_however_the_lines_come(size: int) -> None:
    found: dict[int, int] = {}
    text = numbered(3) + BASE64 + b"I (3) app: on\n" + BASE64[:300] + numbered(2)
    lines, runs = text.splitlines(keepends=True), Base64Runs()
    for at in range(0, len(lines), size):
        block = block_of(b"".join(lines[at : at + size]), at)
        runs.read(block, at, 0, len(block))
        found.update(runs.take())
    assert found == {3: 63, 64: 69}


@pytest.mark.parametrize(
    "text",
    [
        BASE64[:180],
        b"/usr/share/www/static/index\n" * 9,
        b"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n" * 20,
        b"done\nboot\nidle\nwork\n" * 5,
        b"I (12) app: " + BASE64[:64] + b"\n" + BASE64[:130],
        b"-" * 60 + b"\n",
    ],
)
def test_what_people_read_is_no_base64(text: bytes) -> None:
    runs, block = Base64Runs(), block_of(text)
    runs.read(block, 0, 0, len(block))
    assert not runs.take()
