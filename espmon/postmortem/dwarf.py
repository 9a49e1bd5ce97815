"""The debug sections of one ELF file: units, strings and address ranges, each read when it is needed."""

from __future__ import annotations

import struct
from bisect import bisect_right
from itertools import compress, repeat
from operator import add, mul

from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.binary import u16, u32, uleb, unsigned
from espmon.postmortem.budget import Budget
from espmon.postmortem.cache import Cache
from espmon.postmortem.dwarf_abbrev import Abbreviation, Known, parse_abbreviations
from espmon.postmortem.dwarf_unit import Unit, UnitHeader, Value, read_header
from espmon.postmortem.elf import MAX_STRING, Elf, Section
from espmon.postmortem.postmortem_error import PostmortemError, reading

CACHED_UNIT_BYTES = 16 << 20
MAX_UNIT_BYTES = 32 << 20
"""A unit larger than this is not read."""
CACHED_STRING_BYTES = 16 << 20
STRING_OVERHEAD = 100
"""Bytes that a string takes beside its letters."""
MAX_RANGES = 100_000
RANGES_PER_BYTE = 1
"""Ranges that the entries of a unit may have in all, for each byte of the unit, beside `MAX_RANGES`."""
MAX_UNITS = 200_000
HEADER_BYTES = 48
WHOLE_SECTION_BYTES = 1 << 20
ABBREVIATION_WINDOW = 8 << 10

Ranges = list[tuple[int, int]]


class Dwarf:
    """Debug information of an ELF; absent sections are empty ones."""

    def __init__(self, elf: Elf) -> None:
        self.elf = elf
        self._info = elf.section(".debug_info")
        self._str = _Strings(elf.section(".debug_str"))
        self._line_str = _Strings(elf.section(".debug_line_str"))
        self._tables: Cache[tuple[int, tuple[int, int, int]], dict[int, Abbreviation]] = Cache(256)
        self._known: Known = {}
        self._units: Cache[int, Unit] = Cache(CACHED_UNIT_BYTES)
        self._headers: list[UnitHeader] | None = None
        self._starts: list[int] = []

    @property
    def present(self) -> bool:
        """Whether there is any debug information."""
        return self._info is not None

    def string(self, offset: int) -> str:
        """Return a text of `.debug_str`."""
        return self._str.get(offset)

    def string_offsets(self, text: bytes) -> list[int]:
        """Return the offsets of `.debug_str` at which a text stands."""
        return self._str.find(text)

    def line_string(self, offset: int) -> str:
        """Return a text of `.debug_line_str`."""
        return self._line_str.get(offset)

    def abbreviations(self, offset: int, sizes: tuple[int, int, int]) -> dict[int, Abbreviation]:
        """Return the abbreviation table at an offset, for units of these sizes."""
        table = self._tables.get((offset, sizes))
        if table is not None:
            return table
        section = self.elf.section(".debug_abbrev")
        if section is None:
            raise PostmortemError(f"{self.elf.path}: .debug_info without .debug_abbrev")
        window = ABBREVIATION_WINDOW
        while True:
            data = section.read(offset, window)
            try:
                return self._tables.put((offset, sizes), parse_abbreviations(data, 0, sizes, self._known))
            except IndexError:
                if len(data) < window or window >= 4 << 20:
                    raise
                window *= 8

    def header(self, offset: int) -> UnitHeader:
        """Read the header of the unit at an offset of `.debug_info`."""
        if self._info is None:
            raise PostmortemError(f"{self.elf.path}: no debug information")
        return read_header(self._info.read(offset, HEADER_BYTES), 0, offset)

    def unit(self, offset: int) -> Unit:
        """Return the unit that starts at an offset of `.debug_info`; raises `PostmortemError` when it is damaged."""
        found = self._units.get(offset)
        if found is not None:
            return found
        with reading(f"{self.elf.path}: unit at 0x{offset:x} of .debug_info"):
            header = self.header(offset)
            assert self._info is not None
            size = header.end - offset
            if size > MAX_UNIT_BYTES:
                raise PostmortemError(f"{self.elf.path}: unit at 0x{offset:x} is too large ({size} bytes)")
            return self._units.put(offset, Unit(self, header, self._info.read(offset, size)), size)

    def headers(self) -> list[UnitHeader]:
        """Return all unit headers in order; stops at the first that is damaged."""
        if self._headers is None:
            found: list[UnitHeader] = []
            offset = 0
            while self._info is not None and offset + 11 < self._info.stored and len(found) < MAX_UNITS:
                try:
                    with reading("header"):
                        header = self.header(offset)
                except PostmortemError:
                    break
                found.append(header)
                offset = header.end
            self._starts = [header.offset for header in found]
            self._headers = found
        return self._headers

    def unit_holding(self, offset: int) -> Unit:
        """Return the unit that holds an entry, by the entry's offset in the section."""
        headers = self.headers()
        at = bisect_right(self._starts, offset) - 1
        if at < 0 or offset >= headers[at].end:
            raise PostmortemError(f"{self.elf.path}: a reference leaves .debug_info (0x{offset:x})")
        return self.unit(headers[at].offset)

    def resolve(self, unit: Unit, reference: int) -> tuple[Unit, int]:
        """Return the unit and the position in it of a referenced entry."""
        if not unit.offset <= reference < unit.header.end:
            unit = self.unit_holding(reference)
        return unit, reference - unit.offset

    def indexed_string(self, unit: Unit, index: int) -> str:
        """Return a string by index; empty when the unit is split and the index is not in this file."""
        section = self.elf.section(".debug_str_offsets")
        size = unit.header.offset_size
        if section is None:
            return ""
        piece = section.read(unit.str_base + index * size, size)
        return self.string(int.from_bytes(piece, "little")) if len(piece) == size else ""

    def indexed_address(self, unit: Unit, index: int) -> int | None:
        """Return an address by index, None when it is not in this file."""
        section = self.elf.section(".debug_addr")
        size = unit.header.address_size
        piece = section.read(unit.addr_base + index * size, size) if section else b""
        return int.from_bytes(piece, "little") if len(piece) == size else None

    def range_offset(self, unit: Unit, index: Value) -> int | None:
        """Turn a range list index into an offset of `.debug_rnglists`."""
        return self._list_offset(".debug_rnglists", unit.rnglists_base, unit, index)

    def location_offset(self, unit: Unit, index: Value) -> int | None:
        """Turn a location list index into an offset of `.debug_loclists`."""
        return self._list_offset(".debug_loclists", unit.loclists_base, unit, index)

    def _list_offset(self, name: str, base: int, unit: Unit, index: Value) -> int | None:
        section = self.elf.section(name)
        size = unit.header.offset_size
        if section is None or not isinstance(index, int):
            return None
        piece = section.read(base + index * size, size)
        return base + int.from_bytes(piece, "little") if len(piece) == size else None

    def range_budget(self, unit: Unit) -> Budget:
        """What may be spent on the ranges of all entries of a unit together: entries may share a list."""
        most = MAX_RANGES + RANGES_PER_BYTE * len(unit.data)
        return Budget(most, f"{self.elf.path}: address ranges of the unit at 0x{unit.offset:x}")

    def ranges(self, unit: Unit, attributes: dict[int, Value], budget: Budget | None = None) -> Ranges:
        """Return the address ranges of an entry with these attributes, empty ones left out."""
        listed = attributes.get(dw.AT_RANGES)
        if isinstance(listed, int):
            budget = budget or self.range_budget(unit)
            if unit.header.version >= 5:
                return self._range_list(unit, listed, budget)
            return self._old_range_list(unit, listed, budget)
        low, high = attributes.get(dw.AT_LOW_PC), attributes.get(dw.AT_HIGH_PC)
        if isinstance(low, int) and isinstance(high, int) and high > low:
            return [(low, high)]
        return []

    def _old_range_list(self, unit: Unit, offset: int, budget: Budget) -> Ranges:
        section = self.elf.section(".debug_ranges")
        size = unit.header.address_size
        pair = struct.Struct("<II" if size == 4 else "<QQ")
        top = (1 << 8 * size) - 1
        base = unit.base
        found: Ranges = []
        for _ in range(MAX_RANGES):
            piece = section.read(offset, pair.size) if section else b""
            if len(piece) < pair.size:
                raise PostmortemError(f"{self.elf.path}: .debug_ranges ends inside a list (0x{offset:x})")
            low, high = pair.unpack(piece)
            offset += pair.size
            budget.spend(1)
            if low == high == 0:
                return found
            if low == top:
                base = high
            elif high > low:
                found.append((base + low, base + high))
        raise PostmortemError(f"{self.elf.path}: a list of .debug_ranges does not end")

    def _range_list(self, unit: Unit, offset: int, budget: Budget) -> Ranges:
        section = self.elf.section(".debug_rnglists")
        data = section.read(offset, 4096) if section else b""
        try:
            return self._parse_range_list(unit, data, budget)
        except (IndexError, ValueError):
            data = section.read(offset, MAX_RANGES * 10) if section else b""
            return self._parse_range_list(unit, data, budget)

    def _parse_range_list(self, unit: Unit, data: bytes, budget: Budget) -> Ranges:
        size = unit.header.address_size
        base, pos = unit.base, 0
        found: Ranges = []

        def indexed(pos: int) -> tuple[int, int]:
            index, pos = uleb(data, pos)
            return self.indexed_address(unit, index) or 0, pos

        while True:
            kind = data[pos]
            pos += 1
            budget.spend(1)
            if kind == 0:
                return found
            if kind == 1:
                base, pos = indexed(pos)
                continue
            if kind == 5:
                base, pos = unsigned(data, pos, size), pos + size
                continue
            if kind == 4:
                low, pos = uleb(data, pos)
                high, pos = uleb(data, pos)
                low, high = base + low, base + high
            elif kind == 6:
                low, high, pos = unsigned(data, pos, size), unsigned(data, pos + size, size), pos + 2 * size
            elif kind == 7:
                low, pos = unsigned(data, pos, size), pos + size
                length, pos = uleb(data, pos)
                high = low + length
            elif kind in (2, 3):
                low, pos = indexed(pos)
                if kind == 2:
                    high, pos = indexed(pos)
                else:
                    length, pos = uleb(data, pos)
                    high = low + length
            else:
                raise PostmortemError(f"{self.elf.path}: unknown kind {kind} in .debug_rnglists")
            if high > low:
                found.append((low, high))

    def aranges(self) -> tuple[list[tuple[int, int, int]], set[int]]:
        """Read `.debug_aranges`: sorted (start, end, unit offset), and the offsets of all units it speaks of.

        The table is cut by its length fields: linkers that drop functions leave (0, 0) pairs in the middle of a list.
        """
        section = self.elf.section(".debug_aranges")
        rows: list[tuple[int, int, int]] = []
        units: set[int] = set()
        if section is None:
            return rows, units
        data = section.read()
        pos = 0
        while pos + 12 <= len(data):
            length = u32(data, pos)
            end = pos + 4 + length
            version, unit, address_size = u16(data, pos + 4), u32(data, pos + 6), data[pos + 10]
            if length >= 0xFFFFFFF0 or end > len(data) or version != 2 or address_size not in (4, 8):
                break  # what follows cannot be found; the units it left out are looked up one by one
            first = pos + 12
            first += -(first - pos) % (2 * address_size)
            table = data[first : first + (end - first) // (2 * address_size) * 2 * address_size]
            numbers = struct.unpack(f"<{len(table) // address_size}{'I' if address_size == 4 else 'Q'}", table)
            lows, sizes = numbers[0::2], numbers[1::2]
            # Of a large program there are many; those without an address or a size were dropped by the linker.
            rows.extend(compress(zip(lows, map(add, lows, sizes), repeat(unit)), map(mul, lows, sizes)))
            units.add(unit)
            pos = end
        rows.sort()
        return rows, units


class _Strings:
    """A string section: held whole when small, read in pieces when large."""

    def __init__(self, section: Section | None) -> None:
        self._section = section
        self._whole: bytes | None = None
        self._cache: Cache[int, str] = Cache(CACHED_STRING_BYTES)

    def get(self, offset: int) -> str:
        text = self._cache.get(offset)
        if text is not None:
            return text
        if self._section is None:
            return ""
        if self._whole is None and self._section.stored <= WHOLE_SECTION_BYTES:
            self._whole = self._section.read()
        if self._whole is not None:
            end = self._whole.find(b"\0", offset, offset + MAX_STRING)
            text = self._whole[offset : end if end >= 0 else offset + MAX_STRING].decode("utf-8", "replace")
        else:
            text = self._section.string(offset)
        return self._cache.put(offset, text, STRING_OVERHEAD + len(text))

    def find(self, text: bytes) -> list[int]:
        """Return the offsets at which exactly this text starts a string."""
        found: list[int] = []
        if self._section is None:
            return found
        data = self._whole if self._whole is not None else self._section.read()
        # Linkers share tails between strings, so the text may stand at the end of a longer one.
        at = data.find(text + b"\0")
        while at >= 0 and len(found) < 64:
            found.append(at)
            at = data.find(text + b"\0", at + 1)
        return found
