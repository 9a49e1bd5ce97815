"""Which pointers of a frame are null, and which member an offset from them is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from espmon.model.stack_frame import Backtrace
from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.dump_inspector import DumpInspector
from espmon.postmortem.dwarf_functions import original
from espmon.postmortem.frame_reader import FrameReader
from espmon.postmortem.typed_value import TypedValue
from espmon.postmortem.types import (
    REFERENCES,
    WITH_MEMBERS,
    Type,
    dimensions,
    members,
    size_of,
    strip,
    type_name,
    type_of,
)

MAX_DEPTH = 6


class PointerMember(NamedTuple):
    """A null pointer by the path to it (`sensor`, `sensor->next`), its type, and the member at an offset from it."""

    path: str
    type: str
    member: str


def null_members(
    inspector: DumpInspector, registers: Mapping[str, int], trace: Backtrace, offset: int, size: int
) -> list[PointerMember]:
    """Return the null pointers where the processor stopped that have a member of some bytes at an offset.

    Those that are variables themselves; where there is none, those that are members of what variables point to. Raises
    `PostmortemError` where no debug information describes the place.
    """
    states = inspector.states(registers, trace)
    if not states:
        return []
    reader = FrameReader(inspector.symbolizer, inspector.memory, states, inspector.architecture.call_bytes)
    direct: list[PointerMember] = []
    behind: list[PointerMember] = []
    for scope in reader.scopes():
        for item in scope.variables:
            _, _, attributes = original(item.unit, item.position)
            name = attributes.get(dw.AT_NAME)
            if isinstance(name, str):
                kind, value = reader.value(item.unit, item.position)
                direct += _at(name, kind, value, offset, size)
                behind += _behind(name, kind, value, offset, size)
    return list(dict.fromkeys(direct or behind))


def _at(path: str, kind: Type, value: TypedValue, offset: int, size: int) -> Iterator[PointerMember]:
    plain = strip(kind)
    if plain.tag in REFERENCES and value.known and value.number == 0:
        member = member_at(plain.inner, offset, size)
        if member:
            yield PointerMember(path, type_name(kind), member)


def _behind(path: str, kind: Type, value: TypedValue, offset: int, size: int) -> Iterator[PointerMember]:
    plain = strip(kind)
    if plain.tag in REFERENCES and value.target is not None:
        target, values, joint = strip(plain.inner), value.target, "->"
    else:
        target, values, joint = plain, value, "."
    if target.tag not in WITH_MEMBERS:
        return
    for item, field in zip(members(target), values.fields, strict=False):
        if item.name:
            yield from _at(
                f"{path}{joint}{item.name}", type_of(target.unit, item.attributes), field.value, offset, size
            )


def member_at(kind: Type, offset: int, size: int, depth: int = 0) -> str | None:
    """Return the path of the member of a structure that lies at an offset and has a size, None where none does."""
    plain = strip(kind)
    if plain.tag not in WITH_MEMBERS or depth > MAX_DEPTH:
        return None
    for item in members(plain):
        if item.offset is None or item.bits:
            continue
        inner = strip(type_of(plain.unit, item.attributes))
        whole = size_of(inner)
        if not item.offset <= offset < item.offset + whole:
            continue
        rest = offset - item.offset
        if inner.tag in WITH_MEMBERS:
            found = member_at(inner, rest, size, depth + 1)
            if found is None:
                continue
            return f"{item.name}.{found}" if item.name and not item.base else found
        if item.name is None:
            continue
        if inner.tag == dw.TAG_ARRAY:
            return _element(item.name, inner, rest, size, depth)
        if rest == 0 and size <= whole:
            return item.name
    return None


def _element(name: str, kind: Type, rest: int, size: int, depth: int) -> str | None:
    element = strip(kind.inner)
    each = size_of(element)
    if len(dimensions(kind)) != 1 or not each:
        return name
    index, inside = divmod(rest, each)
    if element.tag in WITH_MEMBERS:
        found = member_at(element, inside, size, depth + 1)
        return f"{name}[{index}].{found}" if found else None
    return f"{name}[{index}]" if inside == 0 else None
