"""A search over whole pages finds the very lines that a look at each line finds."""

from __future__ import annotations

import io

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from espmon.records.demux import Demultiplexer
from espmon.records.lines import LineBlock
from espmon.session.backing import Backing
from espmon.session.file_pages import Pages, left_to_file
from espmon.session.store import LogStore
from espmon.session.text_page import text_page
from espmon.tui.log import quick_search
from espmon.tui.log.history_scan import Scan
from espmon.tui.log.page_expression import page_expression
from espmon.tui.log.query import LEVELS, LineFilter, TextQuery, smart_case
from espmon.tui.log.rows import as_shown
from espmon.tui.log.selector import Selector

PIECES = st.sampled_from(
    [b"I (12) wifi: ", b"E (7) heap: ", b"\x1b[0;32m", b"\x1b[31m", b"\x1b[0m", b"Wifi", b"rssi -77", b"0;3", b" ",
     b"a", b"x=1,b=22", b"m", b"32m", b"\xc3\xa9", b"\xc2\xa0", "\u2028\x1c".encode(), b"\xff",
     b"\x08", b"\x1b[2K", b"[", b"."]
)  # fmt: skip
LINES = st.lists(
    st.tuples(st.lists(PIECES, max_size=5).map(b"".join), st.sampled_from([b"\n", b"\r\n", b"\r\n", b"\r\r\n", b"\r"])),
    max_size=12,
).map(lambda lines: b"".join(body + end for body, end in lines))
USUAL_LINES = st.lists(
    st.tuples(
        st.sampled_from([b"", b"\x1b[0;32m", b"\x1b[0;32m", b"\x1b[31m", b"\x1b[0m"]),
        st.lists(
            st.sampled_from(
                [b"I (2) wifi: ", b"Wifi", b"RSSI -77", b"-77", b"m", b"32", b"3", b"0", b" ", b"a", b"[", b";", b"m 3"]
            ),
            min_size=1,
            max_size=4,
        ).map(b"".join),
        st.sampled_from([b"\n", b"\r\n", b"\x1b[0m\r\n", b"\x1b[0m\n"]),
    ).map(b"".join),
    min_size=1,
    max_size=12,
).map(b"".join)  # fmt: skip
"""With colours as nearly all boards print them."""

FILLERS = st.sampled_from(
    [b"", b"", b"I (5) up: x\r\n" * 40, b"m 3 -77 wifi: a\r\n" * 40, b"\x1b[0;32mI (5) up: zz7\x1b[0m\n" * 70]
)
"""Between the lines: what is rare on a page is looked for in another way than what is not."""

TOKENS = st.sampled_from(
    ["a", "m", "0", "3", "wifi", "-", " ", ".", "^", "$", r"\b", r"\s", r"\S", r"\d", r"\D", r"\w", r"\W", "[^a]",
     "[0-9;]", "[à-ü]", r"[\s=]", r"[^\s]", "(", ")", "|", "?", "*",
     "-7", "(?:a )+", "(3|0)+", "{1,3}",
     "+", "{2}", ".*", r"\d+", "wifi: ", ")+", "(?:", r"\.", r"\[", "(?P<n>", "(?=a)", r"\B", "é", "77"]
)  # fmt: skip


def store_of(data: bytes) -> LogStore:
    store, demux = LogStore(cr_overwrites=True), Demultiplexer()
    for part in [*demux.feed(data, 1.0).parts, *demux.flush(2.0).parts]:
        if isinstance(part, LineBlock):
            store.append(part)
    return store


def one_by_one(store: LogStore, selector: Selector) -> list[int]:
    found, row = [], 0
    while row < store.rows_end:
        block, index = as_shown(store, row, *store.locate(row))
        searched = selector.search is None or selector.search.found(block.text(index))
        if searched and selector.show.matches(block, index):
            found.append(row)
        row = store.rows.stop(row)
    return found


def by_pages(store: LogStore, selector: Selector) -> list[int]:
    scan = Scan(store, selector)
    while scan.step():
        pass
    return list(scan.ids)


@settings(max_examples=100, deadline=None)
@given(
    LINES | USUAL_LINES,
    st.sampled_from(["a", "m", "wifi", "0;3", "32", " ", "[", "é", "77"]),
    st.sampled_from(["", "=", "m", "3", "rssi"]),
    st.booleans(),
    st.frozensets(st.sampled_from(LEVELS), min_size=4),
    FILLERS,
)
@example(b"\x1b[0;32mI (1) a: x\x1b[0m\r\n" * 3, "32", "", False, frozenset(LEVELS), b"")
@example(b"\x1b[0;32mm 1\x1b[0m\r\n", "m", "", False, frozenset(LEVELS), b"\x1b[0;32mI (5) up: zz7\x1b[0m\n" * 70)
@example(b"m \xff\n", "m", "", False, frozenset(LEVELS), b"a\n" * 40)
def test_texts_are_found_in_the_same_lines(
    data: bytes, text: str, without: str, case: bool, levels: frozenset[str], filler: bytes
) -> None:
    store = store_of(data + filler + data)
    exclude = TextQuery(without, case=case) if without else None
    for selector in (
        Selector(LineFilter(levels, include=TextQuery(text, case=case), exclude=exclude)),
        Selector(LineFilter(levels, "wifi:I *:W", exclude=exclude), TextQuery(text, case=case)),
        Selector(LineFilter(levels, exclude=exclude)),
    ):
        assert by_pages(store, selector) == one_by_one(store, selector)


@settings(max_examples=150, deadline=None)
@given(LINES | USUAL_LINES, st.lists(TOKENS, min_size=1, max_size=6).map("".join), st.booleans(), FILLERS)
@example(b"\x1b[0;32mI (1) a: x\x1b[0m\r\n" * 3, r"^I.*x$", True, b"")
@example(b"a b\nc d\n", r"b\s*c", True, b"")
@example(b"\x1b[32m a\x1b[0m\n", r"\b a", True, b"")
@example(b"I (12) wifi: a 1 x\n", r"(?:[0-9] )+x( y)*", False, b"")
@example(b"I (1) a: wifi 12 y\nwifi\n", r"(wifi|heap).*\d+ y", False, b"x\n" * 70)
@example(b"\x1b[0;32m77 heap\x1b[0m\n", r"\d+ heap$", False, b"\x1b[0;32m7 heap\x1b[0m\n" * 70)
def test_expressions_are_found_in_the_same_lines(data: bytes, expression: str, case: bool, filler: bytes) -> None:
    try:
        regex.compile(expression)
    except regex.error:
        return
    store, query = store_of(data + filler + data), TextQuery(expression, regex=True, case=case)
    for selector in (
        Selector(LineFilter(), query),
        Selector(LineFilter(include=query)),
        Selector(LineFilter(exclude=query)),
    ):
        assert by_pages(store, selector) == one_by_one(store, selector)


@pytest.mark.parametrize("kind", [TextQuery("rssi -77"), TextQuery("wifi"), TextQuery(r"rssi.*\d$", regex=True)])
def test_pages_left_to_a_file_are_searched_as_those_in_memory(kind: TextQuery) -> None:
    data = (b"\x1b[0;32mI (5) up: zz\x1b[0m\r\n" * 90 + b"I (6) WIFI: Rssi -77\n") * 9
    page = text_page([segment.block for segment in store_of(data).segments()])

    backing = Backing()
    backing.add(0, io.BytesIO(data), 0)
    found = kind.in_page(left_to_file(page, Pages(backing, len(data))))
    expected = kind.in_page(page)
    assert found is not None
    assert expected is not None
    assert found.flags == expected.flags
    assert found.flags is not None
    assert found.flags.count(1) == 9


def test_what_looks_around_or_refers_back_is_left_to_the_lines() -> None:
    for expression in (
        r"(a)\1",
        "(?=a)",
        "(?<!a)b",
        "(?i)a",
        r"\Aa",
        r"a\Z",
        r"[a--b]",
        r"[\s-a]",
        "a{e<=1}",
        r"\n",
    ):
        assert page_expression(expression) is None, expression
        assert page_expression(expression, wide=True) is None, expression


def test_an_expression_that_is_slow_on_a_page_is_tried_line_by_line() -> None:
    store = store_of(b"a" * 40 + b"!\n" + b"b\n" * 2000)
    query = TextQuery(r"(a+)+$|b", regex=True, case=True)
    found = by_pages(store, Selector(LineFilter(), query))
    assert found[-1] == 2000
    assert len(found) >= 2000


@pytest.mark.parametrize("expression", ["a.*b", r"^\w+: x", r"\d+ up$"])
def test_an_engine_that_cannot_be_stopped_is_left_once_it_is_slow(
    monkeypatch: pytest.MonkeyPatch, expression: str
) -> None:
    monkeypatch.setattr(quick_search, "PIECE_SECONDS", -1.0)
    store, query = store_of(b"a 1 b\nup: x\n12 up\n" * 30), TextQuery(expression, regex=True)
    assert by_pages(store, Selector(LineFilter(), query)) == one_by_one(store, Selector(LineFilter(), query))


def test_what_repeats_is_not_looked_for_in_long_lines_by_an_engine_that_cannot_be_stopped() -> None:
    store, query = store_of(b"a" * 40_000 + b"\n" + b"aab\n" * 40), TextQuery("a+a+b", regex=True, case=True)
    assert by_pages(store, Selector(LineFilter(), query)) == list(range(1, 41))


@pytest.mark.parametrize(
    ("first", "then"), [("zeb", "zebra"), ("wifi", "wifi: x"), ("E", "Ex"), ("x", "X"), ("wifi", "heap")]
)
def test_a_text_that_grows_is_looked_for_from_where_nothing_was_found(first: str, then: str) -> None:
    store = store_of(b"I (1) wifi: X\nplain\n" * 3000 + b"zebra Ex\n")
    before = Scan(store, Selector(LineFilter(), TextQuery(first, case=smart_case(first))))
    before.step()
    after = Scan(store, Selector(LineFilter(), TextQuery(then, case=smart_case(then))))
    after.go_on_from(before)
    assert (after.next > 0) == (first in ("zeb", "E"))
    while after.step():
        pass
    assert list(after.ids) == one_by_one(store, after.selector)
