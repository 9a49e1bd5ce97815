"""Events that happen, and waiting for the screen that they bring."""

from __future__ import annotations

from typing import Any

from espmon.records.events.boot import Boot
from espmon.records.events.reset_record import Reset
from espmon.records.notes import Note
from espmon.records.record import Record
from espmon.records.spans.coredump_capture import Coredump
from espmon.records.spans.gdb_packets import Gdb
from espmon.session.status import EventEntry
from tests.tui.running import Running

STOP = Gdb(0, 7, 1_700_000_000.0, payload=b"T05", checksum="ok")
"""The board has stopped in its debug stub."""

PROMPT = Note(0, 0, 1_700_000_000.0, kind="prompt", text="Press Enter to print core dump to UART", action="enter")
"""The board waits for Enter."""

RESET = Reset(0, 0, 1_700_000_000.0, code=1, reason="POWERON", chip="esp32c3")
BOOT = Boot(0, 0, 1_700_000_000.0)
DUMP = Coredump(0, 100, 1_700_000_000.0, payload=b"\0", lines=1, checksum="ok", complete=True, error=None)


def happen(case: Running, record: Record, title: str = "", **extra: Any) -> EventEntry:
    """The session receives a record, and lists it."""
    return case.session.happen(record, title, **extra)


async def shown(case: Running, kind: type) -> Any:
    await case.until(lambda: isinstance(case.app.screen, kind), kind.__name__)
    await case.pilot.pause()
    return case.app.screen
