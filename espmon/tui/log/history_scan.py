"""Walks the store for a search or a filter: history once, in a thread, then only what is new.

It takes whole rows: the one that still changes is looked at when it is finished.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from espmon.session.store import LogStore, Segment
from espmon.text import counted
from espmon.tui.log.found_rows import FlaggedLines, FoundRows
from espmon.tui.log.line_flags import widened
from espmon.tui.log.query import LINE_SECONDS, SLOW_LINES
from espmon.tui.log.selector import Selector

MAX_STEP_LINES = 2048
"""Most lines looked at in one step."""

MAX_PREVIEW_LINES = 8192
"""Most lines that are looked at first, around what is on the screen."""

TURN_SECONDS = 0.002
"""After so long, other threads get a turn, if the step in which that is has ended."""

AWAY_SECONDS = 0.00005
"""For a turn of the others: who does not really wait takes the interpreter back before they wake up."""

MAX_INLINE_LINES = 4096
"""Most new lines that are looked at on the screen's own loop; more go to the thread."""


class Scan:
    """The rows that a selector picks, by the ids of their first lines, in order, complete up to `next`.

    Args:
        store: what to walk.
        selector: what to pick.
        start: first line to look at.
    """

    def __init__(self, store: LogStore, selector: Selector, start: int = 0) -> None:
        self.store = store
        self.selector = selector
        self.start = start
        self.ids = FoundRows()
        self.next = max(start, store.first)
        # A log of several boards has it asked about the lines of theirs, which have other ids there.
        self._anywhere = replace(selector, show=replace(selector.show, span=(0, None)))
        self._slow: list[int] = []
        self._after = 0
        """Rows before this line are shown for their neighbourhood to one that was picked."""

        self._taken = 0
        """The line behind the last row that was taken with its neighbourhood."""

    def go_on_from(self, other: Scan) -> None:
        """Begin where `other` has got to, when it has found nothing so far, and nothing is what this one finds there.

        So each key that makes a text longer leads to a look at new lines only, until there is a match.
        """
        same = self.store is other.store and self.start >= other.start and self.selector.within(other.selector)
        looked_at = other.next  # before its findings: it may be at work, and adds those first
        if same and not other.ids and not other.verdict:
            self.next = max(self.next, looked_at)

    @property
    def given_up(self) -> bool:
        """Its regular expression was too slow too often: it is not tried any longer."""
        return len(self._slow) >= SLOW_LINES

    @property
    def verdict(self) -> str:
        """What is wrong with its regular expression, in a few words; "" while all is well."""
        if self.given_up:
            return f"given up: over {LINE_SECONDS:g} s a line"
        return "too slow" if self._slow else ""

    @property
    def problem(self) -> str:
        """The same, with the number of lines that it was too slow for."""
        many = f" for {counted(len(self._slow), 'line')}" if self._slow and not self.given_up else ""
        return self.verdict + many

    @property
    def behind(self) -> int:
        """Lines of the store that have not been looked at."""
        return self.store.rows_end - self.next

    @property
    def percent(self) -> int:
        """How much of what there is was looked at."""
        begin = max(self.start, self.store.first)
        return 100 * (self.next - begin) // max(1, self.store.rows_end - begin)

    @property
    def inline(self) -> bool:
        """What is behind is so little that the screen's own loop may look at it."""
        return self.behind <= MAX_INLINE_LINES and not self.selector.costly

    def step(self, limit: int = MAX_STEP_LINES) -> bool:
        """Look at up to `limit` more lines; False when there is nothing left."""
        at = max(self.next, self.store.first)
        end = min(self.store.rows_end, at + limit)
        if at >= end:
            return False
        end = min(self.store.rows_end, max(end, self.store.border(at, at + 2 * limit)))
        show = self.selector.show
        low, high = show.within(at, end)
        for first, stop, picked in self.store.picked(self._pick, at, end, show.boards):
            if (low, high) != (at, end):
                picked = [line for line in picked if low <= line < high]
            if self.selector.context:
                self._take_around(picked, first, stop)
            else:
                self.ids.extend(picked)
        self.next = end
        return True

    def _pick(self, store: LogStore, segment: Segment, low: int, high: int) -> Sequence[int]:
        selector = self.selector if store is self.store else self._anywhere
        return selector.pick(store, segment, low, high, self._slow)

    def _take_around(self, picked: Sequence[int], low: int, high: int) -> None:
        """Take the picked rows of the lines `low <= id < high`, and so many lines around each as the filter wants."""
        context, store = self.selector.context, self.store
        begin = max(self._taken, low - context, self.start, store.first)
        wanted = bytearray(max(0, high - begin))
        if isinstance(picked, FlaggedLines):
            at = picked.first - begin
            flags = picked.flags[max(0, -at) :]
            wanted[max(0, at) : max(0, at) + len(flags)] = flags
        else:
            for line in picked:
                if line >= begin:
                    wanted[line - begin] = 1
        around = bytearray(widened(wanted, context)) if picked else wanted
        if self._after > begin:
            gone_on = min(self._after, high) - begin
            around[:gone_on] = b"\1" * gone_on
        for line in store.rows.joined(begin, high):
            around[line - begin] = 0
        self.ids.extend(FlaggedLines(begin, around))
        self._taken = max(self._taken, begin + around.rfind(1) + 1)
        if picked:
            self._after = picked[-1] + context + 1

    def evict(self) -> None:
        """Forget ids that the store no longer has (kept until they are many: cutting copies them)."""
        gone = self.ids.before(self.store.first)
        if gone > 1024 and gone > len(self.ids) // 8:
            self.ids.forget(self.store.first)


class Scanner:
    """One thread that brings a scan up to date. Starting another scan drops the one that runs.

    Args:
        deliver: called on the scanner's thread after each step with the generation, the scan and whether it is done;
            it must only pass the news on.
        name: the thread's name.
    """

    def __init__(self, deliver: Callable[[int, Scan, bool], None], name: str) -> None:
        self._deliver = deliver
        self._name = name
        self._generation = 0

    @property
    def generation(self) -> int:
        """Number of the newest scan; news of any other is stale."""
        return self._generation

    def start(self, scan: Scan, preview: Scan | None = None) -> int:
        """Run `scan` to the store's present end, after one step of `preview`; returns its generation."""
        self._generation += 1
        generation = self._generation
        threading.Thread(target=self._run, args=(scan, preview, generation), name=self._name, daemon=True).start()
        return generation

    def stop(self) -> None:
        """Drop the scan that runs."""
        self._generation += 1

    def _run(self, scan: Scan, preview: Scan | None, generation: int) -> None:
        if preview is not None:
            preview.step(MAX_PREVIEW_LINES)
            self._deliver(generation, preview, False)
        announced = turned = time.monotonic()
        while scan.step():
            if generation != self._generation:
                return
            now = time.monotonic()
            if now - announced > 0.05:
                announced = now
                self._deliver(generation, scan, False)
            if now - turned > TURN_SECONDS:
                time.sleep(AWAY_SECONDS)
                turned = time.monotonic()
        if generation == self._generation:
            self._deliver(generation, scan, True)
