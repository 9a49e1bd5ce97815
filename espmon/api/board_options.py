"""How a board is opened from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

ElfFiles: TypeAlias = str | Path | Sequence[str | Path]
"""One ELF, or several: the application first."""


@dataclass(frozen=True, slots=True)
class BoardOptions:
    """What can be said beside the port.

    Attributes:
        baud: rate of the port.
        elf: decodes addresses and crashes.
        rom_elf: the chip's ROM ELF; that of an installed toolchain when None.
        record: where session folders are made; False records nothing; None does as the user's settings say.
        reconnect: wait for a lost port and open it again. A board whose USB port is its own loses it at every reset.
            Without it, a lost port ends every wait.
        no_reset: keep DTR and RTS quiet while opening, as far as the system lets.
    """

    baud: int = 115200
    elf: ElfFiles = ()
    rom_elf: str | Path | None = None
    record: str | Path | bool | None = None
    reconnect: bool = False
    no_reset: bool = False

    @property
    def elf_files(self) -> tuple[Path, ...]:
        """The ELF files, application first."""
        return (Path(self.elf),) if isinstance(self.elf, str | Path) else tuple(map(Path, self.elf))
