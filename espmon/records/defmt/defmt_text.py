"""Values of a defmt frame as text, by the hints of their format strings.

Source: the defmt book, "Display hints". A hint applies to what is inside a value, too, unless that has one of its own.
"""

from __future__ import annotations

from collections.abc import Sequence as Values
from datetime import UTC, datetime, timedelta

from espmon.records.defmt.defmt_table import DefmtError, DefmtTable, Flags
from espmon.records.defmt.defmt_values import INTEGERS, Elements, Nested, Sequence, Shown, Value
from espmon.records.defmt.format_string import BITFLAGS, Hint, Parameter, parse_format

MAX_TEXT = 64 << 10
"""Characters of one message."""

_SECONDS = {"us": 1_000_000, "ms": 1000}
_CLOCKS = {"tus": 1_000_000, "tms": 1000, "ts": 1}
_DATES = {"iso8601us": 1_000_000, "iso8601ms": 1000, "iso8601s": 1}
TICKS = _SECONDS | _CLOCKS
"""Hint of a time since the start -> how many of it make a second."""

_BASES = {"x": "x", "X": "X", "b": "b", "o": "o"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ESCAPES = {0x5C: "\\\\", 0x22: '\\"', 0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r", 0x00: "\\0"}
_BYTE_ESCAPES = {9: "\\t", 10: "\\n", 13: "\\r", 0x22: '\\"', 0x5C: "\\\\"}


class TextWriter:
    """Writes values as text. Raises `DefmtError` for what would grow beyond `MAX_TEXT`."""

    def __init__(self, table: DefmtTable) -> None:
        self._table = table
        self._room = MAX_TEXT

    def text(self, format_text: str, values: Values[Value], outer: Hint | None = None) -> str:
        """A format string with its values; `outer` is the hint of the value that this is inside of."""
        parts = [
            piece if isinstance(piece, str) else self._shown(piece, values[piece.argument], outer)
            for piece in parse_format(format_text).pieces
        ]
        return self._spend("".join(parts))

    def _spend(self, text: str) -> str:
        self._room -= len(text)
        if self._room < 0:
            raise DefmtError(f"more than {MAX_TEXT} characters")
        return text

    def _shown(self, parameter: Parameter, value: Value, outer: Hint | None) -> str:
        hint = parameter.hint if parameter.hint is not None else outer
        if isinstance(value, int):
            if hint is not None and hint.kind == "?":
                hint = outer
            return self._integer(parameter, value, hint)
        if isinstance(value, Shown):
            return value
        if isinstance(value, str):
            return debug_text(value) if hint is not None and hint.kind == "?" else value
        if isinstance(value, bytes):
            return self._bytes(value, hint)
        if isinstance(value, Nested):
            ascii_inside = outer is not None and outer.kind == "a"
            return self.text(value.format, value.values, outer if ascii_inside else hint)
        if isinstance(value, Sequence):
            return "".join(self.text(item.format, item.values, hint) for item in value.items)
        return self._elements(value, hint)

    def _elements(self, value: Elements, hint: Hint | None) -> str:
        if (
            hint is not None
            and hint.kind == "a"
            and value.items
            and all(item.format == "{=u8}" for item in value.items)
        ):
            return self._bytes(
                bytes(number for item in value.items for number in item.values if isinstance(number, int)), hint
            )
        return f"[{', '.join(self.text(item.format, item.values, hint) for item in value.items)}]"

    def _bytes(self, value: bytes, hint: Hint | None) -> str:
        if hint is not None and hint.kind == "a":
            return self._spend(f'b"{"".join(map(_ascii, value))}"')
        shown = hint if hint is not None and hint.kind in _BASES else None
        return self._spend(f"[{', '.join(_digits(byte, 8, shown) for byte in value)}]")

    def _integer(self, parameter: Parameter, value: int, hint: Hint | None) -> str:
        bits = 8 * INTEGERS.get(parameter.type, (16, False))[0]
        if parameter.type == "bits":
            bits = parameter.end - parameter.first
            value = value >> parameter.first & (1 << bits) - 1
            if hint is not None and hint.kind == "a":
                return self._bytes(value.to_bytes((bits + 7) // 8, "big"), hint)
        if hint is None:
            return str(value)
        if hint.kind.startswith(BITFLAGS):
            return self._flags(value, hint)
        if hint.kind in _DATES:
            return _date(value, _DATES[hint.kind])
        if hint.kind in _CLOCKS and value >= 0:
            return _clock(value, _CLOCKS[hint.kind])
        if hint.kind in _SECONDS and value >= 0:
            return _fraction(value, _SECONDS[hint.kind])
        return _digits(value, bits, hint)

    def _flags(self, value: int, hint: Hint) -> str:
        name, package, disambiguator, crate = (*hint.kind.removeprefix(BITFLAGS).split("@"), "", "", "")[:4]
        rows = self._table.bitflags.get(Flags(name, package, disambiguator, crate or None))
        if rows is None:
            return str(value)
        # A flag of no bits stands for "none".
        names = [flag for flag, bits in rows if value & bits == bits and (bits or not value)]
        return " | ".join(names) or "(empty)"


def debug_text(text: str) -> str:
    """A text in quotes, as Rust's `{:?}` writes it."""
    shown = (
        _ESCAPES.get(ord(character)) or (character if character.isprintable() else f"\\u{{{ord(character):x}}}")
        for character in text
    )
    return f'"{"".join(shown)}"'


def _ascii(byte: int) -> str:
    return _BYTE_ESCAPES.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}")


def _digits(value: int, bits: int, hint: Hint | None) -> str:
    """An integer in the base that the hint names; negative ones in other bases than ten as they are in memory."""
    if hint is None:
        return str(value)
    base = _BASES.get(hint.kind)
    if base is None:
        return f"{value:0{hint.width}d}" if not hint.kind else str(value)
    prefix = f"0{base.lower()}" if hint.alternate else ""
    return prefix + f"{value % (1 << bits):0{max(hint.width - len(prefix), 0)}{base}}"


def _fraction(value: int, ticks: int) -> str:
    return f"{value // ticks}.{value % ticks:0{len(str(ticks)) - 1}d}"


def _clock(value: int, ticks: int) -> str:
    minutes, seconds = divmod(value // ticks, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    text = f"{f'{days}:' if days else ''}{hours:02}:{minutes:02}:{seconds:02}"
    return text if ticks == 1 else f"{text}.{value % ticks:0{len(str(ticks)) - 1}d}"


def _date(value: int, ticks: int) -> str:
    try:
        moment = _EPOCH + timedelta(seconds=value // ticks)
    except OverflowError:
        return str(value)
    fraction = "" if ticks == 1 else f".{value % ticks:0{len(str(ticks)) - 1}d}"
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
