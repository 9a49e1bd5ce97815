"""An ELF file: its sections, its symbols and the bytes at an address.

Files up to `WHOLE_FILE_BYTES` are read at once; of larger ones only the pieces that are asked for. Nothing is mapped
into memory: a linker that rewrites a mapped file would end the program.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from espmon.postmortem.budget import Budget
from espmon.postmortem.postmortem_error import PostmortemError, reading
from espmon.postmortem.symbol_columns import OBJECT, AddressIndex, SymbolColumns, best_function, function_rows
from espmon.regular_file import open_regular

WHOLE_FILE_BYTES = 8 << 20
MAX_SECTIONS = 65_536
MAX_SYMBOLS = 2_000_000
SYMBOL_BYTES = {32: 16, 64: 24}
"""Bits of an address -> bytes of a row of the symbol table."""

MAX_SECTION_BYTES = 64 << 20
"""The most of one section that is ever held at once."""
STRING_WINDOW = 256
MAX_STRING = 16 << 10
MAX_SECTION_NAME = 256
UNPACKED_BYTES, UNPACKED_PER_BYTE = 16 << 20, 16
"""What compressed sections may unpack to, all together: this, and so much for each byte of the file."""
MAX_NAME_PLACES = 10_000
MAX_UNSIZED_REACH = 2048
"""How far behind a ROM function without a size (given by a linker script) an address still counts as inside it."""

MARKER_ENDINGS = (b"text", b"_start", b"_end", b"_base")
"""How linker scripts name the borders of sections; never the name of a function worth showing."""

NO_LABEL = (b"", b"\0", b"$", b".")
"""First bytes of names that compilers and assemblers give: `$x`, `.L3`."""

LOWEST_ROM_FUNCTION = 0x1000_0000
"""Absolute symbols below are constants of assembly, not functions."""

SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_COMPRESSED = 1, 2, 4, 0x800
SHT_NOBITS = 8
PT_LOAD = 1


class FileBytes:
    """The bytes of a file by offset, safe to read from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            first = open_regular(path)
            self.size = first.seek(0, 2)
            first.seek(0)
            self._whole = first.read(WHOLE_FILE_BYTES) if self.size <= WHOLE_FILE_BYTES else None
        except OSError as error:
            raise PostmortemError(f"{path}: cannot be read ({error.strerror or error})") from error
        self.unpacking = Budget(UNPACKED_BYTES + UNPACKED_PER_BYTE * self.size, f"{path}: compressed sections")
        # A handle is taken out of the list while it is used, so two threads never share a position.
        self._free: list[FileIO] = []
        if self._whole is None:
            self._free.append(first)
        else:
            first.close()

    def close(self) -> None:
        """Close the handles that are not in use."""
        while self._free:
            self._free.pop().close()

    @contextmanager
    def _handle(self) -> Iterator[FileIO]:
        try:
            handle = self._free.pop()
        except IndexError:
            handle = open_regular(self.path)
        try:
            yield handle
        finally:
            self._free.append(handle)

    def read(self, offset: int, size: int) -> bytes:
        """Return the bytes at `offset`; fewer where the file ends."""
        if offset < 0 or size <= 0:
            return b""
        if self._whole is not None:
            return self._whole[offset : offset + size]
        try:
            with self._handle() as handle:
                if handle.seek(0, 2) != self.size:
                    raise PostmortemError(f"{self.path}: changed while it was in use; open it again")
                handle.seek(offset)
                return handle.read(min(size, self.size - offset)) if offset < self.size else b""
        except OSError as error:
            raise PostmortemError(f"{self.path}: cannot be read ({error.strerror or error})") from error


class Section:
    """One section: where it is loaded, and its bytes by offset inside it."""

    def __init__(self, source: FileBytes, name: str, fields: tuple[int, ...]) -> None:
        _, self.type, self.flags, self.address, self.offset, size, self.link, _, _, _ = fields
        self.name = name
        self.size = size
        self._source = source
        self._whole: bytes | None = None
        if self.type == SHT_NOBITS:
            self.stored = 0
        else:
            self.stored = max(0, min(size, source.size - self.offset))
        self._packed = self.stored if self.flags & SHF_COMPRESSED else 0
        if self._packed:
            self._read_compression_header()

    def _read_compression_header(self) -> None:
        kind, plain_size = struct.unpack_from("<II", self._source.read(self.offset, 8))
        if kind != 1 or plain_size > MAX_SECTION_BYTES:
            raise PostmortemError(
                f"section {self.name}: compressed in a way that is not supported (kind {kind}, {plain_size} bytes)"
            )
        self.size = self.stored = plain_size

    def _inflate(self) -> bytes:
        """The bytes of a compressed section, unpacked when they are first asked for."""
        whole = self._whole
        if whole is None:
            self._source.unpacking.spend(self.size)
            raw = self._source.read(self.offset, self._packed)
            try:
                whole = zlib.decompressobj().decompress(raw[12:], self.size or 1)
            except zlib.error as error:
                raise PostmortemError(f"section {self.name}: compressed data is damaged ({error})") from error
            self._whole = whole
            self.size = self.stored = len(whole)
        return whole

    def read(self, offset: int = 0, size: int = MAX_SECTION_BYTES) -> bytes:
        """Return bytes from inside the section; fewer where it ends."""
        if offset < 0 or offset >= self.stored:
            return b""
        size = min(size, self.stored - offset, MAX_SECTION_BYTES)
        if self._packed:
            return self._inflate()[offset : offset + size]
        return self._source.read(self.offset + offset, size)

    def string(self, offset: int, most: int = MAX_STRING) -> str:
        """Return the NUL-terminated text at an offset, `most` bytes of it; empty outside the section."""
        window = STRING_WINDOW
        while True:
            piece = self.read(offset, window)
            end = piece.find(b"\0")
            if end >= 0 or len(piece) < window or window >= most:
                return piece[: end if end >= 0 else len(piece)].decode("utf-8", "replace")
            window *= 8


class Segment(NamedTuple):
    """A program header: `type` (1 load, 4 note), file offset, address and sizes in bytes."""

    type: int
    offset: int
    address: int
    stored: int
    size: int
    flags: int


class Symbol(NamedTuple):
    """A function of the symbol table; `size` 0 where the table does not say."""

    name: str
    address: int
    size: int


class Elf:
    """A little-endian ELF file; raises `PostmortemError` where it is not one."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.source = FileBytes(self.path)
        with reading(str(self.path)):
            self._read_header()
        self.code_ranges = _merged(
            (section.address, section.address + section.size)
            for section in self.sections.values()
            if section.flags & SHF_EXECINSTR and section.flags & SHF_ALLOC and section.size
        )
        self._code_starts = [start for start, _ in self.code_ranges]
        self._loaded = sorted(
            ((s.address, s.address + s.stored, s) for s in self.sections.values() if s.flags & SHF_ALLOC and s.stored),
            key=lambda item: item[0],
        )
        self._sha256: str | None = None
        self._hashed: Callable[[], str | None] = lambda: None
        self._functions: AddressIndex | None = None
        self._variables: AddressIndex | None = None

    def _read_header(self) -> None:
        ident = self.source.read(0, 64)
        if ident[:4] != b"\x7fELF":
            raise PostmortemError(f"{self.path}: not an ELF file")
        if len(ident) < 52 or ident[5] != 1 or ident[4] not in (1, 2):
            raise PostmortemError(f"{self.path}: not a little-endian 32-bit or 64-bit ELF file")
        self.bits = 32 * ident[4]
        layout = "<HHIIIIIHHHHHH" if self.bits == 32 else "<HHIQQQIHHHHHH"
        (self.type, self.machine, _, self.entry, phoff, shoff, _, _, phsize, phnum, shsize, shnum, shstr) = (
            struct.unpack_from(layout, ident, 16)
        )
        self.segments = self._read_segments(phoff, phsize, phnum)
        self.sections = self._read_sections(shoff, shsize, shnum, shstr)

    def _read_segments(self, offset: int, entry: int, count: int) -> list[Segment]:
        layout = struct.Struct("<IIIIIIII" if self.bits == 32 else "<IIQQQQQQ")
        table = self.source.read(offset, entry * count) if entry >= layout.size else b""
        segments = []
        for at in range(0, len(table) - layout.size + 1, entry or 1):
            if self.bits == 32:
                kind, where, address, _, stored, size, flags, _ = layout.unpack_from(table, at)
            else:
                kind, flags, where, address, _, stored, size, _ = layout.unpack_from(table, at)
            segments.append(Segment(kind, where, address, stored, size, flags))
        return segments

    def _read_sections(self, offset: int, entry: int, count: int, names_index: int) -> dict[str, Section]:
        layout = struct.Struct("<IIIIIIIIII" if self.bits == 32 else "<IIQQQQIIQQ")
        if not offset or entry < layout.size:
            return {}
        table = self.source.read(offset, entry * min(count, MAX_SECTIONS))
        rows = [layout.unpack_from(table, at) for at in range(0, len(table) - layout.size + 1, entry)]
        if len(rows) < count:
            raise PostmortemError(
                f"{self.path}: section table at {offset} is cut short ({len(rows)} of {count} entries)"
            )
        names = Section(self.source, ".shstrtab", rows[names_index]) if names_index < len(rows) else None
        self._by_index: list[Section] = []
        sections: dict[str, Section] = {}
        for row in rows:
            section = Section(self.source, names.string(row[0], MAX_SECTION_NAME) if names else "", row)
            self._by_index.append(section)
            sections.setdefault(section.name, section)
        return sections

    def section(self, name: str) -> Section | None:
        """Return a section that has bytes in the file, or None."""
        found = self.sections.get(name)
        return found if found is not None and found.stored else None

    @property
    def sha256(self) -> str:
        """SHA-256 of the whole file in lower-case hex, as the boot log and core dumps print its start."""
        self._sha256 = self._sha256 or self._hashed()
        if self._sha256 is None:
            digest = hashlib.sha256()
            for offset in range(0, self.source.size, 1 << 20):
                digest.update(self.source.read(offset, 1 << 20))
            self._sha256 = digest.hexdigest()
        return self._sha256

    def hash_by(self, hashed: Callable[[], str | None]) -> None:
        """Ask somebody who works the SHA-256 out beside what is done here; None: it is worked out here all the same."""
        self._hashed = hashed

    def is_code(self, address: int) -> bool:
        """Tell whether an address lies in an executable section."""
        at = bisect_right(self._code_starts, address) - 1
        return at >= 0 and address < self.code_ranges[at][1]

    def read(self, address: int, size: int) -> bytes:
        """Return the file's bytes at an address; fewer (or none) where no section holds them."""
        for start, end, section in self._loaded:
            if start <= address < end:
                return section.read(address - start, min(size, end - address))
        return b""

    def read_constant(self, address: int, size: int) -> bytes:
        """Like `read`, but only where the program cannot have changed the bytes since: code and read-only data."""
        for start, end, section in self._loaded:
            if start <= address < end:
                # Linker scripts mark read-only data in flash writable all the same.
                if section.flags & SHF_WRITE and not section.flags & SHF_EXECINSTR and "rodata" not in section.name:
                    return b""
                return section.read(address - start, min(size, end - address))
        return b""

    def function_at(self, address: int) -> Symbol | None:
        """Return the function symbol that covers an address, from the symbol table alone."""
        if self._functions is None:
            self._functions = AddressIndex(self._symbols, function_rows(self._symbols, self._is_label))
        symbols, found = self._symbols, self._functions.at_or_before(address)
        if not found:
            return None
        row = best_function(symbols, found)
        start, size = symbols.values[row], symbols.sizes[row]
        if size and address >= start + size:
            return None
        if not size and not (self.is_code(address) and self.is_code(start)) and address - start > MAX_UNSIZED_REACH:
            return None
        return self._symbol(row)

    def symbol_holding(self, address: int) -> Symbol | None:
        """Return the function or the variable that covers an address, from the symbol table alone."""
        symbols = self._symbols
        for row in self._variable_index().at_or_before(address)[-1:]:
            if address < symbols.values[row] + symbols.sizes[row]:
                return self._symbol(row)
        return self.function_at(address)

    def variables_between(self, low: int, high: int) -> list[Symbol]:
        """Return the variables of the symbol table that begin at an address of a range."""
        return [self._symbol(row) for row in self._variable_index().between(low, high)]

    def _variable_index(self) -> AddressIndex:
        symbols = self._symbols
        if self._variables is None:
            self._variables = AddressIndex(symbols, (row for row in symbols.of_type(OBJECT) if symbols.sizes[row]))
        return self._variables

    def symbol_named(self, name: str) -> Symbol | None:
        """Return a symbol by its exact name."""
        return self.symbols_named([name.encode()]).get(name.encode())

    def symbols_named(self, names: list[bytes]) -> dict[bytes, Symbol]:
        """Return those of some symbols that exist, in one pass over the table."""
        offsets: dict[int, bytes] = {}
        found: dict[bytes, Symbol] = {}
        symbols, text = self._symbols, self._names
        for name in names:
            # Names share tails: the text may stand at the end of a longer one.
            at, needle = text.find(name + b"\0"), name + b"\0"
            while at >= 0 and len(offsets) < MAX_NAME_PLACES:
                offsets[at] = name
                at = text.find(needle, at + 1)
        for row in symbols.named(offsets):
            if symbols.values[row]:
                name = offsets[symbols.names[row]]
                shown = name.decode("utf-8", "replace")
                found.setdefault(name, Symbol(shown, symbols.values[row], symbols.sizes[row]))
        return found

    def symbols_of(self, section: str, prefixes: tuple[str, ...] = ()) -> Iterator[Symbol]:
        """The symbols that lie in a section, and those whose names begin in a certain way, in the table's order."""
        inside = {index for index, found in enumerate(self._by_index) if found.name == section}
        symbols = self._symbols
        places = {place for prefix in prefixes for place in _places(self._names, prefix.encode())}
        for row, name in enumerate(symbols.names):
            if symbols.sections[row] in inside or name in places:
                yield self._symbol(row)

    def _symbol(self, row: int) -> Symbol:
        symbols = self._symbols
        name = self._strings.string(symbols.names[row]) if self._strings is not None else ""
        return Symbol(name, symbols.values[row], symbols.sizes[row])

    @cached_property
    def _strings(self) -> Section | None:
        """The names of the symbols; None where there are no symbols."""
        table = self.section(".symtab")
        return self._by_index[table.link] if table is not None and 0 < table.link < len(self._by_index) else None

    @cached_property
    def _names(self) -> bytes:
        return self._strings.read() if self._strings is not None else b""

    @cached_property
    def _symbols(self) -> SymbolColumns:
        table = self.section(".symtab") if self._strings is not None else None
        with reading(f"{self.path}: symbol table"):
            return SymbolColumns(
                table.read(0, SYMBOL_BYTES[self.bits] * MAX_SYMBOLS) if table is not None else b"", self.bits
            )

    def _is_label(self, index: int, name: int, value: int) -> bool:
        """Whether a symbol without a type names code: a label of assembly, or a ROM function given by a linker
        script.
        """
        if self._names[name : name + 1] in NO_LABEL:
            return False
        if value < LOWEST_ROM_FUNCTION if index >= 0xFF00 else not self.is_code(value):
            return False
        end = self._names.find(b"\0", name)
        return not self._names[name : end if end >= 0 else None].endswith(MARKER_ENDINGS)


def _places(names: bytes, needle: bytes) -> Iterator[int]:
    """Where names begin that start with `needle`, or with a quote and it."""
    at = names.find(needle)
    for _ in range(MAX_NAME_PLACES):
        if at < 0:
            return
        yield at
        yield at - 1
        at = names.find(needle, at + 1)


def _merged(ranges: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
