"""Strips of text as the cells of a terminal.

A cell holds its text, and its style as a key of `Pens`. What is wider than one cell is a unit: its text stands in the
first cell, and "" in the others. Wide characters that every terminal draws alike are units of two cells. What terminals
measure differently (combining marks, emoji, private use) is a unit as well, as wide as Textual takes it to be.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rich import cells
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.style import Style
from textual.strip import Strip

from espmon.tui.terminal.pens import LINK

MAX_STRIPS = 512
"""Strips remembered as cells: some screens. Each takes kilobytes."""

MAX_STYLES = 4096
"""Styles remembered."""

NARROW = (
    (0x20, 0x7E), (0xA1, 0xAC), (0xAE, 0x2FF), (0x391, 0x3A1), (0x3A3, 0x3C9), (0x400, 0x482), (0x48A, 0x52F),
    (0x2010, 0x2015), (0x2018, 0x2027), (0x2030, 0x2038), (0x2190, 0x2193), (0x21B1, 0x21B3), (0x2200, 0x22FF),
    (0x2409, 0x2409), (0x2424, 0x2424), (0x2500, 0x25EE), (0x2800, 0x28FF),
)  # fmt: skip
"""Characters that are one cell in every terminal: (first, last)."""

WIDE = ((0x3041, 0x3096), (0x30A1, 0x30FA), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xFF01, 0xFF60))
"""Those that are two."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Cells:
    """Text and style of cells in a row."""

    texts: list[str]
    styles: list[str]

    def __len__(self) -> int:
        return len(self.texts)


class CellReader:
    """Reads strips as cells, and remembers them.

    Args:
        colours: what colours the terminal has.
    """

    def __init__(self, colours: ColorSystem) -> None:
        self._colours = colours
        self._styles: dict[Style, str] = {}
        self._strips: dict[int, tuple[Strip, Cells | None]] = {}
        self._parts: dict[tuple[int, int, int], Cells] = {}

    def read(self, strip: Strip) -> Cells | None:
        """The cells of a strip; None: it is not made of text alone (a picture in the terminal's own way)."""
        found = self._strips.get(id(strip))
        if found is None:
            if len(self._strips) >= MAX_STRIPS:
                self._strips.clear()
                self._parts.clear()
            # The strip is kept with its cells, so that its id stays its own.
            found = self._strips[id(strip)] = strip, self._read(strip)
        return found[1]

    def part(self, strip: Strip, first: int, end: int) -> Cells | None:
        """The cells `first` to `end` of a strip."""
        key = id(strip), first, end
        found = self._parts.get(key)
        if found is None:
            whole = self.read(strip)
            if whole is None or (first == 0 and end == len(whole)):
                return whole
            if "" in (whole.texts[first], *whole.texts[end : end + 1]):
                return self.read(strip.crop(first, end))  # a unit is cut: Textual knows what is left of it
            if len(self._parts) >= MAX_STRIPS:
                self._parts.clear()
            found = self._parts[key] = Cells(whole.texts[first:end], whole.styles[first:end])
        return found

    def _read(self, strip: Strip) -> Cells | None:
        texts: list[str] = []
        styles: list[str] = []
        for text, style, control in strip:
            if control or _CONTROL.search(text):
                return None
            before = len(texts)
            if text.isascii():
                texts += text
            else:
                _units(text, texts)
            styles += [self._key(style)] * (len(texts) - before)
        return Cells(texts, styles) if len(texts) == strip.cell_length else None

    def _key(self, style: Style | None) -> str:
        """A style as SGR parameters and, after `LINK`, its link: just what Textual would write."""
        if style is None:
            return ""
        found = self._styles.get(style)
        if found is None:
            if len(self._styles) >= MAX_STYLES:
                self._styles.clear()
            found = Strip.render_ansi(style, self._colours)
            if style.link:
                found += f"{LINK}id={style.link_id};{style.link}"
            self._styles[style] = found
        return found


@lru_cache(maxsize=4096)
def sure_width(character: str) -> int:
    """Cells of a character; 0: terminals differ."""
    code = ord(character)
    for width, ranges in ((1, NARROW), (2, WIDE)):
        if any(first <= code <= last for first, last in ranges):
            return width
    return 0


def _units(text: str, texts: list[str]) -> None:
    """Add a text that is not only ASCII to `texts`."""
    widths = [sure_width(character) for character in text]
    at = 0
    while at < len(text):
        odd = widths.index(0, at) if 0 in widths[at:] else len(text) + 1
        start = max(at, odd - 1)  # with the character that it may stand on
        for character, width in zip(text[at:start], widths[at:start], strict=True):
            texts += (character,) if width == 1 else (character, "")
        at = odd
        while at < len(text) and not widths[at]:
            at += 1
        part = text[start:at]
        for first, end, width in _graphemes(part) if part else ():
            if width:
                texts += [part[first:end], *[""] * (width - 1)]
            elif texts:
                # It changes the character before it.
                texts[max(place for place, one in enumerate(texts) if one)] += part[first:end]


def _graphemes(text: str) -> list[tuple[int, int, int]]:
    """(first, end, cells) of what stands for one character each."""
    split = getattr(cells, "split_graphemes", None)
    if split is None:  # rich before 14.3
        return [(0, len(text), cell_len(text))]
    found: list[tuple[int, int, int]] = split(text)[0]
    return found


def is_odd(unit: str) -> bool:
    """Whether terminals may differ on how wide this is."""
    return len(unit) > 1 or not sure_width(unit)


def width_at(texts: Sequence[str | None], at: int) -> int:
    """Cells of the unit that begins at `at`."""
    end = at + 1
    while end < len(texts) and texts[end] == "":
        end += 1
    return end - at
