"""The speed of every regular expression on its worst inputs, in MB/s. None may be below 5.

Run: python -m tests.benchmarks.pattern_floor [PART OF A NAME] [--all]

Patterns are collected from the imported package and inputs made from each pattern (tests/patterns). All inputs are
tried at 2 kB, the slowest of them again at 8 and 64 kB, which is where a search that goes quadratic shows; the figure
is the slowest of those, the best of three runs of CPU time. The exit code is 1 when a pattern is below the floor.
"""

from __future__ import annotations

import argparse
import sys

from tests.patterns.collect import Found, patterns
from tests.patterns.trial import slowest, use

FLOOR = 5.0
"""MB/s."""

SIZES = (2_000, 8_000, 64_000)
"""Characters of the inputs of each round."""


def worst(found: Found) -> tuple[float, str]:
    """MB/s where the pattern is slowest, and how that input begins."""
    measured = []
    for seconds, text in slowest(found, SIZES):
        best = min(seconds, *(use(found, text) for _ in range(2))) if seconds < 1 else seconds
        measured.append((len(text) / max(best, 1e-7) / 1e6, repr(text[:48])))
    return min(measured)


def main() -> int:
    """Measure and print, the slowest first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="", help="only patterns with this in their name")
    parser.add_argument("--all", action="store_true", help="print all, not only those below twice the floor")
    options = parser.parse_args()
    rows = [(*worst(found), found.name) for found in patterns() if options.name in found.name]
    rows.sort()
    for speed, text, name in rows:
        if options.all or speed < 2 * FLOOR:
            print(f"{speed:10.2f} MB/s  {name}  {text}")
    slow = sum(speed < FLOOR for speed, *_ in rows)
    print(f"{len(rows)} patterns, {slow} below {FLOOR:g} MB/s; the slowest has {rows[0][0] if rows else 0:.2f} MB/s")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
