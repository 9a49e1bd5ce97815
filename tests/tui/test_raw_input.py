"""Raw keys: every byte that xterm sends reaches the board, and only two keys are caught."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.tui.terminal.raw_input import ExitPressed, ForBoard, ForScreen, MenuChosen, MenuOpened, RawInput, RawToken

XTERM_KEYS = (
    [bytes((byte,)) for byte in range(128) if byte not in (0x14, 0x1D)]
    + [b"\x1b[%c" % letter for letter in b"ABCDHFZ"]
    + [b"\x1bO%c" % letter for letter in b"ABCDHFPQRSMjklmnopqrstuvwxy"]
    + [b"\x1b[%d~" % number for number in (1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 23, 24, 29, 34)]
    + [b"\x1b[1;%d%c" % (modifier, letter) for modifier in range(2, 9) for letter in b"ABCDHFPQRS"]
    + [b"\x1b[%d;%d~" % (number, modifier) for modifier in range(2, 9) for number in (2, 3, 5, 6, 15, 17, 24)]
    + [b"\x1b" + bytes((byte,)) for byte in range(32, 127) if byte not in (0x4F, 0x5B)]
    + ["ä".encode(), "€".encode(), "😀".encode(), b"\xe4", b"\x1b[200~pasted\x14\x1d\x1b[201~"]
)

REPORTS = [
    b"\x1b[<0;10;20M",
    b"\x1b[<64;1;1m",
    b"\x1b[I",
    b"\x1b[O",
    b"\x1b[48;24;80;0;0t",
    b"\x1b[?2026;2$y",
    b"\x1b[?1u",
]


def tokens(raw: RawInput, *chunks: bytes) -> list[RawToken]:
    found = []
    for data in chunks:
        while data:
            token, data = raw.take(data)
            if token is not None:
                found.append(token)
    return found


def typed(found: list[RawToken]) -> bytes:
    return b"".join(token.data for token in found if isinstance(token, ForBoard))


@pytest.mark.parametrize("key", XTERM_KEYS, ids=repr)
def test_a_key_arrives_at_once_and_byte_for_byte(key: bytes) -> None:
    assert typed(tokens(RawInput(), key)) == key


@given(st.lists(st.sampled_from(XTERM_KEYS), max_size=30))
def test_keys_in_one_packet_arrive_in_order(keys: list[bytes]) -> None:
    assert typed(tokens(RawInput(), b"".join(keys))) == b"".join(keys)


@pytest.mark.parametrize("report", REPORTS, ids=repr)
def test_reports_of_the_terminal_are_no_keys(report: bytes) -> None:
    found = tokens(RawInput(), b"a" + report + b"b")
    assert typed(found) == b"ab"
    assert [token.data for token in found if isinstance(token, ForScreen)] == [report]


def test_a_mouse_report_cut_in_two_is_put_together() -> None:
    raw = RawInput()
    assert tokens(raw, b"\x1b[<0;1") == []
    assert raw.waits
    assert tokens(raw, b"0;20Mx") == [ForScreen(b"\x1b[<0;10;20M"), ForBoard(b"x")]


def test_what_only_looked_like_a_report_goes_to_the_board_after_a_while() -> None:
    raw = RawInput()
    assert tokens(raw, b"\x1b[<") == []
    assert raw.quiet() == b"\x1b[<"
    assert raw.quiet() == b""


def test_the_menu_key_takes_the_next_one() -> None:
    assert tokens(RawInput(), b"ab\x14rc") == [ForBoard(b"ab"), MenuOpened(), MenuChosen(b"r"), ForBoard(b"c")]
    assert tokens(RawInput(), b"\x14\x14", b"\x14\x1d") == [
        MenuOpened(), MenuChosen(b"\x14"), MenuOpened(), MenuChosen(b"\x1d"),
    ]  # fmt: skip


def test_the_exit_key_is_caught() -> None:
    assert tokens(RawInput(), b"a\x1d") == [ForBoard(b"a"), ExitPressed()]


def test_other_menu_and_exit_keys_can_be_chosen() -> None:
    found = tokens(RawInput(b"\x01", b"\x18"), b"\x14\x1d\x01r\x18")
    assert found == [ForBoard(b"\x14\x1d"), MenuOpened(), MenuChosen(b"r"), ExitPressed()]
