"""The boots of one log: where each begins, how long it lasted, what went wrong, what it says that another did not."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from espmon.records.events.reset_record import Reset
from espmon.session.status import EventEntry
from espmon.session.store import LogStore
from espmon.text import counted, plain
from espmon.tui.log.line_times import span_text
from espmon.tui.monitor.walking import line_time
from espmon.tui.widgets.log_pane import LogPane

MAX_BOOTS = 10_000
"""Boots remembered; the oldest go first."""

MAX_LAST_LINES = 200
"""Most lines at the end of a boot that are looked through for the device's time: a crash prints none."""

BEFORE_RESET = re.compile(r"ets [A-Z]|ESP-ROM:|Build:")
"""How the lines begin that the ROM prints before the one with which a boot begins: they would be the last boot's."""

MAX_COMPARED_LINES = 200_000
"""Lines of a boot that are compared, from its beginning."""


@dataclass(frozen=True, slots=True)
class BootFacts:
    """One boot.

    Attributes:
        number: as the board's resets are counted.
        low: id of its first line.
        high: id behind its last line.
        reason: why the board began anew.
        seconds: how long it lasted, None where times are not known.
        errors: lines of that level.
        warnings: lines of that level.
        crashes: crashes in it.
    """

    number: int
    low: int
    high: int
    reason: str
    seconds: float | None
    errors: int
    warnings: int
    crashes: int

    @property
    def words(self) -> str:
        """The boot in one row, without its number."""
        parts = [plain(self.reason), "" if self.seconds is None else span_text(self.seconds)]
        parts += [counted(count, noun, plural) for count, noun, plural in (
            (self.errors, "error", ""), (self.crashes, "crash", "crashes")) if count]  # fmt: skip
        return " · ".join(part for part in parts if part)


class WithLog(Protocol):
    """What the boots need of the monitor."""

    @property
    def pane(self) -> LogPane:
        """The log."""


class Boots:
    """What is known of the boots. All methods run on the screen's loop.

    Args:
        view: the monitor.
    """

    def __init__(self, view: WithLog) -> None:
        self._view = view
        self._begun: dict[int, tuple[int, str]] = {}
        """Number -> first line and reason."""

    def take(self, entry: EventEntry) -> None:
        """An event came: a reset begins a boot."""
        record = entry.record
        if isinstance(record, Reset) and entry.line is not None and entry.boot:
            self._begun[entry.boot] = entry.line, record.reason
            if len(self._begun) > MAX_BOOTS:
                del self._begun[next(iter(self._begun))]

    @property
    def newest(self) -> int:
        """Number of the newest boot, 0 where none was seen."""
        return max(self._begun, default=0)

    def facts(self, number: int) -> BootFacts | None:
        """What is known of a boot; None when it was not seen, or is no longer in memory."""
        begun = self._begun.get(number)
        pane = self._view.pane
        if begun is None or begun[0] < pane.store.first:
            return None
        low, reason = begun
        high = self._begun.get(number + 1, (len(pane.store), ""))[0]
        start, end = line_time(pane.store, low), line_time(pane.store, high - 1)
        lists = (pane.levels.errors, pane.levels.warnings, pane.view.folds.crashes)
        errors, warnings, crashes = (bisect_left(lines, high) - bisect_left(lines, low) for lines in lists)
        seconds = _device_seconds(pane.store, low, high) if start is None or end is None else end - start
        return BootFacts(number, low, high, reason, seconds, errors, warnings, crashes)

    def words(self, number: int) -> str:
        """A boot in one row, "" where nothing is known of it."""
        facts = self.facts(number)
        return "" if facts is None else facts.words


def _device_seconds(store: LogStore, low: int, high: int) -> float | None:
    """How long a boot lasted by the device's clock, which began with it; None where its last lines say no time."""
    for line in range(high - 1, max(low, high - MAX_LAST_LINES) - 1, -1):
        block, index = store.locate(line)
        device = block.device_ms(index)
        if device is not None:
            return device / 1000
    return None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two boots say differently, as lines in their order; numbers and addresses do not count."""

    new: Sequence[str]
    missing: Sequence[str]


def compare(store: LogStore, left: BootFacts, right: BootFacts) -> Comparison:
    """What `right` says that `left` did not, and the other way round. Blocks: runs in a thread."""
    before, after = _said(store, left), _said(store, right)
    return Comparison(_only(after, before), _only(before, after))


def _said(store: LogStore, boot: BootFacts) -> dict[str, tuple[str, int]]:
    """Each thing that a boot says -> how it said it first, and how often."""
    from espmon.session.archive.boot_diff import CHANGING

    first: dict[str, str] = {}
    count: Counter[str] = Counter()
    for segment in store.segments(boot.low):
        block = segment.block
        begin, end = max(0, boot.low - segment.first), min(len(block), boot.high - segment.first)
        if begin >= end or len(count) > MAX_COMPARED_LINES:
            break
        if block.source != "mark":
            for index in range(begin, end):
                text = block.text(index).rstrip()
                key = CHANGING.sub("#", text)
                if key and not BEFORE_RESET.match(text):
                    first.setdefault(key, plain(text))
                    count[key] += 1
    return {key: (text, count[key]) for key, text in first.items()}


def _only(one: dict[str, tuple[str, int]], other: dict[str, tuple[str, int]]) -> list[str]:
    return [f"{text}  ×{count}" if count > 1 else text for key, (text, count) in one.items() if key not in other]
