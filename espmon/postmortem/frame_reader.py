"""A physical frame, and where its variables are: in registers, in memory, in what its caller passed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from espmon.model.stack_frame import FrameState
from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.call_sites import CallSite, call_site, comes_back
from espmon.postmortem.dwarf_functions import Function, Functions, original
from espmon.postmortem.dwarf_unit import Unit, Value
from espmon.postmortem.expression import GONE, Context, Location, OptimisedAway, evaluate, evaluate_pieces
from espmon.postmortem.frame_scopes import FunctionScope, scopes_at
from espmon.postmortem.location_lists import expression_at
from espmon.postmortem.memory import Memory
from espmon.postmortem.postmortem_error import PostmortemError, reading
from espmon.postmortem.symbolizer import Symbolizer
from espmon.postmortem.typed_value import TypedValue
from espmon.postmortem.types import Type, base_type, size_of, type_name, type_of
from espmon.postmortem.value_reader import MAX_BYTES, Content, ValueReader, memory_content

MAX_CALLERS = 16
"""Callers asked, one through the other, for a value that each was only passed."""


class FrameReader:
    """The variables of one physical frame.

    Args:
        symbolizer: the program.
        memory: the dump's.
        states: the frame's and its callers', innermost first.
        call_bytes: how far before a return address its call is.
        depth: how many frames have asked each other already.

    Raises `PostmortemError` where no debug information describes the function.
    """

    def __init__(
        self,
        symbolizer: Symbolizer,
        memory: Memory,
        states: Sequence[FrameState],
        call_bytes: int,
        depth: int = 0,
    ) -> None:
        self.state = states[0]
        image = symbolizer.image_at(self.state.address)
        entry = image.function_entry(self.state.address) if image is not None else None
        if image is None or entry is None:
            raise PostmortemError(f"no debug information describes 0x{self.state.address:08x}")
        self.image = image
        self.functions: Functions = entry[0]
        self.function: Function = entry[1]
        self.unit = self.functions.unit
        self._symbolizer, self._memory, self._states = symbolizer, memory, states
        self._call_bytes, self._depth = call_bytes, depth
        self._values = ValueReader(memory, symbolizer.symbol_and_offset, self.context(self.unit))

    def scopes(self) -> list[FunctionScope]:
        """Return the functions that run here with their variables, innermost first."""
        with reading(f"{self.image.elf.path}: variables at 0x{self.state.address:08x}"):
            return scopes_at(self.unit, self.function.position, self.state.address)

    def context(self, unit: Unit) -> Context:
        """Return what the expressions of a unit ask this frame for."""
        return Context(
            self.state.registers.get,
            self._memory.read,
            self.state.cfa,
            self._frame_base,
            lambda index: unit.dwarf.indexed_address(unit, index),
            self.entry_value,
            lambda reference: base_type(unit, reference),
            lambda reference: self._passed(unit.offset + reference),
            self._number,
        )

    def _frame_base(self) -> int | None:
        code = self._code(self.unit, self.unit.attributes(self.function.position).get(dw.AT_FRAME_BASE))
        if code is None:
            return None
        found = evaluate(code, Context(self.state.registers.get, self._memory.read, self.state.cfa))
        return self.state.registers.get(found.value) if found.kind == "register" else found.value

    def _code(self, unit: Unit, value: Value) -> bytes | None:
        return expression_at(unit, value, self.state.address)

    # What callers know

    @cached_property
    def _caller(self) -> tuple[FrameReader, CallSite] | None:
        if len(self._states) < 2 or self.state.returns_to is None or self._depth >= MAX_CALLERS:
            return None
        if self._states[1].address + self._call_bytes != self.state.returns_to:
            return None
        try:
            caller = FrameReader(self._symbolizer, self._memory, self._states[1:], self._call_bytes, self._depth + 1)
        except PostmortemError:
            return None
        site = call_site(caller.image, caller.unit, caller.function, self.state.returns_to)
        if site is None or caller.called_at(site) != self.function.low or comes_back(self.image, self.function.low):
            return None
        return caller, site

    def called_at(self, site: CallSite) -> int | None:
        """Return the entry of the function that a call of this frame went to, None where that is not known any more."""
        if site.target is not None or site.pointer is None:
            return site.target
        try:
            return evaluate(site.pointer, self.context(self.unit)).value
        except PostmortemError:
            return None

    def _from_caller(self, choose: Callable[[CallSite], bytes | None]) -> int:
        if self._caller is None:
            raise OptimisedAway(GONE)
        caller, site = self._caller
        code = choose(site)
        if code is None:
            raise OptimisedAway(GONE)
        found = evaluate(code, caller.context(caller.unit))
        if found.kind not in ("memory", "value"):
            raise OptimisedAway(GONE)
        return found.value

    def entry_value(self, register: int) -> int:
        """Return what a register held when the function was entered; raises `OptimisedAway` where nothing tells."""
        return self._from_caller(lambda site: site.value_in(register))

    def _passed(self, reference: int) -> int:
        return self._from_caller(lambda site: site.value_of(reference))

    # Values

    def _number(self, reference: int) -> int | None:
        """The value of a variable that an array's size or an expression names."""
        unit, position = self.unit.dwarf.resolve(self.unit, reference)
        value = self.value(unit, position)[1]
        return int(value.number) if value.number is not None else None

    def value(self, unit: Unit, position: int) -> tuple[Type, TypedValue]:
        """Return the type and the value of the variable whose entry is at a position."""
        home, _, attributes = original(unit, position)
        kind = type_of(home, attributes)
        try:
            with reading(f"{self.image.elf.path}: a variable of 0x{self.state.address:08x}"):
                own = unit.attributes(position)
                return kind, self._value(kind, unit, {**attributes, **own})
        except PostmortemError as error:
            return kind, TypedValue(type_name(kind), "bytes", note=str(error) or GONE)

    def _value(self, kind: Type, unit: Unit, attributes: dict[int, Value]) -> TypedValue:
        constant = attributes.get(dw.AT_CONST_VALUE)
        size = min(size_of(kind, context=self.context(kind.unit)), MAX_BYTES)
        if dw.AT_LOCATION not in attributes and constant is not None:
            return self._values.read(kind, _constant(constant, size))
        code = self._code(unit, attributes.get(dw.AT_LOCATION))
        pieces = evaluate_pieces(code, self.context(unit)) if code is not None else []
        if len(pieces) == 1 and pieces[0].location.kind == "pointer":
            return self._pointer(kind, pieces[0].location)
        if not pieces:
            return self._values.read(kind, Content(bytes(size), None, ((0, size, GONE),)))
        if len(pieces) == 1 and not pieces[0].bits:
            return self._values.read(kind, self._content(pieces[0].location, size, 0))
        parts: list[Content] = []
        for piece in pieces:
            if piece.bits % 8 or piece.offset % 8:
                raise PostmortemError("its pieces are not whole bytes")
            parts.append(self._content(piece.location, piece.bits // 8, piece.offset // 8))
        return self._values.read(kind, _joined(parts, size))

    def _content(self, place: Location, size: int, skip: int) -> Content:
        if place.kind == "memory":
            return memory_content(self._memory, place.value + skip & 0xFFFFFFFF, size)
        if place.kind == "register":
            return self._in_registers(place.value, size, skip)
        if place.kind in ("value", "bytes"):
            data = place.content[skip : skip + size]
            gaps = ((len(data), size, GONE),) if len(data) < size else ()
            return Content(data.ljust(size, b"\0"), None, gaps)
        return Content(bytes(size), None, ((0, size, GONE),))

    def _in_registers(self, number: int, size: int, skip: int) -> Content:
        data, gaps = b"", []
        for index in range((size + skip + 3) // 4):
            value = self.state.registers.get(number + index)
            if value is None:
                gaps.append((4 * index, 4 * index + 4, f"register {number + index} is not known"))
            data += (value or 0).to_bytes(4, "little")
        return Content(data, None, tuple(gaps)).part(skip, size)

    def _pointer(self, kind: Type, place: Location) -> TypedValue:
        """A pointer to a variable that has a value but no address."""
        home, position = self.unit.dwarf.resolve(self.unit, place.value)
        target_kind, target = self.value(home, position)
        offset = int.from_bytes(place.content, "little")
        if offset:
            return TypedValue(type_name(kind), "pointer", note=f"into {type_name(target_kind)}, which has no address")
        return TypedValue(type_name(kind), "pointer", target=target, note="what it points to has no address")


def _constant(value: Value, size: int) -> Content:
    if isinstance(value, int):
        return Content((value & ((1 << 8 * max(size, 1)) - 1)).to_bytes(max(size, 1), "little"))
    data = value if isinstance(value, bytes) else str(value).encode() + b"\0"
    return Content(data[:size].ljust(size, b"\0"))


def _joined(parts: list[Content], size: int) -> Content:
    data, gaps = b"", []
    for part in parts:
        gaps += [(len(data) + low, len(data) + high, why) for low, high, why in part.gaps]
        data += part.data
    if len(data) < size:
        gaps.append((len(data), size, GONE))
    return Content(data[:size].ljust(size, b"\0"), None, tuple(gaps)).part(0, size)
