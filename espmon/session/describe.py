"""How a record reads in the inspector: one title, one severity, and rows of details, all safe to show."""

from __future__ import annotations

from typing import NamedTuple

from espmon.records.details import detail_rows
from espmon.records.lines import Line
from espmon.records.record import Raw, Record, Severity
from espmon.records.value_text import MAX_CHARACTERS
from espmon.text import plain


class Description(NamedTuple):
    """What the inspector shows of a record."""

    title: str
    severity: Severity
    details: tuple[tuple[str, str], ...]
    """(label, text) rows."""


def describe(record: Record) -> Description | None:
    """Describe a record; None when it is the log itself, which the inspector does not list."""
    if isinstance(record, Line | Raw):
        return None
    return Description(plain(record.title)[:MAX_CHARACTERS], record.severity, tuple(detail_rows(record)))
