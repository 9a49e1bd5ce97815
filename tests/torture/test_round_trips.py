"""A recording is the same when it is opened, packed, exported, and imported elsewhere, record by record."""

from __future__ import annotations

from pathlib import Path

from tests.inputs import OWN
from tests.torture.round_trips import Tally, logs_of, round_trip

LOGS = 3


def test_recordings_are_the_same_elsewhere(tmp_path: Path) -> None:
    tally, logs = Tally(), logs_of(OWN)
    for name in sorted(logs, key=lambda name: len(logs[name]))[:: -len(logs) // LOGS]:
        round_trip(tally, tmp_path, name, logs[name])
    assert tally.faults == []
    assert tally.recordings >= LOGS
    assert tally.records["line"] > 20
