"""What the unwinder must know of RISC-V code: which registers live on, and which call ends at an address."""

from __future__ import annotations

from typing import NamedTuple

from espmon.postmortem.symbolizer import CodeSource

CALLEE_SAVED = frozenset({2, 3, 4, 8, 9, *range(18, 28)})
"""Registers a function must give back unchanged."""


class Call(NamedTuple):
    """A call instruction at `at`; `target` is None when it goes through a register."""

    at: int
    target: int | None


def _sign(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


def call_before(source: CodeSource, return_address: int) -> Call | None:
    """Return the call that comes back to an address, None when the code before it is no call (or not known)."""
    if return_address & 1:
        return None
    code = source.code_at(return_address - 8, 8)
    if len(code) < 8:
        code = bytes(4) + source.code_at(return_address - 4, 4)
        if len(code) < 8:
            return None
    last = int.from_bytes(code[4:], "little")
    at = return_address - 4
    link = last >> 7 & 31
    if last & 0x7F == 0x6F and link == 1:
        offset = (last >> 31 & 1) << 20 | (last >> 12 & 0xFF) << 12 | (last >> 20 & 1) << 11 | (last >> 21 & 0x3FF) << 1
        return Call(at, (at + _sign(offset, 21)) & 0xFFFFFFFF)
    if last & 0x707F == 0x67 and link == 1:
        upper = int.from_bytes(code[:4], "little")
        base = last >> 15 & 31
        if upper & 0x7F == 0x17 and upper >> 7 & 31 == base:
            return Call(at, (at - 4 + (upper & 0xFFFFF000) + _sign(last >> 20, 12)) & 0xFFFFFFFF)
        if upper & 0x7F == 0x37 and upper >> 7 & 31 == base:
            return Call(at, ((upper & 0xFFFFF000) + _sign(last >> 20, 12)) & 0xFFFFFFFF)
        return Call(at, None)
    short = last >> 16
    at = return_address - 2
    if short & 0xF07F == 0x9002 and short >> 7 & 31:
        return Call(at, None)
    if short & 0xFC03 == 0xA002 and short >> 2 & 0xFF >= 32:  # cm.jalt: through the table of jumps
        return Call(at, None)
    if short & 0xE003 == 0x2001:
        bits = ((12, 11), (11, 4), (10, 9), (9, 8), (8, 10), (7, 6), (6, 7), (5, 3), (4, 2), (3, 1), (2, 5))
        offset = sum((short >> source & 1) << place for source, place in bits)
        return Call(at, (at + _sign(offset, 12)) & 0xFFFFFFFF)
    return None
