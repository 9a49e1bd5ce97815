"""JSON and CBOR payloads as values that `json.dumps` takes, whatever the device sent."""

from __future__ import annotations

import base64
import json
import math
import re
from typing import Any

DEPTH = 64
"""Nesting of a decoded value; deeper parts are shown as text."""

INTEGER_BITS = 1024
"""A larger integer is shown as hexadecimal text: Python itself refuses to write very long numbers in decimal."""

DECODE_ERRORS = (
    ValueError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError, RecursionError, re.error,
)  # fmt: skip
"""What decoding hostile bytes may raise in the standard library and in cbor2."""


def json_value(payload: bytes) -> Any:
    """Decode JSON. Raises ValueError with a reason."""
    try:
        return plain(json.loads(payload))
    except DECODE_ERRORS as error:
        raise ValueError(f"not JSON: {error}") from error


def cbor_value(payload: bytes) -> Any:
    """Decode CBOR. Raises ValueError with a reason."""
    import cbor2

    try:
        return plain(cbor2.loads(payload))
    except (*DECODE_ERRORS, cbor2.CBORError) as error:
        raise ValueError(f"not CBOR: {error}") from error


def plain(value: Any, depth: int = 0) -> Any:
    """The value in JSON's types: bytes as base64, keys as text, NaN and infinities as text, anything else as text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= INTEGER_BITS else hex(value)
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if depth < DEPTH:
        if isinstance(value, dict):
            return {key if isinstance(key, str) else str(plain(key, depth + 1)): plain(item, depth + 1)
                    for key, item in value.items()}  # fmt: skip
        if isinstance(value, list | tuple | set | frozenset):
            return [plain(item, depth + 1) for item in value]
        return repr(value)
    return "..."
