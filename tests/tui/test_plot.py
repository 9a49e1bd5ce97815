"""The numbers of the log, plotted: found, listed, drawn, walked, written."""

from __future__ import annotations

import csv
import threading
from pathlib import Path

from espmon.records.number_series import NumberSeries
from espmon.records.spans.frame import Frame
from espmon.tui.plot.braille import Canvas
from espmon.tui.plot.plot_panel import PlotPanel
from espmon.tui.plot.plot_picture import MAX_CURVES, PlotPicture, PlotView, draw_plot
from tests.tui.fake_session import FakeSession
from tests.tui.running import Running, running


def log(count: int, start: int = 0) -> bytes:
    return b"".join(
        b"I (%d) mon: free heap: %d bytes, rssi=%d\r\n" % (at * 1000, 200_000 - 800 * at, -60 + at % 5)
        for at in range(start, start + count)
    )


async def opened(case: Running) -> PlotPanel:
    await case.press("P")
    panel = case.screen.query_one(PlotPanel)
    await case.until(lambda: panel.picture is not None and panel.picture.listed, "numbers")
    return panel


def drawn(panel: PlotPanel) -> PlotPicture:
    assert panel.picture is not None
    return panel.picture


def numbers(count: int = 40) -> NumberSeries:
    found = NumberSeries()
    session = FakeSession()
    for at in range(count):
        session.feed(log(1, at))
    for segment in session.store.segments():
        found.feed_block(segment.block, segment.first)
    return found


async def test_numbers_are_found_listed_and_drawn_live(tmp_path: Path) -> None:
    async with running(size=(120, 40)) as case:
        for at in range(30):
            case.session.feed(log(1, at))
        panel = await opened(case)
        await case.until(lambda: drawn(panel).lines == 30)
        text = case.text()
        assert "mon free heap" in text
        assert "mon rssi" in text
        assert "falls by" in text
        assert any(0x2800 < ord(character) <= 0x28FF for character in text)
        case.session.feed(log(1, 30))
        await case.until(lambda: drawn(panel).listed[0].last == 200_000 - 800 * 30)


async def test_payloads_are_plotted_too() -> None:
    async with running(size=(120, 40)) as case:
        for at in range(4):
            frame = Frame(0, 10, None, kind="cbor", value={"t": 20 + at, "ok": True})
            case.session.add_event("frame", "Frame cbor", record=frame, line=0)
        panel = await opened(case)
        assert [row.title for row in drawn(panel).listed] == ["cbor t"]
        assert drawn(panel).listed[0].count == 4


async def test_the_cursor_leads_to_the_line_it_came_from() -> None:
    async with running(size=(120, 40)) as case:
        for at in range(60):
            case.session.feed(log(1, at))
        panel = await opened(case)
        await case.press("left", "left")
        await case.until(lambda: drawn(panel).at is not None)
        assert "line " in case.text().split("Numbers")[1].splitlines()[0]
        point = drawn(panel).at
        assert point is not None
        _, value, line = point
        assert value == 200_000 - 800 * line
        await case.press("enter")
        await case.until(lambda: not case.pane.follow)
        await case.press("escape")
        await case.until(lambda: case.screen.mode == "LOG")
        assert panel.has_class("-on")


async def test_pause_zoom_and_choice() -> None:
    async with running(size=(120, 40)) as case:
        for at in range(40):
            case.session.feed(log(1, at))
        panel = await opened(case)
        whole = drawn(panel).end - drawn(panel).begin
        await case.press("plus")
        await case.until(lambda: drawn(panel).end - drawn(panel).begin < whole)
        await case.press("p")
        await case.until(lambda: "paused" in case.text())
        end = drawn(panel).end
        case.session.clock += 100
        case.session.feed(log(1, 40))
        await case.until(lambda: drawn(panel).lines == 41)
        assert drawn(panel).end == end
        await case.press("0")
        await case.until(lambda: drawn(panel).end > end)
        await case.press("down", "space")
        await case.until(lambda: drawn(panel).shown == ("mon free heap",))
        assert panel.view.selected == "mon rssi"
        await case.press("space")
        await case.until(lambda: drawn(panel).shown == ("mon free heap", "mon rssi"))


async def test_the_drawn_numbers_are_written_as_csv(tmp_path: Path) -> None:
    async with running(size=(120, 40)) as case:
        case.session.set(recording=tmp_path)
        for at in range(5):
            case.session.feed(log(1, at))
            evil = Frame(0, 10, None, kind="json", value={"=cmd()": at})
            case.session.add_event("frame", "Frame json", record=evil, line=at)
        await opened(case)
        await case.press("c")
        path = tmp_path / "numbers.csv"
        await case.until(path.exists)
        await case.until(lambda: "numbers.csv" in case.text().replace("\n", ""))
        rows = list(csv.reader(path.read_text().splitlines()))
        assert rows[0] == ["group", "name", "unit", "time", "line", "value"]
        assert ["mon", "free heap", "bytes"] in [row[:3] for row in rows]
        assert {row[1] for row in rows[1:]} == {"free heap", "rssi", "'=cmd()"}


async def test_the_thread_ends_with_the_panel_and_there_is_none_before() -> None:
    def reading() -> bool:
        return any(thread.name == "espmon-numbers" for thread in threading.enumerate())

    async with running(size=(120, 40)) as case:
        assert not reading()
        case.session.feed(log(5))
        await opened(case)
        assert reading()
        await case.press("P")
        await case.until(lambda: not reading())
        assert case.screen.mode == "LOG"
        await opened(case)
    for thread in threading.enumerate():
        if thread.name == "espmon-numbers":
            thread.join(30)
    assert not reading()


async def test_without_numbers_it_says_so() -> None:
    async with running(size=(80, 24)) as case:
        await case.press("P")
        await case.until(lambda: "No number has come three times yet" in case.text())
        await case.press("down", "space", "left", "plus", "p", "enter", "c")
        await case.press("P")
        await case.until(lambda: case.screen.mode == "LOG")


async def test_clicks_choose_numbers_and_put_the_cursor() -> None:
    async with running(size=(120, 40)) as case:
        for at in range(20):
            case.session.feed(log(1, at))
        panel = await opened(case)
        await case.pilot.click(PlotPanel, offset=(5, 3))
        await case.until(lambda: drawn(panel).shown == ("mon free heap",))
        await case.pilot.click(PlotPanel, offset=(90, 4))
        await case.until(lambda: drawn(panel).at is not None)


def test_a_curve_joins_its_points_and_what_is_outside_is_cut() -> None:
    picture = draw_plot(numbers(), PlotView(), 40, 6, 40)
    assert [len("".join(text for text, _ in row)) for row in picture.rows] == [40] * 6
    assert {curve for row in picture.rows for _, curve in row} >= {0, 1}
    assert picture.shown == ("mon free heap", "mon rssi")
    assert (picture.low, picture.high) == (200_000 - 800 * 39, 200_000.0)
    early = draw_plot(numbers(), PlotView(end=picture.begin - 100.0, span=10.0), 40, 6, 40)
    assert early.low is None
    assert {curve for row in early.rows for _, curve in row} == {-1}


def test_points_that_are_far_apart_are_joined_by_a_line() -> None:
    found = NumberSeries()
    for time, value in ((0.0, 0), (5.0, 10), (10.0, 0)):
        found.feed_value("k", {"v": value}, time, None)
    picture = draw_plot(found, PlotView(), 21, 5, 0)
    drawn_cells = ["".join(text for text, _ in row) for row in picture.rows]
    assert all(any(row[x] != " " for row in drawn_cells) for x in range(21))
    assert drawn_cells[0][10] != " " != drawn_cells[-1][0]
    assert drawn_cells[0][0] == drawn_cells[-1][10] == " "


def test_free_memory_and_what_moves_is_drawn_first() -> None:
    found = NumberSeries()
    for at in range(4):
        found.feed_value("k", {"still": 1, "b": at, "c": at, "d": at, "e": at, "heap": at}, at, None)
    assert draw_plot(found, PlotView(), 10, 2, 0).shown == ("k heap", "k b", "k c", "k d")


def test_at_most_so_many_curves() -> None:
    found = NumberSeries()
    for at in range(9):
        for _ in range(3):
            found.feed_value(f"k{at}", {"v": 1}, 1.0, None)
    picture = draw_plot(found, PlotView(shown=tuple(f"k{at} v" for at in range(9))), 10, 2, 0)
    assert len(picture.shown) == MAX_CURVES


def test_dots_outside_the_canvas_are_none() -> None:
    canvas = Canvas(2, 1)
    canvas.column(-1, 0, 3, 0)
    canvas.column(99, 0, 3, 0)
    assert list(canvas.rows()) == [[("  ", -1)]]
    canvas.column(0, -5, 99, 1)
    assert list(canvas.rows()) == [[("⡇", 1), (" ", -1)]]
