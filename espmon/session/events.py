"""The session's events: the records that the inspector lists, numbered once and never renumbered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from espmon.records.record import Event, JsonObject, Record
from espmon.session.describe import describe
from espmon.session.view import EventEntry, Severity

EVENTS_KEPT = 20_000
"""Entries kept in memory; the sidecar file has all of them."""


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


class SessionNote(Event):
    """Something the session did, or wants the reader of the log to know."""

    __slots__ = ("text",)

    type: ClassVar[str] = "note"

    def __init__(self, offset: int, time: float | None, text: str) -> None:
        super().__init__(offset, 0, time)
        self.text = text

    def fields(self) -> JsonObject:
        """`text` in plain words."""
        return {"text": self.text}


class EventLog:
    """Entries in the order they happened, with stable ids.

    Args:
        changed: called with each entry added or replaced.
    """

    def __init__(self, changed: Callable[[EventEntry], None]) -> None:
        self.entries: list[EventEntry] = []
        self.boot = 0
        self._changed = changed
        self._next = 0

    def add(self, record: Record, line: int | None, **extra: Any) -> EventEntry | None:
        """List a record. Returns its entry, or None for a type that the inspector does not list."""
        described = describe(record)
        if described is None:
            return None
        if record.type == "reset":
            self.boot += 1
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
