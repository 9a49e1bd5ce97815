"""What a scan has found is a sequence of ids, however it is kept."""

from __future__ import annotations

from bisect import bisect_left
from itertools import compress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.tui.log.found_rows import SMALL, FlaggedLines, FoundRows

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["range", "list", "flags", "nothing"]),
        st.integers(0, 40),
        st.integers(1, 2 * SMALL),
        st.sampled_from([1, 2, 7, 100, 1000]),
    ),
    max_size=12,
)
"""How something was found; lines before it, and of it, and of how many lines one."""


def filled(steps: list[tuple[str, int, int, int]]) -> tuple[FoundRows, list[int]]:
    rows, expected, line = FoundRows(), list[int](), 0
    for kind, gap, count, every in steps:
        first = line + gap
        line = first + count
        flags = bytes(at % every == every // 2 for at in range(count))
        if kind == "range":
            rows.extend(range(first, line))
            expected += range(first, line)
        elif kind == "list":
            rows.extend(list(compress(range(first, line), flags)))
            expected += compress(range(first, line), flags)
        elif kind == "flags":
            rows.extend(FlaggedLines(first, flags))
            expected += compress(range(first, line), flags)
    return rows, expected


@given(STEPS)
def test_it_holds_what_was_found_in_order(steps: list[tuple[str, int, int, int]]) -> None:
    rows, expected = filled(steps)
    assert len(rows) == len(expected)
    assert list(rows) == expected
    assert [rows[at] for at in range(-len(expected), len(expected))] == expected * 2
    end = expected[-1] + 2 if expected else 2
    for line in range(0, end, 1 + end // 50):
        assert rows.before(line) == bisect_left(expected, line)


@given(STEPS, st.integers(0, 12 * 2 * SMALL))
def test_what_is_forgotten_is_the_oldest_only(steps: list[tuple[str, int, int, int]], line: int) -> None:
    rows, expected = filled(steps)
    rows.forget(line)
    kept = expected[len(expected) - len(rows) :]
    assert list(rows) == kept
    assert kept[-1:] == expected[-1:]
    assert [row for row in kept if row >= line] == [row for row in expected if row >= line]
    assert [rows[at] for at in range(len(kept))] == kept
    assert rows.before(line) == bisect_left(kept, line)
    rows.extend([10**6])
    assert (rows[-1], len(rows)) == (10**6, len(kept) + 1)


def test_there_is_nothing_behind_its_end() -> None:
    rows, _ = filled([("range", 0, 3, 1)])
    for index in (3, -4):
        with pytest.raises(IndexError):
            rows[index]
    assert rows[1:] == [1, 2]
