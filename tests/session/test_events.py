"""What the session's own events say in one line."""

from __future__ import annotations

import pytest

from espmon.rom.flash_regions import FlashOutcome, RegionResult
from espmon.session.session_events import FlashEvent


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        (
            [RegionResult(0, 70_000, "", ok=True, written=70_000)],
            "Flash write: 1 region right, 70,000 bytes written, 1.24 s",
        ),
        ([RegionResult(0, 1, "", ok=True)] * 2, "Flash write: 2 regions right, 0 bytes written, 1.24 s"),
        ([RegionResult(0x10000, 1, "")], "Flash write: 1 of 1 region different, at 0x00010000"),
    ],
)
def test_a_flash_action_counts_as_people_do(regions: list[RegionResult], said: str) -> None:
    assert FlashEvent(0, 0.0, "write", FlashOutcome("write", regions=regions, elapsed=1.23579)).title == said
