"""In the timeline of several boards each one's crashes, storms and loops are one row; lines of others stay."""

from __future__ import annotations

import random

import pytest

from espmon.records import Demultiplexer
from espmon.records.lines import Line
from espmon.session.store import LogStore
from espmon.session.timeline_store import TimelineStore
from espmon.tui.log.folds import Fold, Folds, Layer
from espmon.tui.log.log_view import LogView
from espmon.tui.log.query import TextQuery
from espmon.tui.screens.panic_screen import PanicReportScreen
from tests.tui.crash_text import CRASH, RESET
from tests.tui.fake_session import FakeSession, block_of
from tests.tui.test_board_tabs import RIGHT, Desk, desk
from tests.tui.test_folds import BASE64, folded, shown_by

BOARDS = 3


def mixed(chance: random.Random, lines: int) -> tuple[TimelineStore, list[LogStore]]:
    """A timeline of boards whose lines come in turns."""
    merged, logs = TimelineStore(), [LogStore() for _ in range(BOARDS)]
    for board, log in enumerate(logs):
        merged.add(board, log)
    while len(merged) < lines:
        board = chance.randrange(BOARDS)
        logs[board].append(block_of(b"x\n" * chance.randrange(1, 5)))
        merged.take(board)
    return merged, logs


def expected(folds: Folds, store: TimelineStore, first: int) -> list[int]:
    """The lines that are shown: of a closed fold its first one, and all lines of other boards."""
    hidden = {
        line
        for fold in folds
        if not folds.is_open(fold) and fold.low >= first
        for line in range(fold.low + 1, min(fold.high, len(store)))
        if store.board_of(line) == fold.board
    }
    return [line for line in range(first, len(store)) if line not in hidden]


@pytest.mark.parametrize("seed", range(12))
def test_places_are_those_of_a_log_without_the_hidden_lines_whatever_boards_speak_between(seed: int) -> None:
    chance = random.Random(seed)
    store, logs = mixed(chance, 150)
    view = LogView(store)
    folds = view.folds

    def fold(board: int, low: int, high: int, layer: Layer) -> None:
        here = store.lines_here(board, low, high)
        if here is not None and high - low > 1:
            folds.add(Fold(*here, layer, board=board))

    for board, log in enumerate(logs):
        at = 0
        while at < len(log) - 10:
            low = at + chance.randrange(6)
            high = low + chance.randrange(2, 12)
            if chance.random() < 0.5:
                fold(board, low, low + (high - low) // 2, Layer.CRASH)
                fold(board, low + (high - low) // 2, high, Layer.CRASH)
            fold(board, low, high, chance.choice([Layer.LOOP, Layer.STORM]))
            if chance.random() < 0.4:
                high += 4
                fold(board, low, high, Layer.LOOP)
            at = high
            if chance.random() < 0.3:
                len(view)  # what was found so far is used, and then more comes
    for one in list(folds):
        if chance.random() < 0.4:
            folds.set_open(one, True)
    for base in (0, chance.randrange(80)):
        view.base = base
        view.sync()
        lines = shown_by(view)
        assert lines == expected(folds, store, base)
        assert [view.position(line) for line in lines] == list(range(len(lines)))
        assert all(view.shows(line) == (line in lines) for line in range(base, len(store)))
        assert list(view.taken(base, len(store))) == list(range(base, len(store)))
    for line in range(view.base, len(store)):
        around = [one for one in folds if one.low <= line < one.high and one.board == store.board_of(line)]
        assert sorted(folds.around(line), key=lambda one: one.low) == sorted(around, key=lambda one: one.low)
        if around:
            folds.reveal(line, inside=True)
            assert view.shows(line)


def test_a_fold_grows_as_it_would_have_been_found_at_once() -> None:
    chance = random.Random(1)
    store, logs = mixed(chance, 400)
    grown, whole = LogView(store), LogView(store)
    for end in range(10, len(logs[0]), 7):
        for view in (grown, whole):
            crash = store.lines_here(0, end - 5, end)
            other = store.lines_here(1, end // 2, end // 2 + 2)
            loop = store.lines_here(0, 3, end)
            assert crash is not None
            assert loop is not None
            assert other is not None
            view.folds.add(Fold(*crash, Layer.CRASH))
            view.folds.add(Fold(*other, Layer.PART, board=1))
            view.folds.add(Fold(*loop, Layer.LOOP, count=end))
        whole.folds.set_all(False)  # all of it is found anew
        assert shown_by(grown) == shown_by(whole)


def happened(session: FakeSession, text: bytes) -> None:
    """A board that has just said this tells what it was."""
    start = session.offset - len(text)
    demux = Demultiplexer()
    for record in [*demux.feed(text), *demux.flush()]:
        if record.derived and not isinstance(record, Line) and record.type in ("panic", "reset"):
            record.offset += start
            session.happen(record, line=session.store.line_at(record.offset))
    session.feed(b"I (99) app: on we go\n")


def interleaved(session: FakeSession, text: bytes, others: FakeSession) -> None:
    """A board says this, another one a line after each of its lines."""
    for number, line in enumerate(text.splitlines(keepends=True)):
        session.feed(line)
        others.feed(b"I (%d) other: line %d\n" % (number, number))
    happened(session, text)


def heads(made: Desk) -> list[str]:
    """The rows of folds."""
    return [row for row in made.case.rows() if " ▸ " in row or " ▾ " in row]


async def test_a_crash_among_lines_of_another_board_folds_its_own_lines_alone() -> None:
    async with desk(RIGHT, size=(120, 40)) as made:
        case, (left, right) = made.case, made.sessions
        await made.look_at("0", "All")
        interleaved(left, CRASH, right)
        await case.until(lambda: heads(made))
        (row,) = heads(made)
        assert row.startswith("left   ▸ ✖ ")
        assert "LoadProhibited" in row
        assert "lines" in row
        rows = case.rows()
        assert not any("Backtrace" in one for one in rows)
        others = [one for one in rows if "other: line" in one]
        assert len(others) == len(CRASH.splitlines())
        assert all(one.startswith("right ") and "┃" not in one for one in others)
        fold = next(iter(case.pane.view.folds))
        taken = case.pane.pager.text((fold.low, 0), (fold.low, 5), 1000)
        assert taken is not None
        assert taken.splitlines() == CRASH.decode().splitlines()[: len(taken.splitlines())]
        assert "EXCVADDR" in taken, "a copy has what is folded, and of that board alone"
        case.pane.set_search(TextQuery("EXCVADDR"))
        await case.until(lambda: any(one.startswith("left  ┃ EXCVADDR") for one in case.rows()), "a search opens it")
        assert case.pane.queries.count == 1
        await case.press("left_square_bracket", "c", "enter")
        await case.until(lambda: not any("Backtrace" in one for one in case.rows()))
        await case.press("enter")
        await case.until(lambda: any(one.startswith("left  ┃ Backtrace") for one in case.rows()))
        assert any(one.startswith("left  ┃  ▸ registers · 3 lines") for one in case.rows())
        assert not any("┃" in one for one in case.rows() if one.startswith("right"))
        await case.press("C")
        await case.until(lambda: case.app.board.name == "left", "its report in its tab")
        await case.until(lambda: isinstance(case.app.screen, PanicReportScreen))


async def test_boot_loops_of_two_boards_at_once_are_two_rows() -> None:
    async with desk(RIGHT, size=(120, 40)) as made:
        case, (left, right) = made.case, made.sessions
        loop = (CRASH + RESET) * 5
        for line in loop.splitlines(keepends=True):
            left.feed(line)
            right.feed(line)
        happened(left, loop)
        happened(right, loop)
        await made.look_at("0", "All")
        await case.until(lambda: len([row for row in heads(made) if "boot loop ×5" in row]) == 2)
        for line in BASE64.splitlines(keepends=True)[:12]:
            left.feed(line)
            right.feed(b"I (1) other: tick\n")
        left.feed(b"I (2) app: done\n")
        await case.until(lambda: any("base64 · 12 lines" in row for row in heads(made)))
        assert len([row for row in case.rows() if "other: tick" in row]) == 12
        await case.press("g")
        left_row, right_row = (row for row in heads(made) if "boot loop" in row)
        assert left_row.startswith("left ")
        assert right_row.startswith("right ")
        assert "LoadProhibited" in left_row


async def test_what_a_board_told_while_nobody_looked_is_folded_when_somebody_does() -> None:
    async with desk(RIGHT, size=(120, 40)) as made:
        case, (left, right) = made.case, made.sessions
        await made.look_at("f8", "right")
        await made.look_at("f7", "left")
        demux = Demultiplexer()
        first = None
        for _ in range(4):
            start, low = right.offset, len(right.store)
            right.feed(CRASH)
            panic = next(one for one in [*demux.feed(CRASH), *demux.flush()] if one.type == "panic")
            panic.offset = start
            demux = Demultiplexer()
            if first is None:
                first = right.happen(panic, line=low)
            else:
                count = right.events[first.id].count + 1
                right.replace_event(first.id, record=panic, line=low, count=count)
        left.feed(b"quiet\n")
        await made.look_at("f8", "right")
        await case.until(lambda: any("×4" in row for row in folded(case)))
        assert len(folded(case)) == 1
        await made.look_at("0", "All")
        await case.until(lambda: any("×4" in row for row in heads(made)), "the storm in the timeline")
