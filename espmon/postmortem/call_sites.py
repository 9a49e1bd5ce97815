"""What callers say of a call: the values they passed, which the called function may not keep itself."""

from __future__ import annotations

from typing import NamedTuple

from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.dwarf_functions import Function
from espmon.postmortem.dwarf_unit import Unit, Value
from espmon.postmortem.postmortem_error import PostmortemError
from espmon.postmortem.symbolizer import Image
from espmon.postmortem.tail_calls import INSIDE, entry_of, tail_targets

MAX_FUNCTIONS = 200
"""Functions that are looked at to find whether one can come back to itself by tail calls."""
SITES = frozenset({dw.TAG_CALL_SITE, dw.TAG_GNU_CALL_SITE})
PARAMETERS = frozenset({dw.TAG_CALL_PARAMETER, dw.TAG_GNU_CALL_PARAMETER})
MAX_PARAMETERS = 64


class CallSite(NamedTuple):
    """A call: the entry of the called function (None: it goes through a pointer, whose expression `pointer` is), and
    what is passed: (expression of the place, parameter's entry, expression of the value).
    """

    target: int | None
    pointer: bytes | None
    parameters: list[tuple[bytes, int | None, bytes]]

    def value_in(self, register: int) -> bytes | None:
        """Return the expression of what was passed in a register, None where the call does not say."""
        code = bytes([0x50 + register])
        return next((value for place, _, value in self.parameters if place == code), None)

    def value_of(self, reference: int) -> bytes | None:
        """Return the expression of what was passed for a parameter, by the section offset of its entry."""
        return next((value for _, entry, value in self.parameters if entry == reference), None)


def call_site(image: Image, unit: Unit, function: Function, returns_to: int) -> CallSite | None:
    """Return the call in a function that returns to an address, None where the function does not describe it."""
    for _, position, abbreviation, _ in unit.walk(function.position, INSIDE):
        if abbreviation.tag not in SITES:
            continue
        attributes = unit.attributes(position)
        place = attributes.get(dw.AT_CALL_RETURN_PC, attributes.get(dw.AT_LOW_PC))
        if place != returns_to:
            continue
        origin = attributes.get(dw.AT_CALL_ORIGIN) or attributes.get(dw.AT_ABSTRACT_ORIGIN)
        target = entry_of(image, unit, origin) if isinstance(origin, int) else None
        pointer = attributes.get(dw.AT_CALL_TARGET, attributes.get(dw.AT_GNU_CALL_TARGET))
        return CallSite(target, pointer if isinstance(pointer, bytes) else None, _parameters(unit, position))
    return None


def _parameters(unit: Unit, site: int) -> list[tuple[bytes, int | None, bytes]]:
    found: list[tuple[bytes, int | None, bytes]] = []
    for depth, position, abbreviation, _ in unit.walk(site, frozenset()):
        if depth != 1 or abbreviation.tag not in PARAMETERS or len(found) >= MAX_PARAMETERS:
            continue
        attributes = unit.attributes(position)
        place = attributes.get(dw.AT_LOCATION)
        value = attributes.get(dw.AT_CALL_VALUE, attributes.get(dw.AT_GNU_CALL_VALUE))
        entry: Value = attributes.get(dw.AT_CALL_PARAMETER, attributes.get(dw.AT_ABSTRACT_ORIGIN))
        if isinstance(value, bytes):
            told = place if isinstance(place, bytes) else b""
            found.append((told, entry if isinstance(entry, int) else None, value))
    return found


def comes_back(image: Image, entry: int) -> bool:
    """Whether a function can call itself by tail calls, which changes its arguments under the caller's feet.

    True too where a tail call on the way goes to an unknown place.
    """
    seen: set[int] = set()
    waiting = [entry]
    while waiting:
        for target in _targets(image, waiting.pop()):
            if target is None or target == entry or len(seen) > MAX_FUNCTIONS:
                return True
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return False


def _targets(image: Image, entry: int) -> list[int | None]:
    try:
        return list(tail_targets(image, entry))
    except PostmortemError:
        return [None]
