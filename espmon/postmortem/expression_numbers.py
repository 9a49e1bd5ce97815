"""Numbers on the stack of a DWARF expression: addresses of 32 bits, and values of a base type."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from espmon.postmortem.postmortem_error import PostmortemError

BOOLEAN, FLOAT, SIGNED, SIGNED_CHARACTER, UNSIGNED, UNSIGNED_CHARACTER, CHARACTER = 2, 4, 5, 6, 7, 8, 0x10
"""Encodings of base types (DWARF 5, 7.8)."""
SIGNED_ENCODINGS = frozenset({SIGNED, SIGNED_CHARACTER, 0x0D})
FLOAT_FORMATS = {4: "<f", 8: "<d"}
MAX_NUMBER_BYTES = 16


class BaseType(NamedTuple):
    """How a number is stored: bytes and DWARF encoding."""

    size: int
    encoding: int

    @property
    def is_float(self) -> bool:
        """Whether it is a floating point number."""
        return self.encoding == FLOAT

    def fit(self, number: int | float) -> int | float:
        """Return a number as one of this type holds it: wrapped around, or rounded."""
        if self.is_float:
            layout = FLOAT_FORMATS.get(self.size)
            if layout is None:
                raise PostmortemError(f"floating point numbers of {self.size} bytes are not read")
            try:
                return float(struct.unpack(layout, struct.pack(layout, float(number)))[0])
            except OverflowError:
                return float("inf") if number > 0 else float("-inf")
        if not 0 < self.size <= MAX_NUMBER_BYTES:
            raise PostmortemError(f"numbers of {self.size} bytes are not read")
        if isinstance(number, float) and not abs(number) < 2.0**128:
            raise PostmortemError("an expression makes an integer of a number that is none")
        bits = 8 * self.size
        value = int(number) & ((1 << bits) - 1)
        return value - (1 << bits) if self.encoding in SIGNED_ENCODINGS and value >> (bits - 1) else value

    def to_bytes(self, number: int | float) -> bytes:
        """Return a number as it lies in memory."""
        if self.is_float:
            return struct.pack(FLOAT_FORMATS[self.size], number)
        return (int(number) & ((1 << 8 * self.size) - 1)).to_bytes(self.size, "little")

    def from_bytes(self, content: bytes) -> int | float:
        """Return the number that bytes hold."""
        if self.is_float:
            layout = FLOAT_FORMATS.get(self.size)
            if layout is None:
                raise PostmortemError(f"floating point numbers of {self.size} bytes are not read")
            return float(struct.unpack(layout, content[: self.size])[0])
        return self.fit(int.from_bytes(content[: self.size], "little"))


GENERIC = BaseType(4, UNSIGNED)
"""What operations that name no type work on: an address."""


class Number(NamedTuple):
    """An entry of the stack."""

    value: int | float
    kind: BaseType = GENERIC

    @property
    def signed(self) -> int | float:
        """The value with its sign: of an address, as a 32-bit number."""
        return self.reinterpreted(SIGNED) if self.kind == GENERIC else self.value

    def reinterpreted(self, encoding: int) -> int | float:
        """The same bits of an integer with or without sign."""
        return self.value if self.kind.is_float else BaseType(self.kind.size, encoding).fit(self.value)

    def to_bytes(self) -> bytes:
        """The number as it lies in memory."""
        return self.kind.to_bytes(self.value)


def _divide(left: Number, right: Number) -> int | float:
    one, other = left.signed, right.signed
    if not other:
        raise PostmortemError("an expression divides by zero")
    if isinstance(one, float) or isinstance(other, float):
        return one / other
    quotient = abs(one) // abs(other)
    return quotient if (one < 0) == (other < 0) else -quotient


def _modulo(left: Number, right: Number) -> int | float:
    if not right.value:
        raise PostmortemError("an expression divides by zero")
    rest = abs(left.value) % abs(right.value)
    return -rest if left.value < 0 else rest


def _bits(number: Number) -> int:
    if number.kind.is_float:
        raise PostmortemError("an expression takes a floating point number for bits")
    return int(number.value)


def _shift(left: Number, right: Number, encoding: int) -> int:
    count = min(_bits(right), 8 * left.kind.size)
    if count < 0:
        raise PostmortemError("an expression shifts by a negative count")
    return int(left.reinterpreted(encoding)) >> count


ARITHMETIC: dict[int, Callable[[Number, Number], int | float]] = {
    0x1A: lambda a, b: _bits(a) & _bits(b),
    0x1B: _divide,
    0x1C: lambda a, b: a.value - b.value,
    0x1D: _modulo,
    0x1E: lambda a, b: a.value * b.value,
    0x21: lambda a, b: _bits(a) | _bits(b),
    0x22: lambda a, b: a.value + b.value,
    0x24: lambda a, b: _bits(a) << min(_bits(b), 8 * a.kind.size),
    0x25: lambda a, b: _shift(a, b, UNSIGNED),
    0x26: lambda a, b: _shift(a, b, SIGNED),
    0x27: lambda a, b: _bits(a) ^ _bits(b),
}
"""Operation -> what it makes of the two topmost numbers, in the type of the lower one."""

COMPARISONS: dict[int, Callable[[Number, Number], bool]] = {
    0x29: lambda a, b: a.signed == b.signed,
    0x2A: lambda a, b: a.signed >= b.signed,
    0x2B: lambda a, b: a.signed > b.signed,
    0x2C: lambda a, b: a.signed <= b.signed,
    0x2D: lambda a, b: a.signed < b.signed,
    0x2E: lambda a, b: a.signed != b.signed,
}
"""Operation -> how the two topmost numbers compare."""


def binary(op: int, left: Number, right: Number) -> Number | None:
    """Return what an operation makes of two numbers, None where it is not one of two numbers."""
    if op in ARITHMETIC:
        return Number(left.kind.fit(ARITHMETIC[op](left, right)), left.kind)
    return Number(int(COMPARISONS[op](left, right))) if op in COMPARISONS else None
