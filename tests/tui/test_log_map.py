"""The map beside the log, and the counts of errors and warnings: where they are, and that a click leads there."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from functools import partial

import pytest
from rich.color import ColorSystem
from textual.widget import Widget

from espmon.session.store import LogStore, Segment
from espmon.tui.log.level_index import LevelIndex
from espmon.tui.log.log_map import BOOT, CRASH, ERROR, map_cells
from espmon.tui.log.log_view import LogView
from espmon.tui.log.query import TextQuery
from espmon.tui.terminal.cells import CellReader
from espmon.tui.widgets.status_bar import StatusBar
from tests.tui.fake_session import block_of
from tests.tui.running import Running, numbered, running

LOG = b"".join(
    b"%s (%d) app: line %d\r\n"
    % (b"E" if number % 500 == 250 else b"W" if number % 100 == 70 else b"I", number, number)
    for number in range(2000)
)


def signs(case: Running) -> dict[int, str]:
    cells = case.pane.vertical_scrollbar
    assert hasattr(cells, "cells")
    return {y: cell[0].name for y, cell in enumerate(cells.cells) if cell is not None}


def _is_here(case: Running, line: int) -> bool:
    return case.screen.walking.here == line


@pytest.mark.parametrize("count", [30, 31, 1000])
@pytest.mark.parametrize("height", [1, 7, 29])
def test_each_line_is_in_the_cell_of_its_part_of_the_log(count: int, height: int) -> None:
    store = LogStore()
    store.append(block_of(numbered(count)))
    view = LogView(store)
    errors = list(range(3, count, 11))
    cells = map_cells(view, height, [(CRASH, [5]), (ERROR, errors), (BOOT, [])])
    assert len(cells) == height
    borders = [count * y // height for y in range(height)] + [count]
    for y, cell in enumerate(cells):
        here = [line for line in errors if borders[y] <= line < borders[y + 1]]
        if borders[y] <= 5 < borders[y + 1]:
            assert cell == (CRASH, 5)
        else:
            assert cell == ((ERROR, here[0]) if here else None)


def test_a_log_that_is_on_the_screen_has_no_map() -> None:
    store = LogStore()
    store.append(block_of(numbered(10)))
    assert map_cells(LogView(store), 10, [(ERROR, [1])]) == []


def test_errors_and_warnings_are_counted_in_slices_and_forgotten_with_their_lines() -> None:
    store = LogStore(100_000)
    index = LevelIndex(store)
    for _ in range(20):
        store.append(block_of(LOG))
        while index.behind:
            index.read(0.0)
    assert list(index.errors[-4:]) == [38250, 38750, 39250, 39750]
    assert index.since(38_000) == (4, 20)
    assert len(index.errors) - bisect_left(index.errors, store.first) <= (len(store) - store.first) // 500 + 1


class GrowingStore(LogStore):
    """A log to which the session's thread adds lines just when the screen's begins to read it."""

    def walk(self, start: int = 0) -> Iterator[Segment]:
        for _ in range(3):
            self.append(block_of(b"E (1) app: late\r\n" * 3))
        return super().walk(start)


def test_lines_that_come_while_levels_are_read_are_read_the_next_time() -> None:
    store = GrowingStore(100_000)
    store.append(block_of(LOG))
    index = LevelIndex(store)
    index.read(60.0)
    assert list(index.errors) == [250, 750, 1250, 1750]
    assert index.next == 2000
    index.read(60.0)
    assert list(index.errors[4:]) == list(range(2000, 2009))


@pytest.mark.parametrize("theme", ["espmon", "espmon-light", "ansi-dark", "textual-light"])
async def test_the_bar_looks_as_the_toolkit_draws_it(theme: str) -> None:
    async with running(size=(100, 30)) as case:
        case.app.theme = theme
        await case.feed(LOG)
        await case.until(lambda: "error" in signs(case).values(), "errors on the map")
        bar = case.pane.vertical_scrollbar
        reader = CellReader(ColorSystem.TRUECOLOR)
        for virtual, position in ((2000, 1971.0), (2000, 611.375), (60, 0.0), (20, 0.0)):
            bar.place(virtual, bar.size.height, position)
            bar._set_dirty()
            ours, theirs = bar.render_lines(bar.size.region), Widget.render_lines(bar, bar.size.region)
            assert len(ours) == len(theirs) == bar.size.height
            for one, other in zip(map(reader.read, ours), map(reader.read, theirs), strict=True):
                assert one is not None
                assert other is not None
                assert (one.texts, one.styles) == (other.texts, other.styles)
            metas = [[[style and style.meta for _, style, _ in strip] for strip in strips] for strips in (ours, theirs)]
            assert metas[0] == metas[1]


async def test_signs_stand_at_their_place_and_a_click_goes_there() -> None:
    async with running(size=(100, 30)) as case:
        await case.feed(LOG)
        await case.until(lambda: "error" in signs(case).values(), "errors on the map")
        y = next(y for y, name in signs(case).items() if name == "error")
        assert y == pytest.approx(250 / 2000 * case.pane.size.height, abs=1)
        place = (case.pane.region.right - 1, case.pane.region.y + y)
        await case.pilot.mouse_down(offset=place)
        await case.until(lambda: 250 in case.pane.visible_lines, "the error")
        await case.pilot.mouse_up(offset=place)
        case.pane.set_search(TextQuery("line 1500"))
        await case.until(lambda: "match" in signs(case).values(), "the match on the map")
        await case.press("g", "m")
        await case.until(lambda: "mark" in signs(case).values(), "the mark on the map")


async def test_counts_are_those_since_the_boot_and_lead_to_the_newest() -> None:
    async with running(size=(100, 30)) as case:
        await case.feed(LOG)
        bar = case.screen.query_one(StatusBar)
        await case.until(lambda: " ✖ 4 " in bar.text and " ▲ 20 " in bar.text, "the counts")
        case.session.add_event("reset", "Power on", line=1000, boot=1)
        await case.until(lambda: " ✖ 2 " in bar.text and " ▲ 10 " in bar.text, "the counts since the boot")
        for line in (1750, 1250):
            await case.until(lambda: any(bar.part_at(x).startswith(" ✖") for x in range(100)), "the count")
            x = next(x for x in range(100) if bar.part_at(x).startswith(" ✖"))
            await case.pilot.click(bar, offset=(x + 1, 0))
            await case.until(partial(_is_here, case, line), "the error before")
