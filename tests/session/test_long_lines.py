"""That a line is shown in pieces is said, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from espmon.records.limits import Limits
from espmon.session.connection import PortAccess
from espmon.session.session import Session
from espmon.session.session_events import SessionNote
from espmon.session.settings import Settings
from espmon.session.status import Notice, OpenRequest
from tests.session.fakes import Port, ScriptedHandle, Watch

CAP = Limits().line
LONG = b"0123456789abcdef" * (CAP // 16 + 300)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([LONG], 1),
        ([b"before\r\n" + LONG * 3 + b"\r\nafter\r\n", LONG + b"\r\n"], 1),
        ([LONG[at : at + 700] for at in range(0, len(LONG), 700)], 1),
        ([LONG[:CAP] + b"\r\n"], 0),
        ([b"I (1) app: short\r\n" * 8000], 0),
        ([LONG[:CAP]], 0),
    ],
    ids=["no end", "ends", "small reads", "as long as a line may be", "many short ones", "not yet too long"],
)
async def test_a_line_that_is_cut_is_said_once(data: list[bytes], said: int, tmp_path: Path) -> None:
    handle, watch = ScriptedHandle(), Watch()
    session = Session(settings=Settings(), folder=tmp_path, access=PortAccess(opener=Port(handle), resolver=str))
    session.subscribe(watch)
    try:
        await session.open(OpenRequest("fake://board"))
        for piece in data:
            handle.push(piece)
        size = sum(map(len, data))
        await watch.until(lambda: session.pipeline.demux.offset >= size)
        notes = [entry.record for entry in session.events if isinstance(entry.record, SessionNote)]
        assert sum("longer than 65,536 bytes" in note.text for note in notes) == said
        toasts = [change.text for change in watch.changes if isinstance(change, Notice)]
        assert sum("longer than 65,536 bytes" in text for text in toasts) == said
    finally:
        await session.close()
