"""JSON payloads as values that `json.dumps` takes, whatever the device sent."""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 64
"""Nesting of a decoded value; deeper parts are shown as text."""

MAX_VALUES = 65_536
"""Values of one payload, the parts of arrays and objects included."""

MAX_INTEGER_BITS = 1024
"""A larger integer is shown as hexadecimal text: Python itself refuses to write very long numbers in decimal."""


def json_value(payload: bytes) -> Any:
    """Decode JSON. Raises ValueError with a reason."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    return _Plain().value(value)


class _Plain:
    """Makes of a decoded value one that every JSON reader takes: NaN and infinities as text, no lone surrogates."""

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def value(self, value: Any, depth: int = 0) -> Any:
        """Raises ValueError when there are too many."""
        self._left -= 1
        if self._left < 0:
            raise ValueError(f"more than {MAX_VALUES:,} values")
        if isinstance(value, str):
            return _text(value)
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, int):
            return value if value.bit_length() <= MAX_INTEGER_BITS else hex(value)
        if not isinstance(value, dict | list):
            return value
        if depth >= MAX_DEPTH:
            return "..."
        if isinstance(value, dict):
            return {_text(key): self.value(item, depth + 1) for key, item in value.items()}
        return [self.value(item, depth + 1) for item in value]


def _text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
