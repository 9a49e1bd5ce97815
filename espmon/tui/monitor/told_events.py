"""The crashes and resets of a session in the order in which they were told, each time that one was.

The session's list keeps the newest of equal ones alone, with a count; what is folded and marked in the log needs all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from espmon.records.events.panic_record import Panic
from espmon.records.events.reset_record import Reset
from espmon.session.status import EventEntry

MAX_TOLD = 20_000
"""Most crashes and resets kept; the log shows those before them line by line."""


@dataclass(frozen=True, slots=True)
class ToldCrash:
    """Where a crash stands, and its words: not the report, whose memory dump is large."""

    event: int
    line: int
    offset: int
    length: int
    title: str
    headline: str
    """What its report says in one sentence, "" before there is one."""

    fatal: bool


@dataclass(frozen=True, slots=True)
class ToldReset:
    """A reset of the board."""

    entry: EventEntry
    """As it was listed, without its details."""

    line: int
    reset: Reset


Told = ToldCrash | ToldReset


class ToldEvents:
    """Keeps the newest ones. All methods run on the screen's loop."""

    def __init__(self) -> None:
        self._kept: deque[Told] = deque(maxlen=MAX_TOLD)
        self._count = 0

    def begin(self, entries: Iterable[EventEntry]) -> None:
        """Another session, that has told these."""
        self._kept.clear()
        self._count = 0
        for entry in entries:
            self.add(entry)

    def add(self, entry: EventEntry) -> None:
        """An event was told."""
        record = entry.record
        if entry.line is None or not entry.count:
            return
        if isinstance(record, Panic):
            said = entry.title, _headline(entry)
            self._kept.append(ToldCrash(entry.id, entry.line, record.offset, record.length, *said, record.fatal))
        elif isinstance(record, Reset):
            self._kept.append(ToldReset(replace(entry, details=()), entry.line, record))
        else:
            return
        self._count += 1

    @property
    def count(self) -> int:
        """How many were told."""
        return self._count

    def since(self, number: int) -> Iterator[Told]:
        """Those after the first `number`, as far as they are kept."""
        return islice(self._kept, max(0, number - self._count + len(self._kept)), None)


def _headline(crash: EventEntry) -> str:
    if crash.report is None:
        return ""
    from espmon.postmortem.panic_report import PanicReport  # for who has one

    return crash.report.headline if isinstance(crash.report, PanicReport) else ""
