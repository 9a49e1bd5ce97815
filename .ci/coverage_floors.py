#!/usr/bin/env python3
"""Prints branch coverage by room from `.coverage`, and fails where it is below the floor in `.ci/coverage_floors.toml`.

    python .ci/coverage_floors.py [--new]      --new: write what was measured as the new floors

A room is a folder of `espmon`; modules beside them count as the room `espmon`. Lines and branches count alike, as
coverage.py's own total does.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ROOT / ".ci" / "coverage_floors.toml"
HEAD = """\
# Branch coverage of each room in percent, which `.ci/coverage_floors.py` holds as a floor. What threads and timeouts
# reach differs a little from run to run: a floor is what was measured, less half a percent.
"""
SLACK = 0.5
"""Percent that a run may lie below another one."""


def measured() -> dict[str, tuple[int, int]]:
    """Room -> (what was run, what there is), of lines and branches."""
    import coverage

    data = coverage.Coverage(data_file=str(ROOT / ".coverage"))
    data.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        data.json_report(outfile=str(report), ignore_errors=True)
        files = json.loads(report.read_text())["files"]
    rooms: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, file in files.items():
        parts = Path(name).parts[Path(name).parts.index("espmon") :]
        counts = file["summary"]
        room = rooms[parts[1] if len(parts) > 2 else "espmon"]
        room[0] += counts["covered_lines"] + counts["covered_branches"]
        room[1] += counts["num_statements"] + counts["num_branches"]
    return {name: (done, there) for name, (done, there) in sorted(rooms.items())}


def main(arguments: list[str]) -> int:
    """Print, compare; returns 1 below a floor or without one."""
    rooms = measured()
    percent = {name: 100 * done / there for name, (done, there) in rooms.items()}
    if "--new" in arguments:
        text = io.StringIO(HEAD)
        text.seek(0, io.SEEK_END)
        text.writelines(f"{name} = {max(0.0, value - SLACK):.1f}\n" for name, value in percent.items())
        FLOORS.write_text(text.getvalue())
    floors: dict[str, float] = tomllib.loads(FLOORS.read_text())
    low = 0
    for name, value in percent.items():
        floor = floors.get(name)
        verdict = "no floor" if floor is None else "" if value >= floor else "TOO LOW"
        low += bool(verdict)
        print(f"{name:<12} {value:5.1f} %   floor {floor if floor is not None else '-':>5}   {verdict}".rstrip())
    done, there = (sum(column) for column in zip(*rooms.values(), strict=True))
    print(f"{'all':<12} {100 * done / there:5.1f} %   of {there:,} lines and branches")
    return 1 if low else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
