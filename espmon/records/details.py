"""A record as rows of labels and values, for people: every field that says something, safe to show."""

from __future__ import annotations

from collections.abc import Iterable

from espmon.model.crash_facts import CrashFacts
from espmon.model.stack_frame import StackFrame
from espmon.records.record import PayloadRecord, Record
from espmon.records.value_text import EMPTY, value_text
from espmon.text import plain

HIDDEN = frozenset({"bytes", "backtrace", "registers", "path"})
"""Fields that are shown in their own way, or not at all."""


Rows = list[tuple[str, str]]
"""(label, value), safe to show."""


def detail_rows(record: Record) -> Rows:
    """Everything that a record holds."""
    rows = field_rows(record)
    return [*rows, *frame_rows(record.backtrace)] if isinstance(record, CrashFacts) else rows


def frame_rows(frames: Iterable[StackFrame]) -> Rows:
    """A chain of calls, innermost first."""
    return [(f"#{number}", plain(frame.text)) for number, frame in enumerate(frames)]


def field_rows(record: Record) -> Rows:
    """What a record holds besides a backtrace. The digest of a payload is there once somebody has worked it out."""
    unhashed = isinstance(record, PayloadRecord) and not record.hashed
    fields = record.about() if isinstance(record, PayloadRecord) and unhashed else record.fields()
    rows = [
        (plain(name.replace("_", " ")), value_text(value))
        for name, value in fields.items()
        if name not in HIDDEN and value not in EMPTY
    ]
    if isinstance(record, CrashFacts):
        rows += [(f"register {plain(name)}", f"0x{value:08x}") for name, value in record.registers.items()]
    return rows
