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
SHORT_NAME = 4
CODE_BYTES = (1, 2)
"""Lengths of an entry's abbreviation code."""


def entries_named(
    image: Image, name: bytes, tags: frozenset[int], inside: Unit | None = None
) -> Iterator[tuple[Unit, int]]:
    """Yield (unit, position) of the entries of some kinds that have a name as their first attribute.

    With `inside` only those of one unit, which is much less to search.
    """
    section = image.elf.section(".debug_info")
    if section is None or not name:
        return
    needles = [(offset.to_bytes(4, "little"), STRING_OFFSET) for offset in image.dwarf.string_offsets(name)]
    # Compilers write a name where it is used only when it is no longer than a reference to it.
    if len(name) < SHORT_NAME or image.elf.section(".debug_str") is None:
        needles.append((name + b"\0", INLINE_STRING))
    first, end = (inside.offset, inside.header.end) if inside is not None else (0, section.stored)
    hits = 0
    for needle, form in needles:
        for start in range(first, end, SEARCH_PIECE):
            data = section.read(start, min(SEARCH_PIECE + len(needle) - 1, end - start))
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
