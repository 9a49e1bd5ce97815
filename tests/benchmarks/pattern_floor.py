"""The speed of every regular expression on its worst inputs, in MB/s. None may be below 5.

Run: python -m tests.benchmarks.pattern_floor [PART OF A NAME] [--all]

Patterns are collected from the imported package and inputs made from each pattern (tests/patterns). All inputs are
tried at 2 kB, the slowest of them again at 64 kB, which is where a search that goes quadratic shows (one that is far
below the floor at 2 kB is not tried longer); the figure is the slowest of those, the best of three runs of CPU time.
The exit code is 1 when a pattern is below the floor.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from typing import Any

from tests.patterns.collect import ANCHORED, Found, patterns
from tests.patterns.inputs import worst_inputs

FLOOR = 5.0
"""MB/s."""

SMALL, LARGE = 2_000, 64_000
"""Characters of an input: to choose, and to measure."""

KEPT = 4
"""Inputs of each pattern that are measured at full size."""

PATIENCE = 0.02
"""Seconds after which a run is not repeated."""


def measure(found: Found, method: str, text: Any) -> float:
    """MB/s of one use over one input."""
    call = getattr(found.pattern, method)
    arguments = (found.pattern.pattern[:0], text) if method in ("sub", "subn") else (text,)
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        result = call(*arguments)
        if method == "finditer":
            for _ in result:
                pass
        best = min(best, time.process_time() - started)
        if best > PATIENCE or len(text) > 8 * FLOOR * 1e6 * best:
            break
    return len(text) / max(best, 1e-7) / 1e6


def worst(found: Found) -> tuple[float, str, Any]:
    """MB/s, method and input (its beginning) where the pattern is slowest."""
    measured = []
    for method in uses(found.methods):
        small = sorted(
            ((measure(found, method, text), index) for index, text in enumerate(worst_inputs(found.pattern, SMALL))),
        )
        slowest, first = small[0]
        if slowest < FLOOR / 4:
            measured.append((slowest, method, next(worst_inputs(found.pattern, SMALL, {first}))[:48]))
            continue
        chosen = {index for _, index in small[:KEPT]}
        measured += [
            (measure(found, method, text), method, text[:48]) for text in worst_inputs(found.pattern, LARGE, chosen)
        ]
    return min(measured, key=lambda one: one[0])


def uses(methods: Iterable[str]) -> list[str]:
    """One of the methods that look at one place, one of those that look at all."""
    return [*sorted(set(methods) - ANCHORED), *sorted(set(methods) & ANCHORED)]


def main() -> int:
    """Measure and print, the slowest first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="", help="only patterns with this in their name")
    parser.add_argument("--all", action="store_true", help="print all, not only those below four times the floor")
    options = parser.parse_args()
    rows = [(*worst(found), found) for found in patterns() if options.name in found.name]
    rows.sort(key=lambda row: row[0])
    for speed, method, text, found in rows:
        if options.all or speed < 4 * FLOOR:
            print(f"{speed:10.2f} MB/s  {found.name}.{method}  {text!r}")
    slow = sum(speed < FLOOR for speed, *_ in rows)
    print(f"{len(rows)} patterns, {slow} below {FLOOR:g} MB/s; the slowest has {rows[0][0] if rows else 0:.2f} MB/s")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
