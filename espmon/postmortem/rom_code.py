"""Where the chips have code in mask ROM, which no application's ELF holds."""

from __future__ import annotations

from espmon.model.architecture import MACHINES
from espmon.postmortem.symbolizer import CodeSource


def is_rom(address: int, machine: int) -> bool:
    """Whether an address lies in mask ROM."""
    architecture = MACHINES.get(machine)
    return architecture is not None and architecture.in_rom(address)


def in_rom(address: int, source: CodeSource) -> bool:
    """Whether an address lies in ROM code for which no ELF was given."""
    return is_rom(address, source.machine) and not source.is_code(address)
