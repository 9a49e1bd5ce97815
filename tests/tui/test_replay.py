"""A recording on the screen: everything but a board, and all of it where its end was."""

from __future__ import annotations

from espmon.session.status import OpenRequest, ReplayState
from espmon.tui.log.query import TextQuery
from espmon.tui.monitor.refusal import NO_BOARD
from espmon.tui.widgets.input_line import InputLine
from tests.tui.fake_session import FakeSession
from tests.tui.running import Running, numbered, running


def recording(state: ReplayState | None = None) -> FakeSession:
    session = FakeSession()
    session.set(replay=state or ReplayState("log file", 100, 100, finished=True))
    return session


def palette(case: Running) -> list[str]:
    return [command.title for command in case.app.get_system_commands(case.screen)]


async def test_what_needs_a_board_is_nowhere() -> None:
    async with running(session=recording(), size=(120, 30)) as case:
        assert not case.screen.query_one(InputLine).display
        assert case.screen.mode == "LOG"
        assert "log file" in case.text()
        footer = case.text().splitlines()[-1]
        assert "Search" in footer
        assert "Input" not in footer
        assert "Screenshot" not in footer
        titles = palette(case)
        assert "Search the log" in titles
        assert "Report of the last crash" in titles
        assert not {"Reset the board", "Probe the board", "Send a break", "Flash the project"} & set(titles)
        await case.press("i", "r", "p", "s", "f2")
        assert case.screen.mode == "LOG"
        assert case.app.screen is case.screen
        assert case.session.calls == ["open"]


async def test_the_menu_key_says_that_there_is_no_board() -> None:
    async with running(session=recording()) as case:
        await case.press("ctrl+t")
        assert "reset" not in case.text()
        await case.press("r")
        await case.until(lambda: NO_BOARD[:20] in case.text())
        assert case.session.calls == ["open"]


async def test_how_far_it_was_read_stands_in_the_header() -> None:
    async with running(session=recording(ReplayState("gzip", 25, 100)), size=(120, 30)) as case:
        assert "▶ gzip ██░░░░░░ 25%" in case.text()
        case.session.set(replay=ReplayState("gzip", 50, 100, tail=True))
        await case.until(lambda: "the end of a gzip, reading ████░░░░ 50%" in case.text())


async def test_all_of_it_takes_the_place_of_its_end() -> None:
    end, whole = recording(), recording()
    first = numbered(1000)
    whole.feed(first + numbered(200, 1000))
    async with running(session=end) as case:
        # The end alone: its offsets in the stream are those that it has in the whole.
        for block in [segment.block for segment in whole.store.segments()]:
            end.store.append(block.part(1000, 1200))
        await case.until(lambda: len(end.store) == 200)
        case.pane.queries.set_search(TextQuery("line 1100"))
        await case.until(lambda: case.pane.queries.count == 1 and not case.pane.queries.reading)
        case.pane.go_to_line(100)
        case.screen.walking.last = 100
        await case.press("m")
        before = case.rows()
        case.app.supersede(whole)
        await case.until(lambda: case.app.link.session is whole)
        await case.until(lambda: case.pane.queries.count == 1 and not case.pane.queries.reading)
        await case.pilot.pause()
        assert not case.pane.follow
        assert any("line 1100" in row for row in case.rows()), before
        assert list(case.screen.walking.marks) == [1100]
        assert case.pane.store is whole.store


async def test_the_beginning_is_shown_first_where_that_is_wished() -> None:
    session = recording(ReplayState("log file", 1, 100))
    async with running(session=session, request=OpenRequest("board.log", at_start=True)) as case:
        await case.until(lambda: not case.pane.follow)
        await case.feed(numbered(500))
        await case.until(lambda: "line 0" in "".join(case.rows()[:1]))
        assert not case.pane.follow
