"""CBOR payloads as values that `json.dumps` takes. Source: RFC 8949, converted as its section 6.1 advises.

Integers up to 64 bits and small bignums stay numbers, byte strings become base64 text, tags are dropped and leave what
they hold, `undefined` and unknown simple values become null. A tag that would make one value stand in many places
(28 and 29) is dropped like the others: what comes out is never larger than what came in.
"""

from __future__ import annotations

import base64
import math
import struct
from typing import Any

MAX_DEPTH = 64
"""Arrays, maps and tags in one another."""

MAX_VALUES = 65_536
"""Values of one payload, the parts of arrays and maps included."""

MAX_INTEGER_BYTES = 128
"""A larger integer is shown as hexadecimal text: Python itself refuses to write very long numbers in decimal."""

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
BREAK = 0xFF
INDEFINITE = 31
SIZES = {24: struct.Struct(">B"), 25: struct.Struct(">H"), 26: struct.Struct(">I"), 27: struct.Struct(">Q")}
FLOATS = {25: struct.Struct(">e"), 26: struct.Struct(">f"), 27: struct.Struct(">d")}
BIGNUMS = (2, 3)
SIMPLES = {20: False, 21: True}


def cbor_value(payload: bytes) -> Any:
    """Decode the first value of `payload`. Raises ValueError with a reason."""
    try:
        return _Reader(payload).value(0)
    except (IndexError, struct.error):
        raise ValueError("not CBOR: it is cut") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"not CBOR: {error}") from error


class _Reader:
    """Reads one payload from its first byte on."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._left = MAX_VALUES

    def value(self, depth: int) -> Any:
        """The value that begins here."""
        self._left -= 1
        if self._left < 0:
            raise ValueError(f"more than {MAX_VALUES:,} values")
        first = self._data[self._at]
        self._at += 1
        kind, info = first >> 5, first & 31
        if kind == UNSIGNED:
            return info if info < 24 else self._size(info)
        if kind == SIMPLE:
            return self._simple(info)
        if kind == NEGATIVE:
            return -1 - self._size(info)
        if kind == TEXT:
            return self._string(kind, info).decode()
        if kind == BYTES:
            return base64.b64encode(self._string(kind, info)).decode()
        if depth >= MAX_DEPTH:
            raise ValueError(f"not CBOR: nested deeper than {MAX_DEPTH}")
        if kind == ARRAY:
            return self._array(info, depth + 1)
        return self._map(info, depth + 1) if kind == MAP else self._tagged(info, depth + 1)

    def _size(self, info: int) -> int:
        """The number behind an initial byte."""
        if info < 24:
            return info
        layout = SIZES.get(info)
        if layout is None:
            raise ValueError(f"not CBOR: reserved value {info} at byte {self._at - 1}")
        (size,) = layout.unpack_from(self._data, self._at)
        self._at += layout.size
        return int(size)

    def _bytes(self, size: int) -> bytes:
        found = self._data[self._at : self._at + size]
        if len(found) < size:
            raise ValueError("not CBOR: it is cut")
        self._at += size
        return found

    def _string(self, kind: int, info: int) -> bytes:
        if info != INDEFINITE:
            return self._bytes(self._size(info))
        pieces = []
        while not self._ended():
            first = self._data[self._at]
            self._at += 1
            if first >> 5 != kind or first & 31 == INDEFINITE:
                raise ValueError(f"not CBOR: no piece of a string at byte {self._at - 1}")
            pieces.append(self._bytes(self._size(first & 31)))
        return b"".join(pieces)

    def _ended(self) -> bool:
        if self._data[self._at] != BREAK:
            return False
        self._at += 1
        return True

    def _count(self, info: int) -> int | None:
        """How many parts follow; None: until the break. More than there are bytes are refused before any is read."""
        if info == INDEFINITE:
            return None
        count = self._size(info)
        if count > len(self._data) - self._at:
            raise ValueError("not CBOR: it is cut")
        return count

    def _array(self, info: int, depth: int) -> list[Any]:
        count = self._count(info)
        parts: list[Any] = []
        while not self._ended() if count is None else len(parts) < count:
            parts.append(self.value(depth))
        return parts

    def _map(self, info: int, depth: int) -> dict[str, Any]:
        left = self._count(info)
        parts: dict[str, Any] = {}
        while not self._ended() if left is None else left > 0:
            key = _key(self.value(depth))
            parts[key] = self.value(depth)
            left = None if left is None else left - 1
        return parts

    def _tagged(self, info: int, depth: int) -> Any:
        tag = self._size(info)
        first = self._data[self._at]
        if tag in BIGNUMS and first >> 5 == BYTES:
            self._at += 1
            digits = self._string(BYTES, first & 31)
            number = int.from_bytes(digits)
            signed = -1 - number if tag == 3 else number
            return signed if len(digits) <= MAX_INTEGER_BYTES else hex(signed)
        return self.value(depth)

    def _simple(self, info: int) -> Any:
        if info in FLOATS:
            (number,) = FLOATS[info].unpack_from(self._data, self._at)
            self._at += FLOATS[info].size
            return number if math.isfinite(number) else str(number)
        if info == INDEFINITE:
            raise ValueError(f"not CBOR: a break at byte {self._at - 1} that ends nothing")
        return SIMPLES.get(self._size(info))


def _key(value: Any) -> str:
    """A map's key as text; one that is an array or a map itself is not written out."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | dict):
        return "[...]" if isinstance(value, list) else "{...}"
    return (
        {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)
    )
