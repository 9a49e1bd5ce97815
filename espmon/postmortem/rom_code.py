"""Where the chips have code in mask ROM, which no application's ELF holds."""

from __future__ import annotations

from collections.abc import Mapping

from espmon.postmortem.elf import RISCV, XTENSA
from espmon.postmortem.symbolizer import CodeSource

ROM_CODE: Mapping[int, tuple[tuple[int, int], ...]] = {
    XTENSA: ((0x4000_0000, 0x4007_0000),),
    RISCV: ((0x4000_0000, 0x400A_0000), (0x4FC0_0000, 0x4FC4_0000)),
}
"""ELF machine -> where masks with the ROM's code lie (start, end); the P4 has its own place."""


def in_rom(address: int, source: CodeSource) -> bool:
    """Whether an address lies in ROM code for which no ELF was given."""
    ranges = ROM_CODE.get(source.machine, ())
    return any(start <= address < end for start, end in ranges) and not source.is_code(address)
