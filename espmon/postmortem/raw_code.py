"""What stands in for the program where there is no ELF: addresses that can be code, and no names."""

from __future__ import annotations

from espmon.model.architecture import Architecture
from espmon.model.stack_frame import Frame
from espmon.postmortem.elf import Symbol


class RawCode:
    """A program of which nothing is known but the processor it runs on."""

    def __init__(self, architecture: Architecture) -> None:
        self._code = architecture.code
        self.machine = architecture.elf_machine

    def is_code(self, address: int) -> bool:
        """Tell whether the chip can run code at an address."""
        return any(start <= address < end for start, end in self._code)

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
