"""What reading Xtensa code tells: where calls are, where instructions begin, which of them can raise an exception.

Encodings are those of the Xtensa ISA reference manual: the low four bits of the first byte are `op0`, which also gives
the length; fields are named as there (`t` above `op0`, `s` and `r` in the second byte, `op1` and `op2` in the third).
"""

from __future__ import annotations

from espmon.postmortem.symbolizer import CodeSource

CALL_BYTES = 3
"""Length of every call instruction."""
ENTRY = 0x36
"""First byte of the ENTRY instruction, with which a function of the windowed ABI begins."""
DIRECT_CALLS = {0x05: 0, 0x15: 1, 0x25: 2, 0x35: 3}
REGISTER_CALLS = {0xC0: 0, 0xD0: 1, 0xE0: 2, 0xF0: 3}
"""First byte of a call (of a direct one without the two bits of its offset) -> how far it rotates the window, in steps
of four registers."""

LOADS_AND_STORES = frozenset({0, 1, 2, 4, 5, 6, 7, 9, 11, 14, 15})
"""Field `r` of the group LSAI (op0 2) whose instructions access memory."""
DIVISIONS = frozenset({0xC, 0xD, 0xE, 0xF})
"""Field `op2` of the group RST2 (op1 2): QUOU, QUOS, REMU, REMS."""
NARROW_STOPS = frozenset({0x2, 0x6})
"""Field `t` of the narrow group S3 (r 15): BREAK.N, ILL.N."""

MAX_WALK_BYTES = 4096
"""How far behind a function's start instructions are followed one by one."""


def call_size_before(source: CodeSource, return_address: int) -> int | None:
    """Return the window step (0: call0) of the call that ends at an address; None: no code known there; -1: not a
    call.
    """
    return call_size_at(source, return_address - CALL_BYTES)


def call_size_at(source: CodeSource, address: int) -> int | None:
    """Return the window step (0: call0) of the call that begins at an address; None: no code known there; -1: not a
    call.
    """
    code = source.code_at(address, CALL_BYTES)
    if len(code) < CALL_BYTES:
        return None
    if code[0] & 0x3F in DIRECT_CALLS:
        return DIRECT_CALLS[code[0] & 0x3F]
    if code[1] & 0xF0 == 0 and code[2] == 0:
        return REGISTER_CALLS.get(code[0], -1)
    return -1


def instruction_size(first: int) -> int | None:
    """Return the bytes of the instruction that begins with a byte; None for the wide ones, which chips extend."""
    op0 = first & 0xF
    return 3 if op0 < 8 else 2 if op0 < 14 else None


def begins_instruction(source: CodeSource, address: int) -> bool:
    """Whether an instruction begins at an address, followed from its function's start; True where that is not known."""
    function = source.symbol_at(address)
    if function is None or not 0 <= address - function.address <= MAX_WALK_BYTES:
        return True
    code = source.code_at(function.address, address - function.address)
    at = 0
    while at < len(code):
        size = instruction_size(code[at])
        if size is None:
            return True
        at += size
    return function.address + at == address


def can_stop_at(source: CodeSource, address: int) -> bool:
    """Whether the processor can have stopped at an address by itself: an access to memory, a division, a breakpoint, an
    illegal instruction, or waiting for an interrupt, which is over at the next instruction.
    """
    code = source.code_at(address, 3)
    if len(code) < 3:
        return False
    before = source.code_at(address - 3, 3)
    if len(before) == 3 and before[0] == 0 and before[1] >> 4 == 7 and before[2] == 0:  # WAITI
        return True
    op0, t, r = code[0] & 0xF, code[0] >> 4, code[1] >> 4
    op1, op2 = code[2] & 0xF, code[2] >> 4
    if op0 in (3, 8, 9):  # floating point and narrow loads and stores
        return True
    if op0 == 2:
        return r in LOADS_AND_STORES
    if op0 == 13:
        return r == 15 and t in NARROW_STOPS
    if op0 == 0:
        if op1 == 0 and op2 == 0:  # ILL, BREAK, SYSCALL
            return (r == 0 and code[0] == 0 and code[1] == 0) or r in (4, 5)
        return (op1 == 2 and op2 in DIVISIONS) or op1 == 9
    return False
