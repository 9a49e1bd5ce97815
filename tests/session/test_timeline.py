"""The timeline holds the lines of several logs in the order in which they came, and no text of its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from espmon.session.state import State
from espmon.session.status import LinesAppended
from espmon.session.store import LogStore
from espmon.session.timeline import Timeline, own_id
from espmon.session.timeline_store import PartBlock, TimelineStore
from espmon.tui.log.history_scan import Scan
from espmon.tui.log.level_index import LevelIndex
from espmon.tui.log.query import LineFilter, TextQuery
from espmon.tui.log.selector import Selector
from tests.tui.fake_session import FakeSession, block_of

LINES = st.sampled_from([b"I (1) a: x\n", b"E (2) b: y\r\n", b"10%\r", b"z\n"])
PIECES = st.lists(st.tuples(st.integers(0, 2), st.lists(LINES, min_size=1)), max_size=20)


def shown(store: LogStore) -> list[bytes]:
    """The bodies of all lines."""
    return [store.locate(line)[0].body(store.locate(line)[1]) for line in range(store.first, store.rows_end)]


@given(PIECES)
def test_it_has_every_finished_row_of_each_log_once_and_in_order(pieces: list[tuple[int, list[bytes]]]) -> None:
    merged = TimelineStore()
    logs = [LogStore(cr_overwrites=True) for _ in range(3)]
    for board, log in enumerate(logs):
        merged.add(board, log)
    for board, lines in pieces:
        data = b"".join(lines)
        logs[board].append(block_of(data))
        merged.take(board)
    for board, log in enumerate(logs):
        own = [merged.own_line(line)[1] for line in range(len(merged)) if merged.board_of(line) == board]
        assert own == list(range(log.rows_end))
        for line in own:
            here = merged.line_of(board, line)
            assert here is not None
            assert merged.own_line(here) == (board, line)
            (ours, at), (theirs, index) = merged.locate(here), log.locate(line)
            assert (ours.raw(at), ours.text(at), ours.level(at), ours.tag(at)) == (
                theirs.raw(index), theirs.text(index), theirs.level(index), theirs.tag(index),
            )  # fmt: skip
            assert merged.rows.start(here) - here == log.rows.start(line) - line
            assert merged.rows.stop(here) - here == log.rows.stop(line) - line
    scanned = [
        text for segment in merged.segments() for text in map(segment.loaded.block.text, range(len(segment.block)))
    ]
    assert scanned == [merged.record(line).text for line in range(len(merged))]


def test_whole_blocks_are_those_of_the_logs() -> None:
    merged, log = TimelineStore(), LogStore()
    merged.add(0, log)
    log.append(block_of(b"one\ntwo\n"))
    merged.take(0)
    assert merged.segments()[0].block is log.segments()[0].block


def test_what_the_boards_logs_pick_is_put_in_order_and_only_of_the_wanted_boards() -> None:
    merged, left, right = TimelineStore(), LogStore(), LogStore()
    merged.add(0, left)
    merged.add(1, right)
    for number in range(6):
        (left, right)[number % 2].append(block_of(b"a %d\nb %d\n" % (number, number)))
        merged.take(number % 2)
    scan = Scan(merged, Selector(LineFilter(include=TextQuery("b"))))
    while scan.step(5):
        pass
    assert [merged.record(line).text for line in scan.ids] == [f"b {number}" for number in range(6)]
    of_right = Scan(merged, Selector(LineFilter(include=TextQuery("b"), boards=frozenset({1}), span=(4, 10))))
    while of_right.step(5):
        pass
    assert [merged.record(line).text for line in of_right.ids] == ["b 3"]


def test_a_part_of_a_block_reads_as_the_block_does() -> None:
    block = block_of(b"I (1) a: x\nE (2) b: y\r\nplain\n", 100)
    part = PartBlock(block, 1, 3)
    assert [line.text for line in part] == ["E (2) b: y", "plain"]
    assert (part.levels, list(part.tags), list(part.times)) == (b"E\0", ["b", None], [2, None])
    assert (part.offset, part.length, part.eol(0), part.unfinished(1)) == (111, 18, "\r\n", False)
    assert part.part(1, 2).text(0) == "plain"


def test_errors_are_counted_over_all_boards_in_the_order_of_the_timeline() -> None:
    merged, left, right = TimelineStore(), LogStore(), LogStore()
    merged.add(0, left)
    merged.add(1, right)
    for number in range(2000):
        log = (left, right)[number % 2]
        log.append(block_of(b"E (1) a: %04d\nI (2) b: y\n" % number, number // 2 * 25))
        merged.take(number % 2)
    index = LevelIndex(merged)
    while index.behind:
        index.read()
    assert list(index.errors) == list(range(0, 4000, 2))
    assert index.tags == {"a": 2000, "b": 2000}


def test_what_a_log_drops_goes_with_all_before_it_and_nothing_is_missing_behind_it() -> None:
    merged = TimelineStore()
    loud, quiet = LogStore(limit=200), LogStore()
    merged.add(0, loud)
    merged.add(1, quiet)
    quiet.append(block_of(b"old\n"))
    merged.take(1)
    for number in range(40):
        loud.append(block_of(b"loud %04d\n" % number))
        merged.take(0)
    quiet.append(block_of(b"new\n"))
    merged.take(1)
    texts = [body.decode() for body in shown(merged)]
    assert texts == [*(f"loud {number:04d}" for number in range(loud.first, 40)), "new"]
    assert merged.line_of(1, 0) is None
    assert merged.line_of(0, loud.first) == merged.first


def test_events_wait_for_their_lines_and_lead_back_to_their_boards() -> None:
    timeline = Timeline()
    left, right = FakeSession(), FakeSession()
    timeline.add(0, "left", left)
    timeline.add(1, "right", right)
    left.feed(b"one\n")
    right.add_event("boot", "started", line=0)
    assert not timeline.events
    right.feed(b"two\n")
    entry = timeline.events[0]
    assert (entry.title, entry.line, own_id(entry.id)) == ("right: started", 1, (1, 0))
    left.feed(b"three\n")
    right.replace_event(0, title="started again")
    assert [entry.title for entry in timeline.events] == ["right: started again"]


def test_it_is_silent_as_long_as_the_board_that_spoke_last() -> None:
    timeline = Timeline()
    left, right = FakeSession(), FakeSession()
    timeline.add(0, "left", left)
    timeline.add(1, "right", right)
    left.set(state=State.MONITORING, quiet=60)
    right.set(state=State.MONITORING)
    assert timeline.status.quiet == 0
    right.set(quiet=10)
    assert timeline.status.quiet == 10
    right.set(state=State.LOST, quiet=0)
    assert timeline.status.quiet == 60


def test_an_event_stands_at_its_line_though_it_is_told_before_its_lines_are() -> None:
    timeline = Timeline()
    left, right = FakeSession(), FakeSession()
    timeline.add(0, "left", left)
    timeline.add(1, "right", right)
    right.feed(b"one\n")
    left.store.append(block_of(b"two\nthree\n"))
    left.add_event("reset", "started", line=1)
    left.tell(LinesAppended(2))
    assert [entry.line for entry in timeline.events] == [2]
    assert [body.decode() for body in shown(timeline.store)] == ["one", "two", "three"]


@given(PIECES, st.data())
def test_ranges_of_a_boards_lines_are_those_that_its_log_has_there(
    pieces: list[tuple[int, list[bytes]]], data: st.DataObject
) -> None:
    merged = TimelineStore()
    logs = [LogStore(cr_overwrites=True) for _ in range(3)]
    for board, log in enumerate(logs):
        merged.add(board, log)
    for board, lines in pieces:
        logs[board].append(block_of(b"".join(lines)))
        merged.take(board)
    low, high = data.draw(st.integers(0, len(merged) + 1)), data.draw(st.integers(0, len(merged) + 1))
    for board, log in enumerate(logs):
        found = [line for first, end in merged.pieces(board, low, high) for line in range(first, end)]
        assert found == [line for line in range(low, min(high, len(merged))) if merged.board_of(line) == board]
        own = data.draw(st.integers(0, len(log))), data.draw(st.integers(0, len(log)))
        wanted = range(own[0], min(own[1], log.rows_end))
        here = merged.lines_here(board, *own)
        if not wanted:
            assert here is None
        else:
            assert here == (merged.line_of(board, wanted[0]), (merged.line_of(board, wanted[-1]) or 0) + 1)


def test_a_board_that_was_closed_leaves_its_lines() -> None:
    timeline = Timeline()
    left, right = FakeSession(), FakeSession()
    timeline.add(0, "left", left)
    timeline.add(1, "right", right)
    left.feed(b"one\n")
    timeline.remove(0)
    left.feed(b"two\n")
    right.feed(b"three\n")
    assert [body.decode() for body in shown(timeline.store)] == ["one", "three"]
    assert timeline.name_of(0) == "left"
