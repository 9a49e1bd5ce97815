"""Runs of lines that are shown as one row until somebody opens them: a crash, a storm, a boot loop, a register dump.

Folding is display only: the log keeps its lines, a search goes into a fold and opens it, a filter shows what it finds
as if nothing was folded. What is hidden is kept as columns (first line, line behind, rows hidden so far), so that a
place on the scroll costs a bisection, however many folds there are.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from espmon.session.row_index import RowIndex

MAX_FOLDS = 20_000
"""Most folds of one kind; the oldest is shown line by line then."""


class Layer(IntEnum):
    """What is folded. Folds of one layer lie side by side; one may lie in another of a layer with a smaller number."""

    LOOP = 0
    STORM = 1
    CRASH = 2
    PART = 3


@dataclass(frozen=True, slots=True)
class Fold:
    """The lines `low <= id < high`, shown as one row."""

    low: int
    high: int
    layer: Layer
    event: int | None = None
    """Id of the event that it shows."""

    count: int = 1
    """How often that happened in it."""

    label: str = ""
    """What it is, where no event says so."""


class Heading(NamedTuple):
    """What a fold's row says."""

    words: str
    """What happened; shortened where there is no room."""

    keys: str = ""
    """The keys that lead on."""

    size: str = ""
    """How much is folded; left out first."""

    loud: bool = False
    """It stands out as a crash does."""


class Folds:
    """The folds of one log. All methods run on the screen's loop.

    Args:
        rows: which lines are one row.
    """

    def __init__(self, rows: RowIndex) -> None:
        self.rows = rows
        self.off = False
        """Nothing is folded now: a filter shows single lines."""

        self._layers: tuple[dict[int, Fold], ...] = tuple({} for _ in Layer)
        self._open: set[tuple[Layer, int]] = set()
        self._sorted: tuple[list[int], ...] = tuple([] for _ in Layer)
        """The first lines of the folds of each layer, in order."""

        # The outermost closed folds, side by side and in order; `_hidden[n]` is the rows that the first n hide.
        self._lows, self._highs, self._of = array("Q"), array("Q"), array("B")
        self._hidden = array("Q", [0])
        self._stale = False
        self._start = 0

    def __bool__(self) -> bool:
        return bool(self._lows or self._stale)

    # -- what is folded -----------------------------------------------------------------------------------------

    def add(self, fold: Fold) -> bool:
        """Fold lines; one that begins at the same line in its layer is replaced. False when it is there already."""
        layer = self._layers[fold.layer]
        before = layer.get(fold.low)
        if before == fold:
            return False
        layer[fold.low] = fold
        if before is None:
            insort(self._sorted[fold.layer], fold.low)
        if len(layer) > MAX_FOLDS:
            self.remove(layer[next(iter(layer))])
        if (fold.layer, fold.low) in self._open or (before is not None and before.high > fold.high):
            self._stale = True
        else:
            self._hide(fold)
        return True

    def remove(self, fold: Fold) -> None:
        """Show its lines again."""
        self._layers[fold.layer].pop(fold.low, None)
        self._open.discard((fold.layer, fold.low))
        lows = self._sorted[fold.layer]
        at = bisect_left(lows, fold.low)
        if at < len(lows) and lows[at] == fold.low:
            del lows[at]
        self._stale = True

    def clear(self) -> None:
        """Another log."""
        for layer, lows in zip(self._layers, self._sorted, strict=True):
            layer.clear()
            lows.clear()
        self._open.clear()
        self._stale = True

    def _hide(self, fold: Fold) -> None:
        """Take a closed fold among the outermost ones: mostly it is the last of them, or holds the last of them."""
        if self._stale or fold.low < self._start:
            self._stale = True
            return
        lows, highs, layers = self._lows, self._highs, self._of
        while lows and (lows[-1], layers[-1]) >= (fold.low, fold.layer):
            if highs[-1] > fold.high:
                self._stale = True
                return
            del lows[-1], highs[-1], layers[-1], self._hidden[-1]
        if lows and highs[-1] > fold.low:
            return
        self._append(fold)

    def _append(self, fold: Fold) -> None:
        self._lows.append(fold.low)
        self._highs.append(fold.high)
        self._of.append(fold.layer)
        self._hidden.append(self._hidden[-1] + max(0, self.rows.count(fold.low, fold.high) - 1))

    def _settle(self) -> None:
        """Find the outermost closed folds anew."""
        if not self._stale:
            return
        self._stale = False
        self._lows, self._highs, self._of = array("Q"), array("Q"), array("B")
        self._hidden = array("Q", [0])
        end = 0
        for fold in sorted(self, key=lambda fold: (fold.low, fold.layer)):
            if fold.low >= max(end, self._start) and not self.is_open(fold):
                end = fold.high
                self._append(fold)

    def begin_at(self, line: int) -> None:
        """The log is shown from this line on: of a fold that begins before it, the lines are shown."""
        at = bisect_left(self._lows, max(line, self._start)) - 1
        if line < self._start or (at >= 0 and self._highs[at] > line):
            self._stale = True
        self._start = line

    # -- open and closed ----------------------------------------------------------------------------------------

    def is_open(self, fold: Fold) -> bool:
        """Whether its lines are shown."""
        return (fold.layer, fold.low) in self._open

    def set_open(self, fold: Fold, opened: bool) -> None:
        """Show its lines, or fold them."""
        key = (fold.layer, fold.low)
        if opened:
            self._open.add(key)
        else:
            self._open.discard(key)
        self._stale = True

    def set_all(self, opened: bool) -> None:
        """Open or close all."""
        self._open = {(fold.layer, fold.low) for fold in self} if opened else set()
        self._stale = True

    def __iter__(self) -> Iterator[Fold]:
        for layer in self._layers:
            yield from layer.values()

    def around(self, line: int) -> list[Fold]:
        """The folds that hold `line`, outermost first."""
        found = []
        for layer, lows in zip(self._layers, self._sorted, strict=True):
            at = bisect_right(lows, line) - 1
            if at >= 0 and line < (fold := layer[lows[at]]).high:
                found.append(fold)
        return found

    def reveal(self, line: int, *, inside: bool = False) -> bool:
        """Open what hides `line`; with `inside` also the fold that begins there. False when nothing had to be."""
        opened = False
        for fold in () if self.off else self.around(line):
            if not self.is_open(fold):
                if fold.low == line and not inside:
                    break
                self.set_open(fold, True)
                opened = True
        return opened

    # -- what is shown ------------------------------------------------------------------------------------------

    def heads(self, line: int) -> Sequence[Fold]:
        """The folds that begin with `line` and are shown above it: open ones, then the closed one that hides it."""
        if self.off:
            return ()
        found: list[Fold] = []
        for layer in self._layers:
            if (fold := layer.get(line)) is not None:
                found.append(fold)
                if (fold.layer, line) not in self._open:
                    break
        return found

    def closed(self, line: int) -> bool:
        """Whether `line` is hidden by a fold that begins with it."""
        heads = self.heads(line)
        return bool(heads) and not self.is_open(heads[-1])

    @property
    def crashes(self) -> Sequence[int]:
        """The first lines of the crashes, in order."""
        return self._sorted[Layer.CRASH]

    def in_crash(self, line: int) -> bool:
        """Whether `line` belongs to a crash: it has a rail."""
        at = bisect_right(self.crashes, line) - 1
        return at >= 0 and line < self._layers[Layer.CRASH][self.crashes[at]].high

    def inside_crash(self, line: int) -> bool:
        """Whether a crash, or a part of one, hides `line` and begins before it."""
        return any(
            fold.layer >= Layer.CRASH and fold.low < line and not self.is_open(fold) for fold in self.around(line)
        )

    # -- places on the scroll: rows from line `first` on, where no fold began before --------------------------------

    def hidden(self, first: int, stop: int) -> int:
        """Rows that the folds hide that lie between the lines `first` and `stop` (excluded)."""
        self._settle()
        begin, end = bisect_left(self._lows, first), bisect_right(self._highs, stop)
        return self._hidden[end] - self._hidden[begin] if end > begin else 0

    def line(self, first: int, position: int) -> int:
        """The row that is shown `position` rows after line `first`."""
        self._settle()
        lows, hidden, rows = self._lows, self._hidden, self.rows
        begin = bisect_left(lows, first)

        def shown_before(index: int) -> int:
            return rows.count(first, lows[index]) - (hidden[index] - hidden[begin])

        at = begin + bisect_right(range(begin, len(lows)), position, key=shown_before) - 1
        if at < begin:
            return rows.nth(first, position)
        left = position - shown_before(at)
        return lows[at] if not left else rows.nth(self._highs[at], left - 1)

    def position(self, first: int, line: int) -> int:
        """How many rows are shown between line `first` and `line`; of a hidden line, and the row that stands for it."""
        self._settle()
        lows = self._lows
        begin = bisect_left(lows, first)
        after = bisect_right(lows, line)
        if after > begin and line < self._highs[after - 1]:
            after -= 1
            line = lows[after]
        elif after < begin:
            after = begin
        return self.rows.count(first, line) - (self._hidden[after] - self._hidden[begin])
