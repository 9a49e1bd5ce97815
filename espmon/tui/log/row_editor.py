"""One row of a terminal: what a board prints into it, moves over, erases and overwrites.

It knows what concerns a single row: CR, BS, TAB, the cursor's moves within the row, erasing, inserting and deleting
characters, colour, wide characters. Whatever else a terminal obeys is either without effect on the row (the cursor's
shape, questions) and not shown, or made visible. Source: ECMA-48, sections 8.3; xterm's ctlseqs for the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain, groupby

from rich.cells import get_character_cell_size

from espmon.model.terminal_size import TERMINAL_COLUMNS
from espmon.tui.log import sgr
from espmon.tui.log.display import all_narrow
from espmon.tui.log.sgr import PLAIN, Pen
from espmon.tui.sanitise import TAB, visible

MAX_COLUMNS = 512
"""Column that a board may name as the cursor's next place; text may go on as far as a line does."""

MAX_ROW_CELLS = 64 << 10
"""Cells of a row. Tabs and moves lead no further."""

MAX_EDITED_CELLS = 4096
"""A row with more cells is no line that somebody edits: nothing is inserted into it, deleted or blanked in it."""

MAX_CONTROLS = 4096
"""Control characters of one text that are all obeyed."""

MAX_KEPT = 2048
"""Characters from the beginning, and from the end, of a text with more of them."""

MAX_KNOWN = 16
"""Characters of a sequence whose picture is remembered."""

_CONTROLS = tuple(map(chr, (*range(0x20), 0x7F)))
_CONTROL = re.compile("[\x00-\x1f\x7f]")

_TOKEN = re.compile(
    "[^\x00-\x1f\x7f]+"
    "|\x1b\\[([0-?]*)([ -/]*)([@-~])"  # 1 parameters, 2 intermediates, 3 final
    "|\x1b\\][^\x07\x1b]{0,256}(?:\x07|\x1b\\\\)"  # a title: shown, since it is no part of the row
    "|(?:\x1b(?:\\[(?=\x1b)|(?![\\[\\]])))+"  # nothing that is known here begins like these, however many they are
    "|[\x00-\x1f\x7f]"
)

_SILENT = re.compile("[5-6]n|[>=]?0?c|\\?[0-9;]*[hln]|[0-9]* q|18t")
"""Sequences (without their beginning) that leave the row alone: questions, and modes of the whole terminal."""


_known = lru_cache(maxsize=256)(visible)


def _inert(token: str) -> str:
    """A sequence that is not obeyed, made visible; the same ones come again and again."""
    return _known(token) if len(token) <= MAX_KNOWN else visible(token)


class RowEditor:
    """The cells of one row.

    Args:
        pen: the colour that was left on before the row.
    """

    __slots__ = ("_saved", "cells", "column", "narrow", "pen", "pens")

    def __init__(self, pen: Pen = PLAIN) -> None:
        self.cells: list[str] = []
        """Characters, one a cell. The second cell of a wide one is "", what combines with one stands behind it."""

        self.pens: list[Pen] = []
        self.column = 0
        self.pen = pen
        self.narrow = True
        """Nothing but characters of one cell was printed."""

        self._saved: tuple[int, Pen] = 0, PLAIN

    def copy(self) -> RowEditor:
        """The same row, to go on in another way."""
        other = RowEditor(self.pen)
        other.cells, other.pens = self.cells.copy(), self.pens.copy()
        other.column, other._saved, other.narrow = self.column, self._saved, self.narrow
        return other

    def feed(self, text: str) -> None:
        """Print `text`. Of one with more than `MAX_CONTROLS`, the middle is passed over: every spinner and progress bar
        has drawn itself anew behind it."""
        if len(text) > 2 * MAX_KEPT and sum(map(text.count, _CONTROLS)) > MAX_CONTROLS:
            begin, end = (_CONTROL.search(text, at) for at in (MAX_KEPT, len(text) - MAX_KEPT))
            kept = ["" if begin is None else text[: begin.start()], "" if end is None else text[end.start() :]]
        else:
            kept = [text]
        for match in chain.from_iterable(map(_TOKEN.finditer, kept)):
            token = match[0]
            if token >= " " and token[0] != "\x7f":
                self._print(token)
            elif match[3] is not None:
                self._obey(token, match[1], match[2], match[3])
            elif token == "\r":
                self.column = 0
            elif token == "\b":
                self.column = max(0, self.column - 1)
            elif token == "\t":
                self.column = min((self.column // TAB + 1) * TAB, max(self.column, MAX_ROW_CELLS))
            elif token != "\x07":
                self._print_visible(_inert(token))

    # -- characters ---------------------------------------------------------------------------------------------

    def _print(self, text: str) -> None:
        self._print_visible(text if text.isascii() else visible(text))

    def _print_visible(self, text: str) -> None:
        if all_narrow(text):
            self._put(list(text))
            return
        self.narrow = False
        for character in text:
            if width := get_character_cell_size(character):
                self._put([character] if width == 1 else [character, ""])
            elif self.column:
                at = min(self.column, len(self.cells)) - 1
                at -= at > 0 and not self.cells[at]
                if at >= 0:
                    self.cells[at] += character

    def _put(self, cells: list[str]) -> None:
        at, end = self.column, self.column + len(cells)
        self._fill(at)
        self._part(at)
        self._part(end)
        self.cells[at:end] = cells
        self.pens[at:end] = [self.pen] * len(cells)
        self.column = end

    def _fill(self, column: int) -> None:
        """Nothing was ever printed up to `column`: blanks."""
        missing = column - len(self.cells)
        if missing > 0:
            self.cells.extend(" " * missing)
            self.pens.extend([PLAIN] * missing)

    def _part(self, column: int) -> None:
        """A wide character that reaches over `column` is about to lose a half: the other one becomes blank."""
        if 0 < column < len(self.cells) and not self.cells[column]:
            self.cells[column - 1] = self.cells[column] = " "

    # -- sequences ----------------------------------------------------------------------------------------------

    def _obey(self, token: str, parameters: str, intermediates: str, final: str) -> None:
        action = None if intermediates else _ACTIONS.get(final)
        if final == "m" and not intermediates and not parameters.strip("0123456789;:"):
            self.pen = sgr.apply(self.pen, parameters)
        elif action is not None and (not parameters or parameters.isdigit()):
            if not action(self, int(parameters[:5]) if parameters else None):
                self._print_visible(_inert(token))
        elif not _SILENT.fullmatch(parameters + intermediates + final):
            self._print_visible(_inert(token))

    def _right(self, number: int | None) -> bool:
        limit = max(self.column, TERMINAL_COLUMNS - 1)
        self.column = min(self.column + (number or 1), limit)
        return True

    def _left(self, number: int | None) -> bool:
        # A cursor that stands behind the last cell of the terminal that boards know stands on it.
        self.column = max(0, self.column - (number or 1))
        return True

    def _go(self, number: int | None) -> bool:
        self.column = min(max(number or 1, 1), MAX_COLUMNS) - 1
        return True

    def _erase(self, number: int | None) -> bool:
        if not number:
            self._part(self.column)
            del self.cells[self.column :], self.pens[self.column :]
        elif number == 1:
            self._blank(0, self.column + 1)
        elif number == 2:
            self.cells.clear()
            self.pens.clear()
        return number in (None, 0, 1, 2)

    def _erase_below(self, number: int | None) -> bool:
        """What is below is no part of the row; of what is above, nothing can be erased."""
        return not number and self._erase(number)

    def _erase_characters(self, number: int | None) -> bool:
        self._blank(self.column, self.column + (number or 1))
        return True

    def _blank(self, low: int, high: int) -> None:
        high = min(high, len(self.cells))
        if low < high and len(self.cells) <= MAX_EDITED_CELLS:
            self._part(low)
            self._part(high)
            self.cells[low:high] = " " * (high - low)
            self.pens[low:high] = [PLAIN] * (high - low)

    def _delete(self, number: int | None) -> bool:
        if len(self.cells) > MAX_EDITED_CELLS:
            return True
        end = self.column + (number or 1)
        self._part(self.column)
        self._part(end)
        del self.cells[self.column : end], self.pens[self.column : end]
        return True

    def _insert(self, number: int | None) -> bool:
        length = len(self.cells)
        if self.column < length <= MAX_EDITED_CELLS:
            self._part(self.column)
            count = min(number or 1, MAX_COLUMNS)
            self.cells[self.column : self.column] = " " * count
            self.pens[self.column : self.column] = [PLAIN] * count
            # What is pushed over the edge of the terminal is gone.
            end = max(length, TERMINAL_COLUMNS)
            self._part(end)
            del self.cells[end:], self.pens[end:]
        return True

    def _save(self, number: int | None) -> bool:
        self._saved = self.column, self.pen
        return number is None

    def _restore(self, number: int | None) -> bool:
        self.column, self.pen = self._saved
        return number is None

    # -- what it looks like -------------------------------------------------------------------------------------

    def runs(self) -> Iterator[tuple[str, Pen]]:
        """The row as (text, pen), from the left, neighbours of one pen together."""
        begin = 0
        for pen, alike in groupby(self.pens):
            end = begin + len(list(alike))
            yield "".join(self.cells[begin:end]), pen
            begin = end


_ACTIONS: dict[str, Callable[[RowEditor, int | None], bool]] = {
    "C": RowEditor._right,
    "a": RowEditor._right,
    "D": RowEditor._left,
    "G": RowEditor._go,
    "`": RowEditor._go,
    "K": RowEditor._erase,
    "J": RowEditor._erase_below,
    "X": RowEditor._erase_characters,
    "P": RowEditor._delete,
    "@": RowEditor._insert,
    "s": RowEditor._save,
    "u": RowEditor._restore,
}
"""Final byte -> what it does; False when that parameter means something else."""
