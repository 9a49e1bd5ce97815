"""The session's events: the records that the inspector lists, numbered once and never renumbered."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from espmon.records.events.fold import signature
from espmon.records.events.panic import Panic
from espmon.records.record import Event, JsonObject, Record
from espmon.session.describe import describe
from espmon.session.view import EVENTS_KEPT, EventEntry, Severity
from espmon.text import counted

BOOTS_KEPT = 10_000
"""Boots remembered; the oldest go first."""

SIGNATURES_KEPT = 256
"""Different crashes that later ones are compared with."""

LAST_SEEN = ("last in boot", "last at line")
"""Details of a folded entry."""

LOOP_AT = 3
"""Resets of one kind in a row that make a loop."""


def same_as(record: Record) -> Hashable | None:
    """What makes two events one entry with a count; None for events that are always listed.

    Panics are the same by kind and top frames; resets and boots only while the chip is in a boot loop.
    """
    if isinstance(record, Panic):
        return ("panic", signature(record))
    fields = record.fields()
    if record.type == "reset" and int(fields.get("repeats") or 1) > 1:
        return ("reset", fields.get("code"), fields.get("reason"), fields.get("boot_mode"))
    return None


class LinkEvent(Event):
    """The port was opened, lost or reopened."""

    __slots__ = ("gap", "reason", "state")

    type: ClassVar[str] = "link"

    def __init__(self, offset: int, time: float, state: str, reason: str = "", gap: float | None = None) -> None:
        super().__init__(offset, 0, time)
        self.state = state
        self.reason = reason
        self.gap = gap

    def fields(self) -> JsonObject:
        """`state` is "opened", "lost", "reopened" or "closed"; `gap` the seconds nothing could be received."""
        return {"state": self.state, "reason": self.reason, "gap": self.gap}


class ProbeEvent(Event):
    """A probe ended."""

    __slots__ = ("result", "transcript")

    type: ClassVar[str] = "probe"

    def __init__(self, offset: int, time: float, result: JsonObject, transcript: str) -> None:
        super().__init__(offset, 0, time)
        self.result = result
        self.transcript = transcript

    def fields(self) -> JsonObject:
        """The probe's fields, flat, and the transcript of the exchange."""
        return {**self.result, "transcript": self.transcript}


class FlashEvent(Event):
    """A flash action ended."""

    __slots__ = ("result", "transcript")

    type: ClassVar[str] = "flash"

    def __init__(self, offset: int, time: float, result: JsonObject, transcript: str) -> None:
        super().__init__(offset, 0, time)
        self.result = result
        self.transcript = transcript

    @property
    def summary(self) -> str:
        """What happened, in one line."""
        action = self.result.get("action")
        if self.result.get("error"):
            return f"Flash {action} failed: {self.result['error']}"
        if self.result.get("cancelled"):
            return f"Flash {action} cancelled{str(self.result['cancelled']).removeprefix('Cancelled')}"
        regions = self.result.get("regions") or []
        wrong = [row for row in regions if not row.get("ok")]
        if wrong:
            places = ", ".join(str(row["address"]) for row in wrong)
            return f"Flash {action}: {len(wrong)} of {counted(len(regions), 'region')} different, at {places}"
        written = sum(int(row.get("written") or 0) for row in regions)
        detail = f", {written:,} bytes written" if action == "write" else ""
        seconds = float(self.result.get("elapsed") or 0)
        return f"Flash {action}: {counted(len(regions), 'region')} right{detail}, {seconds:.2f} s"

    def fields(self) -> JsonObject:
        """The outcome's fields, and the transcript of the exchange."""
        return {**self.result, "summary": self.summary, "transcript": self.transcript}


class SessionNote(Event):
    """Something the session did, or wants the reader of the log to know."""

    __slots__ = ("evidence", "text")

    type: ClassVar[str] = "note"

    def __init__(self, offset: int, time: float | None, text: str, evidence: Sequence[str] = ()) -> None:
        super().__init__(offset, 0, time)
        self.text = text
        self.evidence = evidence

    def fields(self) -> JsonObject:
        """`text` in plain words, and what speaks for it."""
        return {"text": self.text, "evidence": list(self.evidence)}


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
    """Entries in the order they happened, with stable ids. Crashes and boot loops are folded: one entry, a count.

    Args:
        changed: called with each entry added or replaced.
    """

    def __init__(self, changed: Callable[[EventEntry], None]) -> None:
        self.entries: list[EventEntry] = []
        self.boots: deque[Boot] = deque(maxlen=BOOTS_KEPT)
        self.boot = 0
        self.loop: str | None = None
        """The boot or crash loop that the board is in, in plain words."""
        self._repeating = False
        self._same: OrderedDict[Hashable, int] = OrderedDict()
        self._changed = changed
        self._next = 0

    def add(self, record: Record, line: int | None, **extra: Any) -> EventEntry | None:
        """List a record. Returns its entry, or None for a type that the inspector does not list."""
        described = describe(record)
        if described is None:
            return None
        if record.type == "reset":
            self._begin_boot(record, line)
        elif record.type == "boot" and self.boots:
            fields = record.fields()
            self.boots[-1].app = " ".join(str(fields[key]) for key in ("app", "app_version") if fields.get(key))
        folded = self._fold(record, line)
        if folded is not None:
            return folded
        title, severity, details = described
        entry = EventEntry(
            id=self._next,
            record=record,
            title=title,
            severity=severity,
            time=record.time,
            line=line,
            boot=self.boot,
            details=details,
        )
        if extra:
            entry = replace(entry, **extra)
        self._next += 1
        if len(self.entries) >= EVENTS_KEPT:
            # A new list, so that a reader on another thread keeps a whole one.
            self.entries = self.entries[EVENTS_KEPT // 10 :]
        self.entries.append(entry)
        self._changed(entry)
        return entry

    def _begin_boot(self, record: Record, line: int | None) -> None:
        fields = record.fields()
        if self.boots:
            self.boots[-1].ended = record.time
        self.boot += 1
        self.boots.append(Boot(self.boot, line, record.time, str(fields.get("reason") or "")))
        repeats = int(fields.get("repeats") or 1)
        self._repeating = repeats > 1
        self.loop = str(fields.get("hint") or "boot loop") if repeats >= LOOP_AT else None

    def _fold(self, record: Record, line: int | None) -> EventEntry | None:
        """Count a crash or a reset that is the same as one listed before; None when it is a new one."""
        key = same_as(record)
        if key is None and record.type in ("boot", "caps") and self._repeating:
            key = (record.type, str(record.fields()))
        if key is None:
            return None
        known = self._same.get(key)
        old = self.entry(known) if known is not None else None
        if old is None:
            self._same[key] = self._next
            if len(self._same) > SIGNATURES_KEPT:
                self._same.popitem(last=False)
            return None
        # It stays where it was first seen, so that the boots keep their order; where it was last is a detail.
        details = [row for row in old.details if row[0] not in LAST_SEEN]
        last = zip(LAST_SEEN, (str(self.boot), "" if line is None else str(line)), strict=True)
        return self.update(old.id, count=old.count + 1, details=(*details, *last))

    def entry(self, identity: int) -> EventEntry | None:
        """The entry with this id, None when it is no longer kept."""
        first = self.entries[0].id if self.entries else 0
        index = identity - first
        return self.entries[index] if 0 <= index < len(self.entries) else None

    def update(self, identity: int, **changes: Any) -> EventEntry | None:
        """Replace an entry by one with more in it. Returns None when it is no longer kept."""
        old = self.entry(identity)
        if old is None:
            return None
        entry = replace(old, **changes)
        self.entries[identity - self.entries[0].id] = entry
        self._changed(entry)
        return entry

    def note(self, offset: int, now: float, text: str, line: int | None, severity: Severity) -> EventEntry | None:
        """Add a note of the session's own."""
        return self.add(SessionNote(offset, now, text), line, severity=severity)
