"""The colour that is still on behind a piece of the stream."""

from __future__ import annotations

import pytest

from espmon.records.sgr_state import MAX_SGR_STATE, sgr_state

RED, BOLD = b"\x1b[31m", b"\x1b[1m"


@pytest.mark.parametrize(
    ("before", "data", "after"),
    [
        (b"", b"plain", b""),
        (RED, b"plain", RED),
        (RED, b"x" + BOLD, RED + BOLD),
        (RED, b"\x1b[0mx", b""),
        (RED, b"\x1b[0;1mx", b"\x1b[0;1m"),
    ],
)
def test_what_is_on_stays_on_until_it_is_reset(before: bytes, data: bytes, after: bytes) -> None:
    assert sgr_state(before, data) == after


def test_of_very_many_sequences_the_newest_are_kept() -> None:
    state = sgr_state(b"", RED * 100_000 + BOLD)
    assert state.endswith(RED + BOLD)
    assert len(state) <= MAX_SGR_STATE
    assert state.startswith(RED)


@pytest.mark.parametrize("numbers", [b"1;" * 500, b"38:2:1:2:3;" * 90, b"7" * 5000])
def test_of_a_sequence_without_measure_the_beginning_is_kept(numbers: bytes) -> None:
    state = sgr_state(RED, b"x\x1b[" + numbers + b"my")
    assert len(state) <= MAX_SGR_STATE
    assert state[:2] + state[-1:] == b"\x1b[m"
    assert numbers.startswith(state[2:-1])
    assert state[-2:-1] not in (b";", b":")
