"""Which chips the header shows, in which words, and where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len, set_cell_size

from espmon.session.status import Status
from espmon.tui import actions
from espmon.tui.sanitise import visible
from espmon.tui.widgets.row_parts import Part
from espmon.tui.widgets.status_chips import CHIPS, Rank, StatusChip

MIN_BOARD_CELLS = 12
"""Cells that the board's name keeps before anything that tells how the board is doing is given up for it."""

GAP = 2
"""Cells between two chips."""

KEY_STYLE = "$accent"


@dataclass(frozen=True, slots=True)
class ShownChip:
    """A chip that holds, with the words and the key that it has now."""

    chip: StatusChip
    words: str
    key: str

    @property
    def parts(self) -> list[Part]:
        """Words and key."""
        key = [(f" {self.key}", KEY_STYLE)] if self.key else []
        return [(self.words, self.chip.colour), *key]

    @property
    def cells(self) -> int:
        """How wide it is."""
        return sum(cell_len(text) for text, _ in self.parts)


def holding(status: Status, mode: str, keymap: Mapping[str, str]) -> list[ShownChip]:
    """The chips that hold, in the order in which they stand; `mode` is where keys go now."""
    return [
        ShownChip(chip, visible(chip.words(status)), actions.to_press(chip.action, mode, keymap))
        for chip in CHIPS
        if chip.when(status)
    ]


def fitting(shown: Sequence[ShownChip], status: Status, width: int) -> list[ShownChip]:
    """What there is room for in `width` cells: chips are shortened first, lose their keys then, and go at last.

    Each time the least important first. The board's name is cut before chip, ELF or anything more important goes.
    """
    kept = list(shown)
    board = next((chip for chip in kept if chip.chip.rank is Rank.BOARD), None)
    spare = max(0, cell_len(board.words) - MIN_BOARD_CELLS) if board is not None else 0

    def over() -> int:
        return sum(chip.cells + GAP for chip in kept) - GAP - width

    def shorten(chip: ShownChip) -> ShownChip | None:
        return replace(chip, words=visible(chip.chip.short(status))) if chip.chip.short is not None else chip

    def without_key(chip: ShownChip) -> ShownChip | None:
        return replace(chip, key="")

    def without(chip: ShownChip) -> ShownChip | None:
        return None

    def by_rank(least: Rank, most: Rank) -> Iterator[ShownChip]:
        chosen = [chip for chip in kept if most <= chip.chip.rank <= least]
        return iter(sorted(chosen, key=lambda chip: chip.chip.rank, reverse=True))

    # (what is done, from this rank, up to that one, cells that may still be missing)
    passes = (
        (without, Rank.PROGRAM, Rank.PROGRAM, 0),
        (shorten, Rank.ELF, Rank.ELF, 0),
        (without_key, Rank.BAUD, Rank.ELF, 0),
        (without, Rank.BAUD, Rank.BAUD, 0),
        (without, Rank.BAUD, Rank.BOOT, 0),
        (shorten, Rank.BAUD, Rank.LINK, 0),
        (without_key, Rank.CHIP, Rank.LINK, spare),
        (without, Rank.CHIP, Rank.RECORDING, spare),
    )
    for change, least, most, missing in passes:
        for chip in by_rank(least, most):
            if over() <= missing:
                break
            at = kept.index(chip)
            changed = change(chip)
            kept[at : at + 1] = [changed] if changed is not None else []
    if (cut := over()) > 0 and board in kept:
        room = max(0, cell_len(board.words) - cut - 1)
        kept[kept.index(board)] = replace(board, words=set_cell_size(board.words, room).rstrip() + "…")
    return kept


@dataclass(frozen=True, slots=True)
class ArrangedChips:
    """The header's row.

    Args:
        parts: texts and styles, the gaps between them too.
        spans: the cells of each chip that leads to an action, and that action's id.
    """

    parts: tuple[Part, ...]
    spans: tuple[tuple[range, str], ...]


def arranged(shown: Sequence[ShownChip], status: Status, width: int) -> ArrangedChips:
    """The chips that there is room for in `width` cells, where they stand."""
    kept = fitting(shown, status, width)
    left = [chip for chip in kept if not chip.chip.right]
    right = [chip for chip in kept if chip.chip.right]
    cells = sum(chip.cells + GAP for chip in kept) - GAP
    parts: list[Part] = []
    spans: list[tuple[range, str]] = []
    x = 0
    for chip in (*left, *right):
        gap = GAP if x else 0
        if right and chip is right[0]:
            gap += max(0, width - cells)
        parts.append((" " * gap, ""))
        x += gap
        if chip.chip.action:
            spans.append((range(x, x + chip.cells), chip.chip.action))
        parts += chip.parts
        x += chip.cells
    return ArrangedChips(tuple(parts), tuple(spans))
