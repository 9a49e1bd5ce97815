"""What an emulator gets to see: everything that is short, nothing that never ends, whatever the cuts are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.tui.raw.sequence_guard import MAX_CSI, MAX_STRING, SequenceGuard

PIECES = st.sampled_from(
    [
        *(b"text ", b"\r\n", b"\x1b[1;31m", b"\x1b]0;title\x07", b"\x1b]0;title\x1b\\", b"\x1bP+q\x1b\\", b"\x1bc"),
        *(b"\x1b", b"\x1b[", b"\x1b]", b"\x1bP", b"\x07", b"\\", b"\x18", b"\xc2\x9b5n", b"\xc2", b"\xe4\xb8\xad"),
        *(b"9" * 40, b"A" * 300),
    ]
)


def guarded(*chunks: bytes) -> bytes:
    guard = SequenceGuard()
    return b"".join(guard.feed(chunk) for chunk in chunks)


@given(st.lists(PIECES, max_size=30), st.data())
def test_any_cut_gives_the_same(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces) + b"\x18end"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    chunks = [stream[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert guarded(*chunks) == guarded(stream)


@given(st.lists(PIECES, max_size=60))
def test_no_sequence_is_longer_than_its_cap(pieces: list[bytes]) -> None:
    passed = guarded(b"".join(pieces))
    for begin in range(len(passed)):
        if passed[begin : begin + 2] == b"\x1b[":
            assert any(0x40 <= byte <= 0x7E or byte == 0x18 for byte in passed[begin + 2 : begin + MAX_CSI])


@pytest.mark.parametrize(
    "sequence", [b"\x1b[2J", b"\x1b[38;5;4m", b"\x1b]0;t\x07", b"\x1b]0;t\x1b\\", b"\x1bPx\x1b\\", b"\x1bM", b"\x1b(0"]
)
def test_what_is_short_and_whole_passes(sequence: bytes) -> None:
    assert guarded(b"a" + sequence + b"b") == b"a" + sequence + b"b"


@pytest.mark.parametrize("begin", [b"\x1b]0;", b"\x1bP", b"\x1b_", b"\x1b^", b"\x1bX"])
def test_a_string_that_is_too_long_is_dropped_with_its_end(begin: bytes) -> None:
    guard = SequenceGuard()
    stream = begin + b"A" * (MAX_STRING + 1) + b"\x1b\\"
    assert guard.feed(b"x" + stream + b"y") == b"xy"
    assert guard.dropped == len(stream)


def test_a_hundred_megabytes_that_never_end_are_not_kept() -> None:
    guard = SequenceGuard()
    assert guard.feed(b"\x1b[") == b""
    for _ in range(100):
        assert guard.feed(b"1;" * (1 << 19)) == b""
    assert guard.feed(b"mtext") == b"text"
    assert guard.dropped > 100 << 20


def test_eight_bit_controls_become_seven_bit_ones() -> None:
    assert guarded(b"\xc2\x9b5n", b"\xc2", b"\x9d0;t\x07") == b"\x1b[5n\x1b]0;t\x07"


def test_what_begins_inside_a_string_ends_it() -> None:
    assert guarded(b"\x1b]0;title\x1b[1mbold") == b"\x1b[1mbold"


def test_no_character_is_repeated_for_ever() -> None:
    assert guarded(b"-\x1b[99999999b-\x1b[80b") == b"-\x1b[4096b-\x1b[80b"


def test_a_sequence_behind_an_escape_is_bounded_too() -> None:
    assert guarded(b"\x1b\x1b[" + b"1;" * MAX_CSI + b"mtext", b"\x1b\x1b[1mbold") == b"text\x1b[1mbold"


@pytest.mark.parametrize(
    ("sequence", "passed"),
    [
        (b"\x1b[?3h", b""),
        (b"\x1b[?3l", b""),
        (b"\x1b[?3;4l", b"\x1b[?4l"),
        (b"\x1b[?1;040;03;25h", b"\x1b[?1;25h"),
        (b"\x1b[3h", b"\x1b[3h"),
        (b"\x1b[?1049h", b"\x1b[?1049h"),
        (b"\x1b[8;24;80t", b""),
        (b"\x1b[4;400;600t", b""),
        (b"\x1b[30t", b""),
        (b"\x1b[18t", b"\x1b[18t"),
        (b"\x1b[22;0;0t", b"\x1b[22;0;0t"),
        (b"\x1b[t", b"\x1b[t"),
    ],
)
def test_a_board_does_not_set_the_size_of_the_screen(sequence: bytes, passed: bytes) -> None:
    assert guarded(b"a" + sequence + b"b") == b"a" + passed + b"b"
