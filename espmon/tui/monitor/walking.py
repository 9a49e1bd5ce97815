"""Walks through the log: to the error, warning, crash, boot or mark before or after a place, to a line, to a time."""

from __future__ import annotations

import asyncio
import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Protocol

from espmon.records.columns import LEVELS
from espmon.session.log_text import host_time
from espmon.session.pace import Goal
from espmon.session.status import EventEntry
from espmon.session.store import LogStore
from espmon.tui.log.line_times import Timestamps
from espmon.tui.log.log_map import BOOT, MARK, Source
from espmon.tui.log.remarks import Mark
from espmon.tui.monitor.clock_times import moment_of
from espmon.tui.widgets.log_pane import LogPane

SLICE_SECONDS = 0.004
"""Time spent on reading levels before the screen gets its turn."""

MAX_MARKS = 1000
"""Most places marked; the oldest mark goes first."""

LEVEL_OF = {"error": ord("E"), "warning": ord("W")}
"""What is walked to by the level of its line -> the level's code in `Columns.levels`."""

CRASHES = frozenset({"panic", "coredump"})
"""Types of the records that are crashes."""

NONE = {
    "error": "No error {}",
    "warning": "No warning {}",
    "crash": "No crash {}",
    "boot": "No boot {}",
    "mark": "No mark {}: m marks a line",
}
"""Kind -> what is said when there is none that way."""

GOALS = {
    "error": Goal(level="E"),
    "warning": Goal(level="W"),
    "crash": Goal(events=CRASHES),
    "boot": Goal(events=frozenset({"reset"})),
}
"""Kind -> what a recording is played to when none is there yet."""

PLACES = "1200   boot 3   mark 1   12:03:04   -5m   (81234)"
"""Examples of what `place` understands: line, boot, mark, host time (a date may stand before it), time before now (of a
recording, before what was received last), device time."""

_PLACE = re.compile(
    r"(?P<line>\d{1,12})"
    r"|boot (?P<boot>\d{1,9})\b.*"
    r"|mark (?P<mark>\d{1,9})\b.*"
    r"|\((?P<device>\d{1,12})\)"
    r"|-(?P<back>\d{1,9}(?:\.\d{1,3})?)(?P<unit>[smh])"
    r"|(?:(?P<date>\d{4}-\d\d-\d\d)[ T])?(?P<clock>\d?\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)"
)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class Walked(Protocol):
    """What walking needs of the monitor."""

    @property
    def pane(self) -> LogPane:
        """The log."""

    @property
    def entries(self) -> Sequence[EventEntry]:
        """The events."""

    def go_to_line(self, line: int) -> None:
        """Show a line, or say why it cannot be shown."""

    @property
    def over(self) -> bool:
        """The log is one of former times, whose present is its newest line."""

    def play_to(self, goal: Goal) -> bool:
        """Play a recording on to there at once; False where nothing is played."""

    def say(self, text: str) -> None:
        """Tell the user."""


class Walking:
    """The places of one log. All methods run on the screen's loop.

    Args:
        view: the monitor.
    """

    def __init__(self, view: Walked) -> None:
        self._view = view
        self._walk = 0
        self._made = 0
        self._boots: tuple[int, list[int]] = (0, [])
        """How many lines had something above them when they were looked through, and those with a boot."""

        self.marks: dict[int, int] = {}
        """Marked line -> number of its mark, in the order made."""

    # -- where ----------------------------------------------------------------------------------------------------

    @property
    def _last(self) -> int | None:
        return self._view.pane.pager.walked

    @_last.setter
    def _last(self, line: int) -> None:
        self._view.pane.pager.walked = line
        self._view.pane.refresh()

    @property
    def last(self) -> int | None:
        """The line walked to last, while it is in view and the log holds still."""
        pane = self._view.pane
        return self._last if not pane.follow and self._last is not None and self._last in pane.visible_lines else None

    @last.setter
    def last(self, line: int) -> None:
        self._last = line

    @property
    def here(self) -> int:
        """The line walked to last while it is in view; else the first visible one, and when following, the end."""
        pane = self._view.pane
        if pane.follow:
            return len(pane.drawing.store)
        return self._last if self._last is not None and self._last in pane.visible_lines else pane.top_line or 0

    async def go(self, kind: str, step: int) -> None:
        """To the next (`step` 1) or previous (-1) "error", "warning", "crash", "boot" or "mark"."""
        self._walk = walk = self._walk + 1
        here = self.here
        if kind in LEVEL_OF:
            view = self._view.pane.view
            line = await level_line(view.store, LEVEL_OF[kind], here, step, view.reaches, lambda: walk == self._walk)
            if walk != self._walk:
                return
        elif kind == "crash":
            line = self._crash(here, step)
        else:
            lines = self._lines(kind)
            line = max((one for one in lines if one < here), default=None)
            if step > 0:
                line = min((one for one in lines if one > here), default=None)
        if line is None and step > 0 and kind in GOALS and self._view.play_to(GOALS[kind]):
            return
        if line is None:
            self._view.say(NONE[kind].format("before this" if step < 0 else "after this"))
            return
        self._last = line
        self._view.go_to_line(line)

    def _crash(self, here: int, step: int) -> int | None:
        """The next or previous crash, of which the events keep the newest of a storm alone; a closed storm is one."""
        folds, rows = self._view.pane.view.folds, self._view.pane.store.rows
        told = (entry for entry in self._view.entries if entry.record.type in CRASHES and entry.count)
        lines = sorted({*(rows.start(entry.line) for entry in told if entry.line is not None), *folds.crashes})
        after = lines[bisect_right(lines, here) :] if step > 0 else lines[: bisect_left(lines, here)][::-1]
        found = (folds.stands_for(line) for line in after)
        return next((line for line in found if (line - here) * step > 0), None)

    def _lines(self, kind: str) -> list[int]:
        """Lines of the boots, or of the marks."""
        if kind == "mark":
            return list(self.marks)
        # By what stands in the log: of a loop, the events keep the newest boot alone.
        marks = self._view.pane.drawing.marks
        return [line for line, here in marks.items() if any(mark.event is not None for mark in here)]

    def landmarks(self) -> Sequence[Source]:
        """What the map shows of the places that are walked to, each with its lines in order."""
        marks = self._view.pane.drawing.marks
        if self._boots[0] != len(marks):
            self._boots = len(marks), sorted(self._lines("boot"))
        return (MARK, sorted(self.marks)), (BOOT, self._boots[1])

    def origins(self, kind: Timestamps) -> Sequence[int]:
        """Where times begin that count from a boot, or from a mark."""
        (_, marks), (_, boots) = self.landmarks()
        return boots if kind is Timestamps.BOOT else marks

    # -- marks ----------------------------------------------------------------------------------------------------

    def mark(self) -> None:
        """Mark the line walked to last, or the newest visible one; a marked one loses its mark."""
        pane = self._view.pane
        lines = pane.visible_lines
        if not lines:
            return
        line = self._last if self._last is not None and not pane.follow and self._last in lines else lines[-1]
        line = pane.drawing.store.rows.start(line)
        if line in self.marks:
            self._unmark(line)
        else:
            self._mark(line)
            self._last = line

    def mark_again(self, lines: Sequence[int]) -> None:
        """The log is another one, in which these are the marked lines, in the order in which they were marked."""
        self.marks.clear()
        self._made = 0
        for line in lines:
            self._mark(line)

    def _mark(self, line: int) -> None:
        self._made += 1
        self.marks[line] = self._made
        if len(self.marks) > MAX_MARKS:
            self._unmark(next(iter(self.marks)))
        self._view.pane.add_mark(line, Mark(self.describe(line)))

    def _unmark(self, line: int) -> None:
        text = self.describe(line)
        del self.marks[line]
        drawing = self._view.pane.drawing
        left = [mark for mark in drawing.marks.get(line, ()) if mark.text != text]
        if left:
            drawing.marks[line] = left
        else:
            drawing.marks.pop(line, None)
        self._view.pane.repaint(forget=True)

    def describe(self, line: int) -> str:
        """A mark in words: its number, when its line came, and how long after the mark made before it."""
        pane, number = self._view.pane, self.marks[line]
        words = [f"mark {number}"]
        when = line_time(pane.drawing.store, line)
        if when is not None:
            words.append(host_time(pane.drawing.store.wall(when), pane.drawing.times.format))
            other, earlier = max(((made, one) for one, made in self.marks.items() if made < number), default=(0, -1))
            before = line_time(pane.drawing.store, earlier) if other else None
            if before is not None:
                words.append(f"{when - before:+.3f} s from mark {other}")
        return " · ".join(words)

    # -- places by name -------------------------------------------------------------------------------------------

    def places(self) -> list[str]:
        """What there is to go to, newest first: marks, then boots."""
        boots = {mark.text for marks in self._view.pane.drawing.marks.values() for mark in marks}
        numbered = sorted((text for text in boots if text.startswith("boot ")), key=_number, reverse=True)
        return [self.describe(line) for line in reversed(self.marks)] + numbered

    def problem(self, text: str) -> str:
        """Why `text` names no place, "" when it does."""
        match = _PLACE.fullmatch(text.strip())
        if match is None:
            return f"As in  {PLACES}"
        return "" if match["clock"] is None or self._moment(match) is not None else "No time of day"

    def _moment(self, match: re.Match[str]) -> float | None:
        """Seconds since 1970 of a time that was entered."""
        first, newest = self._times
        if match["back"] is not None:
            return newest - float(match["back"]) * _SECONDS[match["unit"]]
        return None if match["clock"] is None else moment_of(match["clock"], match["date"], newest, first)

    @property
    def _times(self) -> tuple[float | None, float]:
        """(When a recording began, None for a board, and the present: of a recording, when its newest line came)."""
        store = self._view.pane.drawing.store
        if not self._view.over:
            return None, time.time()
        times = [line_time(store, line) for line in (store.first, len(store) - 1)]
        first, newest = (None if one is None else store.wall(one) for one in times)
        return first, time.time() if newest is None else newest

    async def place(self, text: str) -> int | None:
        """The line that `text` means (see `PLACES`); None when there is none in memory."""
        match = _PLACE.fullmatch(text.strip())
        if match is None:
            return None
        store = self._view.pane.drawing.store
        group = match.groupdict()
        line: int | None = None
        if group["line"] is not None:
            number = int(group["line"]) - 1
            line = number if store.first <= number < len(store) else None
        elif group["boot"] is not None:
            line = self._boot(int(group["boot"]))
        elif group["mark"] is not None:
            line = next((one for one, number in self.marks.items() if number == int(group["mark"])), None)
        elif group["device"] is not None:
            line = await device_line(store, int(group["device"]))
        elif (when := self._moment(match)) is not None:
            line = time_line(store, when)
        return line

    def _goal(self, match: re.Match[str]) -> Goal | None:
        """A boot or a time that is still to come, in a recording that is played."""
        if match["boot"] is not None:
            number = int(match["boot"])
            return Goal(boot=number) if self._boot(number) is None else None
        when, newest = self._moment(match), self._times[1]
        return Goal(wall=when) if when is not None and when > newest else None

    async def span(self, text: str) -> tuple[int, int | None] | None:
        """The lines from a place to another one, `A..B`, as (first id, id behind the last one or None for the newest).

        One place alone is from there on, one boot alone is that boot. None for what names no place, or none in memory.
        """
        begin, dots, end = (part.strip() for part in text.partition(".."))
        if any(part and self.problem(part) for part in (begin, end)):
            return None
        low = await self.place(begin) if begin else 0
        if low is None:
            return None
        if not dots and (match := _PLACE.fullmatch(begin)) is not None and match["boot"] is not None:
            return low, self._boot(int(match["boot"]) + 1)
        if not end:
            return low, None
        boot = _PLACE.fullmatch(end)
        if boot is not None and boot["boot"] is not None:
            # To a boot means with it.
            return low, self._boot(int(boot["boot"]) + 1)
        last = await self.place(end)
        return None if last is None else (low, last + 1)

    def _boot(self, number: int) -> int | None:
        name = f"boot {number}"
        marks = self._view.pane.drawing.marks.items()
        return next((line for line, here in marks if any(mark.text.split(" · ")[0] == name for mark in here)), None)

    async def go_to(self, text: str) -> None:
        """To the place that `text` means."""
        match = _PLACE.fullmatch(text.strip())
        if match is not None and (goal := self._goal(match)) is not None and self._view.play_to(goal):
            return
        line = await self.place(text)
        if line is None:
            store = self._view.pane.drawing.store
            untimed = (match := _PLACE.fullmatch(text.strip())) is not None and (match["back"] or match["clock"])
            if untimed and len(store):
                self._view.say("Nobody noted when the lines of this log came")
            else:
                self._view.say(f"Not in memory, which has lines {store.first + 1:,} to {len(store):,}")
            return
        self._last = line
        self._view.go_to_line(line)


def _number(text: str) -> int:
    return int(re.sub(r"\D.*", "", text.removeprefix("boot ")) or 0)


async def level_line(
    store: LogStore, level: int, here: int, step: int, shown: Callable[[int], bool], wanted: Callable[[], bool]
) -> int | None:
    """The next or previous shown line of a level; gives the loop its turn while it reads.

    Args:
        store: the log.
        level: code of the level letter.
        here: where to begin, not included.
        step: 1 or -1.
        shown: whether a line can be gone to.
        wanted: False once nobody waits for it any more.
    """
    assert level in LEVELS
    segments = store.segments(here + 1) if step > 0 else [one for one in store.segments() if one.first < here][::-1]
    begun = time.monotonic()
    for segment in segments:
        levels, first = segment.block.levels, segment.first
        low, high = max(0, here + 1 - first), max(0, here - first)
        at = levels.find(level, low) if step > 0 else levels.rfind(level, 0, high)
        while at >= 0 and not shown(first + at):
            at = levels.find(level, at + 1) if step > 0 else levels.rfind(level, 0, at)
        if at >= 0:
            return first + at
        if time.monotonic() - begun > SLICE_SECONDS:
            await asyncio.sleep(0)
            begun = time.monotonic()
            if not wanted():
                return None
    return None


def line_time(store: LogStore, line: int) -> float | None:
    """When a line came, on the session's clock; None where nobody knows (any more)."""
    try:
        block, index = store.locate(line)
    except IndexError:
        return None
    return block.host_time(index)


def time_line(store: LogStore, wall: float) -> int | None:
    """The first line that came at `wall` (seconds since 1970) or later; the last one when all came before."""
    segments = [one for one in store.segments() if one.block.host_time(0) is not None]
    if not segments:
        return None

    def came(segment_index: int) -> float:
        when = segments[segment_index].block.host_time(0)
        return store.wall(when) if when is not None else 0.0

    at = max(0, bisect_right(range(len(segments)), wall, key=came) - 1)
    for segment in segments[at : at + 2]:
        for index in range(len(segment.block)):
            when = segment.block.host_time(index)
            if when is not None and store.wall(when) >= wall:
                return segment.first + index
    return len(store) - 1


async def device_line(store: LogStore, ms: int) -> int | None:
    """The first line of the newest run of the board whose device time is `ms` or later."""
    found = None
    begun = time.monotonic()
    for segment in reversed(store.segments()):
        if time.monotonic() - begun > SLICE_SECONDS:
            await asyncio.sleep(0)
            begun = time.monotonic()
        times = segment.block.times
        for index in range(len(times) - 1, -1, -1):
            device = times[index]
            if device is None:
                continue
            if device >= ms:
                found = segment.first + index
            elif found is not None:
                return found
    return found
