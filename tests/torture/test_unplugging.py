"""A board that is unplugged loses nothing, and is back as soon as its port is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.torture.unplugging import unplug

TIMES = 5


@pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")
@pytest.mark.parametrize("kind", ["pty", "socket", "rfc2217"])
async def test_unplugged_again_and_again(kind: str, tmp_path: Path) -> None:
    tally = await unplug(kind, TIMES, tmp_path)
    assert (tally.tried, tally.lost) == (TIMES, 0)
