"""Events with fields of their own, and waiting for the screen that they bring."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from espmon.session.status import EventAdded, EventEntry
from tests.tui.fake_session import FakeEvent
from tests.tui.running import Running


class Told(FakeEvent):
    """An event with fields of its own."""

    def __init__(self, type: str, **fields: Any) -> None:
        super().__init__(type)
        self._fields = fields

    def fields(self) -> dict[str, Any]:
        return self._fields


def happen(case: Running, record: Told, **extra: Any) -> EventEntry:
    """The session lists an event."""
    entry = case.session.add_event(record.type, extra.pop("title", record.type), **extra)
    entry = replace(entry, record=record)
    case.session.events[entry.id] = entry
    case.session.tell(EventAdded(entry))
    return entry


async def shown(case: Running, kind: type) -> Any:
    await case.until(lambda: isinstance(case.app.screen, kind), kind.__name__)
    await case.pilot.pause()
    return case.app.screen
