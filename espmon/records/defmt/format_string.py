"""The format strings of defmt: literal text, and parameters `{index=type:hint}`.

Source: the defmt book, "Primitives", "Bitfields" and "Display hints".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from espmon.records.defmt.defmt_table import DefmtError

_PARAMETER = re.compile(r"(?P<index>\d{0,3})(?:=(?P<type>[^:{}]{1,64}))?(?::(?P<hint>[^{}]*))?")
_ARRAY = re.compile(r"\[(?P<of>u8|\?); *(?P<count>\d{1,9})\]")
_BITS = re.compile(r"(?P<first>\d{1,3})\.\.(?P<end>\d{1,3})")
_HINT = re.compile(r"(?P<alternate>#?)(?:0(?P<width>\d{1,4}))?(?P<kind>.*)", re.DOTALL)
_BITFLAGS = "__internal_bitflags_"

BITFLAGS = "@"
"""How `Hint.kind` begins where the names of flags are wanted: then `TYPE@PACKAGE@DISAMBIGUATOR[@CRATE]`."""

MAX_WIDTH = 128
MAX_PARAMETERS = 256
BITFIELD_BITS = 128
CACHE = 4096
"""Parsed strings kept."""


class Hint(NamedTuple):
    """How a value is shown."""

    kind: str
    """What stands behind the width: "x", "X", "b", "o", "a", "?", "us", ...; "" for none."""

    alternate: bool = False
    width: int = 0
    """Least number of digits, filled with zeros."""


class Parameter(NamedTuple):
    """A place for a value."""

    argument: int
    """Which of the values."""

    type: str
    """As it is written; "bits" for a bit field, "[u8;]" and "[?;]" for arrays."""

    length: int = 0
    """Elements of an array."""

    first: int = 0
    end: int = 0
    """The bits of a bit field; the end is excluded."""

    hint: Hint | None = None


class Format(NamedTuple):
    """A format string taken apart."""

    pieces: tuple[str | Parameter, ...]
    arguments: tuple[Parameter, ...]
    """What stands in the frame, in that order: each value once. A bit field covers all of the same value."""


@lru_cache(CACHE)
def parse_format(text: str) -> Format:
    """Take a format string apart; raises `DefmtError` where it is none."""
    pieces: list[str | Parameter] = []
    literal: list[str] = []
    counted = at = 0
    while at < len(text):
        stop = next((place for place in range(at, len(text)) if text[place] in "{}"), len(text))
        literal.append(text[at:stop])
        if text[stop : stop + 2] in ("{{", "}}"):
            literal.append(text[stop])
            at = stop + 2
            continue
        if stop == len(text):
            break
        close = text.find("}", stop)
        if text[stop] == "}" or close < 0 or counted >= MAX_PARAMETERS:
            raise DefmtError(f"format string {text[:80]!r}: a brace stands alone")
        if whole := "".join(literal):
            pieces.append(whole)
        literal = []
        parameter, named = _parameter(text[stop + 1 : close], counted)
        counted += not named
        pieces.append(parameter)
        at = close + 1
    if whole := "".join(literal):
        pieces.append(whole)
    return Format(tuple(pieces), _arguments(text, [piece for piece in pieces if isinstance(piece, Parameter)]))


def _parameter(text: str, counted: int) -> tuple[Parameter, bool]:
    """A parameter, and whether it names its index."""
    match = _PARAMETER.fullmatch(text)
    if match is None:
        raise DefmtError(f"format parameter {{{text[:80]}}} cannot be read")
    named = bool(match["index"])
    index = int(match["index"]) if named else counted
    kind = match["type"] or "?"
    hint = None if match["hint"] is None else parse_hint(match["hint"])
    if array := _ARRAY.fullmatch(kind):
        return Parameter(index, f"[{array['of']};]", length=int(array["count"]), hint=hint), named
    if bits := _BITS.fullmatch(kind):
        first, end = int(bits["first"]), int(bits["end"])
        if not first < end <= BITFIELD_BITS:
            raise DefmtError(f"format parameter {{{text}}}: there are no such bits")
        return Parameter(index, "bits", first=first, end=end, hint=hint), named
    return Parameter(index, kind, hint=hint), named


def _arguments(text: str, parameters: list[Parameter]) -> tuple[Parameter, ...]:
    found: dict[int, Parameter] = {}
    for parameter in parameters:
        known = found.get(parameter.argument)
        if known is None:
            found[parameter.argument] = parameter
        elif known.type != parameter.type:
            raise DefmtError(f"format string {text[:80]!r}: argument {parameter.argument} has two types")
        else:
            first, end = min(known.first, parameter.first), max(known.end, parameter.end)
            found[parameter.argument] = known._replace(first=first, end=end)
    if sorted(found) != list(range(len(found))):
        raise DefmtError(f"format string {text[:80]!r}: an argument is missing")
    return tuple(found[index] for index in range(len(found)))


def parse_hint(text: str) -> Hint:
    """Read a display hint. One that nobody knows shows the value as if there were none."""
    match = _HINT.fullmatch(text)
    assert match is not None  # it matches every text
    if match["kind"].startswith(_BITFLAGS):
        return Hint(BITFLAGS + match["kind"].removeprefix(_BITFLAGS))
    return Hint(match["kind"], bool(match["alternate"]), min(int(match["width"] or 0), MAX_WIDTH))
