"""Arguments and local variables of a frame, where DWARF says simply where they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.binary import uleb, unsigned
from espmon.postmortem.dwarf_functions import Function, original
from espmon.postmortem.dwarf_unit import Unit, Value
from espmon.postmortem.expression import Context, Location, evaluate
from espmon.postmortem.memory import Memory
from espmon.postmortem.postmortem_error import PostmortemError, reading
from espmon.postmortem.symbolizer import Image
from espmon.postmortem.types import Type, show, size_of, type_name, type_of

MAX_VARIABLES = 64
MAX_BYTES = 1024
MAX_LIST_ENTRIES = 1_000
OPTIMISED = "optimised away here"


class Variable(NamedTuple):
    """A variable of a frame. `value` is None where it is not known; `note` says why. `function` is the one it belongs
    to.
    """

    name: str
    type: str
    value: str | None
    argument: bool
    function: str | None
    note: str = ""

    def to_json(self) -> dict[str, str | None]:
        """The variable as a core dump's report has it."""
        return {name: getattr(self, name) for name in ("function", "type", "name", "value", "note")}


def variables_at(
    image: Image, address: int, registers: Mapping[int, int], memory: Memory, cfa: int | None = None
) -> list[Variable]:
    """Return arguments and locals at an address; `registers` by DWARF number, `cfa` the frame's address where it is
    known.
    """
    try:
        with reading(f"{image.elf.path}: variables at 0x{address:08x}"):
            entry = image.function_entry(address)
            if entry is None:
                return []
            functions, function = entry
            return _Reader(functions.unit, function, address, registers, memory, cfa).read(
                functions.name(function.position)
            )
    except PostmortemError:
        return []


class _Reader:
    def __init__(
        self,
        unit: Unit,
        function: Function,
        address: int,
        registers: Mapping[int, int],
        memory: Memory,
        cfa: int | None,
    ) -> None:
        self.unit, self.function, self.address = unit, function, address
        self.registers, self.memory, self.cfa = registers, memory, cfa
        base = unit.attributes(function.position).get(dw.AT_FRAME_BASE)
        self._base_code = base
        self.context = Context(
            registers.get, memory.read, cfa, self._frame_base, lambda index: unit.dwarf.indexed_address(unit, index)
        )

    def _frame_base(self) -> int | None:
        code = self._expression(self._base_code)
        if code is None:
            return None
        found = evaluate(code, Context(self.registers.get, self.memory.read, self.cfa))
        return self.registers.get(found.value) if found.kind == "register" else found.value

    def read(self, name: str | None) -> list[Variable]:
        """Walk the function: blocks and inlined functions that do not hold the address are left out."""
        unit = self.unit
        found: list[Variable] = []
        names = {0: name}
        closed: int | None = None
        for depth, position, abbreviation, _ in unit.walk(
            self.function.position, frozenset({dw.TAG_LEXICAL_BLOCK, dw.TAG_INLINED})
        ):
            if closed is not None and depth > closed:
                continue
            closed = None
            if abbreviation.tag in (dw.TAG_LEXICAL_BLOCK, dw.TAG_INLINED):
                attributes = unit.attributes(position)
                ranges = unit.dwarf.ranges(unit, attributes)
                if ranges and not any(low <= self.address < high for low, high in ranges):
                    closed = depth
                names[depth] = names.get(depth - 1)
                if abbreviation.tag == dw.TAG_INLINED:
                    called = original(unit, position)[2].get(dw.AT_NAME)
                    names[depth] = called if isinstance(called, str) else None
            elif abbreviation.tag in (dw.TAG_PARAMETER, dw.TAG_VARIABLE) and len(found) < MAX_VARIABLES:
                variable = self._variable(position, abbreviation.tag == dw.TAG_PARAMETER, names.get(depth - 1))
                if variable is not None:
                    found.append(variable)
        return found

    def _variable(self, position: int, argument: bool, function: str | None) -> Variable | None:
        home, _, attributes = original(self.unit, position)
        name = attributes.get(dw.AT_NAME)
        if not isinstance(name, str) or dw.AT_DECLARATION in attributes or dw.AT_EXTERNAL in attributes:
            return None
        kind = type_of(home, attributes)
        text = type_name(kind)
        try:
            content = self._content(attributes, max(size_of(kind), 1))
        except (PostmortemError, IndexError) as error:
            return Variable(name, text, None, argument, function, str(error) or OPTIMISED)
        if content is None:
            return Variable(name, text, None, argument, function, OPTIMISED)
        return Variable(name, text, self._shown(kind, content), argument, function)

    def _shown(self, kind: Type, content: bytes) -> str:
        return show(kind, content, self.memory)

    def _content(self, attributes: dict[int, Value], size: int) -> bytes | None:
        if size > MAX_BYTES:
            size = MAX_BYTES
        constant = attributes.get(dw.AT_CONST_VALUE)
        if isinstance(constant, int):
            return (constant & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little")[: max(size, 4)]
        if isinstance(constant, bytes):
            return constant
        code = self._expression(attributes.get(dw.AT_LOCATION))
        if code is None:
            return None
        found: Location = evaluate(code, self.context)
        if found.kind == "bytes":
            return found.content
        if found.kind == "memory":
            content = self.memory.read(found.value, size)
            if content is None:
                raise PostmortemError(f"memory at 0x{found.value:08x} is not in the dump")
            return content
        if found.kind == "register":
            value = self.registers.get(found.value)
            if value is None:
                raise PostmortemError(f"register {found.value} is not known")
            following = self.registers.get(found.value + 1, 0) if size > 4 else 0
            return (value | following << 32).to_bytes(8, "little")[: max(size, 1)]
        return found.value.to_bytes(8, "little")[: max(size, 1)]

    def _expression(self, value: Value) -> bytes | None:
        if isinstance(value, bytes):
            return value or None
        if not isinstance(value, int):
            return None
        if self.unit.header.version >= 5:
            return self._from_list(value)
        return self._from_old_list(value)

    def _from_old_list(self, offset: int) -> bytes | None:
        section = self.unit.dwarf.elf.section(".debug_loc")
        data = section.read(offset, 64 << 10) if section else b""
        base, pos = self.unit.base, 0
        for _ in range(MAX_LIST_ENTRIES):
            low, high = unsigned(data, pos, 4), unsigned(data, pos + 4, 4)
            pos += 8
            if low == high == 0:
                return None
            if low == 0xFFFFFFFF:
                base = high
                continue
            length = unsigned(data, pos, 2)
            pos += 2 + length
            if base + low <= self.address < base + high:
                return data[pos - length : pos]
        return None

    def _from_list(self, offset: int) -> bytes | None:
        unit = self.unit
        section = unit.dwarf.elf.section(".debug_loclists")
        data = section.read(offset, 64 << 10) if section else b""
        base, pos = unit.base, 0
        fallback: bytes | None = None
        for _ in range(MAX_LIST_ENTRIES):
            kind = data[pos]
            pos += 1
            low = high = 0
            if kind == 0:
                return fallback
            if kind in (1, 2, 3):
                index, pos = uleb(data, pos)
                low = unit.dwarf.indexed_address(unit, index) or 0
                if kind == 1:
                    base = low
                    continue
                second, pos = uleb(data, pos)
                high = (unit.dwarf.indexed_address(unit, second) or 0) if kind == 2 else low + second
            elif kind == 4:
                low, pos = uleb(data, pos)
                high, pos = uleb(data, pos)
                low, high = base + low, base + high
            elif kind == 6:
                base, pos = unsigned(data, pos, 4), pos + 4
                continue
            elif kind == 7:
                low, high, pos = unsigned(data, pos, 4), unsigned(data, pos + 4, 4), pos + 8
            elif kind == 8:
                low, pos = unsigned(data, pos, 4), pos + 4
                length, pos = uleb(data, pos)
                high = low + length
            elif kind == 9:  # a pair of view numbers stands before the list, not in it
                _, pos = uleb(data, pos)
                _, pos = uleb(data, pos)
                continue
            elif kind != 5:
                return fallback
            length, pos = uleb(data, pos)
            if kind == 5:
                fallback = data[pos : pos + length]
            elif low <= self.address < high:
                return data[pos : pos + length]
            pos += length
        return fallback
