"""What is folded in the log: each crash, a storm of one crash, a boot loop; in an open crash its registers and memory.

Made from the session's events: the log's lines are not looked at until a crash is opened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, groupby, islice
from typing import Protocol

from espmon.session.store import LogStore
from espmon.text import counted
from espmon.tui.log.base64_runs import Run
from espmon.tui.log.folds import MAX_FOLDS, Fold, Heading, Layer
from espmon.tui.log.line_times import span_text
from espmon.tui.monitor.board_folds import BoardFolds
from espmon.tui.monitor.told_events import Told, ToldCrash
from espmon.tui.widgets.log_pane import LogPane

MAX_PART_LINES = 4000
"""Most lines of an opened crash that are looked through for registers and memory."""

STACK, REGISTERS, BASE64 = "stack memory", "registers", "base64"
"""What is folded in an open crash."""

_BASE64_ROW = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}")
_HEADING = re.compile(r"^[^:]{1,40}: ")


class Folded(Protocol):
    """What folding needs of the monitor."""

    @property
    def pane(self) -> LogPane:
        """The log."""

    def say(self, text: str) -> None:
        """Tell the user."""


class Folding:
    """The folds of one log, and which of them the next key is about. All methods run on the screen's loop.

    A log of several boards has lines of others among those of a crash: it folds the lines of its board alone, and those
    of the others stay where they are.

    Args:
        view: the monitor.
        names: how the events of a log of several boards say whose they are; None: the log is of one board.
    """

    def __init__(self, view: Folded, names: Mapping[int, str] | None = None) -> None:
        self._view = view
        self._names = names
        self._words: dict[int, tuple[str, bool]] = {}
        """Event -> what its row says, and whether it is loud."""

        self._boards: dict[int, BoardFolds] = {}
        self._growing: dict[tuple[int, Layer], Fold] = {}
        """The newest loop and the newest storm of each board, as they stand in this log."""

        self._all_opened = False
        """Everything was opened at once, and not folded again."""

    @property
    def boot(self) -> int:
        """Line of the newest reset, 0 where none was seen, and where each board has its own."""
        board = None if self._names is not None else self._boards.get(0)
        return 0 if board is None else board.boot or 0

    # -- events become folds ------------------------------------------------------------------------------------

    def take(self, told: Told) -> None:
        """A crash or a reset came, or got more in it."""
        store = self._view.pane.store
        try:
            number, line = store.own_line(told.line)
        except IndexError:
            return
        board = self._boards.get(number)
        if board is None:
            board = self._boards[number] = BoardFolds(store.own_log(number), number, self._put)
        if isinstance(told, ToldCrash):
            self._say(told.event, told.headline or _HEADING.sub("", self._own(number, told.title), count=1), told.fatal)
            board.take_crash(told, line)
        elif board.take_reset(told, line):
            self._say(told.entry.id, _HEADING.sub("", self._own(number, told.entry.title), count=1), True)

    def _own(self, board: int, title: str) -> str:
        """The title of an event as it is without the name of its board."""
        return title if self._names is None else title.removeprefix(f"{self._names.get(board, '')}: ")

    def _say(self, event: int, words: str, loud: bool) -> None:
        said = self._words.get(event)
        self._words[event] = words, loud
        if len(self._words) > MAX_FOLDS:
            del self._words[next(iter(self._words))]
        if said is not None and said[0] != words:
            self._view.pane.repaint(forget=True)

    def _put(self, fold: Fold, before: Fold | None) -> None:
        """Fold lines of a board's own log where they stand in this one."""
        here = self._view.pane.store.lines_here(fold.board, fold.low, fold.high)
        if here is None:
            return
        there = replace(fold, low=here[0], high=here[1])
        if fold.layer in (Layer.LOOP, Layer.STORM):
            known = self._growing.get((fold.board, fold.layer))
            if before is not None and known is not None and known.low != there.low:
                self._view.pane.view.folds.remove(known)  # its oldest lines are not kept any more
            self._growing[fold.board, fold.layer] = there
        self._view.pane.fold(there)

    def fold_base64(self, board: int, run: Run) -> None:
        """Fold lines that nobody reads as they are, which stand outside of a crash, or in one that is not opened."""
        rows = self._view.pane.store.own_log(board).rows
        self._put(Fold(rows.start(run[0]), rows.stop(run[1] - 1), Layer.PART, label=BASE64, board=board), None)

    # -- what stands in their rows ------------------------------------------------------------------------------

    def heading(self, fold: Fold) -> Heading:
        """What a fold's row says."""
        folds = self._view.pane.view.folds
        size = counted(self._rows(fold), "line")
        key = "Enter closes" if folds.is_open(fold) else "Enter opens"
        if fold.event is None:
            return Heading(f"{fold.label} · {size}", key)
        words, loud = self._words.get(fold.event, ("", True))
        times = f"×{fold.count} " if fold.count > 1 else ""
        if fold.layer is Layer.LOOP:
            return Heading(f"↻ boot loop {times}· {words}", key, f"{size}{self._lasted(fold)}", loud=True)
        return Heading(f"{'✖' if loud else '▲'} {times}{words}", f"C report, {key}", size, loud)

    def _rows(self, fold: Fold) -> int:
        """How many rows are folded."""
        store = self._view.pane.store
        try:
            (board, low), (_, last) = store.own_line(fold.low), store.own_line(fold.high - 1)
        except IndexError:
            return 0
        return store.own_log(board).rows.count(low, last + 1)

    def _lasted(self, fold: Fold) -> str:
        """How long a loop has gone on."""
        store = self._view.pane.store
        try:
            (first, at), (last, end) = store.locate(fold.low), store.locate(fold.high - 1)
        except IndexError:
            return ""
        begun, ended = first.host_time(at), last.host_time(end)
        return "" if begun is None or ended is None else f" · {span_text(ended - begun)}"

    # -- opening and closing ------------------------------------------------------------------------------------

    def here(self, line: int | None) -> Fold | None:
        """The fold that a key is about: the one around `line`, else the one whose row is lowest on the screen."""
        pane = self._view.pane
        folds = pane.view.folds
        if line is not None and (around := self._shown(line)) is not None:
            return around
        heads = [head for y in range(pane.size.height) if (head := pane.head_at(y)) is not None]
        if heads:
            return heads[-1]
        around_end = [fold for row in pane.visible_lines[-1:] for fold in folds.around(row) if folds.is_open(fold)]
        return around_end[-1] if around_end else None

    def crash_at(self, line: int) -> int | None:
        """The event of the crash that `line` belongs to or stands for, None where it is of none."""
        around = [fold for fold in self._view.pane.view.folds.around(line) if fold.layer in (Layer.CRASH, Layer.STORM)]
        return around[-1].event if around else None

    def _shown(self, line: int) -> Fold | None:
        """The innermost fold that shows `line`, or stands for it."""
        folds = self._view.pane.view.folds
        found = None
        for fold in folds.around(line):
            found = fold
            if not folds.is_open(fold):
                break
        return found

    def toggle(self, fold: Fold) -> None:
        """Open a fold, or close it. What is in a crash is found when it is opened."""
        pane = self._view.pane
        opened = not pane.view.folds.is_open(fold)
        if opened and fold.layer is Layer.CRASH:
            for part in parts(pane.store, fold):
                pane.view.folds.add(part)
        pane.set_open(fold, opened)

    def toggle_all(self) -> None:
        """Open everything, or close everything."""
        pane = self._view.pane
        folds = list(pane.view.folds)
        if not folds:
            self._view.say("Nothing is folded: crashes and boot loops will be")
            return
        is_open = [pane.view.folds.is_open(fold) for fold in folds]
        # What has come since all was opened is folded: it is not asked for to fold all of it again.
        opened = self._all_opened = not (any(is_open) if self._all_opened else all(is_open))
        pane.view.folds.set_all(opened)
        pane.repaint(forget=True)
        pane.announce()
        self._view.say(f"All crashes and boot loops are {'open' if opened else 'folded'}")


def parts(store: LogStore, crash: Fold) -> Sequence[Fold]:
    """The registers, the stack memory and the base64 in a crash, as folds; single rows are left alone."""
    found: list[Fold] = []
    kinds: list[tuple[int, str]] = []
    pieces = store.pieces(crash.board, crash.low, crash.high)
    for line in islice(chain.from_iterable(range(low, high) for low, high in pieces), MAX_PART_LINES):
        try:
            block, index = store.locate(line)
        except IndexError:
            continue
        kinds.append((line, part_of(block.text(index))))
    for kind, run in groupby(kinds, key=lambda one: one[1]):
        lines = [line for line, _ in run]
        if kind and len(lines) > 1:
            low, high = store.rows.start(lines[0]), store.rows.stop(lines[-1])
            found.append(Fold(low, high, Layer.PART, label=kind, board=crash.board))
    return found


def part_of(text: str) -> str:
    """What a row of a crash report is a part of, "" for what people read."""
    from espmon.records.events.panic_rows import registers, stack_row  # for who has a crash

    if stack_row(text, prefix="0x") is not None or stack_row(text, prefix="") is not None:
        return STACK
    if registers(text) is not None:
        return REGISTERS
    return BASE64 if _BASE64_ROW.fullmatch(text) else ""
