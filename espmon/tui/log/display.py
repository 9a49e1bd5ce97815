"""One log line as it is shown: safe text, coloured spans, and where it wraps. Made for visible lines only."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate

from rich.cells import cell_len, get_character_cell_size

from espmon.tui.log.meaning import BOARD_COLOURS, parts_of
from espmon.tui.log.sgr import BOLD, PLAIN, Pen, split
from espmon.tui.sanitise import visible

Span = tuple[int, int, Pen]
"""(start, end, pen) in characters of the shown text."""


def all_narrow(text: str) -> bool:
    """Whether each character takes one cell."""
    return text.isascii() or all(get_character_cell_size(character) == 1 for character in set(text))


class DisplayLine:
    """A line ready to be cut into rows.

    Args:
        text: shown text, without any control character.
        spans: coloured runs in order, without holes; they cover `text`.
        narrow: each character is known to take one cell; None looks.
    """

    __slots__ = ("_starts", "_wraps", "narrow", "spans", "text")

    def __init__(self, text: str, spans: list[Span], *, narrow: bool | None = None) -> None:
        self.text = text
        self.spans = spans
        self.narrow = all_narrow(text) if narrow is None else narrow
        self._starts: list[int] | None = None
        self._wraps: tuple[int, list[int]] | None = None

    def _cells(self) -> list[int]:
        """First cell of each character, and of the end."""
        if self._starts is None:
            self._starts = list(accumulate(map(get_character_cell_size, self.text), initial=0))
        return self._starts

    @property
    def width(self) -> int:
        """Cells of the whole line."""
        return len(self.text) if self.narrow else self._cells()[-1]

    def character_at(self, cell: int) -> int:
        """Index of the first character that starts at or after `cell`."""
        if self.narrow:
            return min(max(0, cell), len(self.text))
        return min(bisect_left(self._cells(), cell), len(self.text))

    def cell_of(self, character: int) -> int:
        """Cell where character `character` starts."""
        return character if self.narrow else self._cells()[character]

    def end_for(self, start: int, width: int) -> int:
        """Index after the last character that fits when a row of `width` cells begins at character `start`."""
        if self.narrow:
            return min(len(self.text), start + width)
        cells = self._cells()
        return bisect_right(cells, cells[start] + width) - 1

    def wraps(self, width: int) -> list[int]:
        """First character of each row when wrapped at `width` cells (at least one row)."""
        if self._wraps is not None and self._wraps[0] == width:
            return self._wraps[1]
        width = max(1, width)
        if self.narrow:
            starts = list(range(0, max(1, len(self.text)), width))
        else:
            starts, at = [0], 0
            while (end := self.end_for(at, width)) < len(self.text):
                at = max(end, at + 1)
                starts.append(at)
        self._wraps = (width, starts)
        return starts

    def rows(self, width: int) -> int:
        """How many rows the line takes when wrapped at `width` cells."""
        if self.narrow:
            return max(1, -(-len(self.text) // max(1, width)))
        return len(self.wraps(width))


def plain(text: str, pen: Pen = PLAIN) -> DisplayLine:
    """A line of one pen."""
    shown = visible(text)
    return DisplayLine(shown, [(0, len(shown), pen)])


def by_level(line: DisplayLine, level: str | None = None) -> DisplayLine:
    """The line coloured by its level, where it has one and no other colour than boards give to that level.

    Args:
        line: the line as the board coloured it.
        level: the level that a user's own rule knows.
    """
    if len(line.spans) != 1:
        return line
    colour, ground, attributes = line.spans[0][2]
    if ground is not None or attributes not in (0, BOLD):
        return line
    found = parts_of(line.text, level)
    if found is None or colour not in BOARD_COLOURS[found[0]]:
        return line
    spans = [(low, high, PLAIN if meaning is None else (meaning, None, 0)) for low, high, meaning in found[1]]
    return DisplayLine(line.text, spans, narrow=line.narrow)


def display(body: bytes, *, colour: bool = True, pen: Pen = PLAIN) -> DisplayLine:
    """The line with these bytes (no line end).

    Args:
        body: the bytes; SGR sequences become spans, every other control becomes visible.
        colour: colour lines of a known level that bring no colour of their own.
        pen: the colour that was left on before it.
    """
    text = body.decode("utf-8", "backslashreplace")
    if "\x1b" not in text:
        line = plain(text, pen)
        return by_level(line) if colour else line
    runs = split(text, pen)
    if len(runs) == 1:
        line = plain(*runs[0])
        return by_level(line) if colour else line
    pieces: list[str] = []
    spans: list[Span] = []
    at = cells = 0
    for run, pen in runs:
        shown = visible(" " * (cells % 8) + run)[cells % 8 :] if "\t" in run else visible(run)
        pieces.append(shown)
        spans.append((at, at + len(shown), pen))
        at += len(shown)
        cells += len(shown) if shown.isascii() else cell_len(shown)
    return DisplayLine("".join(pieces), spans)
