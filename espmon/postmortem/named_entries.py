"""Entries of the debug information by their name: one search through the bytes instead of a walk through every unit."""

from __future__ import annotations

from collections.abc import Iterator

from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.dwarf_unit import Unit
from espmon.postmortem.postmortem_error import PostmortemError
from espmon.postmortem.symbolizer import Image

MAX_HITS = 4_096
SEARCH_PIECE = 1 << 20
STRING_OFFSET, INLINE_STRING = 0x0E, 0x08
CODE_BYTES = (1, 2)
"""Lengths of an entry's abbreviation code."""


def entries_named(image: Image, name: bytes, tags: frozenset[int]) -> Iterator[tuple[Unit, int]]:
    """Yield (unit, position) of the entries of some kinds that have a name as their first attribute."""
    section = image.elf.section(".debug_info")
    if section is None or not name:
        return
    places = [(offset.to_bytes(4, "little"), STRING_OFFSET) for offset in image.dwarf.string_offsets(name)]
    hits = 0
    for needle, form in [*places, (name + b"\0", INLINE_STRING)]:
        for start in range(0, section.stored, SEARCH_PIECE):
            data = section.read(start, SEARCH_PIECE + len(needle) - 1)
            at = data.find(needle)
            while at >= 0 and hits < MAX_HITS:
                hits += 1
                found = _entry_before(image, start + at, form, tags)
                if found is not None:
                    yield found
                at = data.find(needle, at + 1)


def _entry_before(image: Image, place: int, form: int, tags: frozenset[int]) -> tuple[Unit, int] | None:
    """The entry whose first attribute, its name, stands at a place of the section."""
    try:
        unit = image.dwarf.unit_holding(place)
    except PostmortemError:
        return None
    for code_bytes in CODE_BYTES:
        position = place - unit.offset - code_bytes
        try:
            abbreviation, at = unit.entry(position)
        except (PostmortemError, IndexError, ValueError):
            continue
        if abbreviation is None or abbreviation.tag not in tags or at != position + code_bytes:
            continue
        if abbreviation.attributes[:1] == ((dw.AT_NAME, form, 0),):
            return unit, position
    return None
