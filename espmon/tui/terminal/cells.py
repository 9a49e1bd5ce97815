"""Strips of text as the cells of a terminal.

A cell holds its text, and its style as a key of `Pens`. What is wider than one cell is a unit: its text stands in the
first cell, and "" in the others. Wide characters that every terminal draws alike are units of two cells. What terminals
measure differently (combining marks, emoji, private use) is a unit as well, as wide as Textual takes it to be.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich import cells
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.style import Style
from textual.strip import Strip

from espmon.tui.terminal.pens import LINK

MAX_STRIPS = 4096
"""Strips, and styles, remembered as cells."""

_NARROW = (
    r"\x20-\x7e\xa1-\xac\xae-\u02ff\u0391-\u03a1\u03a3-\u03c9\u0400-\u0482\u048a-\u052f\u2010-\u2015\u2018-\u2027"
    r"\u2030-\u2038\u2190-\u2193\u21b1-\u21b3\u2200-\u22ff\u2409\u2424\u2500-\u25ee\u2800-\u28ff"
)
"""One cell in every terminal."""

_WIDE = r"\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff60"
"""Two cells in every terminal."""

_ODD = re.compile(rf".?[^{_NARROW}{_WIDE}]+", re.DOTALL)
"""What is measured differently, with the character that it may stand on."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
WIDE = re.compile(f"[{_WIDE}]")


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
            if len(self._styles) >= MAX_STRIPS:
                self._styles.clear()
            found = Strip.render_ansi(style, self._colours)
            if style.link:
                found += f"{LINK}id={style.link_id};{style.link}"
            self._styles[style] = found
        return found


def _units(text: str, texts: list[str]) -> None:
    """Add a text that is not only ASCII to `texts`."""
    at = 0
    while at < len(text):
        odd = _ODD.search(text, at)
        plain = text[at : len(text) if odd is None else odd.start()]
        for character in plain:
            texts.append(character)
            if WIDE.match(character):
                texts.append("")
        if odd is None:
            return
        at = odd.end()
        for first, end, width in _graphemes(odd[0]):
            grapheme = odd[0][first:end]
            if width:
                texts += [grapheme, *[""] * (width - 1)]
            elif texts:
                # It changes the character before it.
                texts[max(place for place, one in enumerate(texts) if one)] += grapheme


def _graphemes(text: str) -> list[tuple[int, int, int]]:
    """(first, end, cells) of what stands for one character each."""
    split = getattr(cells, "split_graphemes", None)
    if split is None:  # rich before 14.3
        return [(0, len(text), cell_len(text))]
    found: list[tuple[int, int, int]] = split(text)[0]
    return found


def is_odd(unit: str) -> bool:
    """Whether terminals may differ on how wide this is."""
    return len(unit) > 1 or _ODD.fullmatch(unit) is not None


def width_at(texts: Sequence[str | None], at: int) -> int:
    """Cells of the unit that begins at `at`."""
    end = at + 1
    while end < len(texts) and texts[end] == "":
        end += 1
    return end - at
