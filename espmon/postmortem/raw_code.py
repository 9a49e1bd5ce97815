"""What stands in for the program where there is no ELF: addresses that can be code, and no names."""

from __future__ import annotations

from espmon.postmortem.elf import XTENSA, Symbol
from espmon.postmortem.symbolizer import Frame

CODE = {
    XTENSA: ((0x4000_0001, 0x4400_0000),),
}
"""ELF machine -> the addresses at which its chips run code (start, end): ROM, instruction RAM and flash."""


class RawCode:
    """A program of which nothing is known but the processor it runs on."""

    def __init__(self, machine: int) -> None:
        self.machine = machine

    def is_code(self, address: int) -> bool:
        """Tell whether the chip can run code at an address."""
        return any(start <= address < end for start, end in CODE.get(self.machine, ()))

    def code_at(self, address: int, size: int) -> bytes:
        """Return nothing: no code is known."""
        return b""

    def symbol_at(self, address: int) -> Symbol | None:
        """Return None: no symbol is known."""
        return None

    def lookup(self, address: int, statements: bool = False) -> list[Frame]:
        """Return no frames: no function is known."""
        return []

    def lookup_caller(self, return_address: int, statements: bool = False) -> list[Frame]:
        """Return no frames: no function is known."""
        return []
