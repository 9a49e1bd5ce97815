"""Decoding a core dump with the ELF that made it: the chosen one, a build here, or one that matched before.

The screen, `espmon decode` and `espmon coredump` all come here, so that they find the same ELF for the same dump.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from espmon.postmortem import CoreReport, PostmortemError, Symbolizer, decode_core
from espmon.postmortem.core_format import Core, parse_core
from espmon.postmortem.core_input import MAX_INPUT, read_core
from espmon.regular_file import open_regular
from espmon.session.rom_elves import find_rom_elf

if TYPE_CHECKING:
    from espmon.postmortem.dump_compare import Comparison
    from espmon.session.elves import ElfLibrary, FoundElf


def decode_dump(
    data: bytes, symbolizer: Symbolizer | None, library: ElfLibrary | None = None, start: str | Path = "."
) -> CoreReport:
    """Decode a dump with the ELF that fits it: the chosen one, else one below a folder or in the library, else none.

    Args:
        data: the dump in any form.
        symbolizer: the application's ELF that is in use, if any; left alone where it does not fit.
        library: copies of ELFs that matched a board before.
        start: the folder below which builds are looked for.

    Raises `PostmortemError` when there is no dump in the bytes.
    """
    core = parse_core(read_core(data))
    if symbolizer is not None and not fits(core, symbolizer):
        core.warnings.append(f"{symbolizer.elf.path} is not the application that made the dump, and is not used")
        symbolizer = None
    if symbolizer is None and (found := elf_of(core, library, start)) is not None:
        core.warnings.append(f"decoded with {found.path}, whose SHA-256 is the one in the dump")
        symbolizer = Symbolizer(found.path)
    return decode_core(core, with_rom(symbolizer, core) if symbolizer is not None else None)


def compare_with(report: CoreReport, path: Path) -> Comparison:
    """Compare a report with the dump in a file, which is decoded with the same ELF, or with the one that fits it.

    Raises `OSError` for a file that cannot be read, and `PostmortemError` when there is no dump in it.
    """
    from espmon.postmortem.dump_compare import compare
    from espmon.session.elves import ElfLibrary

    with open_regular(path) as file:
        data = file.read(MAX_INPUT + 1)
    symbolizer = report.inspector.symbolizer if report.inspector is not None else None
    return compare(report, decode_dump(data, symbolizer, ElfLibrary()))


def fits(core: Core, symbolizer: Symbolizer) -> bool:
    """Whether a dump can have been made by an application: the same processor, and no other SHA-256."""
    same = symbolizer.machine == core.architecture.elf_machine
    return same and (core.app_sha256 is None or symbolizer.sha256.startswith(core.app_sha256))


def elf_of(core: Core, library: ElfLibrary | None, start: str | Path = ".") -> FoundElf | None:
    """Return the ELF that a dump names by its SHA-256: a build below a folder, or one in the library."""
    if not core.app_sha256:
        return None
    from espmon.session.elves import pick  # not for a command that was given its ELF

    return pick(core.app_sha256, start, library)


def with_rom(symbolizer: Symbolizer, core: Core, rom_elf: str | Path | None = None) -> Symbolizer:
    """Return a symbolizer that knows the ROM of the dump's chip too, where its ELF is given or installed.

    Raises `PostmortemError` for a given ELF that cannot be read; an installed one is then left out.
    """
    if rom_elf is not None:
        return symbolizer.extended(rom_elf)
    installed = find_rom_elf(core.chip, core.revision)
    if installed is None or any(image.elf.path == installed for image in symbolizer.images):
        return symbolizer
    try:
        return symbolizer.extended(installed)
    except PostmortemError as error:
        core.warnings.append(f"no names in ROM: {error}")
        return symbolizer
