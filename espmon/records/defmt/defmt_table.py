"""What the section `.defmt` of an ELF says: the format string behind each number that a frame may name.

A string is the name of a symbol, as JSON with its package, its tag and its text; the symbol's address is its number.
Source: the defmt book, "Interning" and "Defmt versions" (versions 3 and 4).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

VERSION, ENCODING = "_defmt_version_ = ", "_defmt_encoding_ = "
"""How the names of the two symbols begin that say which wire format the firmware writes."""

VERSIONS = frozenset({"3", "4"})
RZCOBS, RAW = "rzcobs", "raw"
BITFLAGS_VALUE_BYTES = 16

LEVELS = {
    "defmt_trace": "V", "defmt_debug": "D", "defmt_info": "I", "defmt_warn": "W", "defmt_error": "E",
    "defmt_println": None,
}  # fmt: skip
"""Tags of what a program logs -> the ESP-IDF letter of the level."""

VARIANTS = frozenset({"defmt_prim", "defmt_derived"})
"""Tags of strings in which `|` stands between the variants of an enumeration."""

MAX_ENTRIES = 1 << 16
"""A frame names a string with 16 bits."""


class DefmtError(Exception):
    """The strings or a frame cannot be read; the message says why."""


class DefmtSymbol(NamedTuple):
    """A symbol of the section."""

    name: str
    address: int
    data: bytes
    """The first bytes at the address, `BITFLAGS_VALUE_BYTES` at most."""


class Entry(NamedTuple):
    """One interned string."""

    tag: str
    text: str
    crate: str

    @property
    def logged(self) -> bool:
        """A frame may begin with it."""
        return self.tag in LEVELS


class Flags(NamedTuple):
    """Which `bitflags!` a hint names."""

    name: str
    package: str
    disambiguator: str
    crate: str | None


@dataclass(frozen=True)
class DefmtTable:
    """The strings of one firmware."""

    entries: Mapping[int, Entry]
    timestamp: str | None = None
    """Format of the time before each message."""

    encoding: str = RZCOBS
    bitflags: Mapping[Flags, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    """Names of flags and their values, in the order of the source."""


def read_table(symbols: Iterable[DefmtSymbol]) -> DefmtTable:
    """Build the table; raises `DefmtError` for a version that is not known, and for damaged symbols."""
    versions: set[str] = set()
    encoding = RZCOBS
    entries: dict[int, Entry] = {}
    flags: dict[Flags, list[tuple[int, str, int]]] = {}
    timestamp = None
    for symbol in symbols:
        name = symbol.name.strip('"')  # a linker may leave the quotes of its script
        if name.startswith(VERSION):
            versions.add(name.removeprefix(VERSION))
        elif name.startswith(ENCODING):
            encoding = name.removeprefix(ENCODING)
        elif symbol.name.startswith("{"):
            fields = _fields(symbol.name)
            tag, text = fields["tag"], fields["data"]
            if tag == "defmt_timestamp":
                timestamp = text
            elif tag == "defmt_bitflags_value":
                _add_flag(flags, fields, symbol.data)
            elif len(entries) < MAX_ENTRIES:
                entries[symbol.address] = Entry(tag, text, fields.get("crate_name") or fields.get("package", ""))
    if len(versions) != 1 or not versions <= VERSIONS:
        raise DefmtError(f"defmt version {' and '.join(sorted(versions)) or 'unknown'}: 3 and 4 can be read")
    if encoding not in (RZCOBS, RAW):
        raise DefmtError(f"defmt encoding {encoding!r}: rzcobs and raw can be read")
    sorted_flags = {
        key: tuple((name, value) for _, name, value in sorted(rows, key=lambda row: row[0]))
        for key, rows in flags.items()
    }
    return DefmtTable(entries, timestamp, encoding, sorted_flags)


def _fields(name: str) -> dict[str, str]:
    try:
        fields = json.loads(name)
    except (ValueError, RecursionError) as error:
        raise DefmtError(f"a symbol of .defmt is damaged: {name[:80]!r} ({error})") from error
    if not isinstance(fields, dict) or not all(isinstance(fields.get(key), str) for key in ("tag", "data")):
        raise DefmtError(f"a symbol of .defmt has no tag or no text: {name[:80]!r}")
    return {key: value for key, value in fields.items() if isinstance(value, str)}


def _add_flag(flags: dict[Flags, list[tuple[int, str, int]]], fields: Mapping[str, str], data: bytes) -> None:
    """A value of a `bitflags!`: its text is `TYPE::POSITION::NAME`, its 16 bytes are the value."""
    parts = fields["data"].split("::")
    if len(parts) != 3 or not parts[1].isdecimal() or len(data) < BITFLAGS_VALUE_BYTES:
        raise DefmtError(f"a flag of .defmt is damaged: {fields['data'][:80]!r}")
    key = Flags(parts[0], fields.get("package", ""), fields.get("disambiguator", ""), fields.get("crate_name"))
    flags.setdefault(key, []).append(
        (int(parts[1][:9]), parts[2], int.from_bytes(data[:BITFLAGS_VALUE_BYTES], "little"))
    )
