"""From what a board calls its crash to the kind of crash and to plain words: `data/crash_kinds.json`."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from espmon.data import load_table
from espmon.model.exception_causes import cause_named


@cache
def crash_rules(name: str) -> tuple[tuple[str, str], ...]:
    """Returns a table: regular expression -> kind ("kinds", "messages") or plain words ("plain", "cache_faults")."""
    rows: Any = load_table(__file__, "crash_kinds.json")[name]
    return tuple((pattern, words) for pattern, words in rows)


def _first(table: str, text: str) -> str | None:
    # Not compiled ahead: most programs meet one crash, and `re` keeps what it has compiled.
    return next((found for pattern, found in crash_rules(table) if re.search(pattern, text)), None)


def kind_of(cause: str) -> str | None:
    """Returns the kind of crash that a printed cause stands for, None for a plain exception."""
    return _first("kinds", cause)


def kind_of_message(message: str) -> str | None:
    """Returns the kind of crash that a message of the panic handler stands for, None when it tells none."""
    return _first("messages", message)


def plain_words(*causes: str | None) -> str | None:
    """Returns plain words for the first of these causes that the tables know."""
    for cause in causes:
        if cause:
            named = cause_named(cause)
            words = named.words if named is not None else _first("plain", cause)
            if words is not None:
                return words
    return None


def fault_words(kind: str, text: str) -> str | None:
    """Returns words for the line in which a board says which fault of a kind it was; None when the table has none."""
    return _first(f"{kind}_faults", text)
