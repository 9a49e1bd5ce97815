"""One compile unit of `.debug_info`: its header, its entries and their attributes, read where they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.binary import cstring, sleb, u16, u32, uleb, unsigned
from espmon.postmortem.budget import Budget
from espmon.postmortem.dwarf_abbrev import Abbreviation, form_size, skip_form
from espmon.postmortem.elf import Elf
from espmon.postmortem.postmortem_error import PostmortemError

MAX_DEPTH = 512
"""Entries nested deeper than this are damage."""
MAX_ENTRIES = 1_000_000
"""Entries looked at in one walk of a unit."""

Value = int | str | bytes | None
UT_SKELETON, UT_SPLIT, UT_TYPE, UT_SPLIT_TYPE = 4, 5, 2, 6

REFERENCES = frozenset({0x11, 0x12, 0x13, 0x14, 0x15})
STRING_INDEXES = {0x1A: 0, 0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4, 0x1F02: 0}
ADDRESS_INDEXES = {0x1B: 0, 0x29: 1, 0x2A: 2, 0x2B: 3, 0x2C: 4, 0x1F01: 0}


class UnitHeader(NamedTuple):
    """Where a unit lies in `.debug_info` (bytes) and how it is laid out."""

    offset: int
    end: int
    version: int
    kind: int
    address_size: int
    offset_size: int
    abbreviations: int
    first: int


def read_header(data: bytes, pos: int, offset: int) -> UnitHeader:
    """Read a unit header at `pos` of `data`; `offset` is its place in the section."""
    start = pos
    length = u32(data, pos)
    pos += 4
    offset_size = 4
    if length == 0xFFFFFFFF:
        length, offset_size = unsigned(data, pos, 8), 8
        pos += 8
    elif length >= 0xFFFFFFF0:
        raise PostmortemError(f".debug_info at 0x{offset:x}: reserved length 0x{length:x}")
    end = offset + (pos - start) + length
    version = u16(data, pos)
    pos += 2
    if not 2 <= version <= 5:
        raise PostmortemError(f".debug_info at 0x{offset:x}: DWARF version {version} is not supported")
    kind = 1
    if version >= 5:
        kind, address_size = data[pos], data[pos + 1]
        abbreviations = unsigned(data, pos + 2, offset_size)
        pos += 2 + offset_size
        if kind in (UT_SKELETON, UT_SPLIT):
            pos += 8
        elif kind in (UT_TYPE, UT_SPLIT_TYPE):
            pos += 8 + offset_size
    else:
        abbreviations = unsigned(data, pos, offset_size)
        address_size = data[pos + offset_size]
        pos += offset_size + 1
    if address_size not in (4, 8):
        raise PostmortemError(f".debug_info at 0x{offset:x}: addresses of {address_size} bytes are not supported")
    return UnitHeader(offset, end, version, kind, address_size, offset_size, abbreviations, pos - start)


class Sections(Protocol):
    """What a unit needs of the file it is in: the sections that its attributes point into."""

    @property
    def elf(self) -> Elf:
        """The file."""

    def resolve(self, unit: Unit, reference: int) -> tuple[Unit, int]:
        """The unit and offset that a reference leads to."""

    def range_budget(self, unit: Unit) -> Budget:
        """What the ranges of all entries of a unit may be together."""

    def ranges(self, unit: Unit, attributes: dict[int, Value], budget: Budget | None = None) -> list[tuple[int, int]]:
        """The address ranges of an entry; of one of many with the budget of all."""

    def abbreviations(self, offset: int, sizes: tuple[int, int, int]) -> dict[int, Abbreviation]:
        """The abbreviation table at an offset."""

    def string(self, offset: int) -> str:
        """A string of `.debug_str`."""

    def line_string(self, offset: int) -> str:
        """A string of `.debug_line_str`."""

    def indexed_string(self, unit: Unit, index: int) -> str:
        """A string by its index in the unit's table."""

    def indexed_address(self, unit: Unit, index: int) -> int | None:
        """An address by its index in the unit's table."""

    def range_offset(self, unit: Unit, index: Value) -> int | None:
        """Where a range list is, by its index."""

    def location_offset(self, unit: Unit, index: Value) -> int | None:
        """Where a location list is, by its index."""


class Unit:
    """The entries of one unit. Positions are offsets from the unit's start; `offset + position` is the place in the
    section.
    """

    def __init__(self, dwarf: Sections, header: UnitHeader, data: bytes) -> None:
        self.dwarf = dwarf
        self.header = header
        self.offset = header.offset
        self.data = data
        self.sizes = (header.address_size, header.offset_size, header.version)
        self.table = dwarf.abbreviations(header.abbreviations, self.sizes)
        self.root: dict[int, Value] = {}
        self.parents: dict[int, tuple[int, int]] | None = None
        """Entry with children, or function -> the entry around it (0 for the root), and its own tag."""

        # Indexed strings and addresses of the root need bases that stand in the root itself.
        raw = self._raw_root()
        self.addr_base = raw.get(dw.AT_ADDR_BASE, 8 if header.version >= 5 else 0)
        self.str_base = raw.get(dw.AT_STR_OFFSETS_BASE, 8 if header.version >= 5 else 0)
        self.rnglists_base = raw.get(dw.AT_RNGLISTS_BASE, 0)
        self.loclists_base = raw.get(dw.AT_LOCLISTS_BASE, 0)
        self.root = self.attributes(header.first)
        low = self.root.get(dw.AT_LOW_PC)
        self.base = low if isinstance(low, int) else 0

    def _raw_root(self) -> dict[int, int]:
        abbreviation, pos = self.entry(self.header.first)
        found: dict[int, int] = {}
        if abbreviation is None:
            return found
        for name, form, constant in abbreviation.attributes:
            if form == 0x17:
                found[name] = unsigned(self.data, pos, self.header.offset_size)
            _, pos = self.value(form, pos, constant)
        return found

    def entry(self, pos: int) -> tuple[Abbreviation | None, int]:
        """Return the abbreviation of the entry at `pos` (None: end of a list of children) and where its attributes
        start.
        """
        if not 0 <= pos < len(self.data):
            raise PostmortemError(f"unit at 0x{self.offset:x}: a reference leaves the unit (0x{pos:x})")
        code, pos = uleb(self.data, pos)
        if code == 0:
            return None, pos
        abbreviation = self.table.get(code)
        if abbreviation is None:
            raise PostmortemError(f"unit at 0x{self.offset:x}: entry with unknown abbreviation {code}")
        return abbreviation, pos

    def tag(self, pos: int) -> int:
        """Return the tag of the entry at `pos`, 0 at the end of a list."""
        abbreviation, _ = self.entry(pos)
        return abbreviation.tag if abbreviation else 0

    def attributes(self, pos: int) -> dict[int, Value]:
        """Return the attributes of the entry at `pos`: references as section offsets, strings as text, blocks as
        bytes.
        """
        abbreviation, pos = self.entry(pos)
        found: dict[int, Value] = {}
        if abbreviation is not None:
            for name, form, constant in abbreviation.attributes:
                found[name], pos = self.value(form, pos, constant)
                if name == dw.AT_HIGH_PC and form != 0x01 and form not in ADDRESS_INDEXES:
                    low, high = found.get(dw.AT_LOW_PC), found[name]
                    if isinstance(low, int) and isinstance(high, int):
                        found[name] = low + high
                elif name == dw.AT_RANGES and form == 0x23:
                    found[name] = self.dwarf.range_offset(self, found[name])
                elif form == 0x22:
                    found[name] = self.dwarf.location_offset(self, found[name])
        return found

    def value(self, form: int, pos: int, constant: int = 0) -> tuple[Value, int]:
        """Read one value; returns it and the next position."""
        data = self.data
        offset_size = self.header.offset_size
        if form == 0x21:
            return constant, pos
        if form == 0x19:
            return 1, pos
        if form in REFERENCES:
            if form == 0x15:
                number, pos = uleb(data, pos)
            else:
                size = dw.FIXED_FORMS[form]
                number = unsigned(data, pos, size)
                pos += size
            return self.offset + number, pos
        if form == 0x0E:
            return self.dwarf.string(unsigned(data, pos, offset_size)), pos + offset_size
        if form == 0x1F:
            return self.dwarf.line_string(unsigned(data, pos, offset_size)), pos + offset_size
        if form == 0x08:
            return cstring(data, pos)
        if form == 0x0D:
            return sleb(data, pos)
        if form in STRING_INDEXES or form in ADDRESS_INDEXES:
            size = STRING_INDEXES.get(form, ADDRESS_INDEXES.get(form, 0))
            if size:
                index, pos = unsigned(data, pos, size), pos + size
            else:
                index, pos = uleb(data, pos)
            if form in STRING_INDEXES:
                return self.dwarf.indexed_string(self, index), pos
            return self.dwarf.indexed_address(self, index), pos
        if form == 0x16:
            inner, pos = uleb(data, pos)
            if inner in (0x16, 0x21):
                raise PostmortemError(f"unit at 0x{self.offset:x}: nested indirect form")
            return self.value(inner, pos)
        size = form_size(form, *self.sizes)
        if size >= 0:
            return (unsigned(data, pos, size) if size <= 8 else data[pos : pos + size]), pos + size
        if size == dw.LEB:
            return uleb(data, pos)
        after = skip_form(size, data, pos, self.sizes)
        if after > len(data):
            raise ValueError("a block is longer than its unit")
        head = {dw.BLOCK1: 1, dw.BLOCK2: 2, dw.BLOCK4: 4}.get(size)
        start = pos + head if head else uleb(data, pos)[1]
        return data[start:after], after

    def skip(self, abbreviation: Abbreviation, pos: int) -> int:
        """Step over the attributes that start at `pos`."""
        if abbreviation.fixed >= 0:
            return pos + abbreviation.fixed
        data = self.data
        for step in abbreviation.steps:
            if step >= 0:
                pos += step
            elif step == dw.LEB:
                while data[pos] >= 0x80:
                    pos += 1
                pos += 1
            elif step == dw.BLOCK_LEB and data[pos] < 0x80:
                pos += 1 + data[pos]
            else:
                pos = skip_form(step, data, pos, self.sizes)
        return pos

    def sibling(self, abbreviation: Abbreviation, pos: int, after: int) -> int:
        """Return the position of the next sibling of an entry whose attributes are at `pos`..`after`, or -1 when it
        does not say.

        A sibling that does not lie ahead is damage: following it would never end.
        """
        if abbreviation.sibling_at >= 0:
            at = u32(self.data, pos + abbreviation.sibling_at)
        elif abbreviation.has_sibling:
            at = -1
            for name, form, constant in abbreviation.attributes:
                if name == dw.AT_SIBLING:
                    value, pos = self.value(form, pos, constant)
                    at = value - self.offset if isinstance(value, int) else -1
                    break
                size = form_size(form, *self.sizes)
                pos = pos + size if size >= 0 else skip_form(size, self.data, pos, self.sizes)
        else:
            return -1
        if at < after:
            raise PostmortemError(f"unit at 0x{self.offset:x}: a sibling reference points backwards (0x{at:x})")
        return at

    def walk(self, start: int, descend: frozenset[int] | None) -> Iterator[tuple[int, int, Abbreviation, int]]:
        """Yield (depth, position, abbreviation, attributes' position) of the entries below the one at `start`.

        Entries are entered when their tag is in `descend`; with None all are. Entries without a sibling reference
        have to be entered in any case: their descendants are stepped over silently.
        """
        data, table = self.data, self.table
        end = len(data)
        abbreviation, at = self.entry(start)
        if abbreviation is None or not abbreviation.children:
            return
        pos = self.skip(abbreviation, at)
        depth, silent = 1, 0
        budget = MAX_ENTRIES
        while pos < end:
            entry = pos
            code = data[pos]
            pos += 1
            if code >= 0x80:
                code, pos = uleb(data, entry)
            if code == 0:
                depth -= 1
                if silent and depth < silent:
                    silent = 0
                if depth == 0:
                    return
                continue
            budget -= 1
            if budget < 0:
                raise PostmortemError(f"unit at 0x{self.offset:x}: too many entries")
            found = table.get(code)
            if found is None:
                raise PostmortemError(
                    f"unit at 0x{self.offset:x}: entry with unknown abbreviation {code} at 0x{entry:x}"
                )
            attributes = pos
            if not silent:
                yield depth, entry, found, attributes
            pos = pos + found.fixed if found.fixed >= 0 else self.skip(found, pos)
            if not found.children:
                continue
            if not silent and descend is not None and found.tag not in descend:
                following = self.sibling(found, attributes, pos)
                if following >= 0:
                    pos = following
                    continue
                silent = depth + 1
            depth += 1
            if depth > MAX_DEPTH:
                raise PostmortemError(f"unit at 0x{self.offset:x}: entries nested deeper than {MAX_DEPTH}")
