"""The values in a defmt frame, read by the types that its format strings name.

Source: the defmt book, "Serialization": little-endian, lengths of 32 bits, numbers of strings of 16 bits.
"""

from __future__ import annotations

import contextlib
import struct
from dataclasses import dataclass

from espmon.records.defmt.defmt_table import VARIANTS, DefmtError, DefmtTable
from espmon.records.defmt.format_string import Parameter, parse_format

INTEGERS = {
    "u8": (1, False), "u16": (2, False), "u24": (3, False), "u32": (4, False), "u64": (8, False), "u128": (16, False),
    "usize": (4, False), "i8": (1, True), "i16": (2, True), "i32": (4, True), "i64": (8, True), "i128": (16, True),
    "isize": (4, True),
}  # fmt: skip
"""Type -> bytes, and whether it has a sign."""

MAX_DEPTH = 32
"""Formats inside formats."""

MAX_VALUES = 20_000
"""Values of one frame: elements may take no bytes at all."""

BITFIELD_SIZES = (1, 2, 4, 8, 16)
"""Bytes that the bits of a field are sent in."""


class ShortFrameError(DefmtError):
    """The bytes end inside a value."""


class Shown(str):
    """A value that hints do not change: a truth value, a character, a floating point number."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Nested:
    """A value with a format of its own."""

    format: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Elements:
    """A slice or an array of such values."""

    items: tuple[Nested, ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """Pieces that a program wrote one after the other for one value."""

    items: tuple[Nested, ...]


Value = int | Shown | str | bytes | Nested | Elements | Sequence


class ValueReader:
    """Reads values from the bytes of one frame.

    Args:
        table: the strings that the frame may name.
        data: the frame, decoded.
        at: where reading begins.
    """

    def __init__(self, table: DefmtTable, data: bytes, at: int = 0) -> None:
        self._table = table
        self._data = data
        self._left = MAX_VALUES
        self.at = at
        """Where the next value begins."""

    def values(self, text: str, depth: int = 0) -> tuple[Value, ...]:
        """Read the arguments of a format string; raises `DefmtError` where the bytes do not fit it."""
        if depth > MAX_DEPTH:
            raise DefmtError(f"more than {MAX_DEPTH} formats in one another")
        return tuple(self._value(parameter, depth) for parameter in parse_format(text).arguments)

    def number(self, size: int, signed: bool = False) -> int:
        """Read an integer of so many bytes."""
        return int.from_bytes(self._bytes(size), "little", signed=signed)

    def _bytes(self, size: int) -> bytes:
        if size > len(self._data) - self.at:
            raise ShortFrameError("the frame ends inside a value")
        self.at += size
        return self._data[self.at - size : self.at]

    def _value(self, parameter: Parameter, depth: int) -> Value:
        self._left -= 1
        if self._left < 0:
            raise DefmtError(f"more than {MAX_VALUES} values")
        kind = parameter.type
        if (integer := INTEGERS.get(kind)) is not None:
            return self.number(*integer)
        match kind:
            case "bits":
                return self._bits(parameter)
            case "bool":
                return self._bool()
            case "f32":
                return Shown(float_text(*struct.unpack("<f", self._bytes(4)), single=True))
            case "f64":
                return Shown(float_text(*struct.unpack("<d", self._bytes(8))))
            case "char":
                return self._char()
            case "str":
                return _utf8(self._bytes(self.number(4)))
            case "istr":
                return self._string()[1]
            case "[u8]":
                return self._bytes(self.number(4))
            case "[u8;]":
                return self._bytes(parameter.length)
            case "?":
                return self._nested(*self._string(), depth)
            case "[?]":
                return self._elements(self.number(4), depth)
            case "[?;]":
                return self._elements(parameter.length, depth)
            case "__internal_Debug" | "__internal_Display":
                return self._printed()
            case "__internal_FormatSequence":
                return self._sequence(depth)
        raise DefmtError(f"a value of the unknown type {kind!r}")

    def _string(self) -> tuple[str, str]:
        """An interned string that is no message: its tag and its text."""
        return self._entry(self.number(2))

    def _entry(self, index: int) -> tuple[str, str]:
        entry = self._table.entries.get(index)
        if entry is None or entry.logged:
            raise DefmtError(f"it names the string {index}, which the ELF does not have")
        return entry.tag, entry.text

    def _nested(self, tag: str, text: str, depth: int) -> Nested:
        if tag in VARIANTS and "|" in text:
            text = self._variant(text)
        return Nested(text, self.values(text, depth + 1))

    def _variant(self, text: str) -> str:
        variants = text.split("|")
        size = 1 if len(variants) <= 0x100 else 2
        chosen = self.number(size)
        if chosen >= len(variants):
            raise DefmtError(f"variant {chosen} of {len(variants)}")
        return variants[chosen]

    def _elements(self, count: int, depth: int) -> Elements:
        tag, text = self._string()
        if count > self._left:
            raise DefmtError(f"a slice of {count} elements")
        self._left -= count
        return Elements(tuple(self._nested(tag, text, depth) for _ in range(count)))

    def _sequence(self, depth: int) -> Sequence:
        items: list[Nested] = []
        while index := self.number(2):
            items.append(self._nested(*self._entry(index), depth))
        return Sequence(tuple(items))

    def _bits(self, parameter: Parameter) -> int:
        low = parameter.first // 8
        taken = (parameter.end - 1) // 8 - low + 1
        return self.number(next(size for size in BITFIELD_SIZES if size >= taken)) << low * 8

    def _bool(self) -> Shown:
        value = self.number(1)
        if value > 1:
            raise DefmtError(f"a truth value of {value}")
        return Shown("true" if value else "false")

    def _char(self) -> Shown:
        code = self.number(4)
        if code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise DefmtError(f"there is no character {code:#x}")
        return Shown(chr(code))

    def _printed(self) -> str:
        """What the firmware formatted itself: UTF-8, in which there is no 0xFF, up to one."""
        end = self._data.find(b"\xff", self.at)
        if end < 0:
            raise ShortFrameError("the frame ends inside a text")
        text = self._data[self.at : end]
        self.at = end + 1
        return _utf8(text)


def _utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DefmtError("a text that is no UTF-8") from error


FIXED = {True: (-6, 13), False: (-5, 16)}
"""Single precision or not -> between which places of the decimal point a number is shown without an exponent."""


def float_text(value: float, *, single: bool = False) -> str:
    """The shortest decimal that is read back as the same number, as Rust's loggers write it: 1.0, 1e16, 1.5e-7."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    sign = "-" if str(value).startswith("-") else ""
    if not value:
        return f"{sign}0.0"
    mantissa, exponent = _shortest(abs(value), single).split("e")
    digits = mantissa.replace(".", "").rstrip("0") or "0"
    point = int(exponent) + 1
    low, high = FIXED[single]
    if len(digits) <= point <= high:
        text = digits.ljust(point, "0") + ".0"
    elif 0 < point <= high:
        text = f"{digits[:point]}.{digits[point:]}"
    elif low < point <= 0:
        text = f"0.{'0' * -point}{digits}"
    else:
        rest = f".{digits[1:]}" if len(digits) > 1 else ""
        text = f"{digits[0]}{rest}e{point - 1}"
    return sign + text


def _shortest(value: float, single: bool) -> str:
    if not single:
        return next(text for text in (f"{value:.{places}e}" for places in range(17)) if float(text) == value)
    packed = struct.pack("<f", value)
    for places in range(9):
        text = f"{value:.{places}e}"
        with contextlib.suppress(OverflowError):  # rounded up beyond the largest
            if struct.pack("<f", float(text)) == packed:
                return text
    return f"{value:.8e}"
