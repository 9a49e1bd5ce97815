"""A board's hours in fast time: all is recorded, and the history has no more lines than it has room for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.torture.day import live

LINES = 3


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
async def test_hours_are_recorded_and_history_is_bounded(tmp_path: Path) -> None:
    day = await live(tmp_path, hours=0.5, lines=LINES, store=50_000)
    assert day.faults == []
    assert day.lines >= 1800 * LINES
    assert max(point.history for point in day.points) < day.lines / 2
    assert max(point.tasks for point in day.points) < 10
