"""The first picture: what the toolkit draws of a port that is being opened, drawn before it is there."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pyte
import pytest
from textual.widgets._footer import FooterKey

from espmon.session.runner import LoopThread
from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from espmon.tui.app import EspmonApp
from espmon.tui.monitor.absent_session import Waiting
from espmon.tui.opening.first_picture import first_picture
from espmon.tui.opening.opening_colours import COLOURS, depth, parameters
from espmon.tui.opening.opening_picture import opening_picture, opening_status
from espmon.tui.theme_names import DARK_NAME, LIGHT_NAME
from tests.tui.running import LIMIT

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")

Cell = tuple[str, str, str, bool]
"""Character, colour, ground, bold; a blank has no colour and is not bold."""

BOARD = OpenRequest("/dev/ttyUSB0", name="desk board")


def seen(character: str, colour: str, ground: str, bold: bool) -> Cell:
    return (character, "" if character == " " else colour, ground, character != " " and bold)


def emulated(picture: str, width: int, height: int) -> list[list[Cell]]:
    """What a terminal shows that gets this."""
    screen = pyte.Screen(width, height)
    pyte.Stream(screen).feed(picture)
    rows = [[screen.buffer[y][x] for x in range(width)] for y in range(height)]
    return [[seen(cell.data, cell.fg, cell.bg, cell.bold) for cell in row] for row in rows]


async def drawn(settings: Settings, width: int, height: int) -> list[list[Cell]]:
    """What the toolkit shows of the same."""
    with LoopThread() as runner:
        app = EspmonApp(runner, Waiting(opening_status(BOARD)), BOARD, settings=settings)
        async with app.run_test(size=(width, height)) as pilot:
            end = asyncio.get_running_loop().time() + LIMIT
            while not (app.monitor.completed and app.screen.query(FooterKey)):
                assert asyncio.get_running_loop().time() < end, "the monitor was never complete"
                await pilot.pause()
            await pilot.pause()
            cells: list[list[Cell]] = []
            for strip in app.screen._compositor.render_strips():
                row: list[Cell] = []
                for text, style, _ in strip:
                    assert style is not None
                    colours = (style.color, style.bgcolor)
                    ink, ground = (known.triplet.hex[1:] if known and known.triplet else "" for known in colours)
                    row += [seen(character, ink, ground, bool(style.bold)) for character in text]
                cells.append(row)
            return cells


@pytest.mark.parametrize(
    ("theme", "start_in", "width", "height"),
    [
        (DARK_NAME, "input", 80, 24),
        (DARK_NAME, "log", 160, 50),
        (DARK_NAME, "input", 50, 9),
        (LIGHT_NAME, "input", 120, 40),
        (LIGHT_NAME, "log", 50, 12),
    ],
)
async def test_is_what_the_toolkit_draws_cell_by_cell(theme: str, start_in: str, width: int, height: int) -> None:
    settings = replace(Settings(), theme=theme, start_in=start_in, eol="CRLF", menu_key="ctrl+y")
    picture = opening_picture(BOARD, settings, theme, (width, height), 24)
    assert picture is not None
    expected = await drawn(settings, width, height)
    found = emulated(picture, width, height)
    for y, (row, meant) in enumerate(zip(found, expected, strict=True)):
        assert row == meant, (y, "".join(cell[0] for cell in row), "".join(cell[0] for cell in meant))


def test_there_is_none_without_our_theme_colours_or_room() -> None:
    settings = Settings()
    assert opening_picture(BOARD, settings, "nord", (80, 24), 24) is None
    assert opening_picture(BOARD, settings, DARK_NAME, (80, 24), 0) is None
    assert opening_picture(BOARD, settings, DARK_NAME, (10, 24), 24) is None
    assert first_picture(None, settings, (80, 24)) is None


def test_a_hostile_name_is_made_inert() -> None:
    picture = opening_picture(replace(BOARD, name="\x1b]0;evil\x07"), Settings(), DARK_NAME, (80, 24), 24)
    assert picture is not None
    assert "\x1b]" not in picture.replace("\x07", "\x1b]")


@pytest.mark.parametrize(
    ("environment", "bits"),
    [
        ({"COLORTERM": "truecolor", "TERM": "xterm-256color"}, 24),
        ({"TERM": "xterm-256color"}, 8),
        ({"TERM": "vt100"}, 0),
        ({"COLORTERM": "truecolor", "NO_COLOR": "1"}, 0),
        ({"COLORTERM": "truecolor", "TEXTUAL_COLOR_SYSTEM": "standard"}, 0),
    ],
)
def test_colours_are_those_that_the_terminal_has(environment: dict[str, str], bits: int) -> None:
    assert depth(environment) == bits


def test_where_there_are_256_colours_the_nearest_is_taken() -> None:
    assert parameters(COLOURS[DARK_NAME]["accent"], 8, ground=True) == "48;5;80"


def test_the_theme_that_was_chosen_on_the_screen_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "espmon"
    folder.mkdir()
    (folder / "screen.json").write_text('{"theme": {"value": "espmon-light", "over": "espmon"}}')
    monkeypatch.setattr("espmon.tui.opening.first_picture.choices_file", lambda: folder / "screen.json")
    for name in ("NO_COLOR", "TEXTUAL_COLOR_SYSTEM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLORTERM", "truecolor")
    picture = first_picture(BOARD, Settings(), (80, 24))
    assert picture is not None
    assert emulated(picture, 80, 24)[3][3][2] == COLOURS[LIGHT_NAME]["background"]


# -- the terminal ---------------------------------------------------------------------------------------------------


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """(the user's end, the program's end) of a terminal of 80x24."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    try:
        yield master, slave
    finally:
        os.close(master)
        with suppress(OSError):
            os.close(slave)


def written(master: int) -> bytes:
    data = b""
    while select.select([master], [], [], 0)[0]:
        data += os.read(master, 1 << 16)
    return data


@posix
def test_a_taken_terminal_shows_the_picture_keeps_keys_and_is_put_back() -> None:
    from espmon.tui.terminal.taken_terminal import TakenTerminal

    with terminal() as (master, slave):
        before, handler = termios.tcgetattr(slave), signal.getsignal(signal.SIGTERM)
        with TakenTerminal(slave, lambda width, height: f"{width}x{height}") as taken:
            assert taken is not None
            assert written(master) == b"\x1b[?1049h\x1b[?25l80x24"
            os.write(master, b"\x03k\r")
            assert os.read(slave, 16) == b"\x03k\r"  # nobody is interrupted, Enter is Enter
            assert written(master) == b""  # and nothing is echoed over the picture
        assert written(master) == b"\x1b[?1049l\x1b[?25h"
        assert termios.tcgetattr(slave) == before
        assert signal.getsignal(signal.SIGTERM) is handler


@posix
def test_a_terminal_that_the_driver_has_is_left_to_it() -> None:
    from espmon.tui.terminal.taken_terminal import TakenTerminal

    with terminal() as (master, slave):
        before = termios.tcgetattr(slave)
        with TakenTerminal(slave, lambda width, height: "") as taken:
            assert taken is not None
            found, now = taken.hand_over()
            assert found == before
            assert now == termios.tcgetattr(slave) != before
            written(master)
        assert written(master) == b""


@posix
def test_without_a_picture_the_terminal_is_not_touched() -> None:
    from espmon.tui.terminal.taken_terminal import TakenTerminal

    with terminal() as (master, slave):
        before = termios.tcgetattr(slave)
        with TakenTerminal(slave, lambda width, height: None) as taken:
            assert taken is None
            assert termios.tcgetattr(slave) == before
        assert written(master) == b""


@posix
def test_a_signal_while_everything_is_imported_puts_the_terminal_back() -> None:
    from espmon.tui.terminal.taken_terminal import TakenTerminal

    with terminal() as (master, slave):
        before = termios.tcgetattr(slave)
        with pytest.raises(SystemExit) as ended, TakenTerminal(slave, lambda width, height: "picture"):
            signal.raise_signal(signal.SIGTERM)
        assert ended.value.code == 128 + signal.SIGTERM
        assert written(master).endswith(b"\x1b[?1049l\x1b[?25h")
        assert termios.tcgetattr(slave) == before


def test_a_terminal_can_be_taken_when_the_driver_was_imported_before(monkeypatch: pytest.MonkeyPatch) -> None:
    import espmon.tui.terminal as room

    if sys.platform != "win32":
        import espmon.tui.terminal.driver  # noqa: F401 has the module imported that takes it
    monkeypatch.setenv("TEXTUAL_DRIVER", "another")
    with room.take_terminal(lambda width, height: "picture") as taken:
        assert taken is None
