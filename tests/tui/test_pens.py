from __future__ import annotations

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espmon.tui.terminal.pens import LINK, Pens, read_pen

KEYS = (
    "",
    "1",
    "2",
    "1;2",
    "3;4",
    "7",
    "9",
    "21",
    "1;31",
    "32",
    "38;2;1;2;3",
    "38;5;7;48;2;9;8;7",
    "4;39;49",
    "97;104",
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(KEYS), min_size=1, max_size=6))
def test_a_change_ends_in_the_same_style_as_one_from_nothing(keys: list[str]) -> None:
    pens, before = Pens(), ""
    stepwise = pyte.Screen(4, 1)
    for key in keys:
        pyte.Stream(stepwise).feed(pens.change(before, key))
        before = key
    fresh = pyte.Screen(4, 1)
    pyte.Stream(fresh).feed(f"\x1b[0;{keys[-1]}m" if keys[-1] else "\x1b[m")
    assert stepwise.cursor.attrs == fresh.cursor.attrs


@pytest.mark.parametrize(
    ("before", "after", "written"),
    [
        ("31", "31", ""),
        ("31", "32", "\x1b[32m"),
        ("1;31", "31", "\x1b[22m"),
        ("1;2", "2", "\x1b[0;2m"),
        ("38;2;1;2;3;48;2;4;5;6", "48;2;4;5;6", "\x1b[39m"),
        ("31", "", "\x1b[m"),
    ],
)
def test_only_what_differs_is_written(before: str, after: str, written: str) -> None:
    assert Pens().change(before, after) == written


def test_a_link_is_no_parameter() -> None:
    pen = read_pen(f"1{LINK}id=3;https://example.org/")
    assert pen.parameters == "1"
    assert pen.link == "id=3;https://example.org/"
