"""DWARF expressions: where a value is, or what it is, computed from registers and memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from espmon.postmortem.binary import sleb, uleb, unsigned
from espmon.postmortem.postmortem_error import PostmortemError, reading

MAX_STEPS = 2_000
MAX_STACK = 256
MASK = 0xFFFFFFFF
SIGN = 0x80000000


class Location(NamedTuple):
    """What an expression found.

    `kind`: "memory" (value is an address), "register" (value is its DWARF number), "value" (the value itself),
    "bytes" (`content`).
    """

    kind: str
    value: int = 0
    content: bytes = b""


class Context(NamedTuple):
    """What an expression may ask for; each returns None where it is not known."""

    register: Callable[[int], int | None]
    memory: Callable[[int, int], bytes | None]
    cfa: int | None = None
    frame_base: Callable[[], int | None] = lambda: None
    address: Callable[[int], int | None] = lambda index: None


def _signed(value: int) -> int:
    value &= MASK
    return value - (1 << 32) if value & SIGN else value


def _known(value: int | None, what: str) -> int:
    if value is None:
        raise PostmortemError(f"{what} is not known")
    return value


def _divide(left: int, right: int) -> int:
    if not right:
        raise PostmortemError("an expression divides by zero")
    quotient = abs(_signed(left)) // abs(_signed(right))
    return quotient if (_signed(left) < 0) == (_signed(right) < 0) else -quotient


def _modulo(left: int, right: int) -> int:
    if not right:
        raise PostmortemError("an expression divides by zero")
    return left % right


BINARY: dict[int, Callable[[int, int], int]] = {
    0x1A: lambda a, b: a & b,
    0x1B: _divide,
    0x1C: lambda a, b: a - b,
    0x1D: _modulo,
    0x1E: lambda a, b: a * b,
    0x21: lambda a, b: a | b,
    0x22: lambda a, b: a + b,
    0x24: lambda a, b: a << b if b < 32 else 0,
    0x25: lambda a, b: a >> b if b < 32 else 0,
    0x26: lambda a, b: _signed(a) >> min(b, 31),
    0x27: lambda a, b: a ^ b,
    0x29: lambda a, b: int(a == b),
    0x2A: lambda a, b: int(_signed(a) >= _signed(b)),
    0x2B: lambda a, b: int(_signed(a) > _signed(b)),
    0x2C: lambda a, b: int(_signed(a) <= _signed(b)),
    0x2D: lambda a, b: int(_signed(a) < _signed(b)),
    0x2E: lambda a, b: int(a != b),
}
"""Operation -> what it makes of the two topmost values."""

CONSTANTS = {0x08: (1, False), 0x09: (1, True), 0x0A: (2, False), 0x0B: (2, True), 0x0C: (4, False), 0x0D: (4, True)}
CONSTANTS |= {0x0E: (8, False), 0x0F: (8, True), 0x03: (4, False)}
"""Operation -> bytes of its operand and whether it is signed."""


def evaluate(code: bytes, context: Context, initial: int | None = None) -> Location:
    """Run an expression; raises `PostmortemError` when something it needs is not known or it is not simple enough."""
    with reading("an expression"):
        return _evaluate(code, context, initial)


def _evaluate(code: bytes, context: Context, initial: int | None) -> Location:
    stack: list[int] = [] if initial is None else [initial]
    result: Location | None = None
    pos = 0
    for _ in range(MAX_STEPS):
        if pos >= len(code):
            break
        if result is not None:
            raise PostmortemError("a value lies in several pieces")
        if len(stack) > MAX_STACK:
            raise PostmortemError("an expression needs too deep a stack")
        op = code[pos]
        pos += 1
        if 0x30 <= op <= 0x4F:
            stack.append(op - 0x30)
        elif 0x50 <= op <= 0x6F:
            result = Location("register", op - 0x50)
        elif 0x70 <= op <= 0x8F:
            offset, pos = sleb(code, pos)
            stack.append(_known(context.register(op - 0x70), f"register {op - 0x70}") + offset)
        elif op in CONSTANTS:
            size, is_signed = CONSTANTS[op]
            stack.append(int.from_bytes(code[pos : pos + size], "little", signed=is_signed))
            pos += size
        elif op in BINARY:
            right, left = stack.pop() & MASK, stack.pop() & MASK
            stack.append(BINARY[op](left, right))
        elif op == 0x91:
            offset, pos = sleb(code, pos)
            stack.append(_known(context.frame_base(), "the frame base") + offset)
        elif op == 0x9C:
            stack.append(_known(context.cfa, "the frame's address"))
        elif op == 0x23:
            addend, pos = uleb(code, pos)
            stack[-1] += addend
        elif op in (0x06, 0x94):
            size = 4
            if op == 0x94:
                size, pos = code[pos], pos + 1
            where = stack.pop() & MASK
            content = context.memory(where, size)
            if content is None or not 0 < size <= 8:
                raise PostmortemError(f"memory at 0x{where:08x} is not known")
            stack.append(unsigned(content, 0, size))
        elif op == 0x9F:
            result = Location("value", stack[-1] & MASK)
        elif op == 0x9E:
            length, pos = uleb(code, pos)
            result = Location("bytes", 0, code[pos : pos + length])
            pos += length
        else:
            number, pos = _other(op, code, pos, stack, context)
            if number is not None:
                result = Location("register", number)
    else:
        raise PostmortemError("an expression does not end")
    if result is not None:
        return result
    if not stack:
        raise PostmortemError("an expression is empty: the value was optimised away")
    return Location("memory", stack[-1] & MASK)


def _other(op: int, code: bytes, pos: int, stack: list[int], context: Context) -> tuple[int | None, int]:
    if op == 0x10:
        value, pos = uleb(code, pos)
        stack.append(value)
    elif op == 0x11:
        value, pos = sleb(code, pos)
        stack.append(value)
    elif op == 0x12:
        stack.append(stack[-1])
    elif op == 0x13:
        stack.pop()
    elif op == 0x14:
        stack.append(stack[-2])
    elif op == 0x15:
        stack.append(stack[-1 - code[pos]])
        pos += 1
    elif op == 0x16:
        stack[-1], stack[-2] = stack[-2], stack[-1]
    elif op == 0x17:
        stack[-1], stack[-2], stack[-3] = stack[-2], stack[-3], stack[-1]
    elif op == 0x19:
        stack[-1] = abs(_signed(stack[-1]))
    elif op == 0x1F:
        stack[-1] = -stack[-1]
    elif op == 0x20:
        stack[-1] = ~stack[-1] & MASK
    elif op in (0x28, 0x2F):
        step = int.from_bytes(code[pos : pos + 2], "little", signed=True)
        pos += 2
        if op == 0x2F or stack.pop():
            pos += step
            if not 0 <= pos <= len(code):
                raise PostmortemError("an expression jumps out of itself")
    elif op == 0x90:
        return uleb(code, pos)
    elif op == 0x92:
        register, pos = uleb(code, pos)
        offset, pos = sleb(code, pos)
        stack.append(_known(context.register(register), f"register {register}") + offset)
    elif op in (0xA1, 0xFB):
        index, pos = uleb(code, pos)
        stack.append(_known(context.address(index), "an address"))
    elif op == 0x96:
        pass
    elif op in (0xA3, 0xF3):
        raise PostmortemError("only the value at the call is described")
    elif op == 0x93:
        raise PostmortemError("a value lies in several pieces")
    else:
        raise PostmortemError(f"operation 0x{op:02x} is not supported")
    return None, pos
