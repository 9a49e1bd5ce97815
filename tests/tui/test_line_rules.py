"""The user's own rules: read from the settings, used by filters and on the screen, switched off when too slow."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espmon.session.line_rules import HighlightRule, LevelRule
from espmon.session.settings import Settings, settings_from
from espmon.session.store import LogStore
from espmon.tui.log.display import Span, plain
from espmon.tui.log.history_scan import Scan
from espmon.tui.log.meaning import Meaning
from espmon.tui.log.query import LineFilter
from espmon.tui.log.rule_matcher import RuleMatcher, coloured
from espmon.tui.log.selector import Selector
from espmon.tui.log.sgr import PLAIN, Pen
from tests.tui.fake_session import block_of
from tests.tui.running import running

MODEM = LevelRule("modem", r"^\+CME ERROR", "E", "modem")
TAGGED = LevelRule("tagged", r"^<(?P<level>\w)\|(?P<tag>\w+)> ")
ENDLESS = r"^(a|aa)+$"
SLOW = b"a" * 90 + b"!\n"


def read(text: str) -> tuple[Settings, list[str]]:
    return settings_from(tomllib.loads(text), "config.toml")


def test_rules_are_read_from_the_settings() -> None:
    found, problems = read(
        """
        [levels.modem]
        regex = '^\\+CME ERROR'
        level = "E"
        tag = "modem"
        [levels.tagged]
        regex = '^<(?P<level>\\w)\\|(?P<tag>\\w+)> '
        [highlights.wifi]
        regex = "wifi|wlan"
        color = "magenta"
        [highlights.alarm]
        regex = "ALARM"
        color = "#FF8000"
        whole_line = true
        """
    )
    assert problems == []
    assert found.levels == (MODEM, TAGGED)
    assert found.highlights == (
        HighlightRule("wifi", "wifi|wlan", 5), HighlightRule("alarm", "ALARM", (255, 128, 0), whole_line=True),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("levels = 5", "[levels] should be tables, one a rule; it is ignored"),
        ("levels.a = 5", "[levels.a] should be a table; it is ignored"),
        ("[levels.a]\nlevel = 'E'", "[levels.a]: needs a regex; the rule is ignored"),
        ("[levels.a]\nregex = 'x'", "[levels.a]: needs a level: one of E W I D V; the rule is ignored"),
        ("[levels.a]\nregex = 'x'\nlevel = 'X'", "[levels.a]: level should be one of E W I D V; the rule is ignored"),
        ("[levels.a]\nregex = 5\nlevel = 'E'", "[levels.a]: regex should be a text; the rule is ignored"),
        ("[levels.a]\nregex = '('\nlevel = 'E'", "[levels.a]: Not a regular expression: missing )"),
        ("[levels.a]\nregex = 'x'\nlevle = 'E'", "[levels.a]: unknown levle: it can have regex, level, tag"),
        ("[highlights.a]\nregex = 'x'\ncolor = 'puce'", "[highlights.a]: color should be #rrggbb or one of black, red"),
        ("[highlights.a]\nregex = 'x'\ncolor = 'red'\nwhole_line = 1", "whole_line should be true or false"),
    ],
)
def test_a_rule_that_cannot_be_used_is_named_and_ignored(text: str, problem: str) -> None:
    found, (told,) = read(text)
    assert told.startswith("config.toml: ")
    assert problem in told
    assert (found.levels, found.highlights) == ((), ())


def test_a_good_rule_beside_a_bad_one_is_used() -> None:
    found, problems = read("[levels.a]\nregex = '('\nlevel = 'E'\n[levels.b]\nregex = 'x'\nlevel = 'W'")
    assert [rule.name for rule in found.levels] == ["b"]
    assert len(problems) == 1


def found_by(show: LineFilter, *parts: bytes) -> list[int]:
    store = LogStore()
    offset = 0
    for part in parts:
        store.append(block_of(part, offset))
        offset += len(part)
    scan = Scan(store, Selector(show))
    while scan.step():
        pass
    return list(scan.ids)


LINES = (b"+CME ERROR: 10\n<W|net> slow\nE (5) app: bad\nplain\n<X|net> odd\n",)


def test_filters_know_the_levels_and_the_tags_of_rules() -> None:
    rules = RuleMatcher((MODEM, TAGGED))
    assert found_by(LineFilter(frozenset("E"), rules=rules), *LINES) == [0, 2]
    assert found_by(LineFilter(frozenset("EW"), rules=rules), *LINES) == [0, 1, 2]
    assert found_by(LineFilter(printed="net:W *:N", rules=rules), *LINES) == [1]
    assert found_by(LineFilter(frozenset("E")), *LINES) == [2]


def test_a_filter_that_needs_rules_is_left_to_the_thread() -> None:
    rules = RuleMatcher((MODEM,))
    assert not Scan(LogStore(), Selector(LineFilter(frozenset("E"), rules=rules))).inline
    assert Scan(LogStore(), Selector(LineFilter(rules=rules))).inline


def test_rows_are_coloured_by_rules_where_they_have_no_colour() -> None:
    rules = RuleMatcher((MODEM,), (HighlightRule("wifi", "wifi", 5), HighlightRule("all", "ALARM", 1, whole_line=True)))
    assert rules.apply(plain("+CME ERROR: 10")).spans == [(0, 14, (Meaning.ERROR, None, 0))]
    green: Pen = (2, None, 0)
    assert rules.apply(plain("a wifi b wifi", green)).spans == [
        (0, 2, green), (2, 6, (5, None, 0)), (6, 9, green), (9, 13, (5, None, 0)),
    ]  # fmt: skip
    assert {pen for _, _, pen in rules.apply(plain("wifi ALARM")).spans} == {(1, None, 0)}
    line = plain("nothing of it")
    assert rules.apply(line) is line


def test_a_rule_that_takes_too_long_is_switched_off_and_named_once() -> None:
    told: list[str] = []
    rules = RuleMatcher((LevelRule("endless", ENDLESS, "E"),), (), told.append)
    row = plain("a" * 90 + "!")
    for _ in range(20):
        assert rules.apply(row) is row
    assert told == ["levels.endless is switched off: its expression took over 0.002 s a row"]


def test_a_filter_with_a_rule_that_takes_too_long_goes_on_without_it() -> None:
    told: list[str] = []
    rules = RuleMatcher((LevelRule("endless", ENDLESS, "E"), MODEM), (), told.append)
    show = LineFilter(frozenset("E"), rules=rules)
    assert found_by(show, SLOW * 10, b"+CME ERROR: 3\n") == [10]
    assert len(told) == 1


SPANS = st.lists(st.integers(1, 6), max_size=6)


@given(SPANS, st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), max_size=5))
@settings(max_examples=200, deadline=None)
def test_highlighting_covers_exactly_its_characters(widths: list[int], steps: list[tuple[int, int]]) -> None:
    at = 0
    spans: list[Span] = []
    for number, width in enumerate(widths):
        spans.append((at, at + width, (number, None, 0)))
        at += width
    position = 0
    ranges: list[tuple[int, int]] = []
    for skip, width in steps:
        ranges.append((position + skip, position + skip + width))
        position += skip + width
    made = coloured(spans, ranges, 99)
    assert "".join("x" * (high - low) for low, high, _ in made) == "x" * at
    for low, high, pen in made:
        for character in range(low, high):
            inside = any(first <= character < last for first, last in ranges)
            own = next(own for first, last, own in spans if first <= character < last)
            assert pen == ((99, None, 0) if inside else own)


async def test_rules_of_the_settings_are_at_work_on_the_screen() -> None:
    own = Settings(levels=(MODEM,), highlights=(HighlightRule("wifi", "wifi", 5),))
    async with running(settings=own) as case:
        await case.feed(b"+CME ERROR: 10\nthe wifi\nplain\n")
        assert case.pane.drawing.line(0).spans[0][2] == (Meaning.ERROR, None, 0)
        assert case.pane.drawing.line(1).spans == [(0, 4, PLAIN), (4, 8, (5, None, 0))]
        case.pane.set_filter(LineFilter(frozenset("E")))
        await case.until(lambda: [row for row in case.rows() if row] == ["+CME ERROR: 10"], "the filter")
        await case.feed(b"+CME ERROR: 11\nmore\n")
        await case.until(lambda: [row for row in case.rows() if row][1:] == ["+CME ERROR: 11"], "the new line")


async def test_a_rule_that_is_too_slow_is_told_to_the_user() -> None:
    own = Settings(highlights=(HighlightRule("endless", ENDLESS, 5),))
    async with running(settings=own) as case:
        await case.feed(SLOW * 20)
        await case.until(lambda: "highlights.endless is switched off" in case.text(), "the toast")
