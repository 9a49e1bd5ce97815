"""No input costs a reader more than is in proportion to its size.

`tests/torture/bombs.py` is the table; `tests/torture/bomb_trial.py` sets them off under `RLIMIT_AS` and `RLIMIT_CPU`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.torture.bombs import BOMBS

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a process's limit of memory")


@pytest.fixture(scope="module")
def costs() -> dict[str, dict[str, Any]]:
    """What each bomb cost, by name."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture.bomb_trial"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {cost["name"]: cost for cost in map(json.loads, done.stdout.splitlines())}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [bomb.name for bomb in BOMBS])
def test_a_bomb_is_read_within_its_allowance_or_refused(name: str, costs: dict[str, dict[str, Any]]) -> None:
    assert costs[name]["ok"], costs[name]
