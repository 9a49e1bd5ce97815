"""What a register's value gives away: tables of the patterns that crashes leave behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from espmon.model.architecture import ADDRESS_NAMES, CAUSE_NAMES, PC_NAMES, SP_NAMES, Architecture
from espmon.postmortem.symbolizer import Symbolizer

NULL_REACH = 0x1000
"""Addresses below this are a null pointer plus the offset of a member."""

PATTERNS: Mapping[int, str] = {
    0xA5A5A5A5: "never written stack (FreeRTOS fill)",
    0xFEFEFEFE: "freed memory (heap poisoning)",
    0xCECECECE: "allocated and never written (heap poisoning)",
    0xABBA1234: "start marker of a heap block",
    0xBAAD5678: "end marker of a heap block",
    0xFEEEFEEE: "freed memory",
    0xDEADBEEF: "0xdeadbeef marker",
    0xFFFFFFFF: "-1, or erased flash",
    0x7FFFFFFF: "INT_MAX, or the end of a backtrace",
}
"""Value -> what it usually means."""

NAMELESS = frozenset({*CAUSE_NAMES, "PS", "SAR", "LCOUNT", "MSTATUS", "MTVEC", "MHARTID", "WINDOWBASE", "WINDOWSTART"})
"""Registers that hold no pointer: no notes."""


def note_on(
    name: str,
    value: int,
    *,
    stack: Sequence[tuple[int, int]] = (),
    function_at: Callable[[int], str | None] = lambda address: None,
) -> str | None:
    """A remark on one register, or None when its value says nothing.

    Args:
        name: as printed ("A10", "S0/FP").
        value: 32 bits.
        stack: address ranges (start, end) that were dumped as stack.
        function_at: name of the function at a code address, or None.
    """
    if name in NAMELESS:
        return None
    if value == 0:
        return "null" if name in ADDRESS_NAMES or name in PC_NAMES else None
    if value in PATTERNS:
        return PATTERNS[value]
    for pattern in (0xFEFEFEFE, 0xCECECECE, 0xA5A5A5A5):
        if 0 < value - pattern < 0x100:
            return f"{PATTERNS[pattern]}, plus {value - pattern}"
    if name in ADDRESS_NAMES and value < NULL_REACH:
        return f"null pointer plus {value}"
    function = function_at(value)
    if function:
        return function
    if name not in SP_NAMES and any(start <= value < end for start, end in stack):
        return "on this stack"
    return None


def register_notes(
    registers: Mapping[str, int],
    architecture: Architecture | None,
    symbolizer: Symbolizer | None,
    stack: Sequence[tuple[int, int]] = (),
) -> dict[str, str]:
    """Returns remarks on registers, by their names as they stand in `registers`; those that say nothing are left out.

    Args:
        registers: by any of their names.
        architecture: whose registers these are, None when nothing tells.
        symbolizer: the program; None where there is no ELF.
        stack: address ranges (start, end) that were dumped as stack.
    """
    ra = architecture.ra if architecture is not None else None

    def function_at(address: int, returns: bool) -> str | None:
        if symbolizer is None or not symbolizer.is_code(address):
            return None
        frames = symbolizer.lookup_caller(address) if returns else symbolizer.lookup(address)
        return frames[0].function if frames else None

    notes: dict[str, str] = {}
    for name, value in registers.items():
        upper = name.upper()
        note = note_on(upper, value, stack=stack, function_at=partial(function_at, returns=upper == ra))
        if note is not None:
            notes[name] = note
    return notes


def register_symbols(
    registers: Mapping[str, int], architecture: Architecture | None, symbolizer: Symbolizer | None
) -> dict[str, str]:
    """Returns what registers point to as debuggers write it ("app_main+12"): functions and variables."""
    found: dict[str, str] = {}
    if symbolizer is None or architecture is None:
        return found
    for name, value in registers.items():
        if name.upper() in NAMELESS:
            continue
        returns = name.upper() == architecture.ra
        address = architecture.call_address(value) if returns else value
        symbol = symbolizer.symbol_and_offset(address, returns) if address else None
        if symbol is not None:
            found[name] = symbol
    return found


def access_size_hint(cause: str | None, address: int | None) -> str | None:
    """For alignment faults: how far off the address is."""
    if cause is None or address is None or not any(word in cause for word in ("lign",)):
        return None
    return f"0x{address:08x} is {address % 4} past a multiple of 4" if address % 4 else None
