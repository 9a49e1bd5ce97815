"""Types as DWARF describes them: names, sizes, members, dimensions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.dwarf_unit import REFERENCES as REFERENCE_FORMS
from espmon.postmortem.dwarf_unit import Unit, Value
from espmon.postmortem.expression import Context, evaluate
from espmon.postmortem.expression_numbers import BaseType
from espmon.postmortem.postmortem_error import PostmortemError

MAX_TYPE_DEPTH = 24
MAX_DIMENSIONS = 8
MAX_CHILDREN = 4096
"""Members, enumerators or dimensions of one type that are looked at."""

QUALIFIERS = {dw.TAG_CONST: "const ", dw.TAG_VOLATILE: "volatile ", dw.TAG_ATOMIC: "_Atomic ", dw.TAG_RESTRICT: ""}
REFERENCES = {dw.TAG_POINTER: "*", dw.TAG_REFERENCE: "&", dw.TAG_RVALUE_REFERENCE: "&&"}
AGGREGATES = {dw.TAG_STRUCTURE: "struct ", dw.TAG_CLASS: "", dw.TAG_UNION: "union ", dw.TAG_ENUMERATION: "enum "}
WITH_MEMBERS = frozenset({dw.TAG_STRUCTURE, dw.TAG_CLASS, dw.TAG_UNION})
C_TAGGED = frozenset({0x0C, 0x1D, 0x01, 0x2C})
"""Languages that write `struct` before a structure's name."""


class Type(NamedTuple):
    """A type's entry: its unit, its position, its tag and attributes. Position -1 stands for `void`."""

    unit: Unit
    position: int
    tag: int
    attributes: dict[int, Value]

    @property
    def inner(self) -> Type:
        """The type this one is made from."""
        return type_of(self.unit, self.attributes)

    @property
    def base(self) -> BaseType:
        """How a number of this type is stored."""
        size, encoding = self.attributes.get(dw.AT_BYTE_SIZE), self.attributes.get(dw.AT_ENCODING)
        return BaseType(size if isinstance(size, int) else 0, encoding if isinstance(encoding, int) else 7)


class Member(NamedTuple):
    """A member of a structure.

    `offset`: bytes from its start; None for a virtual base, whose place `code` says. `bits` is 0 for one that is no
    bit field; else `first_bit` counts from the structure's start. `base`: it is a base class.
    """

    name: str | None
    attributes: dict[int, Value]
    offset: int | None
    code: bytes = b""
    bits: int = 0
    first_bit: int = 0
    base: bool = False


def type_at(unit: Unit, position: int) -> Type:
    """Return the type whose entry is at a position of a unit."""
    return Type(unit, position, unit.tag(position), unit.attributes(position))


def type_of(unit: Unit, attributes: dict[int, Value]) -> Type:
    """Return the type an entry with these attributes has."""
    reference = attributes.get(dw.AT_TYPE)
    if not isinstance(reference, int):
        return Type(unit, -1, 0, {})
    home, position = unit.dwarf.resolve(unit, reference)
    return type_at(home, position)


def type_name(kind: Type, depth: int = 0) -> str:
    """Return a type as C writes it: `const char *`, `struct config[4]`."""
    if kind.position < 0:
        return "void"
    if depth > MAX_TYPE_DEPTH:
        return "..."
    name = kind.attributes.get(dw.AT_NAME)
    if kind.tag in QUALIFIERS:
        inner, word = type_name(kind.inner, depth + 1), QUALIFIERS[kind.tag]
        return f"{inner} {word}".rstrip() if inner.endswith(("*", "&")) else word + inner
    if kind.tag in REFERENCES and not isinstance(name, str):
        inner = type_name(kind.inner, depth + 1)
        return f"{inner}{'' if inner.endswith(('*', '&')) else ' '}{REFERENCES[kind.tag]}"
    if kind.tag == dw.TAG_ARRAY:
        counts = (f"[{count if count is not None else ''}]" for count in dimensions(kind))
        return type_name(kind.inner, depth + 1) + "".join(counts)
    if kind.tag == dw.TAG_SUBROUTINE_TYPE:
        return f"{type_name(kind.inner, depth + 1)} ()"
    if isinstance(name, str):
        return (AGGREGATES.get(kind.tag, "") if kind.unit.root.get(dw.AT_LANGUAGE) in C_TAGGED else "") + name
    return AGGREGATES.get(kind.tag, "?").strip() or "?"


def strip(kind: Type) -> Type:
    """Return a type without qualifiers and typedefs."""
    for _ in range(MAX_TYPE_DEPTH):
        if kind.tag not in QUALIFIERS and kind.tag != dw.TAG_TYPEDEF:
            break
        kind = kind.inner
    return kind


def size_of(kind: Type, depth: int = 0, context: Context | None = None) -> int:
    """Return a type's size in bytes, 0 where it is not known; `context` gives arrays of variable size theirs."""
    kind = strip(kind)
    size = kind.attributes.get(dw.AT_BYTE_SIZE)
    if isinstance(size, int):
        return size
    if kind.tag in REFERENCES:
        return kind.unit.header.address_size
    if kind.tag == dw.TAG_ARRAY and depth < MAX_TYPE_DEPTH:
        total = size_of(kind.inner, depth + 1, context)
        for count in dimensions(kind, context):
            total *= count or 0
        return total
    return 0


def _children(kind: Type, tag: int) -> Iterator[tuple[int, dict[int, Value]]]:
    left = MAX_CHILDREN
    for depth, position, abbreviation, _ in kind.unit.walk(kind.position, frozenset()):
        if depth == 1 and abbreviation.tag == tag:
            left -= 1
            if left < 0:
                return
            yield position, kind.unit.attributes(position)


def dimensions(kind: Type, context: Context | None = None) -> list[int | None]:
    """Return the element counts of an array type, outermost first; None where the type does not say."""
    counts: list[int | None] = []
    for position, attributes in _children(kind, dw.TAG_SUBRANGE):
        if len(counts) < MAX_DIMENSIONS:
            counts.append(_count(kind.unit, position, attributes, context))
    return counts or [None]


def _count(unit: Unit, position: int, attributes: dict[int, Value], context: Context | None) -> int | None:
    abbreviation, _ = unit.entry(position)
    forms = {name: form for name, form, _ in abbreviation.attributes} if abbreviation is not None else {}
    for name, more in ((dw.AT_COUNT, 0), (dw.AT_UPPER_BOUND, 1)):
        bound = attributes.get(name)
        if isinstance(bound, int) and forms.get(name) in REFERENCE_FORMS:
            bound = context.variable(bound) if context is not None else None
        elif isinstance(bound, bytes):
            found = evaluate(bound, context) if bound and context is not None else None
            bound = found.value if found is not None and found.kind in ("memory", "value") else None
        elif isinstance(bound, int) and bound in (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF):
            bound = -1  # an array of no elements
        if isinstance(bound, int):
            return max((bound - (1 << 32) if bound >> 31 == 1 else bound) + more, 0)
    return None


def members(kind: Type) -> Iterator[Member]:
    """Yield the members of a structure, class or union, base classes among them; static ones are left out."""
    left = MAX_CHILDREN
    for depth, position, abbreviation, _ in kind.unit.walk(kind.position, frozenset()):
        if depth != 1 or abbreviation.tag not in (dw.TAG_MEMBER, dw.TAG_INHERITANCE):
            continue
        left -= 1
        if left < 0:
            return
        attributes = kind.unit.attributes(position)
        if dw.AT_EXTERNAL in attributes or dw.AT_DECLARATION in attributes:
            continue
        yield member(kind.unit, attributes, abbreviation.tag == dw.TAG_INHERITANCE)


def member(unit: Unit, attributes: dict[int, Value], base: bool = False) -> Member:
    """Return a member by its attributes."""
    name, place = attributes.get(dw.AT_NAME), attributes.get(dw.AT_DATA_MEMBER_LOCATION, 0)
    label = name if isinstance(name, str) else None
    code = b""
    offset: int | None = None
    if isinstance(place, int):
        offset = place
    elif isinstance(place, bytes):
        code = place
        if place[:1] == b"\x23" and not attributes.get(dw.AT_VIRTUALITY):
            offset = evaluate(place, Context(lambda number: None, lambda address, size: None), 0).value
    bits = attributes.get(dw.AT_BIT_SIZE)
    if not isinstance(bits, int) or not bits:
        return Member(label, attributes, offset, code, base=base)
    first = attributes.get(dw.AT_DATA_BIT_OFFSET)
    if not isinstance(first, int):
        storage = attributes.get(dw.AT_BYTE_SIZE)
        if not isinstance(storage, int):
            storage = size_of(type_of(unit, attributes))
        from_top = attributes.get(dw.AT_BIT_OFFSET)
        inside = 8 * storage - (from_top if isinstance(from_top, int) else 0) - bits
        first = 8 * (offset or 0) + inside
    return Member(label, attributes, first // 8, b"", bits, first, base)


def enumerator(kind: Type, value: int) -> str | None:
    """Return the name of an enumeration's value; of flags that are all named, their names; None where it has none."""
    flags: list[str] = []
    rest = value
    bits = 8 * max(size_of(kind), 1)
    for _, attributes in _children(kind, dw.TAG_ENUMERATOR):
        number, name = attributes.get(dw.AT_CONST_VALUE), attributes.get(dw.AT_NAME)
        if not isinstance(number, int) or not isinstance(name, str):
            continue
        number &= (1 << bits) - 1
        if number == value & ((1 << bits) - 1):
            return name
        if number and not number & (number - 1) and rest & number:
            flags.append(name)
            rest &= ~number
    return " | ".join(flags) if flags and not rest else None


def variant_part(kind: Type) -> tuple[int, dict[int, Value]] | None:
    """Return the position and attributes of a structure's variant part (Rust's enums), None where it has none."""
    return next(_children(kind, dw.TAG_VARIANT_PART), None)


def variants(unit: Unit, position: int) -> Iterator[tuple[int | None, list[dict[int, Value]]]]:
    """Yield the variants of a variant part: their discriminant (None: any other), and their members' attributes."""
    left = MAX_CHILDREN
    for depth, where, abbreviation, _ in unit.walk(position, frozenset()):
        if depth != 1 or abbreviation.tag != dw.TAG_VARIANT:
            continue
        left -= 1
        if left < 0:
            return
        told = unit.attributes(where).get(dw.AT_DISCRIMINANT_VALUE)
        inside = [
            unit.attributes(at) for level, at, found, _ in unit.walk(where, frozenset())
            if level == 1 and found.tag == dw.TAG_MEMBER
        ]  # fmt: skip
        yield (told if isinstance(told, int) else None), inside


def base_type(unit: Unit, reference: int) -> BaseType:
    """Return the base type at an offset of a unit; raises `PostmortemError` where there is none."""
    kind = strip(type_at(unit, reference))
    if kind.tag != dw.TAG_BASE:
        raise PostmortemError("an expression names a type that is not a base type")
    return kind.base
