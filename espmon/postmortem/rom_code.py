"""Where the chips have code in mask ROM, which no application's ELF holds."""

from __future__ import annotations

from espmon.model.architecture import MACHINES
from espmon.postmortem.symbolizer import CodeSource


def in_rom(address: int, source: CodeSource) -> bool:
    """Whether an address lies in ROM code for which no ELF was given."""
    architecture = MACHINES.get(source.machine)
    return architecture is not None and architecture.in_rom(address) and not source.is_code(address)
