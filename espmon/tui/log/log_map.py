"""Where in the log things are: one cell of the map for each part of it, with the most important thing there."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from espmon.tui.log.found_rows import FoundRows
from espmon.tui.log.log_view import LogView
from espmon.tui.log.meaning import Meaning


@dataclass(frozen=True, slots=True)
class Landmark:
    """A kind of thing on the map."""

    name: str
    sign: str
    """One cell; told apart without colours."""

    meaning: Meaning


CRASH = Landmark("crash", "✖", Meaning.CRASH)
MATCH = Landmark("match", "●", Meaning.MATCH)
MARK = Landmark("mark", "◆", Meaning.MARK)
ERROR = Landmark("error", "━", Meaning.ERROR)
BOOT = Landmark("boot", "┄", Meaning.TIME)

Cell = tuple[Landmark, int] | None
"""What stands in a cell, and the first line of it."""

Source = tuple[Landmark, Sequence[int]]
"""A kind of thing, and its lines in order."""


def map_cells(view: LogView, height: int, sources: Sequence[Source]) -> list[Cell]:
    """The map of a view as `height` cells, from the top; no cells where all of it is on the screen anyway.

    Costs a few bisections a cell, however long the log is.

    Args:
        view: what is on the scroll.
        height: rows of the map.
        sources: the most important first.
    """
    count = len(view)
    if count <= height or height < 1:
        return []
    borders = [view.line(count * y // height) for y in range(height)] + [view.line(count - 1) + 1]
    cells: list[Cell] = [None] * height
    for landmark, lines in reversed(sources):
        if not lines:
            continue
        at = _before(lines, borders[0])
        for y in range(height):
            end = _before(lines, borders[y + 1])
            if end > at:
                cells[y] = (landmark, lines[at])
            at = end
    return cells


def _before(lines: Sequence[int], line: int) -> int:
    return lines.before(line) if isinstance(lines, FoundRows) else bisect_left(lines, line)
