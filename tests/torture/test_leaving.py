"""Whatever takes the program away: it is gone within a second, with everything it read on disk."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.torture.leaving import WAYS, leave_once

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals and POSIX signals"),
]


@pytest.mark.parametrize("name", list(WAYS))
def test_every_way_out(name: str, tmp_path: Path) -> None:
    assert leave_once(WAYS[name], tmp_path).faults == []
