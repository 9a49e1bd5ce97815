"""What the terminal shows, cell by cell, and a new picture as the difference to it.

Only what every terminal does alike is written: cursor moves, SGR, text, and for rows that moved up a scroll region with
line feeds at its end. Nothing is erased, since terminals differ in the colour that leaves: spaces are written.
Whatever is not known is written whenever it is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from operator import ne, or_
from typing import cast

from espmon.tui.terminal.cells import Cells, is_odd, width_at
from espmon.tui.terminal.pens import Pens

MIN_SCROLLED = 3
"""Rows that must have moved together before a scroll region is thought of."""

MAX_ANCHORS = 6
"""Rows that are looked for among those shown, to find how far they have moved."""

WIDE_SHARE = 0.8
"""Part of the width that must have moved for the rest not to be counted before."""

MAX_GAP = 4
"""Unchanged cells between two changes that are written again: a cursor move costs as much."""

SPILL = 2
"""Cells after a unit that is measured differently which are written again: it may have been drawn over them."""

NARROW = 4
"""Cells of a widget's row that are looked at before the whole row is: a bar changes in few of its rows."""

UNKNOWN = None
"""Text of a cell that may show anything."""


class Row:
    """One row: texts (None where nobody knows) and styles of its cells."""

    __slots__ = ("styles", "texts")

    def __init__(self, texts: list[str | None], styles: list[str]) -> None:
        self.texts = texts
        self.styles = styles

    def holds(self, x: int, cells: Cells) -> bool:
        """Whether these cells stand there already, as whole units."""
        end = x + len(cells)
        same = self.texts[x:end] == cells.texts and self.styles[x:end] == cells.styles
        return same and "" not in self.texts[end : end + 1]

    def copy(self) -> Row:
        """A row that can be changed."""
        return Row(self.texts.copy(), self.styles.copy())

    def same(self, other: Row) -> bool:
        """Whether every cell is the same."""
        return self.texts == other.texts and self.styles == other.styles


class ScreenModel:
    """The cells of a terminal.

    Args:
        width: columns.
        height: rows.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._pens = Pens()
        self._rows: list[Row] = []
        self._out: list[str] = []
        self._pen = ""
        self._at: tuple[int, int] | None = None
        self.forget()

    def forget(self) -> None:
        """Somebody else wrote to the terminal: any cell may show anything."""
        self._rows = [Row([UNKNOWN] * self.width, [""] * self.width) for _ in range(self.height)]

    def row(self, y: int) -> tuple[Sequence[str | None], Sequence[str]]:
        """Texts and styles of a row as the terminal should show them."""
        return self._rows[y].texts, self._rows[y].styles

    def paint(self, placements: Iterable[tuple[int, int, Cells]], poll: Callable[[], None] = lambda: None) -> str:
        """Write cells.

        Args:
            placements: (row, column, cells), in the order in which they would be written; all inside the screen.
            poll: called between rows; keys may be taken then.

        Returns:
            What to send to the terminal, which then shows them; "" when it does already. The cursor may be anywhere
            then, and no style is set.
        """
        wanted: dict[int, Row] = {}
        span = (0, 0)
        for y, x, cells in placements:
            row = wanted.get(y)
            if row is None:
                poll()
                if len(cells) <= NARROW and self._rows[y].holds(x, cells):
                    continue
                row = wanted[y] = self._rows[y].copy()
            self._put(row, self._rows[y], x, cells)
            if len(cells) > span[1] - span[0]:
                span = (x, x + len(cells))
        self._out, self._pen, self._at = [], "", None
        if len(wanted) > MIN_SCROLLED:
            self._scroll(wanted, *span)
        beside: list[tuple[int, Row, int, int]] = []
        for y in sorted(wanted):
            poll()
            row, shown = wanted[y], self._rows[y]
            if not row.same(shown):
                beside += self._difference(y, row, shown, span[1])
            self._rows[y] = row
        for y, row, start, end in beside:
            self._move(y, start)
            self._write(y, row, start, end)
        self._out.append(self._pens.change(self._pen, ""))
        return "".join(self._out)

    @staticmethod
    def _put(row: Row, shown: Row, x: int, cells: Cells) -> None:
        """Lay cells over a row. What is left of a unit that they cut is blank; how terminals do that differs."""
        texts, end = row.texts, x + len(cells)
        if x and texts[x] == "":
            start = x
            while texts[start] == "":
                start -= 1
            for at in range(start, x):
                texts[at], shown.texts[at] = " ", UNKNOWN
        at = end
        while at < len(texts) and texts[at] == "":
            texts[at], shown.texts[at] = " ", UNKNOWN
            at += 1
        texts[x:end] = cells.texts
        row.styles[x:end] = cells.styles

    # -- rows that moved ----------------------------------------------------------------------------------------

    def _scroll(self, wanted: dict[int, Row], left: int, right: int) -> None:
        """Where most rows are there already, but lower, let the terminal move them up."""
        top, bottom = _longest_run(sorted(wanted))
        old = [self._rows[y].texts[left:right] for y in range(top, bottom)]
        new = [wanted[y].texts[left:right] for y in range(top, bottom)]
        changed = sum(map(ne, old, new))
        if changed <= MIN_SCROLLED:
            return
        blank: list[str | None] = [" "] * (right - left)
        count, steps = max(
            ((_moved(old, new, one, blank), -one) for one in _candidates(old, new, blank)), default=(0, 0)
        )
        steps = -steps
        if count < MIN_SCROLLED:
            return
        found = [at for at in range(len(new) - steps) if new[at] == old[at + steps]]
        top, bottom = top + found[0], top + found[-1] + steps + 1
        rows = self._rows[top:bottom]
        if any(UNKNOWN in row.texts for row in rows):
            return
        moved = rows[steps:] + [Row([" "] * self.width, [""] * self.width) for _ in range(steps)]
        if count < changed // 2 or right - left < self.width * WIDE_SHARE:
            places = [wanted[y] for y in range(top, bottom)]
            if sum(map(_cells_changed, places, moved)) >= sum(map(_cells_changed, places, rows)):
                return
        # With no style set, so that what comes in is blank in every terminal. Some put the cursor home then.
        feeds = "\n" * steps
        self._out.append(f"\x1b[{top + 1};{bottom}r\x1b[{bottom};1H{feeds}\x1b[r")
        self._rows[top:bottom] = moved
        self._at = None

    # -- cells that changed -------------------------------------------------------------------------------------

    def _difference(self, y: int, row: Row, shown: Row, edge: int) -> list[tuple[int, Row, int, int]]:
        """Write what changed up to the column `edge`. Returns what changed behind it: a bar there has colours of its
        own, from row to row the same."""
        beside = []
        for start, end in self._spans(row, shown):
            if start < edge < end and row.texts[edge] != "":
                beside.append((y, row, edge, end))
                end = edge
            elif start >= edge:
                beside.append((y, row, start, end))
                continue
            self._move(y, start)
            self._write(y, row, start, end)
        return beside

    def _spans(self, row: Row, shown: Row) -> list[tuple[int, int]]:
        """(first, end) of the cells to write: whole units, and without small gaps."""
        texts = row.texts
        flags: list[bool] = list(map(or_, map(ne, texts, shown.texts), map(ne, row.styles, shown.styles)))
        if UNKNOWN in texts:
            flags = [flag and text is not UNKNOWN for flag, text in zip(flags, texts, strict=True)]
        flags += (True, False)
        spans: list[list[int]] = []
        at = flags.index(True)
        while at < self.width:
            start = at
            while texts[start] == "":
                start -= 1
            end = min(flags.index(False, at), self.width)
            while end < self.width and texts[end] == "":
                end += 1
            last = end - 1
            while texts[last] == "":
                last -= 1
            text = texts[last]
            if text is not None and not text.isascii() and is_odd(text):
                end = self._after(texts, end)
            if spans and start - spans[-1][1] <= MAX_GAP and UNKNOWN not in texts[spans[-1][1] : start]:
                spans[-1][1] = end
            else:
                spans.append([start, end])
            at = flags.index(True, end)
        return [(start, end) for start, end in spans]

    def _after(self, texts: Sequence[str | None], end: int) -> int:
        """Where the cells end that a unit may have been drawn over."""
        until = min(end + SPILL, self.width)
        while end < until and texts[end] is not UNKNOWN:
            end += width_at(texts, end)
        return end

    def _move(self, y: int, x: int) -> None:
        """Put the cursor there."""
        at = self._at
        if at == (y, x):
            return
        if at is not None and at[0] == y and at[1] < x:
            self._out.append(f"\x1b[{x - at[1]}C" if x - at[1] > 1 else "\x1b[C")
        elif at is not None and at[0] + 1 == y and x == 0:
            # Behind the last column the cursor may wait to wrap: CR ends that.
            self._out.append("\r\n")
        else:
            self._out.append(f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H" if y else "\x1b[H")
        self._at = y, x

    def _write(self, y: int, row: Row, start: int, end: int) -> None:
        texts, styles, out = cast("list[str]", row.texts), row.styles, self._out
        at = start
        while at < end:
            key, stop = styles[at], at + 1
            while stop < end and styles[stop] == key:
                stop += 1
            out.append(self._pens.change(self._pen, key))
            self._pen = key
            text = "".join(texts[at:stop])
            if text.isascii():
                out.append(text)
            else:
                self._write_units(y, texts, at, stop)
            at = stop
        self._at = y, end

    def _write_units(self, y: int, texts: Sequence[str | None], at: int, end: int) -> None:
        out = self._out
        while at < end:
            unit, width = str(texts[at]), width_at(texts, at)
            if not unit.isascii() and is_odd(unit):
                # However wide the terminal draws it, its cells are cleared before and the cursor is right after.
                out.append(f"{' ' * width}\x1b[{y + 1};{at + 1}H{unit}\x1b[{y + 1};{at + width + 1}H")
            else:
                out.append(unit)
            at += width


def _candidates(old: Sequence[object], new: Sequence[object], blank: object) -> set[int]:
    """How far some of the rows may have moved up."""
    step = max(1, len(new) // MAX_ANCHORS)
    return {
        at - anchor
        for anchor in range(0, len(new), step)
        if new[anchor] != blank
        for at in range(anchor + 1, len(old))
        if old[at] == new[anchor]
    }


def _moved(old: Sequence[object], new: Sequence[object], steps: int, blank: object) -> int:
    """Rows, blank ones left out, that stood `steps` rows lower."""
    return sum(one == other and one != blank for one, other in zip(new, old[steps:], strict=False))


def _cells_changed(row: Row, shown: Row) -> int:
    if row.same(shown):
        return 0
    texts: int = sum(map(ne, row.texts, shown.texts))
    styles: int = sum(map(ne, row.styles, shown.styles))
    return texts + styles


def _longest_run(numbers: Sequence[int]) -> tuple[int, int]:
    """(first, end) of the longest run of numbers that follow one another."""
    starts = [0, *(at + 1 for at, (one, two) in enumerate(pairwise(numbers)) if two != one + 1), len(numbers)]
    first, end = max(pairwise(starts), key=lambda run: run[1] - run[0])
    return numbers[first], numbers[end - 1] + 1
