"""The ELF, DWARF and core readers against an independent witness: pyelftools, on every ELF file there is here."""

from __future__ import annotations

import posixpath
import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from elftools.elf.segments import NoteSegment

from espmon.postmortem import Symbolizer
from espmon.postmortem.core_format import parse_core
from espmon.postmortem.core_input import read_core
from espmon.postmortem.elf import SHF_ALLOC, Elf
from tests.inputs import OWN, ROOT, SIMULATED_ELF, Dump

ELVES = sorted([*(ROOT / "tests" / "fixtures" / "elf").glob("*.elf"), *OWN.rglob("*.elf"), SIMULATED_ELF])
MISSING_FILES = {"split.elf"}
"""Their line tables name files in units whose other half is away."""

WITHOUT_CODE = {"rust_enums.elf"}
"""They hold variables and their types alone."""

WITHOUT_DWARF = {"stripped.elf", "symtab_only.elf", "log.elf", "bootloader.elf"}


@pytest.fixture(params=ELVES, ids=[str(path.relative_to(ROOT)) for path in ELVES])
def path(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture
def witness(path: Path) -> Iterator[ELFFile]:
    with path.open("rb") as file:
        yield ELFFile(file)


def test_sections_are_the_same(path: Path, witness: ELFFile) -> None:
    elf = Elf(path)
    theirs = {
        section.name: (section["sh_addr"], section["sh_offset"], section["sh_size"], section["sh_flags"])
        for section in witness.iter_sections()
    }
    assert {name: (s.address, s.offset, s.size, s.flags) for name, s in elf.sections.items()} == theirs
    assert len(theirs) > 4
    for section in witness.iter_sections():
        if section["sh_type"] not in ("SHT_NULL", "SHT_NOBITS"):
            assert elf.sections[section.name].read() == section.data(), section.name


def test_segments_and_the_bytes_at_their_addresses_are_the_same(path: Path, witness: ELFFile) -> None:
    elf = Elf(path)
    theirs = [(s["p_offset"], s["p_vaddr"], s["p_filesz"], s["p_memsz"], s["p_flags"]) for s in witness.iter_segments()]
    assert [(s.offset, s.address, s.stored, s.size, s.flags) for s in elf.segments] == theirs
    assert (elf.entry, elf.machine) == (witness["e_entry"], struct.unpack_from("<H", path.read_bytes(), 18)[0])
    for section in witness.iter_sections():
        if section["sh_flags"] & SHF_ALLOC and section["sh_type"] == "SHT_PROGBITS":
            data = section.data()
            assert elf.read(section["sh_addr"], len(data)) == data, section.name


def test_every_function_is_found_by_its_name_and_by_its_addresses(path: Path, witness: ELFFile) -> None:
    elf = Elf(path)
    table = witness.get_section_by_name(".symtab")
    if table is None:
        assert "stripped" in path.name
        return
    assert isinstance(table, SymbolTableSection)
    sized = [s for s in table.iter_symbols() if s["st_info"]["type"] == "STT_FUNC" and s["st_size"] and s.name]
    assert sized or path.name in WITHOUT_CODE
    for symbol in sized:
        start, size = symbol["st_value"], symbol["st_size"]
        found = elf.symbol_named(symbol.name)
        same_name = {(s["st_value"], s["st_size"]) for s in sized if s.name == symbol.name}
        assert found is not None
        assert (found.address, found.size) in same_name
        # A label inside a function of assembly names what follows it.
        same_place = {s.name for s in table.iter_symbols() if start <= s["st_value"] < start + size}
        for address in (start, start + size - 1):
            there = elf.function_at(address)
            assert there is not None
            assert there.name in same_place, f"0x{address:08x}"


def rows(witness: ELFFile) -> Iterator[tuple[int, str, int]]:
    """(address, file, line) of the last row of each address of each sequence."""
    for unit in witness.get_dwarf_info().iter_CUs():
        dwarf = witness.get_dwarf_info()
        program = dwarf.line_program_for_CU(unit)
        if program is None:
            continue
        top = unit.get_top_DIE().attributes
        folder = top["DW_AT_comp_dir"].value.decode() if "DW_AT_comp_dir" in top else ""
        at: dict[int, tuple[str, int]] = {}
        for entry in program.get_entries():
            state = entry.state
            if state is None:
                continue
            if state.end_sequence:
                at.pop(state.address, None)
                yield from ((address, file, line) for address, (file, line) in at.items())
                at = {}
            else:
                at[state.address] = _file(program.header, state.file, folder), state.line


def _file(header: Any, index: int, folder: str) -> str:
    old = header["version"] < 5
    entry = header["file_entry"][index - 1 if old else index]
    folders = [name.decode() for name in header["include_directory"]]
    if old:
        folders.insert(0, folder)
    return posixpath.normpath(posixpath.join(folder, folders[entry.dir_index], entry.name.decode()))


def test_the_line_of_every_row_is_the_same(path: Path, witness: ELFFile) -> None:
    if not witness.has_dwarf_info():
        assert path.name in WITHOUT_DWARF
        return
    symbolizer = Symbolizer(path)
    compared = 0
    for address, file, line in rows(witness):
        frames = symbolizer.lookup(address)
        if not line or not symbolizer.is_code(address):
            continue  # nothing of the sources, or a function that the linker left out
        assert frames, f"0x{address:08x}"
        assert frames[0].line == line, f"0x{address:08x}"
        assert frames[0].file is not None
        assert posixpath.normpath(frames[0].file) == file or path.name in MISSING_FILES
        compared += 1
    assert compared > 20 or path.name in WITHOUT_CODE


def test_the_notes_of_a_core_dump_are_the_same(dump: Dump) -> None:
    source = read_core(dump.text)
    core = parse_core(source)
    if core.format == "bin":
        return
    body = source.data[source.data.index(b"\x7fELF") :]
    segments = list(ELFFile(BytesIO(body)).iter_segments())
    notes = [note for segment in segments if isinstance(segment, NoteSegment) for note in segment.iter_notes()]
    status = [note["n_descdata"] for note in notes if note["n_name"] == "CORE"]
    assert [struct.unpack_from("<I", data, 24)[0] for data in status] == [task.tcb for task in core.tasks]
    for data, task in zip(status, core.tasks, strict=True):
        assert struct.unpack_from("<I", data, 72)[0] == task.registers["pc"]
    texts = [note["n_descdata"] for note in notes if note["n_name"] == "ESP_CORE_DUMP_INFO"]
    assert [data[4:].split(b"\0")[0].decode() for data in texts] == [core.app_sha256]
    loaded = {(s["p_vaddr"], s["p_filesz"]) for s in segments if s["p_type"] == "PT_LOAD"}
    assert {(start, len(data)) for start, data in core.segments if data} == {pair for pair in loaded if pair[1]}
