"""Where keys go at first, and keys that come in one packet: each acts on the screen that the one before has made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.pty_screen import PtyScreen
from tests.torture.window import PtyBoard

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals"),
]


@pytest.fixture
def board() -> Iterator[PtyBoard]:
    made = PtyBoard()
    yield made
    made.close()


class Desk:
    """A program on a board, and what the board has got."""

    def __init__(self, window: PtyScreen, board: PtyBoard) -> None:
        self.window = window
        self.board = board
        self.got = b""

    def hears(self, data: bytes) -> None:
        """Wait until the board has received just `data` since the last call."""

        def came() -> bool:
            self.got += self.board.received()
            return len(self.got) >= len(data)

        self.window.until(came, f"{data!r} at the board")
        assert self.got == data
        self.got = b""


def desk_of(folder: Path, board: PtyBoard, *options: str, settings: str = "") -> Desk:
    return Desk(PtyScreen(folder, [board.path, *options], settings=settings), board)


def test_keys_in_one_packet_act_one_after_the_other(tmp_path: Path, board: PtyBoard) -> None:
    desk = desk_of(tmp_path, board, "--start-in", "log")
    window = desk.window
    try:
        window.screen_shows("● open", "following")
        board.send(b"".join(b"boot %d\r\n" % (n // 10) if n % 10 == 0 else b"line %d\r\n" % n for n in range(200)))
        window.screen_shows("line 199")
        window.packet(b"/boot\rnn")  # the newest match first, then around the end
        window.screen_shows("boot 2/20", "LOG")
        window.packet(b"ihello\r\x1be")
        window.screen_shows("EVENTS")
        desk.hears(b"hello\r")
        window.packet(b"e\x14iw")  # the menu's times, and the log's wrap
        window.screen_shows("wrap", "LOG")
        window.packet(b"rab\x03\x7f\x08\x1b[A\x14\x1b/zzz\r")
        desk.hears(b"ab\x03\x7f\x08\x1b[A")
        window.screen_shows("zzz 0", "LOG")
        window.packet(b"\x14kxyz\x14\x14\x14k?")
        desk.hears(b"xyz\x14")
        window.screen_shows("Reset into the ROM loader")
        window.packet(b"\x1bi" + b"x" * 100 + b"\r\x1b/boot\rN")
        desk.hears(b"x" * 100 + b"\r")
        window.screen_shows("boot 19/20", "LOG")
        window.packet(b"\x1d")
        assert window.ended(30.0) == 0
    finally:
        window.end()


def test_a_fresh_session_takes_a_line_for_the_board(tmp_path: Path, board: PtyBoard) -> None:
    desk = desk_of(tmp_path, board)
    try:
        desk.window.screen_shows("● open", "INPUT", "Esc for the log's keys")
        desk.window.packet(b"help\r")
        desk.hears(b"help\r")
        desk.window.packet(b"\x1b")
        desk.window.screen_shows("LOG", "i: type to the board")
    finally:
        desk.window.end()


@pytest.mark.parametrize(("options", "settings"), [(("--raw",), ""), ((), 'start_in = "raw"\n')])
def test_a_session_can_start_in_raw_mode(
    tmp_path: Path, board: PtyBoard, options: tuple[str, ...], settings: str
) -> None:
    desk = desk_of(tmp_path, board, *options, settings=settings)
    try:
        desk.window.screen_shows("RAW KEYS")
        desk.window.packet(b"help\x08\x7f\r")
        desk.hears(b"help\x08\x7f\r")
    finally:
        desk.window.end()


def test_esc_and_soon_a_key_that_could_begin_a_sequence_are_two_keys(tmp_path: Path, board: PtyBoard) -> None:
    window = desk_of(tmp_path, board).window
    try:
        window.screen_shows("Type to the board")
        window.packet(b"\x1b]z")
        window.screen_shows("z names nothing to walk to", "LOG")
        window.packet(b"i\x1b[")
        window.screen_shows("[ then", "warning", "crash")
        window.packet(b"c")
        window.screen_shows("No crash before this")
    finally:
        window.end()


@pytest.mark.parametrize("options", [(), ("--raw",)])
def test_the_question_of_the_demo_comes_first_and_then_keys_are_the_boards(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    window = PtyScreen(tmp_path, ["demo", *options], settings="")
    try:
        window.screen_shows("Probe Simulated ESP32-C3?", "Cancel")
        window.packet(b"n")
        window.screen_shows("RAW KEYS" if options else "Esc for the log's keys", "esp>")
        window.packet(b"help\r")
        window.screen_shows("software restart")
    finally:
        window.end()


def test_what_is_typed_over_the_first_picture_stands_in_the_input_line(tmp_path: Path, board: PtyBoard) -> None:
    desk = desk_of(tmp_path, board)
    window = desk.window
    try:
        window.screen_shows("opening", "following", "Quit")
        window.packet(b"hello")
        window.screen_shows("● open", "› hello")
        window.packet(b"\r")
        desk.hears(b"hello\r")
    finally:
        window.end()
