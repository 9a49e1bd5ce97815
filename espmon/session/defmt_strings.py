"""The strings of defmt frames, read from the section `.defmt` of an ELF file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from espmon.postmortem.elf import Elf
from espmon.records.defmt.defmt_table import (
    BITFLAGS_VALUE_BYTES,
    ENCODING,
    VERSION,
    DefmtError,
    DefmtSymbol,
    DefmtTable,
    read_table,
)

SECTION = ".defmt"


def defmt_table(paths: Iterable[Path]) -> DefmtTable | None:
    """The strings of the first file that has any; None where no file has.

    Raises ValueError where they cannot be read, and `PostmortemError` for what is no ELF file.
    """
    for path in paths:
        elf = Elf(path)
        section = elf.sections.get(SECTION)
        if section is None:
            continue
        symbols = (
            DefmtSymbol(
                symbol.name, symbol.address, section.read(symbol.address - section.address, BITFLAGS_VALUE_BYTES)
            )
            for symbol in elf.symbols_of(SECTION, prefixes=(VERSION, ENCODING))
        )
        try:
            return read_table(symbols)
        except DefmtError as error:
            raise ValueError(f"{path}: {error}") from error
        finally:
            elf.source.close()
    return None
