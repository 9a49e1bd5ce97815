"""From an address to the chain of functions and source lines it belongs to."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from espmon.model.architecture import MACHINES, RISCV
from espmon.model.stack_frame import Frame
from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.cache import Cache
from espmon.postmortem.cfi import FrameTable
from espmon.postmortem.demangle import demangle
from espmon.postmortem.dwarf import Dwarf
from espmon.postmortem.dwarf_functions import Function, Functions, full_name
from espmon.postmortem.dwarf_lines import LineTable, parse_lines
from espmon.postmortem.dwarf_unit import Unit
from espmon.postmortem.elf import Elf, Symbol
from espmon.postmortem.postmortem_error import PostmortemError, reading

CACHED_FUNCTION_INDEXES = 1024
CACHED_LINE_BYTES = 4 << 20
CACHED_ADDRESSES = 8192
CACHED_TAIL_SITES = 4096


class CodeSource(Protocol):
    """What reading code needs of a symbolizer: its bytes, its functions, and what lies at an address."""

    @property
    def machine(self) -> int:
        """ELF machine number (94 Xtensa, 243 RISC-V)."""

    def is_code(self, address: int) -> bool:
        """Tell whether an address lies in an executable section."""

    def code_at(self, address: int, size: int) -> bytes:
        """Return `size` bytes of code; fewer, or none, where there are no more."""

    def symbol_at(self, address: int) -> Symbol | None:
        """Return the function symbol that covers a code address."""

    def lookup(self, address: int, statements: bool = False) -> list[Frame]:
        """Return the frames at an address, innermost first."""

    def lookup_caller(self, return_address: int, statements: bool = False) -> list[Frame]:
        """Return the frames of the call that comes back to an address."""


class Image:
    """One ELF with its debug information, indexed as far as it was asked."""

    def __init__(self, path: str | Path) -> None:
        self.elf = Elf(path)
        self.dwarf = Dwarf(self.elf)
        self._aranges: tuple[list[int], list[tuple[int, int, int]]] | None = None
        self._others: tuple[list[int], list[tuple[int, int, int]]] | None = None
        self._spoken_of: set[int] = set()
        self._functions: Cache[int, Functions] = Cache(CACHED_FUNCTION_INDEXES)
        self._lines: Cache[int, LineTable] = Cache(CACHED_LINE_BYTES)
        self._frames: FrameTable | None = None
        self.tail_sites: Cache[int, list[tuple[int, int]]] = Cache(CACHED_TAIL_SITES)
        self.damage: list[str] = []

    @property
    def frames(self) -> FrameTable:
        """Call frame information of this file, indexed on first use."""
        if self._frames is None:
            self._frames = FrameTable(self.elf)
        return self._frames

    def unit_at(self, address: int) -> Unit | None:
        """Return the unit whose code holds an address: from `.debug_aranges`, else from the units the table leaves
        out.
        """
        if self._aranges is None:
            with reading(f"{self.elf.path}: .debug_aranges"):
                rows, self._spoken_of = self.dwarf.aranges()
            self._aranges = ([row[0] for row in rows], rows)
        offset = _find(self._aranges, address)
        if offset is None:
            if self._others is None:
                self._others = self._index_other_units()
            offset = _find(self._others, address)
        return self.dwarf.unit(offset) if offset is not None else None

    def _index_other_units(self) -> tuple[list[int], list[tuple[int, int, int]]]:
        rows: list[tuple[int, int, int]] = []
        for header in self.dwarf.headers():
            if header.offset in self._spoken_of or header.kind in (2, 6):
                continue
            try:
                with reading(f"{self.elf.path}: unit at 0x{header.offset:x}"):
                    unit = self.dwarf.unit(header.offset)
                    ranges = self.dwarf.ranges(unit, unit.root)
                    if not ranges:
                        ranges = [(low, high) for low, high, _ in self.functions(unit).rows]
                    rows.extend((low, high, header.offset) for low, high in ranges if low)
            except PostmortemError as error:
                self._note(error)
        rows.sort()
        return [row[0] for row in rows], rows

    def _note(self, error: PostmortemError) -> None:
        if len(self.damage) < 20:
            self.damage.append(str(error))

    def functions(self, unit: Unit) -> Functions:
        """Return the function index of a unit."""
        return self._functions.get(unit.offset) or self._functions.put(unit.offset, Functions(unit))

    def lines(self, unit: Unit) -> LineTable | None:
        """Return the line table of a unit, None when it has none."""
        offset = unit.root.get(dw.AT_STMT_LIST)
        section = self.elf.section(".debug_line")
        if section is None or not isinstance(offset, int):
            return None
        table = self._lines.get(offset)
        if table is None:
            comp_dir = unit.root.get(dw.AT_COMP_DIR)
            text = comp_dir if isinstance(comp_dir, str) else ""
            table = parse_lines(section.read, offset, text, self.dwarf.string, self.dwarf.line_string)
            self._lines.put(offset, table, table.size + 1)
        return table

    def function_entry(self, address: int) -> tuple[Functions, Function] | None:
        """Return the function that covers an address and the index it came from, None without debug information for
        it.
        """
        unit = self.unit_at(address)
        if unit is None:
            return None
        functions = self.functions(unit)
        function = functions.covering(address)
        return (functions, function) if function else None

    def lookup(self, address: int, statements: bool = False) -> list[Frame]:
        """Return the chain of frames at an address, innermost first; empty when nothing is known of it."""
        try:
            with reading(f"{self.elf.path}: debug information of 0x{address:08x}"):
                frames = self._lookup_dwarf(address, statements)
        except PostmortemError as error:
            self._note(error)
            frames = []
        if frames and frames[-1].function is not None:
            return frames
        with reading(f"{self.elf.path}: symbol table"):
            symbol = self.elf.function_at(address)
        if symbol is None:
            return frames
        name = symbol.name
        if name.startswith(("_Z", "_R")):
            name = demangle(name)
        if frames:
            return [*frames[:-1], Frame(name, frames[-1].file, frames[-1].line)]
        return [Frame(name, None, None)]

    def _lookup_dwarf(self, address: int, statements: bool) -> list[Frame]:
        unit = self.unit_at(address)
        if unit is None:
            return []
        table = self.lines(unit)
        row = table.row(address, statements) if table else None
        line: int | None = None
        file: str | None = None
        if table and row:
            line, file = row[0] or None, table.file(row[1])
        functions = self.functions(unit)
        function = functions.covering(address)
        if function is None:
            return [Frame(None, file, line)] if row else []
        frames: list[Frame] = []
        for item in reversed(functions.inlined_at(function, address)):
            frames.append(Frame(functions.name(item.position), file, line, inlined=True))
            line, file = item.call_line or None, table.file(item.call_file) if table else None
        frames.append(Frame(functions.name(function.position), file, line))
        return frames


class Symbolizer:
    """Looks addresses up in one or several ELFs, in the order given: application, bootloader, ROM.

    Raises `PostmortemError` when a file is not a readable ELF. Lookups never raise for damaged debug information:
    they fall back to the symbol table, and `damage` says what was met. Threads may share one object.
    """

    def __init__(self, elf_paths: str | Path | Iterable[str | Path]) -> None:
        paths: Sequence[str | Path] = [elf_paths] if isinstance(elf_paths, str | Path) else list(elf_paths)
        if not paths:
            raise PostmortemError("no ELF file given")
        self.images = [Image(path) for path in paths]
        self._known: Cache[tuple[int, bool], list[Frame]] = Cache(CACHED_ADDRESSES)

    def extended(self, path: str | Path) -> Symbolizer:
        """Return a symbolizer with one more ELF behind those of this one, whose indexes it shares.

        Raises `PostmortemError` when the file is not a readable ELF.
        """
        more = Symbolizer(path)
        more.images = [*self.images, *more.images]
        return more

    @property
    def elf(self) -> Elf:
        """The first ELF: the application."""
        return self.images[0].elf

    @property
    def sha256(self) -> str:
        """SHA-256 of the first ELF file, in hex."""
        return self.elf.sha256

    @property
    def machine(self) -> int:
        """ELF machine number of the first ELF (94 Xtensa, 243 RISC-V)."""
        return int(self.elf.machine)

    @property
    def damage(self) -> list[str]:
        """What could not be read so far."""
        return [note for image in self.images for note in image.damage]

    def is_code(self, address: int) -> bool:
        """Tell whether an address lies in an executable section of one of the files."""
        return any(image.elf.is_code(address) for image in self.images)

    def code_at(self, address: int, size: int) -> bytes:
        """Return `size` bytes of code; fewer, or none, where no file has them."""
        image = self.image_at(address)
        return image.elf.read(address, size) if image is not None else b""

    def symbol_at(self, address: int) -> Symbol | None:
        """Return the function symbol that covers a code address, from the symbol table alone."""
        image = self.image_at(address)
        return image.elf.function_at(address) if image is not None else None

    def symbol_and_offset(self, address: int, returns: bool = False) -> str | None:
        """Return an address as debuggers write it, "app_main+12", None where no symbol covers it.

        `returns`: it is a return address; behind a call that never comes back the next function begins.
        """
        for image in self.images:
            symbol = image.elf.symbol_holding(address - 1 if returns else address)
            if symbol is not None:
                name = demangle(symbol.name) if symbol.name.startswith(("_Z", "_R")) else symbol.name
                return f"{name}+{address - symbol.address}" if address != symbol.address else name
        return None

    def lookup(self, address: int, statements: bool = False) -> list[Frame]:
        """Return the frames at an address, innermost first, inlined ones included; empty when no file knows it.

        Where several lines share an address the last is given, as addr2line does; with `statements` the last that
        begins a statement, as debuggers show stack frames.
        """
        known = self._known.get((address, statements))
        if known is None:
            known = self._known.put((address, statements), self._lookup(address, statements))
        return known

    def _lookup(self, address: int, statements: bool) -> list[Frame]:
        inside = [image for image in self.images if image.elf.is_code(address)]
        for image in inside or self.images:
            if frames := image.lookup(address, statements):
                return frames
        return []

    def lookup_caller(self, return_address: int, statements: bool = False) -> list[Frame]:
        """Return the frames of the call that comes back to an address (looked up just before it)."""
        return self.lookup(return_address - MACHINES.get(self.machine, RISCV).call_bytes, statements)

    def function_name(self, address: int) -> str | None:
        """Return the name of the function (not of what is inlined) at an address."""
        frames = self.lookup(address)
        return frames[-1].function if frames else None

    def image_at(self, address: int) -> Image | None:
        """Return the file whose code holds an address."""
        return next((image for image in self.images if image.elf.is_code(address)), None)


def _find(index: tuple[list[int], list[tuple[int, int, int]]], address: int) -> int | None:
    starts, rows = index
    at = bisect_right(starts, address) - 1
    for back in range(at, max(at - 8, -1), -1):
        if rows[back][0] <= address < rows[back][1]:
            return rows[back][2]
    return None


__all__ = ["Frame", "Symbolizer", "full_name"]
