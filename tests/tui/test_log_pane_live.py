"""The line that is still being received: a row that grows, under the id that it will have."""

from __future__ import annotations

from textual.geometry import Offset, Region
from textual.selection import Selection

from espmon.session.store import LogStore
from espmon.tui.log.query import LineFilter, TextQuery
from espmon.tui.widgets.log_pane import LogPane
from tests.tui.fake_session import block_of
from tests.tui.running import Running, numbered, running


def shown(case: Running) -> list[str]:
    return [row for row in case.rows() if row]


async def test_a_line_without_an_end_is_a_row_that_grows() -> None:
    async with running() as case:
        await case.feed(numbered(2))
        for dots in range(4):
            await case.grow(b"Connecting" + b"." * dots)
            assert shown(case) == ["line 0", "line 1", "Connecting" + "." * dots]
        await case.feed(b"Connecting....\r\n")
        assert shown(case) == ["line 0", "line 1", "Connecting...."]
        assert len(case.session.store) == 3


async def test_it_stands_at_the_bottom_and_pushes_the_others_up() -> None:
    async with running() as case:
        await case.feed(numbered(100))
        await case.grow(b"esp> ")
        assert case.rows()[-2:] == ["line 99", "esp>"]
        case.pane.set_wrap(True)
        await case.grow(b"x" * 250)
        assert case.rows()[-4] == "line 99"
        assert "".join(case.rows()[-3:]) == "x" * 250


async def test_a_row_that_changes_alone_is_drawn_alone() -> None:
    async with running() as case:
        await case.feed(numbered(5))
        await case.grow(b"10%")
        drawn: list[Region] = []
        refresh = case.pane.refresh

        def watched(*regions: Region, **options: bool) -> LogPane:
            drawn.extend(regions)
            return refresh(*regions, **options)

        case.pane.refresh = watched  # type: ignore[method-assign]
        await case.grow(b"10%\r20%")
        assert drawn == [Region(0, 5, case.pane.size.width, 1)]


async def test_it_does_not_count_as_a_new_line_and_moves_nobody() -> None:
    async with running() as case:
        await case.feed(numbered(100))
        await case.grow(b"esp> ")
        await case.press("k", "k", "k")
        held = case.rows()
        await case.grow(b"esp> help")
        assert case.rows() == held
        assert case.pane.unseen == 0


async def test_a_search_finds_it_counts_it_and_goes_to_it() -> None:
    async with running() as case:
        await case.feed(numbered(3))
        await case.grow(b"line of the prompt")
        case.pane.set_search(TextQuery("line"))
        await case.until(lambda: case.pane.drawing.current == 3, "the match")
        assert (case.pane.queries.count, case.pane.queries.ordinal) == (4, 4)
        for step, line in ((1, 0), (-1, 3), (-1, 2), (1, 3), (1, 0), (1, 1)):
            case.pane.next_match(step)
            assert case.pane.drawing.current == line


async def test_a_match_in_it_stays_one_match_when_it_is_finished() -> None:
    async with running() as case:
        await case.feed(numbered(3))
        await case.grow(b"a prompt")
        case.pane.set_search(TextQuery("prompt"))
        await case.until(lambda: case.pane.drawing.current == 3, "the match")
        await case.feed(b"a prompt\n")
        assert case.pane.queries.count == 1


async def test_a_filter_judges_it_as_it_stands() -> None:
    async with running() as case:
        await case.feed(b"E (1) a: bad\nI (2) a: fine\n")
        case.pane.set_filter(LineFilter(include=TextQuery("bad")))
        await case.until(lambda: not case.pane.queries.filtering, "the filter")
        await case.grow(b"E (3) a: still ")
        assert shown(case) == ["E (1) a: bad"]
        await case.grow(b"E (3) a: still bad")
        assert shown(case) == ["E (1) a: bad", "E (3) a: still bad"]
        await case.feed(b"E (3) a: still bad\n")
        assert shown(case) == ["E (1) a: bad", "E (3) a: still bad"]


async def test_copying_takes_it_too() -> None:
    async with running() as case:
        await case.feed(numbered(3))
        await case.grow(b"esp> he")
        copied = case.pane.get_selection(Selection(Offset(0, 2), Offset(6, 3)))
        assert copied == ("line 2\nesp> h", "\n")


async def test_it_is_dated_with_its_first_byte_and_shown_in_every_shape() -> None:
    async with running() as case:
        await case.feed(b"line\n")
        await case.grow(b"a\x1b[31mb\r")
        assert shown(case)[-1] == "ab"
        await case.press("x")
        assert shown(case)[-1] == r"a\x1b[31mb\r"
        await case.press("x")
        assert shown(case)[-1].startswith("000000  61 1b 5b")


async def test_clearing_the_screen_leaves_it() -> None:
    async with running() as case:
        await case.feed(numbered(3))
        await case.grow(b"esp> ")
        case.pane.clear()
        assert shown(case) == ["esp>"]


async def test_expressions_that_take_long_do_not_hold_up_a_frame() -> None:
    async with running() as case:
        await case.feed(numbered(3))
        case.pane.set_filter(LineFilter(include=TextQuery("(a|aa)+$", regex=True)))
        await case.until(lambda: not case.pane.queries.filtering, "the filter")
        await case.grow(b"a" * 80 + b"!")
        assert case.rows()[0].startswith("aaa"), "what cannot be judged is shown"


def test_a_row_that_was_finished_meanwhile_is_not_shown_twice() -> None:
    store = LogStore()
    store.append(block_of(b"one\n"))
    store.grow(block_of(b"two", 4))
    live = store.live
    assert live is not None
    assert (live.row, live.end, live.version) == (1, 1, 7)
    store.append(block_of(b"two\n", 4))
    assert store.live is None
    assert store.unfinished is None
