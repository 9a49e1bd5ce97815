"""Tries every expression on 300 kB of what is worst for it; prints each name before it is tried.

A search that is linear takes milliseconds for that, one that is quadratic minutes: each has an allowance of CPU time,
and the process ends where it is exceeded.
"""

from __future__ import annotations

import json
import resource
import time
from typing import Any

from tests.patterns.collect import Found, patterns
from tests.patterns.inputs import worst_inputs

SIZES = (160, 4_000, 300_000)
"""Characters of the inputs of each round; all are tried in the first."""

KEPT = (40, 2)
"""The slowest of a round that go to the next."""

CPU_SECONDS = 6
"""For one expression. The slowest takes 1.3 s alone, and twice that where others share the caches."""


def use(found: Found, text: Any) -> float:
    """Do with `text` what the package does; returns seconds of CPU."""
    started = time.process_time()
    if found.looks_once:
        found.pattern.match(text)
        found.pattern.fullmatch(text)
    else:
        for _ in found.pattern.finditer(text):
            pass
    return time.process_time() - started


def slowest(found: Found, sizes: tuple[int, ...] = SIZES) -> list[tuple[float, Any]]:
    """The inputs that are worst at the last of the sizes, each with its seconds of CPU, the slowest first."""
    only: list[int] | None = None
    for size, kept in zip(sizes[:-1], KEPT, strict=True):
        texts = worst_inputs(found.pattern, size, only)
        costs = sorted(((use(found, text), index) for index, text in texts), reverse=True)
        only = [index for _, index in costs[:kept]]
    last = worst_inputs(found.pattern, sizes[-1], only)
    return sorted(((use(found, text), text) for _, text in last), key=lambda one: -one[0])


def main() -> None:
    """Try them all."""
    for found in patterns():
        print(json.dumps(found.name), flush=True)
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + CPU_SECONDS, resource.RLIM_INFINITY))
        slowest(found)
    resource.setrlimit(
        resource.RLIMIT_CPU, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    )  # to leave takes time, too


if __name__ == "__main__":
    main()
