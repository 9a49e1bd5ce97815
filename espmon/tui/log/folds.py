"""Runs of lines that are shown as one row until somebody opens them: a crash, a storm, a boot loop, a register dump.

Folding is display only: the log keeps its lines, a search goes into a fold and opens it, a filter shows what it finds
as if nothing was folded. What is hidden is kept as columns (first line, line behind, rows hidden so far), so that a
place on the scroll costs a bisection, however many folds there are.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from espmon.session.store import LogStore

MAX_FOLDS = 20_000
"""Most folds of one kind; the oldest is shown line by line then."""


class Layer(IntEnum):
    """What is folded. Folds of one layer and board lie side by side; one may lie in another of a layer with a smaller
    number."""

    LOOP = 0
    STORM = 1
    CRASH = 2
    PART = 3


@dataclass(frozen=True, slots=True)
class Fold:
    """The lines `low <= id < high` of a board, shown as one row."""

    low: int
    high: int
    layer: Layer
    event: int | None = None
    """Id of the event that it shows."""

    count: int = 1
    """How often that happened in it."""

    label: str = ""
    """What it is, where no event says so."""

    board: int = 0
    """Whose lines they are: those of others among them are not folded."""


Piece = tuple[int, int, int, int]
"""First line, line behind the last one, the fold's first line, its board."""


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
        store: the log.
    """

    def __init__(self, store: LogStore) -> None:
        self.store = store
        self.off = False
        """Nothing is folded now: a filter shows single lines."""

        self._layers: tuple[dict[int, Fold], ...] = tuple({} for _ in Layer)
        self._open: set[tuple[Layer, int]] = set()
        self._sorted: dict[tuple[int, int], list[int]] = {}
        """Layer and board -> first lines of the folds, in order."""

        self._crashes: list[int] = []
        """First lines of the crashes of all boards, in order."""

        # The lines of the outermost closed folds, as pieces that lie side by side, in order; a fold is one piece where
        # no other board has a line in it. `_hidden[n]` is the rows that the first n hide.
        self._lows, self._highs, self._heads, self._boards = array("Q"), array("Q"), array("Q"), array("H")
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
            insort(self._sorted.setdefault((fold.layer, fold.board), []), fold.low)
            if fold.layer is Layer.CRASH:
                insort(self._crashes, fold.low)
        if len(layer) > MAX_FOLDS:
            self.remove(layer[next(iter(layer))])
        if (fold.layer, fold.low) in self._open or (before is not None and before.high > fold.high):
            self._stale = True
        else:
            self._hide(fold, fold.low if before is None else before.high)
        return True

    def remove(self, fold: Fold) -> None:
        """Show its lines again."""
        self._layers[fold.layer].pop(fold.low, None)
        self._open.discard((fold.layer, fold.low))
        _take_out(self._sorted.get((fold.layer, fold.board), []), fold.low)
        if fold.layer is Layer.CRASH:
            _take_out(self._crashes, fold.low)
        self._stale = True

    def use_store(self, store: LogStore) -> None:
        """Another log, of which nothing is folded."""
        self.store = store
        for layer in self._layers:
            layer.clear()
        self._sorted.clear()
        self._crashes.clear()
        self._open.clear()
        self._stale = True

    def _hide(self, fold: Fold, since: int) -> None:
        """Take a closed fold among the outermost ones; up to line `since`, it is there already.

        Mostly it is the last of them, or holds the last of them. What came since is little, whatever was before.
        """
        if self._stale or fold.low < self._start:
            self._stale = True
            return
        if any(outer.layer < fold.layer and not self.is_open(outer) for outer in self.around(fold.low)):
            return
        at = bisect_left(self._lows, since)
        behind = list(zip(self._lows[at:], self._highs[at:], self._heads[at:], self._boards[at:], strict=True))
        if any(low < fold.high < high for low, high, _, board in behind if board == fold.board):
            self._stale = True
            return
        del self._lows[at:], self._highs[at:], self._heads[at:], self._boards[at:], self._hidden[at + 1 :]
        others = [piece for piece in behind if piece[3] != fold.board or piece[0] >= fold.high]
        self._append([*others, *self._pieces(fold, since)])

    def _pieces(self, fold: Fold, since: int) -> Iterable[Piece]:
        """A fold's lines from `since` on."""
        return ((low, high, fold.low, fold.board) for low, high in self.store.pieces(fold.board, since, fold.high))

    def _append(self, pieces: list[Piece]) -> None:
        """Take these behind the others."""
        pieces.sort()
        lows, highs, heads, hidden = self._lows, self._highs, self._heads, self._hidden
        count = self.store.rows.count
        for low, high, head, board in pieces:
            rows = count(low, high) - (low == head)
            if heads and heads[-1] == head and highs[-1] == low:
                highs[-1] = high
                hidden[-1] += rows
                continue
            lows.append(low)
            highs.append(high)
            heads.append(head)
            self._boards.append(board)
            hidden.append(hidden[-1] + max(0, rows))

    def _settle(self) -> None:
        """Find the outermost closed folds anew."""
        if not self._stale:
            return
        self._stale = False
        self._lows, self._highs, self._heads, self._boards = array("Q"), array("Q"), array("Q"), array("H")
        self._hidden = array("Q", [0])
        ends: dict[int, int] = {}
        pieces: list[Piece] = []
        for fold in sorted(self, key=lambda fold: (fold.low, fold.layer)):
            if fold.low >= max(ends.get(fold.board, 0), self._start) and not self.is_open(fold):
                ends[fold.board] = fold.high
                pieces.extend(self._pieces(fold, fold.low))
        self._append(pieces)

    def begin_at(self, line: int) -> None:
        """The log is shown from this line on: of a fold that begins before it, the lines are shown."""
        before, self._start = self._start, line
        if line < before:
            self._stale = True
        elif line > before:
            for (layer, _), lows in self._sorted.items():
                at = bisect_left(lows, line)
                self._stale |= at > 0 and lows[at - 1] >= before and self._layers[layer][lows[at - 1]].high > line

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
        found = (self._holding(layer, line) for layer in Layer)
        return [fold for fold in found if fold is not None]

    def _holding(self, layer: Layer, line: int) -> Fold | None:
        """The fold of a layer that holds `line`."""
        if not self._layers[layer]:
            return None
        try:
            lows = self._sorted.get((layer, self.store.board_of(line)), [])
        except IndexError:
            return None
        at = bisect_right(lows, line) - 1
        if at < 0:
            return None
        fold = self._layers[layer][lows[at]]
        return fold if line < fold.high else None

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
        return self._crashes

    def in_crash(self, line: int) -> bool:
        """Whether `line` belongs to a crash: it has a rail."""
        return self._holding(Layer.CRASH, line) is not None

    def hidden_by(self, line: int) -> int | None:
        """First line of the closed fold that hides `line`, or that it begins; None when it is shown."""
        self._settle()
        at = bisect_right(self._lows, line) - 1
        return self._heads[at] if not self.off and at >= 0 and line < self._highs[at] else None

    def behind(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """The lines behind `last` of the closed folds whose rows stand from line `first` to line `last`, as ranges
        (first line, line behind the last one)."""
        self._settle()
        low, high = bisect_left(self._lows, first), bisect_right(self._lows, last)
        for head in () if self.off else sorted({self._heads[at] for at in range(low, high)}):
            fold = self.heads(head)[-1]
            if head >= first and fold.high > last + 1:
                yield from self.store.pieces(fold.board, last + 1, fold.high)

    def stands_for(self, line: int) -> int:
        """Where the crash that begins at `line` is one row: of a closed storm the first line, else `line` itself."""
        storms = () if self.off else self.around(line)
        return next((fold.low for fold in storms if fold.layer is Layer.STORM and not self.is_open(fold)), line)

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
        lows, hidden, rows = self._lows, self._hidden, self.store.rows
        begin = bisect_left(lows, first)

        def shown_before(index: int) -> int:
            return rows.count(first, lows[index]) - (hidden[index] - hidden[begin])

        at = begin + bisect_right(range(begin, len(lows)), position, key=shown_before) - 1
        if at < begin:
            return rows.nth(first, position)
        left = position - shown_before(at)
        if lows[at] == self._heads[at]:
            if not left:
                return lows[at]
            left -= 1
        return rows.nth(self._highs[at], left)

    def position(self, first: int, line: int) -> int:
        """How many rows are shown between line `first` and `line`; of a hidden line, and the row that stands for it
        (or the next row, where lines of another board are between that one and the hidden line)."""
        self._settle()
        lows = self._lows
        begin = bisect_left(lows, first)
        after = bisect_right(lows, line)
        if after > begin and line < self._highs[after - 1]:
            after -= 1
            line = lows[after]
        elif after < begin:
            after = begin
        return self.store.rows.count(first, line) - (self._hidden[after] - self._hidden[begin])


def _take_out(lines: list[int], line: int) -> None:
    """Take a line out of a list that is in order."""
    at = bisect_left(lines, line)
    if at < len(lines) and lines[at] == line:
        del lines[at]
