"""What the board printed reaches the emulator once, byte for byte, whatever the log makes of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from espmon.records.demux import Demultiplexer
from espmon.records.lines import LineBlock
from espmon.session.store import LogStore
from espmon.tui.raw.board_stream import CANCEL, MAX_BACKLOG, SHOWN_BACKLOG, BoardStream


class Board:
    """Feeds a log as the pipeline does."""

    def __init__(self) -> None:
        self.store = LogStore()
        self._demux = Demultiplexer()

    def prints(self, data: bytes) -> None:
        for part in self._demux.feed(data).parts:
            if isinstance(part, LineBlock):
                self.store.append(part)
        self.store.grow(self._demux.unfinished)


@given(
    st.lists(st.sampled_from([b"a", b"bc\r", b"d\n", b"\r\n", b"\x1b[2Ke", b">>> ", b"\b \b", b"\r\r\n"]), max_size=40),
    st.data(),
)
def test_every_byte_comes_once_and_in_order(pieces: list[bytes], data: st.DataObject) -> None:
    board = Board()
    stream = BoardStream(board.store)
    seen = b""
    for piece in pieces:
        board.prints(piece)
        if data.draw(st.booleans()):
            seen += stream.read()
    assert seen + stream.read() == b"".join(pieces)


def test_an_unfinished_line_grows_byte_by_byte() -> None:
    board = Board()
    stream = BoardStream(board.store)
    for byte in b"esp> he":
        board.prints(bytes((byte,)))
        assert stream.read() == bytes((byte,))


def test_the_last_lines_of_the_past_come_first() -> None:
    board = Board()
    board.prints(b"one\ntwo\nthree\n> ")
    assert BoardStream(board.store, lines=2).read() == b"two\nthree\n> "


def test_a_payload_is_not_shown() -> None:
    board = Board()
    stream = BoardStream(board.store)
    board.prints(b'before\n@ESPFRAME json 7 plain\n{"a":1}\n@ENDFRAME\nafter\n')
    shown = stream.read()
    assert shown.startswith(b"before\n")
    assert shown.endswith(b"after\n")


def test_of_a_flood_only_the_end_is_shown() -> None:
    board = Board()
    stream = BoardStream(board.store)
    line = b"x" * 99 + b"\n"
    board.prints(line * (MAX_BACKLOG // 100 + 100))
    shown = stream.read()
    assert shown.startswith(CANCEL + b"x")
    assert len(shown) <= SHOWN_BACKLOG
    assert stream.skipped + len(shown) - 1 == len(line) * (MAX_BACKLOG // 100 + 100)
