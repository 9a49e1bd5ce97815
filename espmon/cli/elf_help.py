"""What ELF files add to decoded records: places of addresses, reports of panics and core dumps, log strings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from espmon.cli.command_runner import Exit, clean, fail, say
from espmon.records import Coredump, JsonObject, LineBlock, Record
from espmon.records.events import Boot, Panic
from espmon.session.binlog_strings import BinlogStrings

if TYPE_CHECKING:
    from espmon.postmortem import Symbolizer
    from espmon.postmortem.panic_report import PanicReport
    from espmon.records.defmt.defmt_table import DefmtTable


class ElfHelp:
    """Symbols and strings of the given ELF files (application first), and of the chip's ROM, where its ELF is given or
    installed. Without files crashes are told as far as the board printed them.

    Ends the command with exit code 2 when a file cannot be used.
    """

    def __init__(self, paths: list[Path], rom_elf: Path | None = None) -> None:
        self.strings: BinlogStrings | None = None
        self.defmt: DefmtTable | None = None
        self._symbolizer: Symbolizer | None = None
        self._core_record: Coredump | None = None
        self._core_report: tuple[JsonObject, str] | None = None
        self._rom_elf = rom_elf
        self._rom_known = rom_elf is not None
        if paths:
            self.use(paths)

    def use(self, paths: list[Path]) -> None:
        """Use these files (application first) from here on."""
        from espmon.postmortem import PostmortemError, Symbolizer
        from espmon.session.defmt_strings import defmt_table

        rom_elf = self._rom_elf
        try:
            self.strings = BinlogStrings(paths)
            self.defmt = defmt_table(paths)
            self._symbolizer = Symbolizer([*paths, *([rom_elf] if rom_elf is not None else [])])
        except OSError as error:
            fail(Exit.USAGE, f"cannot read {clean(str(error.filename))}: {error.strerror or error}")
        except (PostmortemError, ValueError) as error:
            fail(Exit.USAGE, str(error))

    def learn(self, record: Record) -> None:
        """Use the ROM ELF of an installed toolchain once the log has named the chip."""
        if not isinstance(record, Boot) or self._symbolizer is None or self._rom_known:
            return
        from espmon.postmortem import PostmortemError
        from espmon.session.rom_elves import find_rom_elf, revision_number

        rom = find_rom_elf(record.chip, revision_number(record.chip_revision))
        if rom is None:
            return
        self._rom_known = True
        try:
            self._symbolizer = self._symbolizer.extended(rom)
        except PostmortemError as error:
            say(f"espmon: no names in ROM: {error}")

    def decorations(self, block: LineBlock) -> dict[int, tuple[str, ...]]:
        """Line index -> the places of the addresses in that line."""
        if self._symbolizer is None:
            return {}
        from espmon.session.addresses import candidate_lines, decorate

        found = {index: decorate(line, self._symbolizer) for index, line in candidate_lines(block)}
        return {index: rows for index, rows in found.items() if rows}

    def panic(self, panic: Panic) -> PanicReport:
        """The report on a panic, as far as the files tell."""
        from espmon.postmortem.panic_report import decode_panic

        return decode_panic(panic, self._symbolizer)

    def report(self, record: Record) -> str:
        """What is told of a crash below its title, as lines of text: its report, or of a panic without an ELF one
        sentence; "" for any other record.
        """
        if isinstance(record, Panic):
            report = self.panic(record)
            return report.to_text() if self._symbolizer is not None else report.sentence
        if isinstance(record, Coredump) and record.payload:
            found = self.core(record)
            return found[1] if found else ""
        return ""

    def json(self, record: Record) -> JsonObject:
        """The record's JSON with what decoding adds."""
        value = record.to_json()
        if isinstance(record, Panic):
            value.update(self.panic(record).to_json())
        elif isinstance(record, Coredump) and record.payload:
            report = self.core(record)
            if report is not None:
                value["report"] = report[0]
        return value

    def core(self, record: Coredump) -> tuple[JsonObject, str] | None:
        """A core dump's report as JSON and as text; None, and a line on stderr, when it cannot be decoded."""
        if self._core_record is not record:
            self._core_record, self._core_report = record, self._decoded(record)
        return self._core_report

    def _decoded(self, record: Coredump) -> tuple[JsonObject, str] | None:
        from espmon.postmortem import PostmortemError
        from espmon.session.core_decoding import decode_dump
        from espmon.session.elves import ElfLibrary

        try:
            report = decode_dump(bytes(record.payload), self._symbolizer, ElfLibrary())
        except PostmortemError as error:
            say(f"espmon: core dump at byte {record.offset}: {error}")
            return None
        return report.to_json(), report.to_text()
