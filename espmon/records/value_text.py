"""A JSON value in words, for people; safe to show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from espmon.text import plain

EMPTY: Sequence[object] = (None, "", [], {})
"""Values that say nothing."""

MAX_CHARACTERS = 2000
"""Longest value shown; the artifact has the rest."""


def value_text(value: Any) -> str:
    """`value` in words, of at most `MAX_CHARACTERS`: never a programming language's notation, where that can be."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        # Things with parts (the regions of a flash) stand one below the other.
        between = "\n" if any(isinstance(item, Mapping) for item in value) else ", "
        return between.join(value_text(item) for item in value)[:MAX_CHARACTERS]
    if isinstance(value, Mapping):
        known = {plain(str(name).replace("_", " ")): item for name, item in value.items() if item not in EMPTY}
        parts = [part for item in known.values() for part in (item if isinstance(item, list) else [item])]
        if any(isinstance(part, (list, Mapping)) for part in parts):
            return plain(json.dumps(value, ensure_ascii=False, default=str))[:MAX_CHARACTERS]
        told = {
            name: " ".join(map(value_text, item)) if isinstance(item, list) else value_text(item)
            for name, item in known.items()
        }
        return ", ".join(f"{name}: {text}" for name, text in told.items())[:MAX_CHARACTERS]
    return plain(str(value))[:MAX_CHARACTERS]
