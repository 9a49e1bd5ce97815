"""Killed without a word: what was read is on disk, but for the last moment."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.torture.killing import kill_once

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals"),
]


@pytest.mark.parametrize("delay", [0.0, 0.13])
def test_killed(delay: float, tmp_path: Path) -> None:
    faults = kill_once(tmp_path, delay).faults
    assert [fault for fault in faults if not fault.endswith("ms behind")] == []
