"""From bytes and a type to a value: numbers, names of enumerators, members, elements, and what pointers lead to."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.budget import Budget
from espmon.postmortem.expression import GONE, Context, evaluate
from espmon.postmortem.expression_numbers import BOOLEAN, CHARACTER, SIGNED_CHARACTER, UNSIGNED_CHARACTER
from espmon.postmortem.memory import Memory
from espmon.postmortem.postmortem_error import PostmortemError
from espmon.postmortem.typed_value import Field, TypedValue
from espmon.postmortem.types import (
    REFERENCES,
    WITH_MEMBERS,
    Member,
    Type,
    dimensions,
    enumerator,
    member,
    members,
    size_of,
    strip,
    type_name,
    type_of,
    variant_part,
    variants,
)

MAX_VALUES = 2_000
"""Members and elements read for one variable."""
MAX_ELEMENTS = 64
MAX_DEPTH = 12
MAX_TEXT = 80
MAX_BYTES = 64 << 10
"""Bytes of one value that are read."""

TEXT_ENCODINGS = frozenset({SIGNED_CHARACTER, UNSIGNED_CHARACTER})
NAMED_CHARACTERS = frozenset({SIGNED_CHARACTER, UNSIGNED_CHARACTER, CHARACTER})


RUST_TEXTS = frozenset({"&str", "&mut str"})
"""Types of Rust that are a pointer and a length, and mean a text."""


class Content(NamedTuple):
    """The bytes of a value and where they lie; `gaps` are (start, end, why) of those that are not known."""

    data: bytes
    address: int | None = None
    gaps: tuple[tuple[int, int, str], ...] = ()

    def part(self, start: int, size: int) -> Content:
        """Return a part as content of its own."""
        gaps = tuple(
            (max(low - start, 0), min(high - start, size), why)
            for low, high, why in self.gaps
            if low < start + size and high > start
        )
        return Content(
            self.data[start : start + size], None if self.address is None else self.address + start & 0xFFFFFFFF, gaps
        )

    @property
    def gap(self) -> str:
        """Why a number of these bytes is not known; empty where all are."""
        return self.gaps[0][2] if self.gaps else ""


class ValueReader:
    """Reads the values of one program.

    Args:
        memory: what pointers lead into.
        name_at: the name of a function or variable at an address, None where there is none.
        context: gives arrays of variable size theirs; None outside of frames.
    """

    def __init__(
        self, memory: Memory, name_at: Callable[[int], str | None] | None = None, context: Context | None = None
    ) -> None:
        self._memory = memory
        self._name_at = name_at
        self._context = context

    def read(self, kind: Type, content: Content, follow: int = 1) -> TypedValue:
        """Return the value; pointers are followed `follow` times. Raises `PostmortemError` for a damaged type."""
        return _Reading(self._memory, self._name_at, self._context).value(kind, content, follow, 0)

    def at(self, kind: Type, address: int, follow: int = 1) -> TypedValue:
        """Return the value of a type at an address; where memory is not known, one that says so."""
        return self.read(kind, self.content_at(address, size_of(kind, context=self._context)), follow)

    def content_at(self, address: int, size: int) -> Content:
        """Return memory as content: pieces that are not known are gaps."""
        return memory_content(self._memory, address, size)


def memory_content(memory: Memory, address: int, size: int) -> Content:
    """Return memory as content; where it is not all there, those of its words that are."""
    size = min(size, MAX_BYTES)
    whole = memory.read(address, size) if size else b""
    if whole is not None:
        return Content(whole, address)
    why = f"memory at 0x{address:08x} is not in this dump"
    if memory.read(address, 1) is None and memory.read((address + size - 1) & 0xFFFFFFFF, 1) is None:
        return Content(bytes(size), address, ((0, size, why),))
    data, gaps = bytearray(size), []
    for at in range(0, size, 4):
        end = min(at + 4, size)
        piece = memory.read(address + at & 0xFFFFFFFF, end - at)
        if piece is None:
            gaps.append((at, end, f"memory at 0x{address + at & 0xFFFFFFFF:08x} is not in this dump"))
        else:
            data[at:end] = piece
    return Content(bytes(data), address, tuple(gaps))


class _Reading:
    def __init__(self, memory: Memory, name_at: Callable[[int], str | None] | None, context: Context | None) -> None:
        self.memory, self.name_at, self.context = memory, name_at, context
        self.budget = Budget(MAX_VALUES, "a value")

    def value(self, kind: Type, content: Content, follow: int, depth: int) -> TypedValue:
        name, plain = type_name(kind), strip(kind)
        self.budget.left -= 1
        if plain.tag in WITH_MEMBERS:
            return self._structure(name, plain, content, follow, depth)
        if plain.tag == dw.TAG_ARRAY:
            return self._array(name, plain, content, follow, depth)
        size = size_of(plain) or min(len(content.data), 4)
        shape = _shape(plain)
        if content.gap or len(content.data) < size or not size:
            return TypedValue(name, shape, note=content.gap or GONE)
        return self._scalar(name, shape, plain, content.data[:size], follow, depth)

    def _scalar(self, name: str, shape: str, kind: Type, data: bytes, follow: int, depth: int) -> TypedValue:
        number = int.from_bytes(data, "little")
        if shape == "pointer" or shape == "reference":
            return self._pointer(name, shape, kind, number, follow, depth)
        if shape == "enumerator":
            signed = kind.inner.position >= 0 and strip(kind.inner).base.encoding in (5, 6)
            value = int.from_bytes(data, "little", signed=signed)
            return TypedValue(name, shape, value, enumerator(kind, number) or str(value))
        if shape == "bytes":
            return TypedValue(name, shape, text="0x" + data[::-1].hex())
        return number_value(name, shape, kind, data)

    def _pointer(self, name: str, shape: str, kind: Type, address: int, follow: int, depth: int) -> TypedValue:
        target = kind.inner
        plain = strip(target)
        text, found = "", None
        if plain.tag == dw.TAG_BASE and plain.base.size == 1 and plain.base.encoding in TEXT_ENCODINGS:
            text = self._text(address) if address else ""
        elif plain.tag == dw.TAG_SUBROUTINE_TYPE or plain.position < 0:
            text = f"<{symbol}>" if address and self.name_at and (symbol := self.name_at(address)) else ""
        elif follow > 0 and address and self.budget.left > 0 and depth < MAX_DEPTH:
            size = size_of(plain, context=self.context)
            if size and self.memory.read(address, 1) is not None:
                found = self.value(target, memory_content(self.memory, address, size), follow - 1, depth + 1)
        return TypedValue(name, shape, address, text, target=found)

    def _text(self, address: int) -> str:
        raw = b""
        while len(raw) < MAX_TEXT and (piece := self.memory.read(address + len(raw), 1)) not in (None, b"\0"):
            raw += piece or b""
        return quoted(raw) if raw and printable(raw) else ""

    def _rust_text(self, fields: list[Field]) -> str:
        """The text that a `&str` leads to; empty where it is not in the dump or no text."""
        numbers = {field.name: field.value.number for field in fields}
        address, length = numbers.get("data_ptr"), numbers.get("length")
        if not isinstance(address, int) or not isinstance(length, int) or length < 0:
            return ""
        raw = self.memory.read(address, min(length, MAX_TEXT)) if length else b""
        return quoted(raw) if raw is not None and printable(raw) else ""

    def _structure(self, name: str, kind: Type, content: Content, follow: int, depth: int) -> TypedValue:
        shape = "union" if kind.tag == dw.TAG_UNION else "structure"
        if depth >= MAX_DEPTH:
            return TypedValue(name, shape, left_out=1)
        fields: list[Field] = []
        left_out = 0
        for item in members(kind):
            if self.budget.left <= 0:
                left_out += 1
                continue
            fields.append(self._member(kind, item, content, follow, depth))
        part = variant_part(kind)
        if part is not None:
            fields += self._variant(kind, part[0], content, follow, depth)
        if name in RUST_TEXTS and (text := self._rust_text(fields)):
            return TypedValue(name, "text", text=text)
        return TypedValue(name, shape, fields=tuple(fields), left_out=left_out)

    def _member(self, kind: Type, item: Member, content: Content, follow: int, depth: int) -> Field:
        inner = type_of(kind.unit, item.attributes)
        label = f"<{type_name(inner)}>" if item.base else item.name
        if item.bits:
            return Field(label, _bit_field(type_name(inner), strip(inner), item, content))
        offset = item.offset
        if offset is None:
            try:
                offset = self._virtual(item, content)
            except PostmortemError as error:
                return Field(label, TypedValue(type_name(inner), _shape(strip(inner)), note=str(error)))
            if offset is None:
                return Field(label, TypedValue(type_name(inner), _shape(strip(inner)), note=GONE))
        size = size_of(inner, context=self.context)
        if not 0 <= offset <= len(content.data) and content.address is not None:
            piece = memory_content(self.memory, content.address + offset & 0xFFFFFFFF, size)
        else:
            piece = content.part(offset, size)
        return Field(label, self.value(inner, piece, follow, depth + 1))

    def _virtual(self, item: Member, content: Content) -> int | None:
        """Where a virtual base is: its object's table of virtual functions says it."""
        if content.address is None:
            return None
        found = evaluate(item.code, Context(lambda number: None, self.memory.read), content.address)
        return found.value - content.address

    def _variant(self, kind: Type, position: int, content: Content, follow: int, depth: int) -> list[Field]:
        """Rust's enums: the member that the discriminant chooses."""
        attributes = kind.unit.attributes(position)
        told: int | None = None
        reference = attributes.get(dw.AT_DISCRIMINANT)
        if isinstance(reference, int):
            home, where = kind.unit.dwarf.resolve(kind.unit, reference)
            item = member(home, home.attributes(where))
            inner = strip(type_of(home, item.attributes))
            piece = content.part(item.offset or 0, size_of(inner))
            if piece.gap or len(piece.data) < size_of(inner):
                return [Field(None, TypedValue("?", "bytes", note=piece.gap or GONE))]
            told = int.from_bytes(piece.data, "little")
        other: list[Field] = []
        for value, inside in variants(kind.unit, position):
            if value is None or value == told:
                found = [
                    self._member(kind, member(kind.unit, attributes), content, follow, depth) for attributes in inside
                ]
                if value is not None:
                    return found
                other = found
        return other

    def _array(self, name: str, kind: Type, content: Content, follow: int, depth: int) -> TypedValue:
        counts = dimensions(kind, self.context)
        return self._elements(name, kind.inner, counts, content, follow, depth)

    def _elements(
        self, name: str, element: Type, counts: list[int | None], content: Content, follow: int, depth: int
    ) -> TypedValue:
        size = size_of(element, context=self.context)
        for inner in counts[1:]:
            size *= inner or 0
        count = counts[0]
        if count is None:
            return TypedValue(name, "array", note="its length is not known")
        plain = strip(element)
        if size == 1 and len(counts) == 1 and plain.tag == dw.TAG_BASE and plain.base.encoding in TEXT_ENCODINGS:
            raw = content.data[:count]
            text = raw.split(b"\0")[0]
            if not content.gap and printable(text):
                return TypedValue(name, "text", text=quoted(text[:MAX_TEXT]))
        if content.gaps and all(why == content.gap for _, _, why in content.gaps) and _all_gone(content):
            return TypedValue(name, "array", note=content.gap)
        if not size or depth >= MAX_DEPTH:
            return TypedValue(name, "array", left_out=count)
        fields: list[Field] = []
        for index in range(min(count, MAX_ELEMENTS)):
            if self.budget.left <= 0:
                break
            piece = content.part(index * size, size)
            if len(counts) > 1:
                inner_name = type_name(element) + "".join(f"[{n if n is not None else ''}]" for n in counts[1:])
                value = self._elements(inner_name, element, counts[1:], piece, follow, depth + 1)
            else:
                value = self.value(element, piece, follow, depth + 1)
            fields.append(Field(str(index), value))
        return TypedValue(name, "array", fields=tuple(fields), left_out=count - len(fields))


def _all_gone(content: Content) -> bool:
    return sum(end - start for start, end, _ in content.gaps) >= len(content.data)


def _shape(kind: Type) -> str:
    if kind.tag == dw.TAG_POINTER:
        return "pointer"
    if kind.tag in REFERENCES:
        return "reference"
    if kind.tag == dw.TAG_ENUMERATION:
        return "enumerator"
    if kind.tag in WITH_MEMBERS:
        return "union" if kind.tag == dw.TAG_UNION else "structure"
    if kind.tag == dw.TAG_ARRAY:
        return "array"
    if kind.tag != dw.TAG_BASE:
        return "bytes"
    base = kind.base
    if base.encoding == BOOLEAN:
        return "boolean"
    if base.is_float:
        return "float" if base.size in (4, 8) else "bytes"
    return "character" if base.encoding in NAMED_CHARACTERS and base.size in (1, 4) else "integer"


def number_value(name: str, shape: str, kind: Type, data: bytes) -> TypedValue:
    """Return the number that bytes hold, as its type writes it."""
    number = kind.base.from_bytes(data)
    if shape == "float":
        return TypedValue(name, shape, number, f"{number:g}")
    if shape == "boolean":
        return TypedValue(name, shape, number, {0: "false", 1: "true"}.get(int(number), str(number)))
    text = str(number)
    if shape == "character" and 32 <= number < 127:
        text += f" '{chr(int(number))}'"
    return TypedValue(name, shape, number, text)


def _bit_field(name: str, kind: Type, item: Member, content: Content) -> TypedValue:
    shape = _shape(kind)
    start = item.first_bit // 8
    piece = content.part(start, (item.first_bit + item.bits + 7) // 8 - start)
    if piece.gap or not piece.data:
        return TypedValue(name, shape, note=piece.gap or GONE)
    number = int.from_bytes(piece.data, "little") >> (item.first_bit - 8 * start) & ((1 << item.bits) - 1)
    if shape == "enumerator":
        return TypedValue(name, shape, number, enumerator(kind, number) or str(number))
    signed = kind.base.encoding in (5, 6, 0x0D)
    if signed and number >> (item.bits - 1):
        number -= 1 << item.bits
    size = max(size_of(kind), 1)
    return number_value(name, shape, kind, (number & ((1 << 8 * size) - 1)).to_bytes(size, "little"))


def printable(raw: bytes) -> bool:
    """Whether bytes are a text of printable ASCII."""
    return all(32 <= byte < 127 or byte in (9, 10, 13) for byte in raw)


def quoted(raw: bytes) -> str:
    """Return bytes as a text in quotes, cut at `MAX_TEXT`."""
    text = raw.decode("ascii", "backslashreplace").encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'"{text}"' + ("..." if len(raw) >= MAX_TEXT else "")
