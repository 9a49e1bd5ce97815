"""The session's events: the records that the inspector lists, numbered once and never renumbered."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

from espmon.records.events.boot import Boot as BootRecord
from espmon.records.events.boot_loop import LOOP_AT, LOOP_SECONDS
from espmon.records.events.fold import signature
from espmon.records.events.panic_record import Panic
from espmon.records.events.reset_record import Reset
from espmon.records.notes import Caps
from espmon.records.record import Record
from espmon.records.spans.coredump_capture import Coredump
from espmon.session.describe import Description, describe
from espmon.session.status import MAX_CRASHES, MAX_EVENTS, EventEntry, Severity

MAX_BOOTS = 10_000
"""Boots remembered; the oldest go first."""

MAX_SIGNATURES = 256
"""Different crashes that later ones are compared with."""

REVISED = frozenset({"panic", "reset", "boot"})
"""Types of events that are told when nothing comes for a while, and once more if what comes then changes them."""

MAX_REVISED = 16
"""Latest events of these types that another one of the same type at the same offset replaces."""

FIRST_SEEN = ("first in boot", "first at line")
"""Details of a folded entry: where the first one was. Everything else is the newest one's."""


@dataclass(slots=True)
class Boot:
    """One life of the board, from a reset to the next."""

    number: int
    line: int | None
    """Log line of the reset."""

    started: float | None
    """Host time of the reset."""

    reason: str
    app: str = ""
    ended: float | None = None

    @property
    def duration(self) -> float | None:
        """Seconds until the next reset; None while it runs or where times are not known."""
        return None if self.started is None or self.ended is None else self.ended - self.started


class EventLog:
    """Entries in order of time, with stable ids. Equal crashes are one entry, and so is a boot loop: the newest, and a
    count.

    Args:
        changed: called with each entry added or replaced.
        wall: turns the times of records into wall time, for people.
    """

    def __init__(self, changed: Callable[[EventEntry], None], wall: Callable[[float], float] = float) -> None:
        self._wall = wall
        self.entries: list[EventEntry] = []
        self.boots: deque[Boot] = deque(maxlen=MAX_BOOTS)
        self.boot = 0
        self.crashes = 0
        """How often the board has crashed: panics, and core dumps in boots without one."""

        self._crashed_boot = -1
        self._loop: Reset | None = None
        self._crashes: OrderedDict[Hashable, int] = OrderedDict()
        self._in_loop: dict[Hashable, int] = {}
        self._orders: dict[int, int] = {}
        self._listed: OrderedDict[tuple[str, int], tuple[int, EventEntry | None]] = OrderedDict()
        """(type, offset) -> id of the entry, and the entry that it was counted into, as that was before."""

        self._changed = changed
        self._next = 0
        self._placed = 0
        self._crash_count = 0

    def add(self, record: Record, line: int | None) -> EventEntry | None:
        """List a record. Returns its entry, or None for a type that the inspector does not list."""
        described = describe(record)
        if described is None:
            return None
        if self.lists(record):
            return self._revise(record, line, *described)
        if isinstance(record, Reset):
            self._begin_boot(record, line)
        elif isinstance(record, BootRecord) and self.boots:
            self.boots[-1].app = record.program
        self._count_crash(record)
        title, severity, details = described
        entry = EventEntry(
            id=self._next,
            record=record,
            title=title,
            severity=severity,
            time=None if record.time is None else self._wall(record.time),
            line=line,
            boot=self.boot,
            details=details,
            count=record.repeats if isinstance(record, Reset) and record is self._loop else 1,
            order=self._placed,
        )
        self._placed += 1
        before = self._same(record, described)
        if record.type in REVISED:
            self._listed[record.type, record.offset] = (entry.id if before is None else before.id), before
            if len(self._listed) > MAX_REVISED:
                self._listed.popitem(last=False)
        if before is not None:
            return self._count(before, entry)
        self._next += 1
        if len(self.entries) >= MAX_EVENTS:
            # A new list, so that a reader on another thread keeps a whole one.
            for old in self.entries[: MAX_EVENTS // 10]:
                del self._orders[old.id]
            self.entries = self.entries[MAX_EVENTS // 10 :]
        if isinstance(record, Panic):
            self._crash_count += 1
            if self._crash_count > MAX_CRASHES:
                self._drop_crashes()
        self._orders[entry.id] = entry.order
        self.entries.append(entry)
        self._changed(entry)
        return entry

    def _count_crash(self, record: Record) -> None:
        if isinstance(record, Panic) or (isinstance(record, Coredump) and self._crashed_boot != self.boot):
            self.crashes += 1
            self._crashed_boot = self.boot

    def _drop_crashes(self) -> None:
        """Take out the oldest of the crashes, a tenth of them: the recording has them all."""
        crashes = [entry for entry in self.entries if isinstance(entry.record, Panic)]
        old = {entry.id for entry in crashes[: max(0, len(crashes) - MAX_CRASHES + MAX_CRASHES // 10)]}
        self._crash_count = len(crashes) - len(old)
        gone = [entry for entry in crashes if entry.id in old]
        self.entries = [entry for entry in self.entries if entry.id not in old]
        for entry in gone:
            del self._orders[entry.id]
            self._changed(replace(entry, count=0))

    def lists(self, record: Record) -> bool:
        """True when this event was told before, as far as it was known then."""
        return (record.type, record.offset) in self._listed

    def _revise(
        self, record: Record, line: int | None, title: str, severity: Severity, details: tuple[tuple[str, str], ...]
    ) -> EventEntry | None:
        """An event that was told before has changed with what came since: this is what holds."""
        identity, before = self._listed[record.type, record.offset]
        entry = self.entry(identity)
        if entry is None:
            return None
        if isinstance(record, Panic) and isinstance(entry.record, Panic):
            old, new = signature(entry.record), signature(record)
            if old != new and before is not None:
                # It is no repetition of that crash: that one is as it was before.
                del self._listed[record.type, record.offset]
                self._placed += 1
                self._place(replace(before, order=self._placed))
                self.crashes -= 1
                return self.add(record, line)
            known = self._crashes.get(new)
            if old != new and (same := None if known is None else self.entry(known)) is not None:
                del self._crashes[old]
                self._remove(entry)
                self._listed[record.type, record.offset] = same.id, same
                self._placed += 1
                return self._count(
                    same, replace(entry, record=record, title=title, details=details, order=self._placed)
                )
            if old != new:
                self._crashes[new] = self._crashes.pop(old, identity)
        if self._loop is entry.record and isinstance(record, Reset):
            self._loop = record
        first = tuple(row for row in entry.details if row[0] in FIRST_SEEN)
        return self.update(
            identity,
            lambda entry: replace(
                entry, record=record, title=title, severity=severity, details=(*details, *first), report=None
            ),
        )

    def _remove(self, entry: EventEntry) -> None:
        self.entries = [other for other in self.entries if other.id != entry.id]
        del self._orders[entry.id]
        self._changed(replace(entry, count=0))

    def _begin_boot(self, reset: Reset, line: int | None) -> None:
        if self.boots:
            self.boots[-1].ended = reset.time
        self.boot += 1
        self.boots.append(Boot(self.boot, line, reset.time, reset.reason))
        if reset.repeats <= LOOP_AT:
            self._in_loop.clear()
        self._loop = reset if reset.repeats >= LOOP_AT else None

    def loop(self, now: float) -> str | None:
        """The boot or crash loop that the board is in, in a few words; None once it has run for a while."""
        reset = self._loop
        if reset is None or (reset.time is not None and now - reset.time > LOOP_SECONDS):
            return None
        return f"boot loop ×{reset.repeats}"

    def restarted(self) -> None:
        """The board is being restarted on purpose: whatever loop it was in, this is not part of it."""
        self._loop = None

    def _same(self, record: Record, described: Description) -> EventEntry | None:
        """The entry of an equal event; None when this is the first one.

        Panics are the same by kind and top frames; resets and what the board says while it starts only in a boot loop.
        """
        known: dict[Hashable, int]
        if isinstance(record, Panic):
            known, key = self._crashes, signature(record)
        elif self._loop is not None and isinstance(record, Reset):
            known, key = self._in_loop, (record.code, record.reason, record.boot_mode)
        elif self._loop is not None and isinstance(record, BootRecord | Caps):
            known, key = self._in_loop, (record.type, described.title, described.details)
        else:
            return None
        entry = self.entry(known[key]) if key in known else None
        if entry is None:
            known[key] = self._next
            if len(known) > MAX_SIGNATURES:
                del known[next(iter(known))]
        return entry

    def _count(self, old: EventEntry, new: EventEntry) -> EventEntry:
        """Let an entry be the newest of its kind, with all before it counted."""
        first = tuple(row for row in old.details if row[0] in FIRST_SEEN)
        if not first:
            first = (("first in boot", str(old.boot)),)
            if old.line is not None:
                first += (("first at line", f"{old.line + 1:,}"),)
        title, details = new.title, new.details
        if old.report is not None:
            # It was decoded: the same crash has the same frames.
            title, details = old.title, tuple(row for row in old.details if row[0] not in FIRST_SEEN)
        entry = replace(
            new,
            id=old.id,
            title=title,
            details=(*details, *first),
            path=old.path,
            report=old.report,
            count=max(old.count + 1, new.count),
        )
        return self._place(entry)

    def _place(self, entry: EventEntry) -> EventEntry:
        """Put an entry that is listed where its order says, which is behind all the others."""
        index = self._index(entry.id)
        assert index is not None
        # A new list, so that a reader on another thread sees neither none nor two of it.
        self.entries = [*self.entries[:index], *self.entries[index + 1 :], entry]
        self._orders[entry.id] = entry.order
        self._changed(entry)
        return entry

    def _index(self, identity: int) -> int | None:
        order = self._orders.get(identity)
        return None if order is None else bisect_left(self.entries, order, key=lambda entry: entry.order)

    def entry(self, identity: int) -> EventEntry | None:
        """The entry with this id, None when it is no longer kept."""
        index = self._index(identity)
        return None if index is None else self.entries[index]

    def update(self, identity: int, change: Callable[[EventEntry], EventEntry]) -> EventEntry | None:
        """Replace an entry by what `change` makes of it. Returns that; None when the entry is no longer kept."""
        index = self._index(identity)
        if index is None:
            return None
        entry = change(self.entries[index])
        self.entries[index] = entry
        self._changed(entry)
        return entry
