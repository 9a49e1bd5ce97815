"""The house keeps its floors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_imports_point_down_and_the_rooms_do_not_know_each_other() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([str(linter)], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_module_is_too_long_to_read_in_one_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in (ROOT / "espmon").rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 450
    }
    assert long == {}


def test_a_module_s_name_tells_where_it_is() -> None:
    names = [path.stem for path in (ROOT / "espmon").rglob("*.py") if not path.stem.startswith("__")]
    assert {name for name in names if names.count(name) > 1} == set()
    assert [name for name in names if name.startswith("_")] == []
