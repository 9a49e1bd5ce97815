"""A record as rows of labels and values, for people: every field that says something, safe to show."""

from __future__ import annotations

from espmon.model.crash_facts import CrashFacts
from espmon.records.record import PayloadRecord, Record
from espmon.records.value_text import EMPTY, value_text
from espmon.text import plain

HIDDEN = frozenset({"bytes", "backtrace", "registers", "path"})
"""Fields that are shown in their own way, or not at all."""


def detail_rows(record: Record) -> list[tuple[str, str]]:
    """(label, value) rows of a record. The digest of a payload is there once somebody has worked it out."""
    unhashed = isinstance(record, PayloadRecord) and not record.hashed
    fields = record.about() if isinstance(record, PayloadRecord) and unhashed else record.fields()
    rows = [
        (plain(name.replace("_", " ")), value_text(value))
        for name, value in fields.items()
        if name not in HIDDEN and value not in EMPTY
    ]
    if isinstance(record, CrashFacts):
        rows += [(f"register {plain(name)}", f"0x{value:08x}") for name, value in record.registers.items()]
        rows += [(f"#{number}", plain(frame.text)) for number, frame in enumerate(record.backtrace)]
    return rows
