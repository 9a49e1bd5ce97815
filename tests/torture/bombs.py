"""Inputs that cost a reader far more than they are long, if it lets them: one table, a row a bomb.

A row says what reads it and how the bytes are made. All of it is made here; nothing is a real file.
"""

from __future__ import annotations

import json
import random
import struct
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.postmortem.made import ALLOC, EXEC, RISCV, make_elf, note, uart, wrap
from tests.records.streams import BANNER, START, binary_log, chunk, frame, packet, png

TEXT = 0x4200_0000


@dataclass(frozen=True)
class Bomb:
    """One input. `reader` is a name in `bomb_trial.READERS`."""

    name: str
    reader: str
    make: Callable[[], bytes]


# -- streams ----------------------------------------------------------------------------------------------------------


def repeated(unit: bytes, size: int = 1 << 20) -> bytes:
    return unit * (size // len(unit))


def cbor_self() -> bytes:
    """A list that holds itself twice: with shared references followed, it has no end."""
    return frame(bytes.fromhex("d81c82d81d00d81d00"), "cbor")


def cbor_shared_text() -> bytes:
    references = b"\xd8\x1d\x00" * 60_000
    return frame(b"\x9f\xd8\x1c\x5a\x00\x08\x00\x00" + b"x" * (1 << 19) + references + b"\xff", "cbor")


def cbor_keys_in_keys() -> bytes:
    return frame(b"\xa1" * 62 + b"\x63'\"'" + b"\x00" * 62, "cbor")


def cbor_fractions() -> bytes:
    """Two numbers of 200 kB as a fraction: to shorten it takes minutes."""
    rng = random.Random(1)
    number = b"\xc2\x5a" + struct.pack(">I", 200_000)
    return frame(b"\xd8\x1e\x82" + number + rng.randbytes(200_000) + number + rng.randbytes(200_000), "cbor")


def cbor_expression() -> bytes:
    """A regular expression as a value: compiling it is work that the board sets."""
    text = b"(" * 30_000 + b")" * 30_000
    return frame(b"\xd8\x23\x7a" + struct.pack(">I", len(text)) + text, "cbor")


def cbor_equal_hashes() -> bytes:
    """Map keys that all have the same hash: numbers that differ by multiples of 2**61 - 1."""
    body = b""
    for index in range(20_000):
        number = (index * ((1 << 61) - 1)).to_bytes(16, "big")
        body += b"\xc2\x50" + number + b"\x00"
    return frame(b"\xbf" + body + b"\xff", "cbor")


def deflate() -> bytes:
    """1 MB on the wire in 65 frames, 1 GB unpacked."""
    return frame(b"\0" * (16 << 20), "trace", "zlib") * 64


def deflate_over_the_cap() -> bytes:
    packed = zlib.compressobj(9)
    wire = packed.compress(b"\0" * (64 << 20)) + packed.flush()
    head = f"@ESPFRAME trace {len(wire)} zlib {zlib.crc32(wire):08x}\r\n".encode()
    return head + wire + b"\r\n@ESPFRAME_END\r\n"


def formats() -> bytes:
    """Binary log frames of a few hundred bytes whose text is as wide as the format asks for."""
    return repeated(binary_log(b"%1024d" * 60, arguments=struct.pack(">i", 1) * 60))


def formats_with_stars() -> bytes:
    return repeated(binary_log(b"%*d" * 80, arguments=struct.pack(">ii", 1 << 30, 7) * 80))


def pictures_in_pictures() -> bytes:
    """Each capture fails at the end and gives its bytes back, in which the next one begins."""
    return b"PNG_BEGIN 900000\n\x89PNG\r\n\x1a\n" * 30_000


def frames_in_frames() -> bytes:
    return b"".join(b"@ESPFRAME trace %d raw 00000000\r\n" % (1_000_000 - index) for index in range(20_000))


def dumps_in_dumps() -> bytes:
    return START * 20_000


def chunks() -> bytes:
    """A picture of a hundred thousand empty chunks."""
    body = png()[:33] + chunk(b"tEXt", b"") * 80_000
    return b"PNG_BEGIN %d\n" % (len(body) + 12) + body


def panics() -> bytes:
    """Crashes that all differ."""
    made = []
    for index in range(4_000):
        pc = 0x400D0000 + 4 * index
        made.append(
            b"Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n"
            b"Core  0 register dump:\r\nPC      : 0x%08x  PS      : 0x00060330\r\n"
            b"Backtrace: 0x%08x:0x3ffb0000 0x%08x:0x3ffb0020\r\nELF file SHA256: %016x\r\nRebooting...\r\n"
            % (pc, pc, pc + 64, index)
        )
    return b"".join(made)


def panic_without_end() -> bytes:
    begin = b"Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n"
    return begin + b"Backtrace: " + b"0x400d1234:0x3ffb0000 " * 50_000


def stack_rows() -> bytes:
    begin = (
        b"Guru Meditation Error: Core  0 panic'ed (Load access fault). Exception was unhandled.\r\nStack memory:\r\n"
    )
    row = b"%08x: 0x00000000 0x00000001 0x00000002 0x00000003 0x00000004 0x00000005 0x00000006 0x00000007\r\n"
    return begin + b"".join(row % (0x3FC90000 + 32 * index) for index in range(10_000))


def resets() -> bytes:
    return repeated(BANNER)


# -- files ------------------------------------------------------------------------------------------------------------


def elf(sections: Mapping[str, tuple[int, int, bytes]], symbols: Mapping[str, tuple[int, int]] | None = None) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        whole = {".text": (TEXT, ALLOC | EXEC, bytes(0x10000)), **sections}
        return make_elf(Path(folder) / "made.elf", RISCV, whole, symbols).read_bytes()


SECTION = struct.Struct("<IIIIIIIIII")
COMPRESSED = 0x800


def elf_of(rows: Sequence[tuple[int, ...]], body: bytes) -> bytes:
    """An ELF of section headers as they are given; offsets count from the body's first byte."""
    rows = [(name, kind, flags, address, 52 + offset, *rest) for name, kind, flags, address, offset, *rest in rows]
    table = b"".join(SECTION.pack(*row) for row in [(0,) * 10, *rows])
    head = b"\x7fELF\x01\x01\x01" + bytes(9)
    head += struct.pack("<HHIIIIIHHHHHH", 2, RISCV, 1, 0, 0, 52 + len(body), 0, 52, 32, 0, 40, len(rows) + 1, 1)
    return head + body + table


def elf_compressed() -> bytes:
    """64 sections that share one stream of 64 kB, which unpacks to 64 MB: 81 kB become 4.3 GB."""
    plain = 64 << 20
    packed = zlib.compressobj(9)
    stream = struct.pack("<III", 1, plain, 1) + packed.compress(bytes(plain)) + packed.flush()
    names = b"\0.shstrtab\0.debug_info\0.debug_str\0"
    rows = [(1, 3, 0, 0, 0, len(names), 0, 0, 1, 0)]
    rows += [(11, 1, COMPRESSED, 0, len(names), len(stream), 0, 0, 1, 0)] * 64
    return elf_of(rows, names + stream)


def elf_names() -> bytes:
    """65,000 sections whose names are all 64 kB long."""
    names = b"x" * (64 << 10)
    return elf_of([(index % 4096, 3, 0, 0, 0, len(names), 0, 0, 1, 0) for index in range(65_000)], names)


def elf_overlapping() -> bytes:
    """1,000 loaded sections that are all the same megabyte."""
    names = b"\0.shstrtab\0.rodata\0"
    rows = [(1, 3, 0, 0, 0, len(names), 0, 0, 1, 0)]
    rows += [(11, 1, ALLOC, 0x3C000000 + (index << 20), len(names), 1 << 20, 0, 0, 1, 0) for index in range(1000)]
    return elf_of(rows, names + bytes(1 << 20))


def elf_section_count() -> bytes:
    """The number of sections stands in the first one, as in files that have more than 65,279: four billions."""
    made = bytearray(elf_of([], b""))
    struct.pack_into("<HH", made, 48, 0, 0)
    struct.pack_into("<I", made, 52 + 20, 0xFFFFFFF0)
    return bytes(made)


def elf_symbols() -> bytes:
    """200,000 functions."""
    return elf({}, {f"f{index}": (TEXT + index % 0x10000, 1) for index in range(20_000)})


ABBREVIATIONS = (
    b"\x01\x11\x01\x11\x01\x12\x06\x10\x17\0\0"  # 1: unit: low_pc, high_pc, stmt_list
    b"\x02\x2e\x00\x03\x0e\x55\x17\0\0"  # 2: function: name strp, ranges
    b"\x03\x1d\x01\x31\x13\x11\x01\x12\x06\0\0"  # 3: inlined, with children: origin, low_pc, high_pc
    b"\x04\x2e\x01\x03\x0e\x11\x01\x12\x06\0\0"  # 4: function with children: name strp, low_pc, high_pc
    b"\0"
)
UNIT = b"\x01" + struct.pack("<III", TEXT, 0x10000, 0)


def dwarf(entries: bytes, **sections: bytes) -> bytes:
    unit = struct.pack("<HIB", 4, 0, 4) + UNIT + entries + b"\0"
    whole = {".debug_abbrev": ABBREVIATIONS, ".debug_info": struct.pack("<I", len(unit)) + unit}
    whole |= {f".{name}": data for name, data in sections.items()}
    return elf({name: (0, 0, data) for name, data in whole.items()}, {"outer": (TEXT, 0x10000)})


def dwarf_ranges() -> bytes:
    """20,000 functions that share a list of 20,000 ranges."""
    entries = b"".join(b"\x02" + struct.pack("<II", 0, 0) for _ in range(20_000))
    ranges = b"".join(struct.pack("<II", index * 2, index * 2 + 1) for index in range(20_000)) + bytes(8)
    return dwarf(entries, debug_ranges=ranges, debug_str=b"f\0")


def dwarf_names() -> bytes:
    """20,000 functions, each named by another tail of one megabyte without an end."""
    entries = b"".join(b"\x04" + struct.pack("<III", index, TEXT + index, 0x8000) + b"\0" for index in range(20_000))
    return dwarf(entries, debug_str=b"n" * (1 << 20))


def dwarf_inlined() -> bytes:
    """Inlined in one another, as deep as goes, and that many times."""
    origin = 11 + len(UNIT)
    one = b"\x03" + struct.pack("<III", origin, TEXT, 0x10000)
    nest = one * 400 + b"\0" * 400
    return dwarf(b"\x04" + struct.pack("<III", 0, TEXT, 0x10000) + nest * 60 + b"\0", debug_str=b"f\0")


def dwarf_nested() -> bytes:
    """300,000 functions without names, 400 scopes deep: to write down what is around each takes gigabytes."""
    scopes = 400
    abbreviations = (
        b"\x01\x11\x01\x11\x01\x12\x06\x10\x17\0\0"
        b"\x02\x39\x01\0\0"  # a namespace
        b"\x03\x2e\x00\0\0"  # a function without anything
        b"\x04\x2e\x00\x03\x08\x11\x01\x12\x06\0\0"  # one with a name and code
        b"\0"
    )
    inner = b"\x03" * 300_000 + b"\x04f\0" + struct.pack("<II", TEXT, 0x10000)
    entries = b"\x02" * scopes + inner + b"\0" * scopes
    unit = struct.pack("<HIB", 4, 0, 4) + UNIT + entries + b"\0"
    whole = {".debug_abbrev": abbreviations, ".debug_info": struct.pack("<I", len(unit)) + unit}
    return elf({name: (0, 0, data) for name, data in whole.items()}, {"outer": (TEXT, 0x10000)})


def line_program(tables: bytes, program: bytes, version: int = 4) -> bytes:
    opcodes = bytes([0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1])
    rest = b"\x01\x01\x01\xfb\x0e\x0d" + opcodes + tables
    head = struct.pack("<H", version) + (b"\x04\0" if version >= 5 else b"") + struct.pack("<I", len(rest))
    body = head + rest + program
    return struct.pack("<I", len(body)) + body


SET_ADDRESS = b"\0\x05\x02" + struct.pack("<I", TEXT)


def dwarf_rows() -> bytes:
    """A line program of a million rows."""
    program = SET_ADDRESS + b"\x20" * 1_000_000 + b"\0\x01\x01"
    return dwarf(b"", debug_line=line_program(b"\0main.c\0\0\0\0\0", program))


def dwarf_sequences() -> bytes:
    """200,000 sequences of one row."""
    program = (SET_ADDRESS + b"\x20\x02\x04\0\x01\x01") * 100_000
    return dwarf(b"", debug_line=line_program(b"\0main.c\0\0\0\0\0", program))


def dwarf_files() -> bytes:
    """50,000 files, each named by another tail of one megabyte."""
    form = b"\x01\x01\x0e"  # one column: the path, as an offset of .debug_str
    folders = form + b"\x00"
    files = form + b"\xd0\x86\x03" + b"".join(struct.pack("<I", index) for index in range(50_000))
    program = SET_ADDRESS + b"\x20\x02\x04\0\x01\x01"
    return dwarf(b"", debug_line=line_program(folders + files, program, 5), debug_str=b"n" * (1 << 20))


def demangle_rust() -> bytes:
    """Back references to back references: each level says the one before it twice."""
    name = "_RNvC1a1b"
    nested = "T" + "B_" * 2 + "E"
    return ("_RIC1a" + nested * 300 + "E" + name).encode()


def demangle_itanium() -> bytes:
    """Substitutions that double at each step."""
    text = "_Z1fSt4pairIiiE"
    for index in range(60):
        text += f"St4pairIS{to_base36(index)}_S{to_base36(index)}_E"
    return text.encode()


def to_base36(number: int) -> str:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return ("" if number < 36 else digits[number // 36]) + digits[number % 36]


# -- core dumps -------------------------------------------------------------------------------------------------------


def core_elf(headers: list[tuple[int, int, int, int]], body: bytes) -> bytes:
    """An ELF core: program headers as (type, offset, address, size), the offset from the body's first byte."""
    head = b"\x7fELF\x01\x01\x01" + bytes(9)
    head += struct.pack("<HHIIIIIHHHHHH", 4, RISCV, 1, 0, 52, 0, 0, 52, 32, len(headers), 0, 0, 0)
    start = 52 + 32 * len(headers)
    table = b"".join(
        struct.pack("<IIIIIIII", kind, start + at, address, 0, size, size, 6, 4) for kind, at, address, size in headers
    )
    return head + table + body


def status(tcb: int) -> bytes:
    return note(b"CORE", 1, bytes(24) + struct.pack("<I", tcb) + bytes(44) + struct.pack("<32I", *([TEXT] * 32)))


def core_overlapping() -> bytes:
    """16,000 segments that are all the same megabyte."""
    notes = status(0x3FC90000)
    body = notes + bytes(1 << 20)
    headers = [(4, 0, 0, len(notes))] + [(1, len(notes), 0x3FC00000 + index, 1 << 20) for index in range(16_000)]
    return core_elf(headers, body)


def core_overlapping_notes() -> bytes:
    notes = b"".join(status(0x3FC90000 + 16 * index) for index in range(1000))
    return core_elf([(4, 0, 0, len(notes))] * 16_000, notes)


def core_tasks() -> bytes:
    """1,000 tasks, each spoken of 16 times, beside 15,000 segments."""
    notes = b"".join(status(0x3FC90000 + 16 * index) for index in range(1000))
    info = b"".join(
        note(b"TASK_INFO", 679, struct.pack("<IIIII", 0, 0, 0x3FC90000 + 16 * index, 0, 0) + b"t".ljust(16, b"\0"))
        for index in range(1000)
    )
    body = notes + info * 16 + bytes(64)
    headers = [(4, 0, 0, len(notes + info * 16))]
    headers += [(1, len(body) - 64, 0x3FC00000 + 64 * index, 64) for index in range(15_000)]
    return core_elf(headers, body)


def core_bin_tasks() -> bytes:
    """A thousand tasks whose control blocks are 64 kB."""
    task = struct.pack("<III", 0x3FFB0000, 0x3FFB1000, 0x3FFB1000) + bytes(1024)
    body = struct.pack("<II", 1000, 1024) + task * 1000
    return wrap(0, 0x0001, body, tasks=1000)


def core_text_lines() -> bytes:
    """Base64 of a dump, four characters a line."""
    lines = uart(core_overlapping_notes()[: 200 << 10]).splitlines()
    return b"\n".join(line[at : at + 4] for line in lines for at in range(0, len(line), 4))


def json_deep() -> bytes:
    return b'{"a":' * 100_000


def json_long_number() -> bytes:
    return b'{"flash_files": {"0x' + b"f" * 100_000 + b'": "a.bin"}}'


def json_wide() -> bytes:
    return json.dumps({"flash_files": {hex(index): "a.bin" for index in range(50_000)}}).encode()


def hex_scattered() -> bytes:
    """One byte at the bottom of memory and one at its top, and a few thousand between."""

    def record(address: int, kind: int, data: bytes) -> bytes:
        body = bytes([len(data)]) + struct.pack(">H", address) + bytes([kind]) + data
        return b":" + (body + bytes([-sum(body) & 0xFF])).hex().upper().encode() + b"\n"

    lines = [record(0, 4, struct.pack(">H", high)) + record(0, 0, b"\x01") for high in range(0, 0x10000, 16)]
    return b"".join(lines) + record(0, 1, b"")


BOMBS = (
    Bomb("a CBOR value that holds itself", "stream", cbor_self),
    Bomb("one CBOR text, many references", "stream", cbor_shared_text),
    Bomb("CBOR maps as keys of maps", "stream", cbor_keys_in_keys),
    Bomb("a CBOR fraction of long numbers", "stream", cbor_fractions),
    Bomb("a regular expression in CBOR", "stream", cbor_expression),
    Bomb("CBOR keys of equal hash", "stream", cbor_equal_hashes),
    Bomb("a JSON frame nested deeply", "stream", lambda: frame(b"[" * 900_000)),
    Bomb("a JSON frame of many values", "stream", lambda: frame(b"[" + b"[]," * 300_000 + b"0]")),
    Bomb("a JSON frame of one long number", "stream", lambda: frame(b"1" * 1_000_000)),
    Bomb("deflate, 1 MB for 1 GB", "stream", deflate),
    Bomb("deflate above the cap", "stream", deflate_over_the_cap),
    Bomb("binary log with wide numbers", "stream", formats),
    Bomb("binary log with widths from arguments", "stream", formats_with_stars),
    Bomb("pictures in pictures", "stream", pictures_in_pictures),
    Bomb("frames in frames", "stream", frames_in_frames),
    Bomb("core dumps in core dumps", "stream", dumps_in_dumps),
    Bomb("a picture of empty chunks", "stream", chunks),
    Bomb("crashes that all differ", "stream", panics),
    Bomb("a backtrace without an end", "stream", panic_without_end),
    Bomb("a stack dump without an end", "stream", stack_rows),
    Bomb("resets without an end", "stream", resets),
    Bomb("packets of a debug stub", "stream", lambda: repeated(packet(b"T05thread:01;" * 20))),
    Bomb("a packet without an end", "stream", lambda: b"$T05" + b"0" * (1 << 20)),
    Bomb("a line without an end", "stream", lambda: b"x" * (1 << 20)),
    Bomb("a line of colour", "stream", lambda: repeated(b"\x1b[1;31m")),
    Bomb("lines of carriage returns", "stream", lambda: repeated(b"\r")),
    Bomb("empty lines", "stream", lambda: repeated(b"\n")),
    Bomb("an ELF of compressed sections", "elf", elf_compressed),
    Bomb("an ELF of long section names", "elf", elf_names),
    Bomb("strings in compressed sections", "strings", elf_compressed),
    Bomb("strings in overlapping sections", "strings", elf_overlapping),
    Bomb("strings in sections of long names", "strings", elf_names),
    Bomb("strings in an ELF of many sections", "strings", elf_section_count),
    Bomb("an ELF of many functions", "elf", elf_symbols),
    Bomb("functions of many ranges", "elf", dwarf_ranges),
    Bomb("functions with endless names", "elf", dwarf_names),
    Bomb("functions inlined in one another", "elf", dwarf_inlined),
    Bomb("functions in many scopes", "elf", dwarf_nested),
    Bomb("a line table of many rows", "elf", dwarf_rows),
    Bomb("a line table of many sequences", "elf", dwarf_sequences),
    Bomb("a line table of endless file names", "elf", dwarf_files),
    Bomb("a Rust name of references", "name", demangle_rust),
    Bomb("a C++ name of substitutions", "name", demangle_itanium),
    Bomb("a C++ name of brackets", "name", lambda: b"_Z1f" + b"I" * 50_000),
    Bomb("a core dump of overlapping segments", "core", core_overlapping),
    Bomb("a core dump of overlapping notes", "core", core_overlapping_notes),
    Bomb("a core dump of many tasks", "core", core_tasks),
    Bomb("a core dump of large control blocks", "core", core_bin_tasks),
    Bomb("a core dump in short lines", "core", core_text_lines),
    Bomb("a core dump of start markers", "core", lambda: START * 20_000),
    Bomb("build files nested deeply", "flasher_args", json_deep),
    Bomb("build files with a long number", "flasher_args", json_long_number),
    Bomb("build files without an end", "flasher_args", json_wide),
    Bomb("an Intel HEX file from end to end", "hex", hex_scattered),
    Bomb("settings nested deeply", "settings", lambda: b"a = " + b"[" * 100_000),
    Bomb("settings with a long number", "settings", lambda: b"history_mb = " + b"9" * 100_000),
    Bomb("a registry nested deeply", "registry", json_deep),
    Bomb("a registry with a long number", "registry", lambda: b'{"version": ' + b"9" * 100_000 + b"}"),
)
