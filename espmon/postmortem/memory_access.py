"""The access to memory that an instruction makes: through which register, how far from it, of how many bytes.

Encodings: RISC-V unprivileged ISA (loads and stores of RV32I, F, A and C), Xtensa ISA reference manual (groups LSAI,
L32I.N and S32I.N).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from espmon.model.architecture import RISCV, RISCV_REGISTERS, XTENSA
from espmon.postmortem.symbolizer import CodeSource


class MemoryAccess(NamedTuple):
    """`size` bytes at register `base` (lower case) plus `offset`."""

    base: str
    offset: int
    size: int
    write: bool

    @property
    def words(self) -> str:
        """The access for people: "a read of 4 bytes at a5 + 8"."""
        place = f"{self.base} + {self.offset}" if self.offset >= 0 else f"{self.base} - {-self.offset}"
        what = "a write" if self.write else "a read"
        return f"{what} of {self.size} byte{'s' if self.size > 1 else ''} at {place if self.offset else self.base}"


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


def _field(word: int, high: int, low: int) -> int:
    return word >> low & ((1 << (high - low + 1)) - 1)


def riscv_access(code: bytes) -> MemoryAccess | None:
    """Return what the RISC-V instruction that these bytes begin with accesses, None for one that accesses nothing."""
    if len(code) < 2:
        return None
    word = int.from_bytes(code[:4], "little")
    if word & 3 != 3:
        return _riscv_short(word & 0xFFFF)
    if len(code) < 4:
        return None
    opcode, size = word & 0x7F, 1 << (word >> 12 & 3)
    base = RISCV_REGISTERS[word >> 15 & 31]
    if opcode in (0x03, 0x07):
        return MemoryAccess(base, _signed(word >> 20, 12), size, False)
    if opcode in (0x23, 0x27):
        return MemoryAccess(base, _signed(_field(word, 31, 25) << 5 | _field(word, 11, 7), 12), size, True)
    if opcode == 0x2F:
        return MemoryAccess(base, 0, size, word >> 27 != 2)
    return None


def _riscv_short(word: int) -> MemoryAccess | None:
    kind, group = word >> 13, word & 3
    if group == 0 and kind in (2, 3, 6, 7):
        offset = _field(word, 12, 10) << 3 | _field(word, 6, 6) << 2 | _field(word, 5, 5) << 6
        return MemoryAccess(RISCV_REGISTERS[8 + _field(word, 9, 7)], offset, 4, kind >= 6)
    if group == 2 and kind in (2, 3):
        return MemoryAccess(
            "sp", _field(word, 12, 12) << 5 | _field(word, 6, 4) << 2 | _field(word, 3, 2) << 6, 4, False
        )
    if group == 2 and kind in (6, 7):
        return MemoryAccess("sp", _field(word, 12, 9) << 2 | _field(word, 8, 7) << 6, 4, True)
    return None


XTENSA_ACCESSES: Mapping[int, tuple[int, bool]] = {
    0: (1, False), 1: (2, False), 2: (4, False), 4: (1, True), 5: (2, True), 6: (4, True), 9: (2, False),
    11: (4, False), 14: (4, True), 15: (4, True),
}  # fmt: skip
"""Field `r` of group LSAI -> bytes, and whether it writes."""


def xtensa_access(code: bytes) -> MemoryAccess | None:
    """Return what the Xtensa instruction that these bytes begin with accesses, None for one that accesses nothing."""
    if len(code) < 2:
        return None
    op0, base, upper = code[0] & 15, f"a{code[1] & 15}", code[1] >> 4
    if op0 in (8, 9):
        return MemoryAccess(base, 4 * upper, 4, op0 == 9)
    if op0 == 2 and len(code) >= 3 and upper in XTENSA_ACCESSES:
        size, write = XTENSA_ACCESSES[upper]
        return MemoryAccess(base, code[2] * size, size, write)
    return None


ACCESSES: Mapping[str, Callable[[bytes], MemoryAccess | None]] = {
    RISCV.name: riscv_access,
    XTENSA.name: xtensa_access,
}
"""Name of the architecture -> what reads its instructions."""

MAX_INSTRUCTION_BYTES = 4


def access_at(architecture: str, source: CodeSource, address: int) -> MemoryAccess | None:
    """Return what the instruction at an address accesses, None where that is nothing or not known."""
    read = ACCESSES.get(architecture)
    return read(source.code_at(address, MAX_INSTRUCTION_BYTES)) if read is not None else None
