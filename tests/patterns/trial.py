"""Tries every expression on 200 kB of what is worst for it; prints each name before it is tried.

A search that is linear takes milliseconds for that, one that is quadratic minutes.
"""

from __future__ import annotations

import heapq
import json
import time

from tests.patterns.collect import Found, patterns
from tests.patterns.inputs import worst_inputs

SMALL, LARGE = 160, 200_000
"""Characters: of the inputs among which the worst are chosen, and of these."""

CHOSEN = 2


def use(found: Found, text: str | bytes) -> None:
    """Do with `text` what the package does."""
    if found.looks_once:
        found.pattern.match(text)
        found.pattern.fullmatch(text)
    else:
        for _ in found.pattern.finditer(text):
            pass


def cost(found: Found, text: str | bytes) -> float:
    """Seconds of CPU."""
    started = time.process_time()
    use(found, text)
    return time.process_time() - started


def main() -> None:
    """Try them all."""
    for found in patterns():
        print(json.dumps(found.name), flush=True)
        costs = ((cost(found, text), index) for index, text in enumerate(worst_inputs(found.pattern, SMALL)))
        chosen = {index for _, index in heapq.nlargest(CHOSEN, costs)}
        for text in worst_inputs(found.pattern, LARGE, chosen):
            use(found, text)


if __name__ == "__main__":
    main()
