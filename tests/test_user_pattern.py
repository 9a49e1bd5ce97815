from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.user_pattern import MAX_SLOW_LINES, PatternError, PatternTooSlow, UserPattern

ENDLESS = "(a|aa)+$"
LINE = "a" * 80 + "!"


def test_an_expression_finds_what_it_describes() -> None:
    pattern = UserPattern("levels.tasmota", r"^(\d\d):", case=False)
    found = pattern.search("12:00 MQT")
    assert found is not None
    assert found[1] == "12"
    assert list(pattern.spans("12:34:")) == [(0, 3)]
    assert pattern.problem == ""


def test_a_search_that_takes_too_long_is_ended() -> None:
    pattern = UserPattern("levels.mine", ENDLESS)
    with pytest.raises(PatternTooSlow):
        pattern.search(LINE, 0.01)
    assert not pattern.off  # a caller that gave it less than its full time proves nothing against it


def test_an_expression_that_is_too_slow_too_often_is_switched_off_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espmon.user_pattern.SEARCH_SECONDS", 0.01)
    pattern = UserPattern("levels.mine", ENDLESS)
    for _ in range(MAX_SLOW_LINES):
        assert not pattern.off
        with pytest.raises(PatternTooSlow):
            pattern.search(LINE, 0.01)
    assert pattern.off
    assert pattern.problem.startswith("levels.mine is switched off: its expression took over")
    assert pattern.search("a") is None
    assert list(pattern.spans("a")) == []


def test_other_threads_run_while_a_search_goes_on() -> None:
    turns = 0
    done = threading.Event()

    def count() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1

    thread = threading.Thread(target=count)
    pattern = UserPattern("search", ENDLESS)
    thread.start()
    before = turns
    with pytest.raises(PatternTooSlow):
        pattern.search(LINE, 0.2)
    during = turns - before
    done.set()
    thread.join()
    assert during > 1000


@pytest.mark.parametrize("expression", ["(", "x" * 501, "(?:x{200}y){2,300}", "a{99999999999999999999}"])
def test_what_is_no_affordable_expression_is_refused(expression: str) -> None:
    with pytest.raises(PatternError):
        UserPattern("search", expression)


@pytest.mark.parametrize(
    ("expression", "begins"),
    [
        ("ready", "ready"),
        ("^esp> ", "esp> "),
        (r"free: (\d+)", "free: "),
        ("abc+", "abc"),
        ("abc*", "ab"),
        ("abc?", "ab"),
        ("abc{0,2}", "ab"),
        ("abc{e<=1}", "ab"),
        ("one|two", ""),
        ("one(?i)two", ""),
        ("(?i)one", ""),
        ("one(?=two)", ""),
        ("one(?:two|three)", ""),
        ("one(?P<number>[0-9])", "one"),
        (r"\bone", ""),
        (".", ""),
        ("gr\u00fcn", "gr"),
    ],
)
def test_what_each_match_begins_with_is_known_where_it_is_plain(expression: str, begins: str) -> None:
    assert UserPattern("it", expression).begins == begins
    assert UserPattern("it", expression, case=False).begins == ""


@given(st.from_regex(r"\^?[ab ]{0,3}[*+?{(.]?[ab1,}()?:*+ ]{0,4}", fullmatch=True), st.text("ab1: ", max_size=12))
def test_each_match_begins_like_that(expression: str, text: str) -> None:
    try:
        pattern = UserPattern("it", expression)
    except PatternError:
        return
    if (found := pattern.search(text)) is not None:
        assert found[0].startswith(pattern.begins)
