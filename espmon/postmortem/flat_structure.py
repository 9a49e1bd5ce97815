"""A structure of the program with all members at once, those of members too, found by their names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from espmon.postmortem.dwarf_unit import Unit
from espmon.postmortem.elf import Symbol
from espmon.postmortem.memory import Memory
from espmon.postmortem.postmortem_error import PostmortemError, reading
from espmon.postmortem.structures import definitions
from espmon.postmortem.symbolizer import Image
from espmon.postmortem.types import WITH_MEMBERS, Type, members, size_of, strip, type_at, type_of

MAX_FIELDS = 1_000
MAX_DEPTH = 5


class FlatField(NamedTuple):
    """Where a member lies, in bytes from the structure's start."""

    offset: int
    size: int


class FlatStructure:
    """A structure's size, and its members by path (`u.xSemaphore.xMutexHolder`)."""

    def __init__(self, size: int, fields: dict[str, FlatField]) -> None:
        self.size, self.fields = size, fields

    def field(self, *names: str) -> FlatField | None:
        """Return the first of some members that the structure has."""
        return next((self.fields[name] for name in names if name in self.fields), None)

    def offset(self, *names: str) -> int | None:
        """Return where the first of some members is that the structure has."""
        found = self.field(*names)
        return found.offset if found is not None else None

    def number(self, memory: Memory, address: int, *names: str) -> int | None:
        """Return the first of some members of the structure at an address; None where it or the memory is not there."""
        found = self.field(*names)
        content = memory.read(address + found.offset & 0xFFFFFFFF, min(found.size, 4)) if found is not None else None
        return int.from_bytes(content, "little") if content else None


def flat_structure(image: Image, names: Sequence[bytes], units: Sequence[Unit] = ()) -> FlatStructure | None:
    """Return the first of some structures that the debug information defines, None where it defines none.

    `units`: where they are looked for first; the whole of a large program takes long.
    """
    try:
        with reading(f"{image.elf.path}: structure {names[0].decode()}"):
            for name, inside in [(name, unit) for unit in [*units, None] for name in names]:
                for unit, position in definitions(image, name, inside):
                    return structure_of(type_at(unit, position))
    except PostmortemError:
        pass
    return None


def structure_of(kind: Type) -> FlatStructure:
    """Return a type with its members; raises `PostmortemError` for a damaged one."""
    fields: dict[str, FlatField] = {}
    for path, field in _flatten(kind, "", 0, 0):
        if len(fields) >= MAX_FIELDS:
            break
        fields.setdefault(path, field)
    return FlatStructure(size_of(kind), fields)


def units_of(image: Image, symbols: Iterable[Symbol]) -> list[Unit]:
    """Return the units that some functions are in, each once."""
    found: dict[int, Unit] = {}
    for symbol in symbols:
        try:
            unit = image.unit_at(symbol.address)
        except PostmortemError:
            continue
        if unit is not None:
            found.setdefault(unit.offset, unit)
    return list(found.values())


def _flatten(kind: Type, prefix: str, base: int, depth: int) -> Iterator[tuple[str, FlatField]]:
    for item in members(kind):
        if item.offset is None or item.bits:
            continue
        inner = strip(type_of(kind.unit, item.attributes))
        path = f"{prefix}{item.name}" if item.name else prefix.removesuffix(".")
        if item.name:
            yield path, FlatField(base + item.offset, size_of(inner))
        if inner.tag in WITH_MEMBERS and depth < MAX_DEPTH:
            yield from _flatten(inner, f"{path}." if path else "", base + item.offset, depth + 1)
