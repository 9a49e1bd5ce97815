"""What is folded in the log: each crash, a storm of one crash, a boot loop; in an open crash its registers and memory.

Made from the session's events: the log's lines are not looked at until a crash is opened.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Protocol

from espmon.records.events.boot_loop import LOOP_AT
from espmon.records.events.panic_record import Panic
from espmon.records.events.reset_record import Reset
from espmon.session.status import EventEntry
from espmon.session.store import LogStore
from espmon.text import counted
from espmon.tui.log.base64_runs import Run
from espmon.tui.log.folds import MAX_FOLDS, Fold, Heading, Layer
from espmon.tui.log.line_times import span_text
from espmon.tui.widgets.log_pane import LogPane

MAX_BETWEEN = 8
"""Most rows between two crashes of a storm; what stands further apart is a log with crashes in it."""

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

    Args:
        view: the monitor.
    """

    def __init__(self, view: Folded) -> None:
        self._view = view
        self._words: dict[int, tuple[str, bool]] = {}
        """Event -> what its row says, and whether it is loud."""

        self._crash: Fold | None = None
        self._storm: Fold | None = None
        self._loop: Fold | None = None
        self._boot: int | None = None

        self._loop_start: int | None = None

    @property
    def boot(self) -> int:
        """Line of the newest reset, 0 where none was seen."""
        return self._boot or 0

    # -- events become folds ------------------------------------------------------------------------------------

    def take(self, entry: EventEntry) -> None:
        """An event came, or got more in it."""
        record = entry.record
        if entry.line is None or not entry.count:
            return
        if isinstance(record, Panic):
            self._say(entry, record)
            self._fold_crash(record, entry.line, entry.id)
        elif isinstance(record, Reset):
            self._fold_loop(record, entry)

    def _say(self, entry: EventEntry, crash: Panic) -> None:
        headline = ""
        if entry.report is not None:
            from espmon.postmortem.panic_report import PanicReport

            headline = entry.report.headline if isinstance(entry.report, PanicReport) else ""
        words = headline or _HEADING.sub("", entry.title, count=1)
        said = self._words.get(entry.id)
        self._words[entry.id] = words, crash.fatal
        if len(self._words) > MAX_FOLDS:
            del self._words[next(iter(self._words))]
        if said is not None and said[0] != words:
            self._view.pane.repaint(forget=True)

    def _fold_crash(self, crash: Panic, line: int, event: int) -> None:
        store = self._view.pane.store
        found = store.line_at(crash.offset + crash.length - 1) if crash.length else None
        low, high = store.rows.start(line), 0 if found is None else min(store.rows.stop(found), store.rows_end)
        if low < store.first or store.rows.count(low, high) < 2:
            return
        fold = Fold(low, high, Layer.CRASH, event)
        before, self._crash = self._crash, fold
        self._view.pane.fold(fold)
        if before is None or before.low >= low:
            return
        storm = self._storm
        together = before.event == event and store.rows.count(before.high, low) <= MAX_BETWEEN
        if not together or (self._boot is not None and before.high <= self._boot):
            self._storm = None
            return
        begun = storm is not None and storm.high == before.high
        first, count = (storm.low, storm.count) if storm is not None and begun else (before.low, 1)
        self._storm = Fold(first, high, Layer.STORM, event, count + 1)
        self._view.pane.fold(self._storm)

    def _fold_loop(self, reset: Reset, entry: EventEntry) -> None:
        store = self._view.pane.store
        assert entry.line is not None
        line, before = store.rows.start(entry.line), self._boot
        if before is not None and line < before:
            return
        self._boot = line
        if reset.repeats == 1:
            crashed = reset.after_panic and self._crash is not None and (before is None or self._crash.low >= before)
            self._loop_start = self._crash.low if crashed and self._crash is not None else line
            self._loop = None
        elif reset.repeats >= LOOP_AT and self._loop_start is not None:
            low = max(self._loop_start, store.rows.start(store.first))
            if self._loop is not None and self._loop.low != low:
                self._view.pane.view.folds.remove(self._loop)
            crash = self._crash
            event = crash.event if crash is not None and crash.low >= low else entry.id
            if event == entry.id:
                self._words[entry.id] = _HEADING.sub("", entry.title, count=1), True
            if line > low:
                self._loop = Fold(low, min(line, store.rows_end), Layer.LOOP, event, reset.repeats)
                self._view.pane.fold(self._loop)

    def fold_base64(self, run: Run) -> None:
        """Fold lines that nobody reads as they are, which stand outside of a crash, or in one that is not opened."""
        rows = self._view.pane.store.rows
        self._view.pane.fold(Fold(rows.start(run[0]), rows.stop(run[1] - 1), Layer.PART, label=BASE64))

    # -- what stands in their rows ------------------------------------------------------------------------------

    def heading(self, fold: Fold) -> Heading:
        """What a fold's row says."""
        folds, store = self._view.pane.view.folds, self._view.pane.store
        size = counted(store.rows.count(fold.low, fold.high), "line")
        key = "Enter closes" if folds.is_open(fold) else "Enter opens"
        if fold.event is None:
            return Heading(f"{fold.label} · {size}", key)
        words, loud = self._words.get(fold.event, ("", True))
        times = f"×{fold.count} " if fold.count > 1 else ""
        if fold.layer is Layer.LOOP:
            return Heading(f"↻ boot loop {times}· {words}", key, f"{size}{self._lasted(fold)}", loud=True)
        return Heading(f"{'✖' if loud else '▲'} {times}{words}", f"C report, {key}", size, loud)

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
        opened = not all(pane.view.folds.is_open(fold) for fold in folds)
        pane.view.folds.set_all(opened)
        pane.repaint(forget=True)
        pane.announce()
        self._view.say(f"All crashes and boot loops are {'open' if opened else 'folded'}")


def parts(store: LogStore, crash: Fold) -> Sequence[Fold]:
    """The registers, the stack memory and the base64 in a crash, as folds; single rows are left alone."""
    found: list[Fold] = []
    kinds: list[tuple[int, str]] = []
    for line in range(crash.low, min(crash.high, crash.low + MAX_PART_LINES)):
        try:
            block, index = store.locate(line)
        except IndexError:
            continue
        kinds.append((line, part_of(block.text(index))))
    for kind, run in groupby(kinds, key=lambda one: one[1]):
        lines = [line for line, _ in run]
        if kind and len(lines) > 1:
            found.append(Fold(store.rows.start(lines[0]), store.rows.stop(lines[-1]), Layer.PART, label=kind))
    return found


def part_of(text: str) -> str:
    """What a row of a crash report is a part of, "" for what people read."""
    from espmon.records.events.panic_rows import registers, stack_row  # for who has a crash

    if stack_row(text, prefix="0x") is not None or stack_row(text, prefix="") is not None:
        return STACK
    if registers(text) is not None:
        return REGISTERS
    return BASE64 if _BASE64_ROW.fullmatch(text) else ""
