"""What a search and a filter find, and that history and live lines give the same."""

from __future__ import annotations

import inspect
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espmon.records.lines import LineBlock
from espmon.session.store import LogStore
from espmon.tui.log.history_scan import Scan, Scanner
from espmon.tui.log.log_view import LogView
from espmon.tui.log.query import LEVELS, SLOW_LINES, LineFilter, QueryError, TextQuery
from espmon.tui.log.selector import Selector
from tests.tui.fake_session import block_of

LOG = (
    b"\x1b[0;32mI (1) wifi: connected\x1b[0m\r\n"
    b"W (2) heap: low\n"
    b"E (3) wifi: lost\r"
    b"D (4) app: state \x1b[1mco\x1b[0mnnected\n"
    b"V (5) app: tick\n"
    b"rst:0x1 (POWERON)\n"
)


def store_of(*parts: bytes, limit: int = 1 << 20) -> LogStore:
    store = LogStore(limit)
    offset = 0
    for part in parts:
        store.append(block_of(part, offset))
        offset += len(part)
    return store


def found(store: LogStore, selector: Selector) -> list[int]:
    scan = Scan(store, selector)
    while scan.step():
        pass
    return list(scan.ids)


def search(store: LogStore, pattern: str, *, regex: bool = False, case: bool = False) -> list[int]:
    return found(store, Selector(LineFilter(), TextQuery(pattern, regex=regex, case=case)))


def test_text_is_found_in_coloured_lines_also_across_a_change_of_colour() -> None:
    assert search(store_of(LOG), "connected") == [0, 3]


def test_colour_codes_themselves_are_never_found() -> None:
    assert search(store_of(LOG), "[0;32m") == []
    assert search(store_of(LOG), "32m") == []


def test_case_differs_only_when_asked() -> None:
    assert search(store_of(LOG), "WIFI") == [0, 2]
    assert search(store_of(LOG), "WIFI", case=True) == []


def test_expressions_see_the_line_without_colour() -> None:
    assert search(store_of(LOG), r"^I \(\d+\)", regex=True) == [0]


def test_a_broken_expression_says_why() -> None:
    with pytest.raises(QueryError, match="Not a regular expression"):
        TextQuery("(", regex=True)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("((a{1000}){1000}){1000}", "10,000 repetitions"),
        ("x" * 501, "500 characters"),
        ("(?:x{200}y){2,300}", "10,000 repetitions"),
        ("(?:(?:x{30}){20,}){30}", "10,000 repetitions"),
    ],
)
def test_an_expression_that_cannot_be_afforded_is_refused(pattern: str, why: str) -> None:
    with pytest.raises(QueryError, match=why):
        TextQuery(pattern, regex=True)


def test_an_expression_nested_deeper_than_the_interpreter_allows_is_refused() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 150)
    try:
        with pytest.raises(QueryError, match="nested too deeply"):
            TextQuery("(" * 200 + ")" * 200, regex=True)
    finally:
        sys.setrecursionlimit(limit)


ENDLESS = r"\b(a|aa)+$"
"""Tries more ways through a row of this letter than there are atoms."""


def scanned(store: LogStore, selector: Selector) -> Scan:
    scan = Scan(store, selector)
    while scan.step():
        pass
    return scan


def test_a_search_passes_over_a_line_that_takes_too_long_and_says_so() -> None:
    store = store_of(b"first a\n", b"a" * 80 + b"!\n", b"last a\n")
    scan = scanned(store, Selector(LineFilter(), TextQuery(ENDLESS, regex=True)))
    assert list(scan.ids) == [0, 2]
    assert scan.problem == "too slow for 1 line"


def test_a_filter_shows_a_line_that_takes_too_long() -> None:
    store = store_of(b"first a\n", b"a" * 80 + b"!\n", b"no match\n", b"last a\n")
    scan = scanned(store, Selector(LineFilter(include=TextQuery(ENDLESS, regex=True))))
    assert list(scan.ids) == [0, 1, 3]
    assert scan.problem == "too slow for 1 line"


def test_an_expression_that_takes_too_long_on_many_lines_is_given_up_and_a_filter_shows_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("espmon.tui.log.query.LINE_SECONDS", 0.01)
    slow = (b"a" * 80 + b"!\n") * (SLOW_LINES + 3)
    store = store_of(slow, b"no match\n", b"last a\n")
    show = scanned(store, Selector(LineFilter(include=TextQuery(ENDLESS, regex=True))))
    assert len(show.ids) == SLOW_LINES + 5
    assert show.problem.startswith("given up")
    search = scanned(store, Selector(LineFilter(), TextQuery(ENDLESS, regex=True)))
    assert list(search.ids) == []
    assert search.problem.startswith("given up")


def test_marks_of_an_expression_that_never_ends_are_left_out() -> None:
    query = TextQuery(ENDLESS, regex=True)
    assert list(query.spans("xx aaa")) == [(3, 6)]
    assert list(query.spans("a" * 80 + "!")) == []


def test_expressions_are_left_to_the_thread() -> None:
    store = store_of(LOG)
    assert Scan(store, Selector(LineFilter(), TextQuery("wifi"))).inline
    assert not Scan(store, Selector(LineFilter(), TextQuery("wifi", regex=True))).inline
    assert not Scan(store, Selector(LineFilter(exclude=TextQuery("wifi", regex=True)))).inline


def test_exactly_the_ticked_levels_are_shown() -> None:
    store = store_of(LOG)
    assert found(store, Selector(LineFilter(levels=frozenset("EW")))) == [1, 2]
    assert found(store, Selector(LineFilter(levels=frozenset({""})))) == [5]
    assert found(store, Selector(LineFilter(levels=frozenset()))) == []


def test_an_unticked_level_stays_hidden_whatever_else_is_set() -> None:
    store = store_of(LOG)
    without_verbose = frozenset(LEVELS) - {"V", "D"}
    assert found(store, Selector(LineFilter(without_verbose))) == [0, 1, 2, 5]
    assert found(store, Selector(LineFilter(without_verbose, include=TextQuery("i")))) == [0, 2]


def test_ticked_verbose_lines_stay_when_another_filter_is_set() -> None:
    assert found(store_of(LOG), Selector(LineFilter(include=TextQuery("tick")))) == [4]


def test_tags_are_exact_and_include_and_exclude_combine() -> None:
    store = store_of(LOG)
    assert found(store, Selector(LineFilter(printed="wifi"))) == [0, 2]
    assert found(store, Selector(LineFilter(printed="wif"))) == []
    assert found(store, Selector(LineFilter(include=TextQuery("connected"), exclude=TextQuery("wifi")))) == [3]


def test_tags_may_carry_levels_as_in_idf_monitor() -> None:
    store = store_of(LOG)
    assert found(store, Selector(LineFilter(printed="wifi:W *:N"))) == [2]
    assert found(store, Selector(LineFilter(printed="wifi:E *:I"))) == [1, 2, 5]
    with pytest.raises(QueryError, match="unknown level"):
        LineFilter(printed="wifi:Q")


@pytest.mark.parametrize(
    ("show", "shown"),
    [
        (LineFilter(levels=frozenset("E")), True),
        (LineFilter(printed="nothing:E"), True),
        (LineFilter(include=TextQuery("port lost")), True),
        (LineFilter(include=TextQuery("no such text")), False),
        (LineFilter(exclude=TextQuery("lost")), False),
    ],
)
def test_what_the_session_says_has_no_level_and_no_tag_but_text(show: LineFilter, shown: bool) -> None:
    store = store_of(LOG)
    remark = block_of(b"port lost for 2 s\n")
    store.append(type("Mark", (LineBlock,), {"source": "mark"})(remark.data, 0, remark.starts))
    assert (6 in found(store, Selector(show))) is shown


def test_a_search_looks_only_at_lines_that_the_filter_shows() -> None:
    selector = Selector(LineFilter(levels=frozenset("I")), TextQuery("connected"))
    assert found(store_of(LOG), selector) == [0]


@settings(max_examples=60)
@given(st.lists(st.sampled_from([b"I (1) a: xx\n", b"W (2) b: yx\n", b"zz\r\n", b"\x1b[31mxz\x1b[0m\n"]), max_size=30))
def test_live_lines_are_picked_as_history_is(lines: list[bytes]) -> None:
    selector = Selector(LineFilter(levels=frozenset("IW"), exclude=TextQuery("y")), TextQuery("x"))
    store = LogStore()
    scan = Scan(store, selector)
    for line in lines:
        store.append(block_of(line))
        scan.step()
    expected = [number for number, line in enumerate(lines) if line == b"I (1) a: xx\n"]
    assert list(scan.ids) == expected == found(store, selector)


def test_a_scan_in_a_thread_delivers_everything_and_says_when_it_is_done() -> None:
    store = store_of(*[b"line %d\n" % number for number in range(20_000)])
    done = threading.Event()
    scans: list[Scan] = []

    def deliver(generation: int, scan: Scan, finished: bool) -> None:
        if finished:
            scans.append(scan)
            done.set()

    Scanner(deliver, "test").start(Scan(store, Selector(LineFilter(), TextQuery("9999"))))
    assert done.wait(10)
    assert list(scans[0].ids) == [9999, 19999]


def test_a_newer_scan_drops_the_older_one() -> None:
    store = store_of(*[b"line %d\n" % number for number in range(50_000)])
    done = threading.Event()
    generations: list[int] = []

    def deliver(generation: int, scan: Scan, finished: bool) -> None:
        generations.append(generation)
        if finished and generation == 2:
            done.set()

    scanner = Scanner(deliver, "test")
    scanner.start(Scan(store, Selector(LineFilter(), TextQuery("a.*b.*c", regex=True))))
    assert scanner.start(Scan(store, Selector(LineFilter(), TextQuery("7")))) == scanner.generation == 2
    assert done.wait(10)


def test_a_view_keeps_ids_when_old_lines_are_dropped() -> None:
    store = store_of(*[b"x" * 60 + b" %d\n" % number for number in range(100)], limit=3000)
    view = LogView(store)
    assert store.first > 0
    assert view.line(0) == store.first
    assert view.position(store.first - 1) == 0
    assert view.line(len(view) - 1) == 99


def test_a_cleared_view_begins_at_the_next_line_and_can_be_brought_back() -> None:
    store = store_of(b"a\nb\n")
    view = LogView(store)
    view.clear()
    store.append(block_of(b"c\n"))
    view.sync()
    assert [view.line(position) for position in range(len(view))] == [2]
    view.unclear()
    assert len(view) == 3
