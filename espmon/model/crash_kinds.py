"""From what a board calls its crash to the kind of crash and to plain words: `data/crash_kinds.json`."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from espmon.data import load_table
from espmon.model.exception_causes import cause_named


@cache
def crash_rules(name: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Returns a table: pattern -> kind ("kinds", "messages") or plain words ("plain", "cache_faults")."""
    rows: Any = load_table(__file__, "crash_kinds.json")[name]
    return tuple((re.compile(pattern), words) for pattern, words in rows)


def kind_of(cause: str) -> str | None:
    """Returns the kind of crash that a printed cause stands for, None for a plain exception."""
    return next((kind for pattern, kind in crash_rules("kinds") if pattern.search(cause)), None)


def kind_of_message(message: str) -> str | None:
    """Returns the kind of crash that a message of the panic handler stands for, None when it tells none."""
    return next((kind for pattern, kind in crash_rules("messages") if pattern.search(message)), None)


def plain_words(*causes: str | None) -> str | None:
    """Returns plain words for the first of these causes that the tables know."""
    for cause in causes:
        if not cause:
            continue
        if (named := cause_named(cause)) is not None:
            return named.words
        for pattern, words in crash_rules("plain"):
            if pattern.search(cause):
                return words
    return None


def fault_words(kind: str, text: str) -> str | None:
    """Returns words for the line in which a board says which fault of a kind it was; None when the table has none."""
    return next((words for pattern, words in crash_rules(f"{kind}_faults") if pattern.search(text)), None)
