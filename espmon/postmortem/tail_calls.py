"""Functions that left the stack by a tail call, named through call-site entries."""

from __future__ import annotations

from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.dwarf_functions import original
from espmon.postmortem.dwarf_unit import Unit
from espmon.postmortem.postmortem_error import PostmortemError
from espmon.postmortem.symbolizer import Image, Symbolizer

MAX_TAIL_DEPTH = 8
MAX_SITES = 2_000
MAX_WAYS = 64
INSIDE = frozenset({dw.TAG_LEXICAL_BLOCK, dw.TAG_INLINED})

Step = tuple[int, int]
"""Return address of a tail-call site, entry address of the function it is in."""


def tail_path(symbolizer: Symbolizer, called: int, running: int) -> list[int]:
    """Return the places from which tail calls lead from the function entered at `called` to the one entered at
    `running`.

    Addresses just behind each jump, outermost first. Where several ways lead there, only what all of them begin and
    end with is certain, and only that is returned; nothing is when a jump on the way goes to an unknown place.
    """
    image = symbolizer.image_at(called)
    if image is None or called == running:
        return []
    ways: list[list[int]] = []
    try:
        _search(image, called, running, [], {called}, ways)
    except PostmortemError:
        return []
    if not ways:
        return []
    first = ways[0]
    before = after = len(first)
    for way in ways[1:]:
        shorter = min(len(first), len(way))
        before = min(before, next((n for n in range(shorter) if first[n] != way[n]), shorter))
        after = min(after, next((n for n in range(shorter) if first[-1 - n] != way[-1 - n]), shorter))
    if before == len(first):
        return first
    return first[:before] + first[len(first) - after :]


def _search(image: Image, entry: int, goal: int, path: list[int], seen: set[int], ways: list[list[int]]) -> None:
    if len(path) >= MAX_TAIL_DEPTH:
        return
    for place, target in _tail_sites(image, entry):
        if target == goal:
            ways.append([*path, place])
            if len(ways) > MAX_WAYS:
                raise PostmortemError("too many ways of tail calls")
        elif target not in seen:
            _search(image, target, goal, [*path, place], seen | {target}, ways)


def _tail_sites(image: Image, entry: int) -> list[tuple[int, int]]:
    known = image.tail_sites.get(entry)
    if known is None:
        known = image.tail_sites.put(entry, _read_tail_sites(image, entry))
    return known


def tail_targets(image: Image, entry: int) -> list[int]:
    """Return the entry addresses of the functions that one calls last, leaving the stack to them.

    Raises `PostmortemError` where such a call goes through a pointer.
    """
    return [target for _, target in _tail_sites(image, entry)]


def _read_tail_sites(image: Image, entry: int) -> list[tuple[int, int]]:
    at = image.function_entry(entry)
    if at is None or at[1].low != entry:
        return []
    unit, position = at[0].unit, at[1].position
    sites: list[tuple[int, int]] = []
    for _, where, abbreviation, _ in unit.walk(position, INSIDE):
        if abbreviation.tag not in (dw.TAG_CALL_SITE, dw.TAG_GNU_CALL_SITE):
            continue
        attributes = unit.attributes(where)
        if not (attributes.get(dw.AT_CALL_TAIL_CALL) or attributes.get(dw.AT_GNU_TAIL_CALL)):
            continue
        place = attributes.get(dw.AT_CALL_RETURN_PC) or attributes.get(dw.AT_LOW_PC) or attributes.get(dw.AT_CALL_PC)
        origin = attributes.get(dw.AT_CALL_ORIGIN) or attributes.get(dw.AT_ABSTRACT_ORIGIN)
        if not isinstance(place, int) or not isinstance(origin, int):
            raise PostmortemError(f"the tail call in the function at 0x{entry:08x} goes through a pointer")
        target = entry_of(image, unit, origin)
        if target is not None:
            sites.append((place, target))
        if len(sites) > MAX_SITES:
            break
    return sites


def entry_of(image: Image, unit: Unit, reference: int) -> int | None:
    """Return the entry address of the function an entry (or a declaration of it) stands for."""
    home, position = image.dwarf.resolve(unit, reference)
    attributes = home.attributes(position)
    low = attributes.get(dw.AT_LOW_PC)
    if isinstance(low, int):
        return low
    ranges = image.dwarf.ranges(home, attributes)
    if ranges:
        return ranges[0][0]
    # A declaration: its code is elsewhere, the symbol table knows where.
    _, _, gathered = original(home, position)
    name = gathered.get(dw.AT_LINKAGE_NAME) or gathered.get(dw.AT_MIPS_LINKAGE_NAME) or gathered.get(dw.AT_NAME)
    symbol = image.elf.symbol_named(name) if isinstance(name, str) else None
    return symbol.address if symbol else None
