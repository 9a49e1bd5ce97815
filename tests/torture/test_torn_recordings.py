"""A torn recording opens with what it has, and says what is missing."""

from __future__ import annotations

from pathlib import Path

from tests.torture.torn_recordings import torn_recordings


def test_torn_recordings_open_with_what_they_have(tmp_path: Path) -> None:
    tally = torn_recordings(tmp_path, step=61, every=250)
    assert tally.faults == []
    assert tally.tried > 300
    assert tally.opened >= 3
