"""What the session's own events say in one line."""

from __future__ import annotations

import pytest

from espmon.session.event_log import FlashEvent


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        ([{"ok": True, "written": 70_000}], "Flash write: 1 region right, 70,000 bytes written, 1.24 s"),
        ([{"ok": True}, {"ok": True}], "Flash write: 2 regions right, 0 bytes written, 1.24 s"),
        ([{"ok": False, "address": "0x00010000"}], "Flash write: 1 of 1 region different, at 0x00010000"),
    ],
)
def test_a_flash_action_counts_as_people_do(regions: list[dict[str, object]], said: str) -> None:
    assert FlashEvent(0, 0.0, {"action": "write", "regions": regions, "elapsed": 1.23579}, "").summary == said
