"""Raw mode is a terminal: real clients show there what they show on a reference, and every key reaches them."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.pty_screen import PtyScreen
from tests.e2e.raw_client import COLUMNS, ROWS, ClientBoard, Reference
from tests.tui.raw.reference import INSTALLED, differences, make_emulator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals"),
    pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed: it starts the clients"),
]


class Cells:
    """One emulator beside the reference, both fed with what the clients print: colours and attributes too."""

    def __init__(self, kind: str) -> None:
        self._emulator = make_emulator(kind, COLUMNS, ROWS)
        self._reference = Reference(COLUMNS, ROWS)
        self._fed = 0

    def compare(self, output: bytes) -> None:
        """Give both what has come since, and compare each cell."""
        new, self._fed = output[self._fed :], len(output)
        self._emulator.feed(new)
        self._reference.feed(new)
        assert not differences(self._emulator, self._reference.screen)


class Desk:
    """espmon in raw mode on a board whose console is a shell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.board = ClientBoard(["bash", "--norc", "--noprofile"], {"PS1": "$ ", "PYTHON_BASIC_REPL": "1"}, folder)
        self.cells = [Cells(kind) for kind in INSTALLED]
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("COLORTERM", "truecolor")
            # The terminal's own sixteen colours, as the reference has them.
            self.window = PtyScreen(folder, [self.board.path, "--raw"], settings='theme = "ansi-dark"\n')
        try:
            self.window.screen_shows("RAW KEYS")
            self.window.until(lambda: b"\x1b[?2004h" in self.window.seen, "bash's wish for marked pastes")
        except AssertionError:
            self.close()
            raise

    def close(self) -> None:
        self.window.end()
        self.board.close()

    @property
    def at_prompt(self) -> bool:
        """The shell waits for a command."""
        return [row for row in self.board.reference.rows() if row][-1:] == ["$"]

    def types(self, keys: bytes, *texts: str) -> None:
        """Type, wait until the client shows `texts`, and then until espmon shows what the reference does: characters,
        then colours and attributes of every cell."""
        reference = self.board.reference
        self.window.packet(self.as_asked(keys))
        try:
            self.window.until(lambda: all(text in "\n".join(reference.rows()) for text in texts), f"{texts}")
            self.window.until(lambda: self.window.rows()[1 : 1 + ROWS] == reference.rows(), "the same cells")
            self.window.until(lambda: self.window.cells()[1 : 1 + ROWS] == reference.cells(), "the same colours")
        except AssertionError as error:
            pairs = zip(self.window.rows()[1:], reference.rows(), strict=False)
            rows = [its if mine == its else f"here  {mine!r}\nthere {its!r}" for mine, its in pairs]
            raise AssertionError("\n".join([str(error), *rows])) from None
        self.compare()

    def compare(self) -> None:
        """Colours and attributes, on both emulators."""
        output = bytes(self.board.output)
        for cells in self.cells:
            cells.compare(output)

    def as_asked(self, keys: bytes) -> bytes:
        """Keys as a terminal sends them that has been asked for application cursor keys, when it has been."""
        seen = bytes(self.window.seen)
        if seen.rfind(b"\x1b[?1h") < seen.rfind(b"\x1b[?1l"):
            return keys
        return re.sub(rb"\x1b\[([ABCDHF])", b"\x1bO\\1", keys)

    def leaves(self, keys: bytes, command: str) -> None:
        """Leave a client: what was on the screen before it is back, and the shell's prompt behind it."""
        self.window.packet(keys)

        def back() -> bool:
            rows = [row for row in self.window.rows()[1 : 1 + ROWS] if row]
            return f"$ {command}" in rows and rows[-1] == "$"

        try:
            self.window.until(back, f"the screen before {command}")
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *self.window.rows()])) from None
        self.compare()


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Desk]]:
    """The desk that is in use, or another one where a test left a client running on it."""
    made: list[Desk] = []

    def desk() -> Desk:
        if not made or not made[-1].at_prompt:
            made.append(Desk(tmp_path_factory.mktemp("raw")))
        return made[-1]

    yield desk
    for one in made:
        one.close()


@pytest.fixture
def desk(desks: Callable[[], Desk]) -> Desk:
    return desks()


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed: no such client")


DELETE, PAGE_DOWN, F6, F10 = b"\x1b[3~", b"\x1b[6~", b"\x1b[17~", b"\x1b[21~"
UP, DOWN, RIGHT, LEFT, HOME, END = (b"\x1b[" + key for key in (b"A", b"B", b"C", b"D", b"H", b"F"))


def test_bash_edits_its_line(desk: Desk) -> None:
    desk.types(b"clear\r", "$")
    desk.types(b"cho hello" + HOME + b"e" + END + b" worlds\x7f", "$ echo hello world")
    desk.types(b"\x08\x08" + LEFT * 3 + DELETE + b"W" + b"\r", "echo hello Wor", "\nhello Wor")
    desk.types(UP + b"\x03", "^C")
    desk.types(b"echo g''o; sleep 1000\r", "\ngo")
    desk.types(b"\x03", "\ngo\n^C\n$")
    desk.types(b"echo $?\r", "\n130")


def test_a_paste_is_marked_for_who_asked_for_it(desk: Desk) -> None:
    desk.types(b"clear\r", "$")
    desk.types(b"\x1b[200~echo one\necho two\x1b[201~", "echo two")
    desk.types(b"\r", "one\ntwo\n")


def test_colours_and_wide_characters_keep_their_cells(desk: Desk) -> None:
    desk.types(b"clear\r", "$")
    desk.types(b"printf '\\033[1;31mred\\033[0m \xe4\xb8\xad\xe6\x96\x87|\\n'\r", "|\n$")


def test_python_s_own_prompt(desk: Desk) -> None:
    desk.types(b"clear\r", "$")
    desk.types(b"python3 -q\r", ">>>")
    desk.types(b"def f():\r    return 6 * 7\r\rf()\r", "42")
    desk.types(UP + LEFT + b"x = 1" + HOME + b"# \r", "# f(x = 1)")
    desk.types(b"1 +\x03", "KeyboardInterrupt")
    desk.leaves(b"\x04", "python3 -q")


@needs("less")
def test_less(desk: Desk) -> None:
    text = "".join(f"line {number}{' needle' * (number == 300)}\n" for number in range(500))
    (desk.folder / "long.txt").write_text(text)
    desk.types(b"clear\r", "$")
    desk.types(b"less long.txt\r", "line 34", "long.txt")
    desk.types(b"/needle\r", "line 300 needle", "line 334")
    desk.types(PAGE_DOWN + DOWN + UP + UP, "line 334")
    desk.types(b"g" + PAGE_DOWN, "line 35")
    desk.types(END, "line 499", "END")
    desk.leaves(b"q", "less long.txt")


@needs("nano")
def test_nano(desk: Desk) -> None:
    desk.types(b"clear\r", "$")
    desk.types(b"nano -I new.txt\r", "New File")
    desk.types(b"first line\rsecond\x7f\x7f lime" + LEFT + b"\x08n" + END + b"!" + UP + HOME + b"> ", "seco line!")
    desk.types(b"\x1b[200~pasted\ntwice\x1b[201~", "pasted", "twicefirst line")
    desk.types(b"\x0b", "> pasted\nseco line!")
    desk.leaves(b"\x18n", "nano -I new.txt")


@needs("vim.tiny")
def test_vim(desk: Desk) -> None:
    desk.types(b"clear\r", "$")
    desk.types(b"vim.tiny -u NONE new.txt\r", "~")
    desk.types(b"ihello\x1b", "hello")
    desk.types(b"yypAthere\x1b", "hellothere")
    desk.types(b":%s/l/L/g\r", "heLLothere", "4 subst")
    desk.leaves(b":q!\r", "vim.tiny -u NONE new.txt")


@needs("htop")
def test_htop(desk: Desk) -> None:
    desk.types(b"clear\r", "$")
    desk.types(b"htop -d 50\r", "F10Quit")
    desk.types(F6, "Sort by")
    desk.types(b"\x1b" + DOWN + DOWN, "F10Quit")
    desk.leaves(F10, "htop -d 50")


@needs("less")
def test_less_shows_colours(desk: Desk) -> None:
    pens = [b"1;31", b"4;32", b"7;33", b"3;94", b"38;5;208", b"48;5;19", b"38;2;10;200;30", b"48;2;90;0;90;97"]
    lines = [b"\x1b[%bmline %d\x1b[0m plain\n" % (pens[number % len(pens)], number) for number in range(200)]
    (desk.folder / "colours.txt").write_bytes(b"".join(lines))
    desk.types(b"clear\r", "$")
    desk.types(b"less -R colours.txt\r", "line 34")
    desk.types(PAGE_DOWN + DOWN + b"/line 99\r", "line 99")
    desk.types(b"G" + UP * 3, "line 165")
    desk.leaves(b"q", "less -R colours.txt")


KCONFIG = """
mainmenu "Board"
config WIFI
    bool "Wi-Fi"
    default y
config NAME
    string "Name of the board"
    default "weather"
menu "Serial console"
config BAUD
    int "Rate"
    default 115200
choice
    prompt "Parity"
config PARITY_NONE
    bool "none"
config PARITY_EVEN
    bool "even"
endchoice
endmenu
"""


MENUCONFIG = b"KCONFIG_CONFIG=sdkconfig menuconfig"


@needs("menuconfig")
def test_menuconfig(desk: Desk) -> None:
    (desk.folder / "Kconfig").write_text(KCONFIG)
    desk.types(b"clear\r", "$")
    desk.types(MENUCONFIG + b"\r", "(Top)", "[*] Wi-Fi", "Serial console")
    desk.types(b"n" + DOWN + b"\r", "[ ] Wi-Fi", "Name of the board (string)")
    desk.types(b"\x7f\x7fr!\r", "weathr!")
    desk.types(DOWN + b"\r", "(Top)", "Serial console", "Rate")
    desk.types(DOWN + b"\r", "( ) even")
    desk.types(DOWN + b" ", "(even)")
    desk.types(b"/BAUD", "Rate")
    desk.types(b"\x1b\x1b", "(Top)")
    desk.leaves(b"qn", MENUCONFIG.decode())


VTTEST = (
    (b"8\r", "Screen accordion test"),
    (b"\r", "Top line: A's, bottom line: d's"),
    (b"\r", "Test of 'Insert Mode'"),
    (b"\r", "Test of 'Delete Character'"),
    (b"\r", "by one.  Push", "\n" + "c" * 85 + "\n"),
    (b"\r", "by one.  Push", "\n" + "c" * 25 + "\n"),
    (b"\r", "ANSI 'Insert Character'"),
)
"""Key, and what vttest shows then: its tests of inserting and deleting, in the width of the screen. The same words come
twice; the second time the characters are of double width."""


@needs("vttest")
def test_vttest(desk: Desk) -> None:
    desk.types(b"clear\r", "$")
    desk.types(b"vttest 36x120.120\r", "Enter choice number")
    for keys, *texts in VTTEST:
        desk.types(keys, *texts)  # and it goes on; a desk that is left like this is not used again
