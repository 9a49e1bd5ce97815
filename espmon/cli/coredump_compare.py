"""`espmon coredump A --compare B` and `--seen`: what differs, and where the same crash was met before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.cli.command_runner import say
from espmon.postmortem import Symbolizer, decode_core
from espmon.postmortem.core_format import parse_core
from espmon.postmortem.core_input import read_core
from espmon.session.core_decoding import elf_of, fits, with_rom
from espmon.session.settings import data_folder

if TYPE_CHECKING:
    from espmon.postmortem import CoreReport
    from espmon.postmortem.dump_compare import Comparison
    from espmon.session.archive.crash_history import CrashGroup


def compared(report: CoreReport, symbolizer: Symbolizer | None, data: bytes, elf: str | None) -> Comparison:
    """Compare a report with another dump, decoded by its own ELF, by the first one's, or by one that is kept.

    Raises `PostmortemError` for what is no dump, and for an ELF that cannot be read or does not fit.
    """
    from espmon.postmortem.dump_compare import compare
    from espmon.session.elves import ElfLibrary

    core = parse_core(read_core(data))
    other = Symbolizer(elf) if elf is not None else symbolizer
    if elf is None and other is not None and not fits(core, other):
        found = elf_of(core, ElfLibrary())
        other = Symbolizer(found.path) if found is not None else None
        if other is None:
            say("espmon: warning: the other dump is of another build: give its ELF with --compare-elf")
    return compare(report, decode_core(core, with_rom(other, core) if other is not None else None))


def sightings(report: CoreReport) -> list[CrashGroup]:
    """The crashes of past sessions that are this one."""
    from espmon.session.archive.crash_names import seen_before

    return seen_before(report, data_folder())
