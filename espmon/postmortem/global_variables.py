"""Global and static variables by name, with their types and values: `app_state.mode[2]`, `head->next`, `*selected`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.dwarf_functions import CONTAINERS, SCOPES, full_name, original
from espmon.postmortem.dwarf_unit import Unit, Value
from espmon.postmortem.expression import Context, evaluate
from espmon.postmortem.memory import Memory
from espmon.postmortem.named_entries import entries_named
from espmon.postmortem.postmortem_error import PostmortemError, reading
from espmon.postmortem.symbolizer import Image, Symbolizer
from espmon.postmortem.typed_value import TypedValue
from espmon.postmortem.types import REFERENCES, WITH_MEMBERS, Type, members, size_of, strip, type_name, type_of
from espmon.postmortem.value_reader import Content, ValueReader

MAX_GLOBALS = 50_000
"""Variables that a list of all of them has at most."""
MAX_PATH = 1_000
"""Letters of a path that is read."""
MAX_STEPS = 64
VARIABLE = frozenset({dw.TAG_VARIABLE})

PATH_HEAD = re.compile(r"(?P<stars>[*\s]*+)(?P<name>[A-Za-z_$][\w$]*+(?:\s*+::\s*+[A-Za-z_$~][\w$]*+)*+)")
PATH_STEP = re.compile(
    r"\s*(?:(?:\.|->)\s*(?P<member>[A-Za-z_$][\w$]*)|\[\s*(?P<index>-?(?:0[xX][0-9a-fA-F]+|\d+))\s*\])"
)


class PointerNotHeldError(PostmortemError):
    """A path leads through a pointer that the dump does not hold."""


class GlobalVariable(NamedTuple):
    """A variable with one place for the whole run; `name` with its scopes, `file` the unit's source."""

    name: str
    address: int
    type: Type
    file: str | None


class GlobalVariables:
    """The global and static variables of a program.

    Args:
        symbolizer: the program.
        memory: what the dump holds.
    """

    def __init__(self, symbolizer: Symbolizer, memory: Memory) -> None:
        self._images = symbolizer.images
        self._values = ValueReader(memory, symbolizer.symbol_and_offset)

    def named(self, name: str) -> list[GlobalVariable]:
        """Return the variables with a name (with or without its scopes), one an address."""
        last = name.split("::")[-1]
        found: dict[int, GlobalVariable] = {}
        for image in self._images:
            try:
                with reading(f"{image.elf.path}: variable {name}"):
                    for unit, position in entries_named(image, last.encode(), VARIABLE):
                        for item in _defined(image, unit, position):
                            if item.name == name or item.name.endswith(f"::{name}"):
                                found.setdefault(item.address, item)
            except PostmortemError:
                continue
        return list(found.values())

    def beside(self, variable: GlobalVariable) -> list[GlobalVariable]:
        """Return the variables of the unit that one is in; none where its debug information is damaged."""
        try:
            with reading(f"unit at 0x{variable.type.unit.offset:x}"):
                return list(_of_unit(variable.type.unit))
        except PostmortemError:
            return []

    def all(self) -> Iterator[GlobalVariable]:
        """Yield the variables of all units that lie in memory, as the debug information has them; reads all of it."""
        left = MAX_GLOBALS
        for image in self._images:
            for header in image.dwarf.headers():
                try:
                    with reading(f"{image.elf.path}: unit at 0x{header.offset:x}"):
                        unit = image.dwarf.unit(header.offset)
                        found = list(_of_unit(unit))
                except PostmortemError:
                    continue
                for item in found:
                    left -= 1
                    if left < 0:
                        return
                    yield item

    def value(self, variable: GlobalVariable) -> TypedValue:
        """Return a variable's value; one that says so where its type is damaged."""
        try:
            with reading(f"variable {variable.name}"):
                return self._values.at(variable.type, variable.address)
        except PostmortemError as error:
            return TypedValue("?", "bytes", note=str(error))

    def at_path(self, path: str) -> TypedValue:
        """Return what a path leads to.

        A path is a name and then members (`.mode`, `->next`) and indexes (`[2]`), with `*` in front for what a pointer
        leads to. Where the dump does not have a pointer on the way, the value says so. Raises `PostmortemError` where
        there is no such variable or member.
        """
        try:
            with reading(path[:MAX_PATH]):
                kind, content = self._place(path)
                return self._values.read(kind, content)
        except PointerNotHeldError as error:
            return TypedValue("?", "bytes", note=str(error))

    def _place(self, path: str) -> tuple[Type, Content]:
        head = PATH_HEAD.match(path[:MAX_PATH])
        if head is None:
            raise PostmortemError(f"{path!r} does not begin with the name of a variable")
        name = re.sub(r"\s", "", head["name"])
        found = self.named(name)
        if not found:
            raise PostmortemError(f"no global variable {name} in the ELF")
        if len(found) > 1:
            places = ", ".join(f"{item.name} in {item.file or '?'} (0x{item.address:08x})" for item in found[:5])
            raise PostmortemError(f"{len(found)} variables are called {name}: {places}; give one with its scope")
        kind = found[0].type
        content = self._values.content_at(found[0].address, size_of(kind))
        at = head.end()
        for _ in range(MAX_STEPS):
            if not path[at:].strip():
                break
            step = PATH_STEP.match(path, at)
            if step is None:
                raise PostmortemError(f"{path[at:]!r} in {path!r} is neither a member nor an index")
            at = step.end()
            if step["member"] is not None:
                kind, content = self._member(kind, content, step["member"])
            else:
                kind, content = self._element(kind, content, int(step["index"], 0))
        for _ in range(head["stars"].count("*")):
            kind, content = self._pointed(kind, content, 0)
        return kind, content

    def _pointed(self, kind: Type, content: Content, index: int) -> tuple[Type, Content]:
        plain = strip(kind)
        if plain.tag not in REFERENCES:
            raise PostmortemError(f"{type_name(kind)} is no pointer")
        if content.gap or len(content.data) < 4:
            raise PointerNotHeldError(f"a pointer on the way is not known: {content.gap}")
        target, address = plain.inner, int.from_bytes(content.data[:4], "little")
        size = size_of(target)
        if not size:
            raise PostmortemError(f"{type_name(kind)} leads to nothing with a size")
        return target, self._values.content_at(address + index * size & 0xFFFFFFFF, size)

    def _member(self, kind: Type, content: Content, name: str) -> tuple[Type, Content]:
        if strip(kind).tag in REFERENCES:
            kind, content = self._pointed(kind, content, 0)
        found = _find_member(strip(kind), content, name, 0)
        if found is None:
            raise PostmortemError(f"{type_name(kind)} has no member {name}")
        return found

    def _element(self, kind: Type, content: Content, index: int) -> tuple[Type, Content]:
        plain = strip(kind)
        if plain.tag != dw.TAG_ARRAY:
            return self._pointed(kind, content, index)
        element, size = element_of(plain)
        if content.address is None or not size:
            raise PostmortemError(f"{type_name(kind)} has no elements")
        if index < 0 or (len(content.data) and (index + 1) * size > len(content.data)):
            raise PostmortemError(f"{type_name(kind)} has no element {index}")
        return element, self._values.content_at(content.address + index * size, size)


def element_of(kind: Type) -> tuple[Type, int]:
    """Return an array's elements' type, and their size; of more dimensions than one, the type of a row."""
    rows = [
        (position, abbreviation) for depth, position, abbreviation, _ in kind.unit.walk(kind.position, frozenset())
        if depth == 1 and abbreviation.tag == dw.TAG_SUBRANGE
    ]  # fmt: skip
    if len(rows) > 1:
        raise PostmortemError(f"{type_name(kind)} has more than one dimension: ask for all of it")
    return kind.inner, size_of(kind.inner)


def _find_member(kind: Type, content: Content, name: str, depth: int) -> tuple[Type, Content] | None:
    if kind.tag not in WITH_MEMBERS or depth > 8:
        return None
    for item in members(kind):
        inner = type_of(kind.unit, item.attributes)
        if item.offset is None:
            continue
        if item.name == name and not item.base:
            if item.bits:
                raise PostmortemError(f"{name} is a bit field: ask for the structure it is in")
            return inner, content.part(item.offset, size_of(inner))
        if item.base or item.name is None:
            found = _find_member(strip(inner), content.part(item.offset, size_of(inner)), name, depth + 1)
            if found is not None:
                return found
    return None


def _defined(image: Image, unit: Unit, position: int) -> Iterator[GlobalVariable]:
    """The variable of an entry, or those that complete its declaration."""
    attributes = unit.attributes(position)
    if dw.AT_LOCATION in attributes:
        found = _variable(unit, position, attributes)
        if found is not None:
            yield found
        return
    declared = unit.offset + position
    for _, where, abbreviation, _ in unit.walk(unit.header.first, SCOPES):
        if abbreviation.tag == dw.TAG_VARIABLE:
            other = unit.attributes(where)
            if other.get(dw.AT_SPECIFICATION) == declared:
                found = _variable(unit, where, other)
                if found is not None:
                    yield found


def _of_unit(unit: Unit) -> Iterator[GlobalVariable]:
    for _, position, abbreviation, _ in unit.walk(unit.header.first, CONTAINERS):
        if abbreviation.tag == dw.TAG_VARIABLE:
            attributes = unit.attributes(position)
            if dw.AT_LOCATION in attributes:
                found = _variable(unit, position, attributes)
                if found is not None:
                    yield found


def _variable(unit: Unit, position: int, attributes: dict[int, Value]) -> GlobalVariable | None:
    code = attributes.get(dw.AT_LOCATION)
    if not isinstance(code, bytes) or code[:1] not in (b"\x03", b"\xa1", b"\xfb"):
        return None
    context = Context(
        lambda number: None, lambda address, size: None, address=lambda index: unit.dwarf.indexed_address(unit, index)
    )
    place = evaluate(code, context)
    if place.kind != "memory" or not place.value:
        return None  # 0: the linker dropped it
    home, _, gathered = original(unit, position)
    file = unit.root.get(dw.AT_NAME)
    name = full_name(unit, position)
    plain = gathered.get(dw.AT_NAME)
    if name is None or not isinstance(plain, str):
        return None
    return GlobalVariable(
        name.split("(")[0], place.value, type_of(home, gathered), file if isinstance(file, str) else None
    )
