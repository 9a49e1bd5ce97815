"""From bytes to rows: what the log pane shows beside what a terminal shows, whatever the reads and the pauses were."""

from __future__ import annotations

from collections.abc import Sequence

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.style import Style

from espmon.records.demux import Demultiplexer
from espmon.records.lines import LineBlock
from espmon.session.row_index import RowIndex
from espmon.session.store import LogStore
from espmon.tui.log.history_scan import Scan
from espmon.tui.log.layout import Layout, Shape
from espmon.tui.log.log_view import LogView
from espmon.tui.log.meaning import Meaning
from espmon.tui.log.painter import Painter
from espmon.tui.log.query import LineFilter, TextQuery
from espmon.tui.log.row_texts import clipped
from espmon.tui.log.selector import Selector
from espmon.tui.log.sgr import PLAIN, apply
from tests.tui.fake_session import block_of

RED = apply(PLAIN, "31")

BOARDS = {
    "dots": [b"Connecting", *[b"."] * 12, b" connected\r\n", b"I (900) wifi: up\r\n"],
    "bar": [b"Writing\r\n", *[b"\r[%-10s] %d%%" % (b"=" * (n // 10), n) for n in range(0, 101, 10)], b"\r\nDone\r\n"],
    "bar with CR behind": [*[b"%d%%\r" % n for n in range(0, 101, 20)], b"done\n", b"next\n"],
    "spinner": [b"working  ", *[b"\b" + one for one in (b"|", b"/", b"-", b"\\")] * 3, b"\b \r\n"],
    "erased": [b"Scanning channel 1", b"\r\x1b[KScanning channel 2", b"\r\x1b[K", b"3 networks\r\n"],
    "prompt and echo": [b"esp> ", b"h", b"e", b"l", b"q", b"\b \b", b"p", b"\r\n", b"help: prints this\r\n", b"esp> "],
    "log over a prompt": [b"esp> wi", b"\r\x1b[KI (5) wifi: up\r\n", b"esp> wi"],
    "linenoise": [
        b"\x1b[0Gesp> \x1b[0K\r\x1b[5C", b"\x1b[0Gesp> h\x1b[0K\r\x1b[6C", b"\x1b[0Gesp> he\x1b[0K\r\x1b[7C",
        b"\x1b[0Gesp> he\x1b[0K\r\x1b[6C", b"\x1b[0Gesp> hae\x1b[0K\r\x1b[7C", b"\r\n", b"unknown\r\n",
    ],
    "MicroPython": [b">>> ", b"print(1", b"\x08\x1b[K", b"2)", b"\r\n2\r\n>>> ", b"\r\npaste mode; Ctrl-C\r\n=== "],
    "LF CR": [b"one\n\rtwo\n\r", b"three\n", b"\rfour\n"],
    "CR CR LF": [b"one\r\r\ntwo\r", b"\r\nthree\r\r\n"],
    "shorter over longer": [b"a longer line\rshort\r\n", b"x\r\r\n"],
    "wide": ["温度 20\r温度 21\r\n".encode(), "日\r本\r\n".encode()],
    "empty lines": [b"\r\n\r\n", b"a\r\n\n\nb"],
}  # fmt: skip
"""What boards print, read by read: between two of them a pause of any length may lie."""

MIXED = st.lists(
    st.sampled_from(
        [b"abc", b"10%", b"\r", b"\n", b"\r\n", b"\b", b"\x1b[K", b"\x1b[3G", b"\x1b[2D", b"I (1) a: b\r\n", b" ",
         b"\r\r\n", b"\x1b[31m", b"\x1b[0m", b"\t", b"\x1b[2P"]
    ),
    max_size=40,
).map(b"".join)  # fmt: skip


class Shown:
    """A log pane without a screen."""

    def __init__(self, *, cr_overwrites: bool = True, limit: int = 1 << 20) -> None:
        self.store = LogStore(limit, cr_overwrites=cr_overwrites)
        self.demux = Demultiplexer()
        self.view = LogView(self.store)
        self.layout = Layout(self.store, Painter(Style()))
        self.layout.live = lambda: self.view.live

    def feed(self, data: bytes, *, pause: bool = False) -> None:
        parts = [*self.demux.feed(data).parts]
        if pause:
            parts += [*self.demux.idle().parts, *self.demux.settle().parts, *self.demux.stall().parts]
        for part in parts:
            if isinstance(part, LineBlock):
                self.store.append(part)
        self.store.grow(self.demux.unfinished)
        self.view.sync()

    def rows(self) -> list[str]:
        return [self.layout.line(self.view.line(at)).text.rstrip() for at in range(len(self.view))]


def terminal(data: bytes) -> list[str]:
    """The rows of a terminal up to its cursor."""
    screen = pyte.Screen(300, 80)
    pyte.ByteStream(screen).feed(data.replace(b"\n", b"\r\n"))
    rows = [row.rstrip() for row in screen.display[: screen.cursor.y + 1]]
    # A row that nothing was printed on is none yet.
    return rows if rows[-1] or screen.cursor.x else rows[:-1]


def without_empty_end(rows: Sequence[str]) -> list[str]:
    rows = list(rows)
    while rows and not rows[-1]:
        rows.pop()
    return rows


@pytest.mark.parametrize("pause", [False, True], ids=["flowing", "pauses"])
@pytest.mark.parametrize("board", BOARDS)
def test_the_log_shows_what_a_terminal_shows_at_every_moment(board: str, pause: bool) -> None:
    shown, so_far = Shown(), b""
    for part in BOARDS[board]:
        shown.feed(part, pause=pause)
        so_far += part
        assert without_empty_end(shown.rows()) == without_empty_end(terminal(so_far))


@pytest.mark.parametrize("board", BOARDS)
def test_it_does_so_at_every_byte_and_every_pause(board: str) -> None:
    data = b"".join(BOARDS[board])
    shown = Shown()
    for at in range(len(data)):
        shown.feed(data[at : at + 1], pause=True)
    assert without_empty_end(shown.rows()) == without_empty_end(terminal(data))


@given(MIXED, st.data())
@settings(max_examples=200, deadline=None)
def test_any_bytes_in_any_reads_give_the_rows_of_a_terminal(data: bytes, draw: st.DataObject) -> None:
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=6)))
    shown = Shown()
    for low, high in zip([0, *cuts], [*cuts, len(data)], strict=True):
        shown.feed(data[low:high], pause=draw.draw(st.booleans()))
    assert without_empty_end(shown.rows()) == without_empty_end(terminal(data))


@given(MIXED, st.lists(st.integers(1, 9), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_searches_and_filters_see_what_the_rows_show(data: bytes, sizes: list[int]) -> None:
    shown = Shown()
    at = 0
    while at < len(data):
        size = sizes[at % len(sizes)]
        shown.feed(data[at : at + size])
        at += size
    finished = [shown.view.line(position) for position in range(shown.view.finished)]
    for word in ("ab", "10%", "a: b", "c1"):
        expected = [row for row in finished if word in shown.layout.line(row).text]
        for selector in (Selector(LineFilter(), TextQuery(word)), Selector(LineFilter(include=TextQuery(word)))):
            scan = Scan(shown.store, selector)
            while scan.step(3):
                pass
            assert list(scan.ids) == expected


def test_what_was_overwritten_is_in_the_bytes_and_nowhere_else() -> None:
    shown = Shown()
    shown.feed(b"10%\r20%\rdone\r\nnext\r\n")
    assert shown.rows() == ["done", "next"]
    shown.layout.shape = Shape.RAW
    shown.layout.forget(lines=True)
    assert shown.rows() == ["10%\\r20%\\rdone\\r\\n", "next\\r\\n"]
    assert [shown.store.record(line).text for line in range(len(shown.store))] == ["10%", "20%", "done", "next"]


def test_a_board_whose_lines_end_in_cr_alone_has_a_row_a_line() -> None:
    shown = Shown(cr_overwrites=False)
    shown.feed(b"one\rtwo\rthree\r.")
    assert shown.rows() == ["one", "two", "three", "."]


def test_a_row_of_lines_is_coloured_by_the_level_that_it_shows_and_filtered_by_it() -> None:
    shown = Shown()
    shown.feed(b"esp> \r\x1b[KE (5) wifi: down\r\nI (6) a: b\r\n")
    scan = Scan(shown.store, Selector(LineFilter(levels=frozenset("E"), printed="wifi")))
    while scan.step():
        pass
    assert list(scan.ids) == [0]
    assert shown.layout.line(0).spans[0][2] == (Meaning.ERROR, None, 0)


def test_colour_that_is_left_on_goes_on_until_it_is_reset() -> None:
    shown = Shown()
    shown.feed(b"plain\n\x1b[31mred\nstill\n")
    shown.feed(b"and here\nof\x1b[0mf\noff\n\x1b[31mred\n")
    shown.feed(b"ESP-ROM:esp32c3-api1-20210207\nBuild:Feb  7 2021\n")
    pens = [[pen for _, _, pen in shown.layout.line(row).spans] for row in range(len(shown.store))]
    assert pens == [[PLAIN], [RED], [RED], [RED], [RED, PLAIN], [PLAIN], [RED], [PLAIN], [PLAIN]]


def test_colour_goes_on_into_the_row_that_still_changes() -> None:
    shown = Shown()
    shown.feed(b"\x1b[31mred\r\nesp> ")
    assert shown.layout.line(1).spans == [(0, 5, RED)]


def test_lines_dropped_at_the_cap_leave_whole_rows() -> None:
    shown = Shown(limit=2000)
    for number in range(300):
        shown.feed(b"%d%%\r" % number)
        if number % 7 == 6:
            shown.feed(b"end %d of a row\n" % number)
    rows = shown.rows()
    assert all(row.startswith("end ") for row in rows[1:-1])
    assert rows[-1].startswith("299%")
    assert len({shown.view.line(at) for at in range(len(shown.view))}) == len(shown.view)


def test_a_bar_of_a_million_states_costs_what_its_last_ones_cost() -> None:
    shown = Shown(limit=8 << 20)
    for number in range(2000):
        shown.feed(b"".join(b"\r%6d of 1000000" % (number * 500 + state) for state in range(500)))
    assert shown.rows() == ["999999 of 1000000"]
    fresh = Layout(shown.store, Painter(Style()))
    shown.feed(b"\r\n")
    assert fresh.line(shown.view.line(0)).text == "999999 of 1000000"


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 20))
@settings(max_examples=200, deadline=None)
def test_the_row_index_agrees_with_counting(joins: list[bool], drop: int) -> None:
    index = RowIndex()
    rows: list[list[int]] = []
    for line, joined in enumerate(joins):
        if joined and line:
            index.join(line)
            rows[-1].append(line)
        else:
            rows.append([line])
    first = min(drop, len(joins))
    index.forget(first)
    rows = [kept for row in rows if (kept := [line for line in row if line >= first])]
    assert index.count(first, len(joins)) == len(rows)
    for position, row in enumerate(rows):
        assert index.nth(first, position) == row[0]
        for line in row:
            assert (index.start(line), index.stop(line)) == (row[0], row[-1] + 1)
            assert index.count(first, row[0]) == position
    assert list(index.joined(0, len(joins))) == [line for row in rows for line in row[1:]]


async def test_nothing_of_this_costs_a_plain_log_anything() -> None:
    store = LogStore(cr_overwrites=True)
    store.append(block_of(b"one\r\ntwo\nthree\r\n"))
    assert len(store.rows.joined(0, 10)) == 0
    assert store.rows_end == 3


@pytest.mark.parametrize(("cells", "shown"), [(8, "a mark"), (6, "a mark"), (5, "a ma…"), (3, "a…"), (1, "…"), (0, "")])
def test_what_is_cut_ends_in_an_ellipsis(cells: int, shown: str) -> None:
    assert clipped("a mark", cells) == shown
    assert clipped("漢漢", 3) == "漢…"
