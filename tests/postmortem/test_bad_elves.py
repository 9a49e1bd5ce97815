"""Damaged and hostile ELFs and dumps: one exception type, or less said; never anything else."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from espmon.postmortem import PostmortemError, Symbolizer, decode_core
from espmon.postmortem.core_input import read_core
from tests.benchmarks.postmortem_mutations import mutate, text_mutate
from tests.inputs import Dump
from tests.postmortem.made import ALLOC, EXEC, RISCV, make_elf

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "elf"
TEXT = 0x4200_0000


def hostile(path: Path, *, abbrev: bytes, info: bytes, line: bytes = b"", version: int = 4) -> Symbolizer:
    """An ELF of one unit that claims 64 KB of code."""
    header = struct.pack("<HIB", version, 0, 4) if version < 5 else struct.pack("<HBBI", version, 1, 4, 0)
    unit = header + info
    sections = {
        ".text": (TEXT, ALLOC | EXEC, bytes(0x10000)),
        ".debug_abbrev": (0, 0, abbrev),
        ".debug_info": (0, 0, struct.pack("<I", len(unit)) + unit),
        ".debug_line": (0, 0, line),
    }
    return Symbolizer(make_elf(path, RISCV, sections, {"outer": (TEXT, 0x10000)}))


# 1: compile unit (low_pc, high_pc, stmt_list); 2: function (low_pc, high_pc); 3: function (abstract_origin ref4,
# low_pc, high_pc);
# 4: structure (sibling ref4) with children; 5: lexical block with children.
ABBREV = (
    b"\x01\x11\x01\x11\x01\x12\x06\x10\x17\0\0"
    b"\x02\x2e\x01\x11\x01\x12\x06\0\0"
    b"\x03\x2e\x00\x31\x13\x11\x01\x12\x06\0\0"
    b"\x04\x13\x01\x01\x13\0\0"
    b"\x05\x0b\x01\0\0"
    b"\0"
)
ROOT = b"\x01" + struct.pack("<III", TEXT, 0x10000, 0)
ROOT_AT = 11


def test_a_circle_of_abstract_origins_ends(tmp_path: Path) -> None:
    at = ROOT_AT + len(ROOT)
    symbolizer = hostile(
        tmp_path / "a.elf", abbrev=ABBREV, info=ROOT + b"\x03" + struct.pack("<III", at, TEXT, 64) + b"\0"
    )
    assert [frame.function for frame in symbolizer.lookup(TEXT)] == ["outer"]
    assert "circle" in symbolizer.damage[0]


@pytest.mark.parametrize("target", [0, ROOT_AT, 0x7FFF_FFFF])
def test_a_sibling_that_points_back_or_away_ends(tmp_path: Path, target: int) -> None:
    info = ROOT + b"\x04" + struct.pack("<I", target) + b"\0\0"
    symbolizer = hostile(tmp_path / "b.elf", abbrev=ABBREV, info=info)
    assert [frame.function for frame in symbolizer.lookup(TEXT)] == ["outer"]


def test_entries_nested_deeply_end(tmp_path: Path) -> None:
    function = b"\x02" + struct.pack("<II", TEXT, 64)
    symbolizer = hostile(tmp_path / "c.elf", abbrev=ABBREV, info=ROOT + function + b"\x05" * 200_000)
    assert [frame.function for frame in symbolizer.lookup(TEXT)] == ["outer"]
    assert "nested deeper than" in symbolizer.damage[0]


def test_an_unknown_form_is_said(tmp_path: Path) -> None:
    symbolizer = hostile(tmp_path / "d.elf", abbrev=b"\x01\x11\x01\x03\x7f\0\0\0", info=b"\x01" + bytes(16))
    assert symbolizer.lookup(TEXT)[0].function == "outer"


def line_header(body: bytes, version: int = 4) -> bytes:
    opcodes = bytes([0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1])
    rest = b"\x01\x01\x01\xfb\x0e\x0d" + opcodes
    tables = b"\0main.c\0\0\0\0\0" if version < 5 else b""
    head = rest + tables
    content = (
        struct.pack("<H", version) + (b"\x04\0" if version >= 5 else b"") + struct.pack("<I", len(head)) + head + body
    )
    return struct.pack("<I", len(content)) + content


def test_a_line_program_that_makes_millions_of_rows_is_stopped(tmp_path: Path) -> None:
    start = b"\x00\x05\x02" + struct.pack("<I", TEXT)
    symbolizer = hostile(
        tmp_path / "e.elf", abbrev=ABBREV, info=ROOT + b"\0", line=line_header(start + b"\x20" * 3_000_000)
    )
    assert symbolizer.lookup(TEXT)[0].function == "outer"
    assert "more than 400000 rows" in symbolizer.damage[0]


def test_a_file_table_that_claims_billions_of_entries_is_stopped(tmp_path: Path) -> None:
    line = line_header(b"\x00" + b"\xff\xff\xff\xff\x0f" + b"\x00" * 40, version=5)
    symbolizer = hostile(tmp_path / "f.elf", abbrev=ABBREV, info=ROOT + b"\0", line=line)
    assert symbolizer.lookup(TEXT)[0].function == "outer"
    assert "claims" in symbolizer.damage[0]


def test_a_line_range_of_zero_is_said(tmp_path: Path) -> None:
    line = bytearray(line_header(b""))
    line[14] = 0
    symbolizer = hostile(tmp_path / "g.elf", abbrev=ABBREV, info=ROOT + b"\0", line=bytes(line))
    assert symbolizer.lookup(TEXT)[0].function == "outer"
    assert "line range 0" in symbolizer.damage[0]


def test_a_compressed_section_that_grows_without_end_is_refused(tmp_path: Path) -> None:
    import zlib

    bomb = struct.pack("<III", 1, 0xFFFF_FFFF, 1) + zlib.compress(bytes(1 << 20))
    path = make_elf(tmp_path / "h.elf", RISCV, {".debug_info": (0, 0x800, bomb)})
    with pytest.raises(PostmortemError, match="compressed"):
        Symbolizer(path)


@pytest.mark.parametrize("name", ["dwarf5", "optimized4", "names", "split"])
def test_damaged_elves_raise_nothing_but_the_rooms_own_error(tmp_path: Path, name: str) -> None:
    original = (FIXTURES / f"{name}.elf").read_bytes()
    path = tmp_path / "damaged.elf"
    for seed in range(60):
        rng = random.Random(seed)
        data = original
        for _ in range(rng.choice((1, 5))):
            data = mutate(rng, data)
        path.write_bytes(data)
        try:
            symbolizer = Symbolizer(path)
            for address in range(TEXT + 0x20, TEXT + 0x180, 6):
                symbolizer.lookup(address)
                symbolizer.lookup_caller(address)
        except PostmortemError as error:
            said = str(error)
            assert "damaged.elf" in said or "section" in said


def test_damaged_dumps_raise_nothing_but_the_rooms_own_error(dump: Dump) -> None:
    text = dump.text
    raw = read_core(text).data
    symbolizer = Symbolizer(dump.elf)
    decoded = 0
    for seed in range(80):
        rng = random.Random(seed)
        data = text_mutate(rng, text) if seed % 3 == 0 else mutate(rng, raw, [(0, 64), (64, 1024)])
        try:
            decode_core(data, symbolizer, force=True).to_text()
            decoded += 1
        except PostmortemError as error:
            assert "\n" not in str(error)  # noqa: PT017 one line for the user
    assert decoded > 20
