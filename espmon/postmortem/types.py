"""Types and values as DWARF describes them: names, sizes, and bytes made readable."""

from __future__ import annotations

import struct
from typing import NamedTuple

from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.dwarf_functions import original
from espmon.postmortem.dwarf_unit import Unit, Value
from espmon.postmortem.memory import Memory

MAX_TYPE_DEPTH = 24
MAX_MEMBERS = 12
MAX_ELEMENTS = 16
MAX_VALUE_DEPTH = 3
MAX_TEXT = 80

QUALIFIERS = {dw.TAG_CONST: "const ", dw.TAG_VOLATILE: "volatile ", dw.TAG_ATOMIC: "_Atomic ", dw.TAG_RESTRICT: ""}
REFERENCES = {dw.TAG_POINTER: "*", dw.TAG_REFERENCE: "&", dw.TAG_RVALUE_REFERENCE: "&&"}
AGGREGATES = {dw.TAG_STRUCTURE: "struct ", dw.TAG_CLASS: "", dw.TAG_UNION: "union ", dw.TAG_ENUMERATION: "enum "}


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


def type_of(unit: Unit, attributes: dict[int, Value]) -> Type:
    """Return the type an entry with these attributes has."""
    reference = attributes.get(dw.AT_TYPE)
    if not isinstance(reference, int):
        return Type(unit, -1, 0, {})
    home, position = unit.dwarf.resolve(unit, reference)
    return Type(home, position, home.tag(position), home.attributes(position))


def type_name(kind: Type, depth: int = 0) -> str:
    """Return a type as C writes it: `const char *`, `struct config[4]`."""
    if kind.position < 0:
        return "void"
    if depth > MAX_TYPE_DEPTH:
        return "..."
    name = kind.attributes.get(dw.AT_NAME)
    if kind.tag in QUALIFIERS:
        return QUALIFIERS[kind.tag] + type_name(kind.inner, depth + 1)
    if kind.tag in REFERENCES:
        inner = type_name(kind.inner, depth + 1)
        return f"{inner}{'' if inner.endswith(('*', '&')) else ' '}{REFERENCES[kind.tag]}"
    if kind.tag == dw.TAG_ARRAY:
        return type_name(kind.inner, depth + 1) + "".join(f"[{count if count >= 0 else ''}]" for count in _counts(kind))
    if kind.tag == dw.TAG_SUBROUTINE_TYPE:
        return f"{type_name(kind.inner, depth + 1)} ()"
    if isinstance(name, str):
        return (AGGREGATES.get(kind.tag, "") if kind.unit.root.get(dw.AT_LANGUAGE) in (0x0C, 0x1D, 0x01) else "") + name
    return AGGREGATES.get(kind.tag, "?").strip() or "?"


def strip(kind: Type) -> Type:
    """Return a type without qualifiers and typedefs."""
    for _ in range(MAX_TYPE_DEPTH):
        if kind.tag not in QUALIFIERS and kind.tag != dw.TAG_TYPEDEF:
            break
        kind = kind.inner
    return kind


def size_of(kind: Type, depth: int = 0) -> int:
    """Return a type's size in bytes, 0 where it is not known."""
    kind = strip(kind)
    size = kind.attributes.get(dw.AT_BYTE_SIZE)
    if isinstance(size, int):
        return size
    if kind.tag in REFERENCES:
        return kind.unit.header.address_size
    if kind.tag == dw.TAG_ARRAY and depth < MAX_TYPE_DEPTH:
        total = size_of(kind.inner, depth + 1)
        for count in _counts(kind):
            total *= max(count, 0)
        return total
    return 0


def _counts(kind: Type) -> list[int]:
    counts: list[int] = []
    for depth, position, abbreviation, _ in kind.unit.walk(kind.position, frozenset()):
        if depth == 1 and abbreviation.tag == dw.TAG_SUBRANGE and len(counts) < 8:
            attributes = kind.unit.attributes(position)
            count, upper = attributes.get(dw.AT_COUNT), attributes.get(dw.AT_UPPER_BOUND)
            if isinstance(count, int):
                counts.append(count)
            else:
                counts.append(upper + 1 if isinstance(upper, int) and upper < 0xFFFFFFFF else -1)
    return counts or [-1]


def show(kind: Type, content: bytes, memory: Memory, depth: int = 0) -> str:
    """Return bytes as a value of a type: numbers, names of enumerators, text behind `char *`, members of structures."""
    kind = strip(kind)
    size = size_of(kind)
    if kind.tag in REFERENCES:
        return _pointer(kind, content, memory)
    if kind.tag == dw.TAG_BASE:
        return _number(kind, content[:size])
    if kind.tag == dw.TAG_ENUMERATION:
        return _enumerator(kind, int.from_bytes(content[:size], "little"))
    if kind.tag in (dw.TAG_STRUCTURE, dw.TAG_CLASS, dw.TAG_UNION):
        return _members(kind, content, memory, depth)
    if kind.tag == dw.TAG_ARRAY:
        return _elements(kind, content, memory, depth)
    return "0x" + content[: size or 4][::-1].hex()


def _number(kind: Type, content: bytes) -> str:
    encoding = kind.attributes.get(dw.AT_ENCODING)
    value = int.from_bytes(content, "little")
    if encoding == 2:
        return {0: "false", 1: "true"}.get(value, str(value))
    if encoding == 4 and len(content) in (4, 8):
        return f"{struct.unpack('<f' if len(content) == 4 else '<d', content)[0]:g}"
    if encoding in (5, 6, 0x0D):
        value = int.from_bytes(content, "little", signed=True)
    if encoding in (6, 8, 0x10) and 32 <= value < 127:
        return f"{value} '{chr(value)}'"
    return str(value)


def _pointer(kind: Type, content: bytes, memory: Memory) -> str:
    address = int.from_bytes(content[:4], "little")
    target = strip(kind.inner)
    text = f"0x{address:08x}"
    if (
        target.tag == dw.TAG_BASE
        and size_of(target) == 1
        and target.attributes.get(dw.AT_ENCODING) in (6, 8)
        and address
    ):
        raw = b""
        while len(raw) < MAX_TEXT and (piece := memory.read(address + len(raw), 1)) not in (None, b"\0"):
            raw += piece or b""
        if raw and all(32 <= byte < 127 or byte in (9, 10, 13) for byte in raw):
            return f"{text} {_quoted(raw)}"
    return text


def _quoted(raw: bytes) -> str:
    text = raw.decode("ascii", "backslashreplace").encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'"{text}"' + ("..." if len(raw) >= MAX_TEXT else "")


def _enumerator(kind: Type, value: int) -> str:
    for depth, position, abbreviation, _ in kind.unit.walk(kind.position, frozenset()):
        if depth == 1 and abbreviation.tag == dw.TAG_ENUMERATOR:
            attributes = kind.unit.attributes(position)
            if attributes.get(dw.AT_CONST_VALUE) == value:
                return str(attributes.get(dw.AT_NAME))
    return str(value)


def _members(kind: Type, content: bytes, memory: Memory, depth: int) -> str:
    if depth >= MAX_VALUE_DEPTH:
        return "{...}"
    shown: list[str] = []
    for level, position, abbreviation, _ in kind.unit.walk(kind.position, frozenset()):
        if level != 1 or abbreviation.tag != dw.TAG_MEMBER:
            continue
        if len(shown) >= MAX_MEMBERS:
            shown.append("...")
            break
        attributes = kind.unit.attributes(position)
        offset, name = attributes.get(dw.AT_DATA_MEMBER_LOCATION, 0), attributes.get(dw.AT_NAME)
        if not isinstance(offset, int) or dw.AT_EXTERNAL in attributes or 0x6B in attributes or 0x0D in attributes:
            continue  # static members and bit fields
        member = type_of(kind.unit, attributes)
        label = f"{name} = " if isinstance(name, str) else ""
        piece = content[offset : offset + size_of(member)]
        if piece:
            shown.append(label + show(member, piece, memory, depth + 1))
    return "{" + ", ".join(shown) + "}"


def _elements(kind: Type, content: bytes, memory: Memory, depth: int) -> str:
    element = kind.inner
    size = size_of(element)
    if size == 1 and strip(element).attributes.get(dw.AT_ENCODING) in (6, 8):
        raw = content.split(b"\0")[0][:MAX_TEXT]
        if all(32 <= byte < 127 or byte in (9, 10, 13) for byte in raw):
            return _quoted(raw)
    if not size or depth >= MAX_VALUE_DEPTH:
        return "{...}"
    count = len(content) // size
    shown = [
        show(element, content[at * size : at * size + size], memory, depth + 1)
        for at in range(min(count, MAX_ELEMENTS))
    ]
    return "{" + ", ".join(shown + (["..."] if count > MAX_ELEMENTS else [])) + "}"


__all__ = ["Type", "original", "show", "size_of", "strip", "type_name", "type_of"]
