"""Which expression describes a variable at an address: one for all of them, or an entry of a location list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from espmon.postmortem.binary import uleb, unsigned
from espmon.postmortem.dwarf_unit import Unit, Value
from espmon.postmortem.postmortem_error import PostmortemError, reading

MAX_LIST_ENTRIES = 10_000
FIRST_WINDOW, LAST_WINDOW = 1 << 10, 4 << 20
"""Bytes of a list read at first, and the most that is read of it."""


class Listed(NamedTuple):
    """An expression and the addresses it holds for; `low` is None where it holds wherever no other does."""

    low: int | None
    high: int
    code: bytes


def expression_at(unit: Unit, value: Value, address: int) -> bytes | None:
    """Return the expression that an attribute's value has for an address, None where it has none there.

    Raises `PostmortemError` for a damaged list.
    """
    if isinstance(value, bytes):
        return value
    if not isinstance(value, int):
        return None
    fallback: bytes | None = None
    for entry in entries(unit, value):
        if entry.low is None:
            fallback = entry.code
        elif entry.low <= address < entry.high:
            return entry.code
    return fallback


def entries(unit: Unit, offset: int) -> Iterator[Listed]:
    """Yield the entries of the location list at an offset; raises `PostmortemError` where it is damaged."""
    new = unit.header.version >= 5
    name = ".debug_loclists" if new else ".debug_loc"
    section = unit.dwarf.elf.section(name)
    if section is None:
        raise PostmortemError(f"{unit.dwarf.elf.path}: no {name}")
    window = FIRST_WINDOW
    while True:
        data = section.read(offset, window)
        try:
            with reading(f"{unit.dwarf.elf.path}: list at 0x{offset:x} of {name}"):
                found = list(_entries(unit, data) if new else _old_entries(unit, data))
            break
        except PostmortemError:
            if len(data) < window or window >= LAST_WINDOW:
                raise
            window *= 16
    yield from found


def _old_entries(unit: Unit, data: bytes) -> Iterator[Listed]:
    size = unit.header.address_size
    base, pos, top = unit.base, 0, (1 << 8 * size) - 1
    for _ in range(MAX_LIST_ENTRIES):
        low, high = unsigned(data, pos, size), unsigned(data, pos + size, size)
        pos += 2 * size
        if low == high == 0:
            return
        if low == top:
            base = high
            continue
        length = unsigned(data, pos, 2)
        pos += 2 + length
        yield Listed(base + low, base + high, _code(data, pos - length, length))


def _code(data: bytes, pos: int, length: int) -> bytes:
    if pos + length > len(data):
        raise ValueError("an expression is cut short")
    return data[pos : pos + length]


def _entries(unit: Unit, data: bytes) -> Iterator[Listed]:
    size = unit.header.address_size
    base, pos = unit.base, 0
    for _ in range(MAX_LIST_ENTRIES):
        kind = data[pos]
        pos += 1
        low: int | None = 0
        high = 0
        if kind == 0:
            return
        if kind in (1, 2, 3):
            index, pos = uleb(data, pos)
            low = unit.dwarf.indexed_address(unit, index) or 0
            if kind == 1:
                base = low
                continue
            second, pos = uleb(data, pos)
            high = (unit.dwarf.indexed_address(unit, second) or 0) if kind == 2 else low + second
        elif kind == 4:
            start, pos = uleb(data, pos)
            high, pos = uleb(data, pos)
            low, high = base + start, base + high
        elif kind == 5:
            low = None
        elif kind == 6:
            base, pos = unsigned(data, pos, size), pos + size
            continue
        elif kind == 7:
            low, high, pos = unsigned(data, pos, size), unsigned(data, pos + size, size), pos + 2 * size
        elif kind == 8:
            low, pos = unsigned(data, pos, size), pos + size
            length, pos = uleb(data, pos)
            high = low + length
        elif kind == 9:  # a pair of view numbers stands before the entry it belongs to
            _, pos = uleb(data, pos)
            _, pos = uleb(data, pos)
            continue
        else:
            raise PostmortemError(f"unknown kind {kind} in .debug_loclists")
        length, pos = uleb(data, pos)
        yield Listed(low, high, _code(data, pos, length))
        pos += length
