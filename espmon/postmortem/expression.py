"""DWARF expressions: where a value is, or what it is, computed from registers and memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from espmon.postmortem.binary import sleb, uleb, unsigned
from espmon.postmortem.expression_numbers import (
    ARITHMETIC,
    COMPARISONS,
    GENERIC,
    MAX_NUMBER_BYTES,
    BaseType,
    Number,
    binary,
)
from espmon.postmortem.postmortem_error import PostmortemError, reading

MAX_STEPS = 2_000
MAX_STACK = 256
MAX_PIECES = 256
UNINITIALISED = 0xF0
"""GNU's remark that the place has no value of the program yet; what lies there is shown all the same."""

MASK = 0xFFFFFFFF

GONE = "optimized out"
"""Why a value is not known that the program itself does not have any more."""


class OptimisedAway(PostmortemError):
    """The program has no such value at this place: the compiler needed none."""


class Location(NamedTuple):
    """What an expression found.

    `kind`: "memory" (value is an address), "register" (value is its DWARF number), "value" (the number itself, and as
    bytes in `content`), "bytes" (`content`), "pointer" (to what has no address: value is the section offset of the
    entry it points to, `content` the offset in it as 4 bytes), "gone" (the program does not have it).
    """

    kind: str
    value: int = 0
    content: bytes = b""


class Piece(NamedTuple):
    """A part of a value: where it is, its bits (0: all of them), and how many bits into the place it begins."""

    location: Location
    bits: int = 0
    offset: int = 0


def _nothing(what: str) -> PostmortemError:
    return PostmortemError(f"{what} cannot be asked for here")


def _no_entry_value(register: int) -> int:
    raise OptimisedAway(GONE)


def _no_base_type(reference: int) -> BaseType:
    raise _nothing("a type")


class Context(NamedTuple):
    """What an expression may ask for; those that return None do so where it is not known.

    Attributes:
        entry_value: what a register held when the function was entered; raises `OptimisedAway` where nothing tells.
        base_type: the base type at an offset of the unit.
        parameter: what the caller passed for a parameter, by its entry's offset in the unit.
        variable: the value of a variable of the frame, by its entry's offset in the section.
        object_address: of what a member is looked for in.
    """

    register: Callable[[int], int | None]
    memory: Callable[[int, int], bytes | None]
    cfa: int | None = None
    frame_base: Callable[[], int | None] = lambda: None
    address: Callable[[int], int | None] = lambda index: None
    entry_value: Callable[[int], int] = _no_entry_value
    base_type: Callable[[int], BaseType] = _no_base_type
    parameter: Callable[[int], int] | None = None
    variable: Callable[[int], int | None] = lambda reference: None
    object_address: int | None = None


def _known(value: int | None, what: str) -> int:
    if value is None:
        raise PostmortemError(f"{what} is not known")
    return value


CONSTANTS = {0x08: (1, False), 0x09: (1, True), 0x0A: (2, False), 0x0B: (2, True), 0x0C: (4, False), 0x0D: (4, True)}
CONSTANTS |= {0x0E: (8, False), 0x0F: (8, True), 0x03: (4, False)}
"""Operation -> bytes of its operand and whether it is signed."""


def evaluate(code: bytes, context: Context, initial: int | None = None) -> Location:
    """Run an expression of one piece; raises `PostmortemError` when something it needs is not known."""
    pieces = evaluate_pieces(code, context, initial)
    if len(pieces) != 1 or pieces[0].bits:
        raise PostmortemError("a value lies in several pieces")
    return pieces[0].location


def evaluate_pieces(code: bytes, context: Context, initial: int | None = None) -> list[Piece]:
    """Run an expression; raises `PostmortemError` when something it needs is not known or it is damaged."""
    with reading("an expression"):
        return _Machine(code, context, initial).run()


class _Machine:
    def __init__(self, code: bytes, context: Context, initial: int | None) -> None:
        self.code, self.context = code, context
        self.stack: list[Number] = [] if initial is None else [Number(initial & MASK)]
        self.pos = 0
        self.location: Location | None = None
        self.pieces: list[Piece] = []

    def run(self) -> list[Piece]:
        code = self.code
        if not code:
            return [Piece(Location("gone"))]
        for _ in range(MAX_STEPS):
            if self.pos >= len(code):
                break
            op = code[self.pos]
            self.pos += 1
            if op in (0x93, 0x9D):
                self._piece(op)
            elif op == UNINITIALISED:
                continue
            elif self.location is not None:
                raise PostmortemError("an expression goes on behind its result")
            else:
                self._step(op)
            if len(self.stack) > MAX_STACK or len(self.pieces) > MAX_PIECES:
                raise PostmortemError("an expression needs too deep a stack")
        else:
            raise PostmortemError("an expression does not end")
        if self.pieces:
            return self.pieces
        return [Piece(self._result())]

    def _result(self) -> Location:
        if self.location is not None:
            return self.location
        if not self.stack:
            return Location("gone")
        return Location("memory", self._address())

    def _piece(self, op: int) -> None:
        size, offset = self._uleb(), 0
        if op == 0x9D:
            offset = self._uleb()
        else:
            size *= 8
        self.pieces.append(Piece(self._result(), size, offset))
        self.stack.clear()
        self.location = None

    def _uleb(self) -> int:
        value, self.pos = uleb(self.code, self.pos)
        return value

    def _sleb(self) -> int:
        value, self.pos = sleb(self.code, self.pos)
        return value

    def _fixed(self, size: int, signed: bool = False) -> int:
        value = unsigned(self.code, self.pos, size)
        self.pos += size
        return value - (1 << 8 * size) if signed and value >> (8 * size - 1) else value

    def _block(self, size: int) -> bytes:
        content = self.code[self.pos : self.pos + size]
        if len(content) != size:
            raise ValueError("an operand is cut short")
        self.pos += size
        return content

    def _push(self, value: int) -> None:
        self.stack.append(Number(value & MASK))

    def _address(self) -> int:
        return int(self.stack[-1].value) & MASK

    def _register(self, number: int) -> int:
        return _known(self.context.register(number), f"register {number}")

    def _step(self, op: int) -> None:
        stack = self.stack
        if 0x30 <= op <= 0x4F:
            self._push(op - 0x30)
        elif 0x50 <= op <= 0x6F:
            self.location = Location("register", op - 0x50)
        elif 0x70 <= op <= 0x8F:
            self._push(self._register(op - 0x70) + self._sleb())
        elif op in CONSTANTS:
            size, is_signed = CONSTANTS[op]
            self._push(self._fixed(size, is_signed))
        elif op in ARITHMETIC or op in COMPARISONS:
            right, left = stack.pop(), stack.pop()
            made = binary(op, left, right)
            assert made is not None
            stack.append(made)
        elif op in OPERATIONS:
            OPERATIONS[op](self)
        elif op in UNSUPPORTED:
            raise PostmortemError(UNSUPPORTED[op])
        else:
            raise PostmortemError(f"operation 0x{op:02x} is not supported")

    def _entry_value(self) -> None:
        inner = self._block(self._uleb())
        kind, op = GENERIC, inner[0]
        if 0x50 <= op <= 0x6F:
            register = op - 0x50
        elif op in (0x90, 0xA5, 0xF5):
            register, at = uleb(inner, 1)
            if op != 0x90:
                kind = self.context.base_type(uleb(inner, at)[0])
        else:
            raise PostmortemError("only a register's value at the call can be found")
        self.stack.append(Number(kind.fit(self.context.entry_value(register)), kind))

    def _deref(self, size: int, kind: BaseType | None = None) -> None:
        where = int(self.stack.pop().value) & MASK
        content = self.context.memory(where, size) if 0 < size <= MAX_NUMBER_BYTES else None
        if content is None:
            raise PostmortemError(f"memory at 0x{where:08x} is not in this dump")
        if kind is None:
            self._push(int.from_bytes(content, "little"))
        else:
            self.stack.append(Number(kind.from_bytes(content), kind))

    def _deref_type(self) -> None:
        size = self._fixed(1)
        self._deref(size, self.context.base_type(self._uleb()))

    def _value(self) -> None:
        top = self.stack[-1]
        content = top.to_bytes()
        self.location = Location("value", int.from_bytes(content[:4], "little"), content)

    def _bytes(self) -> None:
        self.location = Location("bytes", 0, self._block(self._uleb()))

    def _pointer(self) -> None:
        target = self._fixed(4)
        self.location = Location("pointer", target, (self._sleb() & MASK).to_bytes(4, "little"))

    def _constant_of_type(self) -> None:
        kind = self.context.base_type(self._uleb())
        self.stack.append(Number(kind.from_bytes(self._block(self._fixed(1))), kind))

    def _register_of_type(self) -> None:
        register = self._uleb()
        kind = self.context.base_type(self._uleb())
        low = self._register(register)
        high = self._register(register + 1) if kind.size > 4 else 0
        self.stack.append(Number(kind.from_bytes((low | high << 32).to_bytes(8, "little")), kind))

    def _convert(self, reinterpret: bool) -> None:
        reference = self._uleb()
        kind = self.context.base_type(reference) if reference else GENERIC
        top = self.stack.pop()
        if reinterpret:
            if kind.size != top.kind.size:
                raise PostmortemError("an expression takes a number for one of another size")
            self.stack.append(Number(kind.from_bytes(top.to_bytes()), kind))
        else:
            self.stack.append(Number(kind.fit(top.value), kind))

    def _unary(self, change: Callable[[int | float], int | float]) -> None:
        top = self.stack.pop()
        self.stack.append(Number(top.kind.fit(change(top.signed)), top.kind))

    def _branch(self, always: bool) -> None:
        step = self._fixed(2, signed=True)
        if always or self.stack.pop().value:
            self.pos += step
            if not 0 <= self.pos <= len(self.code):
                raise PostmortemError("an expression jumps out of itself")

    def _plus(self) -> None:
        top = self.stack.pop()
        self.stack.append(Number(top.kind.fit(top.value + self._uleb()), top.kind))

    def _rotate(self) -> None:
        stack = self.stack
        stack[-1], stack[-2], stack[-3] = stack[-2], stack[-3], stack[-1]

    def _swap(self) -> None:
        self.stack[-1], self.stack[-2] = self.stack[-2], self.stack[-1]

    def _pick(self) -> None:
        self.stack.append(self.stack[-1 - self._fixed(1)])

    def _numbered(self) -> None:
        self.location = Location("register", self._uleb())

    def _offset_from_register(self) -> None:
        register = self._uleb()
        self._push(self._register(register) + self._sleb())

    def _parameter(self) -> None:
        reference = self._fixed(4)
        if self.context.parameter is None:
            raise OptimisedAway(GONE)
        self._push(self.context.parameter(reference))


OPERATIONS: dict[int, Callable[[_Machine], object]] = {
    0x06: lambda m: m._deref(4),
    0x10: lambda m: m._push(m._uleb()),
    0x11: lambda m: m._push(m._sleb()),
    0x12: lambda m: m.stack.append(m.stack[-1]),
    0x13: lambda m: m.stack.pop(),
    0x14: lambda m: m.stack.append(m.stack[-2]),
    0x15: _Machine._pick,
    0x16: _Machine._swap,
    0x17: _Machine._rotate,
    0x19: lambda m: m._unary(abs),
    0x1F: lambda m: m._unary(lambda value: -value),
    0x20: lambda m: m._unary(lambda value: ~int(value)),
    0x23: _Machine._plus,
    0x28: lambda m: m._branch(False),
    0x2F: lambda m: m._branch(True),
    0x90: _Machine._numbered,
    0x91: lambda m: m._push(_known(m.context.frame_base(), "the frame base") + m._sleb()),
    0x92: _Machine._offset_from_register,
    0x94: lambda m: m._deref(m._fixed(1)),
    0x96: lambda m: None,
    0x97: lambda m: m._push(_known(m.context.object_address, "the object's address")),
    0x9C: lambda m: m._push(_known(m.context.cfa, "the frame's address")),
    0x9E: _Machine._bytes,
    0x9F: _Machine._value,
    0xA0: _Machine._pointer,
    0xA1: lambda m: m._push(_known(m.context.address(m._uleb()), "an address")),
    0xA2: lambda m: m._push(_known(m.context.address(m._uleb()), "a constant")),
    0xA3: _Machine._entry_value,
    0xA4: _Machine._constant_of_type,
    0xA5: _Machine._register_of_type,
    0xA6: _Machine._deref_type,
    0xA8: lambda m: m._convert(False),
    0xA9: lambda m: m._convert(True),
    0xF2: _Machine._pointer,
    0xF3: _Machine._entry_value,
    0xF4: _Machine._constant_of_type,
    0xF5: _Machine._register_of_type,
    0xF6: _Machine._deref_type,
    0xF7: lambda m: m._convert(False),
    0xF9: lambda m: m._convert(True),
    0xFA: _Machine._parameter,
    0xFB: lambda m: m._push(_known(m.context.address(m._uleb()), "an address")),
    0xFD: lambda m: m._push(_known(m.context.variable(m._fixed(4)), "a variable")),
    0xFC: lambda m: m._push(_known(m.context.address(m._uleb()), "a constant")),
}  # fmt: skip
"""Operation -> what it does: of DWARF 5, and GNU's of the same meaning for DWARF 4."""

UNSUPPORTED = {
    0x9B: "it is thread-local: its block is not known",
    0xE0: "it is thread-local: its block is not known",
}
"""Operation -> why its value is not known."""
