"""Pictures for the writer, and an emulator to compare what it writes with what Textual would."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import pyte
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from espmon.tui.terminal.cells import CellReader
from espmon.tui.terminal.screen_model import ScreenModel

WIDTH, HEIGHT = 24, 12

STYLES = (
    None,
    Style(),
    Style(color="#c8d0dc", bgcolor="#101418"),
    Style(color="#e0697a", bgcolor="#101418"),
    Style(color="#e0697a", bgcolor="#101418", bold=True),
    Style(color="green", bold=True, reverse=True),
    Style(color="bright_black", italic=True, underline=True),
    Style(bgcolor="blue", strike=True),
)

PAIRS = ("ab", "  ", "I ", " (", "12", "──", "漢", "かな"[:1], "e\u0301x", "👍", "é·", "↳ ")
"""Texts of two cells, so that nothing is cut in the middle of a wide one."""

Picture = list[tuple[int, int, Strip]]


def strip(chance: Random, cells: int) -> Strip:
    """A strip of so many cells."""
    segments = []
    left = cells // 2
    while left:
        count = chance.randint(1, left)
        text = "".join(chance.choice(PAIRS) for _ in range(count))
        segments.append(Segment(text, chance.choice(STYLES)))
        left -= count
    return Strip(segments, cells)


def patch(chance: Random) -> Picture:
    """Something drawn somewhere: a widget, a toast."""
    width, height = chance.randint(1, WIDTH // 2) * 2, chance.randint(1, HEIGHT)
    x, y = chance.randint(0, (WIDTH - width) // 2) * 2, chance.randint(0, HEIGHT - height)
    rows = [strip(chance, width) for _ in range(3)]
    return [(y + row, x, chance.choice(rows)) for row in range(height)]


def log(chance: Random) -> list[Picture]:
    """A log that runs in a pane, perhaps beside a column: lines come, sometimes it is scrolled back."""
    width = chance.choice((WIDTH, WIDTH - 2, WIDTH - 6))
    top, height = chance.randint(0, 3), chance.randint(4, 8)
    lines = [strip(chance, width) for _ in range(chance.randint(6, 10))]
    place, pictures = 0, []
    for _ in range(chance.randint(2, 8)):
        place = max(0, place + chance.randint(-2, 5))
        pictures.append([(top + row, 0, lines[(place + row) * 7 % len(lines)]) for row in range(height)])
    return pictures


def history(chance: Random) -> list[Picture]:
    """What is drawn one after the other, patches over logs; first of all the whole screen."""
    pictures: list[Picture] = [[(y, 0, strip(chance, WIDTH)) for y in range(HEIGHT)]] if chance.random() < 0.8 else []
    for _ in range(chance.randint(1, 4)):
        pictures += log(chance) if chance.random() < 0.7 else [patch(chance)]
    return pictures


HISTORIES = st.integers(0, 1 << 32).map(lambda seed: history(Random(seed)))
"""From a seed, since thousands of choices make hypothesis slow."""


class Emulator:
    """A terminal without automatic wrapping."""

    def __init__(self, width: int = WIDTH, height: int = HEIGHT) -> None:
        self.screen = pyte.Screen(width, height)
        self.stream = pyte.Stream(self.screen)
        self.stream.feed("\x1b[?7l")

    def feed(self, data: str) -> None:
        """What a program writes; the line discipline makes CR LF of its LF."""
        self.stream.feed(data.replace("\r\n", "\n").replace("\n", "\r\n"))

    def cells(self) -> list[list[pyte.screens.Char]]:
        """All cells, row by row."""
        return [[self.screen.buffer[y][x] for x in range(self.screen.columns)] for y in range(self.screen.lines)]


class Writer:
    """The writer with its own reader."""

    def __init__(self, width: int = WIDTH, height: int = HEIGHT) -> None:
        self.model = ScreenModel(width, height)
        self._reader = CellReader(ColorSystem.TRUECOLOR)

    def paint(self, picture: Picture) -> str:
        """The difference that a picture makes."""
        placed = []
        for y, x, strip in picture:
            cells = self._reader.read(strip)
            assert cells is not None, strip
            placed.append((y, x, cells))
        return self.model.paint(placed)


def as_textual_writes(picture: Iterable[tuple[int, int, Strip]]) -> str:
    """Each strip with a cursor move, as the compositor's updates are written."""
    return "".join(
        f"\x1b[{y + 1};{x + 1}H"
        + "".join(Strip.render_style(style or Style(), text, ColorSystem.TRUECOLOR) for text, style, _ in strip)
        for y, x, strip in picture
    )
