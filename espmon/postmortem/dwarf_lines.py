"""Line programs (DWARF 2 to 5): which source line an address of one unit belongs to."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable
from operator import gt

from espmon.postmortem.binary import cstring, skip_leb, sleb, u16, u32, uleb, unsigned
from espmon.postmortem.budget import Budget
from espmon.postmortem.postmortem_error import PostmortemError

MAX_ROWS = 400_000
MAX_FILES = 50_000
MAX_NAME_BYTES, NAME_BYTES_PER_BYTE = 1 << 20, 16
"""Letters of all names of a table: this, and so many for each byte of the table."""
SINGLE_RUNS = 3
"""How many sequences of a unit are run one by one before all are."""
END_SEQUENCE = b"\0\x01\x01"
SEQUENCE_START = re.compile(rb"(?:\x00\x01\x01)(?:[\x01-\x0c][\x01-\x7f]?){0,3}?\x00\x05\x02(....)", re.DOTALL)
"""The end of a sequence, at most a few short instructions, and the next one's 4-byte address."""
CHECK_EVERY = 65_536
"""Bytes of a program between two looks at the number of its rows."""

Row = tuple[int, int, int, bool]
"""Address, line, file index, is_stmt."""


class Sequence:
    """Rows without a gap that cover [start, end), kept as columns: a row costs 17 bytes instead of 150."""

    __slots__ = ("addresses", "end", "files", "lines", "start", "statements")

    def __init__(self, rows: list[Row], end: int) -> None:
        # Programs may step back; lookups need order.
        addresses, lines, files, statements = zip(*rows, strict=True)
        if any(map(gt, addresses, addresses[1:])):
            addresses, lines, files, statements = zip(*sorted(rows, key=lambda row: row[0]), strict=True)
        self.start, self.end = addresses[0], end
        self.addresses = array("Q", addresses)
        self.lines = array("q", lines)
        self.files = array("q", files)
        self.statements = bytes(statements)


class Program:
    """The instructions of a unit's line table."""

    def __init__(
        self,
        data: bytes,
        start: int,
        minimum: int,
        default_stmt: bool,
        line_base: int,
        line_range: int,
        opcode_base: int,
        lengths: bytes,
    ) -> None:
        self.data, self.start = data, start
        self._minimum, self._default_stmt = minimum, default_stmt
        self._opcode_base, self._lengths = opcode_base, lengths
        # Special opcodes make up most of a program: their two effects come from a table.
        self._special = [
            ((op - opcode_base) // line_range * minimum, line_base + (op - opcode_base) % line_range)
            for op in range(opcode_base, 256)
        ]

    def sequence_before(self, address: int) -> int | None:
        """Return where the sequence that begins last before an address seems to start, None when nothing does.

        Found by its look (the end of the one before, then an address being set), so what it gives has to be checked.
        """
        best: tuple[int, int] | None = None
        for match in SEQUENCE_START.finditer(self.data, self.start):
            start = u32(match[1], 0)
            if start <= address and (best is None or start > best[0]):
                best = (start, match.end() - len(match[0]) + (3 if match[0][:3] == END_SEQUENCE else 0))
        return best[1] if best else None

    def run(self, pos: int, one: bool = False) -> tuple[list[Sequence], list[tuple[str, int]]]:
        """Run from a position to the end, or to the end of `one` sequence; returns sequences, and files defined on
        the way.
        """
        data, end = self.data, len(self.data)
        minimum, default_stmt, opcode_base, lengths = (
            self._minimum,
            self._default_stmt,
            self._opcode_base,
            self._lengths,
        )
        special = self._special
        fixed_advance = special[255 - opcode_base][0] if opcode_base <= 255 else 0
        sequences: list[Sequence] = []
        rows: list[Row] = []
        add = rows.append
        defined: list[tuple[str, int]] = []
        address, line, file, stmt = 0, 1, 1, default_stmt
        budget = MAX_ROWS
        checkpoint = pos + CHECK_EVERY
        while pos < end:
            if pos > checkpoint:
                checkpoint = pos + CHECK_EVERY
                if len(rows) > budget:
                    raise PostmortemError(f".debug_line: more than {MAX_ROWS} rows in one unit")
            op = data[pos]
            pos += 1
            if op >= opcode_base:
                advance, step = special[op - opcode_base]
                address += advance
                line += step
                add((address, line, file, stmt))
            elif op == 3:
                byte = data[pos]
                if byte < 0x80:
                    line += byte - 128 if byte & 0x40 else byte
                    pos += 1
                else:
                    step, pos = sleb(data, pos)
                    line += step
            elif op == 1:
                add((address, line, file, stmt))
            elif op == 2:
                step, pos = uleb(data, pos)
                address += step * minimum
            elif op == 6:
                stmt = not stmt
            elif op == 5:
                pos = skip_leb(data, pos)
            elif op == 4:
                file, pos = uleb(data, pos)
            elif op == 8:
                address += fixed_advance
            elif op == 9:
                address += data[pos] | data[pos + 1] << 8
                pos += 2
            elif op == 0:
                length, pos = uleb(data, pos)
                if not length:
                    continue
                sub = data[pos]
                if sub == 1:
                    budget -= len(rows)
                    if budget < 0:
                        raise PostmortemError(f".debug_line: more than {MAX_ROWS} rows in one unit")
                    if rows and rows[0][0] and address > rows[0][0]:
                        sequences.append(Sequence(rows, address))
                    if one:
                        break
                    rows = []
                    add = rows.append
                    address, line, file, stmt = 0, 1, 1, default_stmt
                elif sub == 2:
                    size = min(length - 1, 8)
                    address = unsigned(data, pos + 1, size)
                elif sub == 3:
                    name, after = cstring(data, pos + 1)
                    directory, _ = uleb(data, after)
                    defined.append((name, directory))
                pos += length
            elif op not in (7, 10, 11):
                for _ in range(lengths[op - 1]):
                    pos = skip_leb(data, pos)
        return sequences, defined


class LineTable:
    """The rows of a unit. Programs are run sequence by sequence for the first addresses, then as a whole."""

    def __init__(
        self, version: int, directories: list[str], files: list[tuple[str, int]], comp_dir: str, program: Program
    ) -> None:
        self.version, self.directories, self.files, self.comp_dir = version, directories, files, comp_dir
        self.size = len(program.data)
        self._program = program
        self._complete = False
        self._single_runs = 0
        # Replaced as one, so that threads see both or neither.
        self._loaded: tuple[list[int], list[Sequence]] = ([], [])

    def row(self, address: int, statements: bool = False) -> tuple[int, int] | None:
        """Return (line, file index) of an address: of several rows at one address the last, as addr2line does.

        With `statements` it is the last that begins a statement, as debuggers show stack frames.
        """
        sequence = self._holding(address)
        if sequence is None and not self._complete:
            self._load(address)
            sequence = self._holding(address)
        if sequence is None:
            return None
        last = bisect_right(sequence.addresses, address) - 1
        chosen, where = last, sequence.addresses[last]
        while statements and chosen >= 0 and sequence.addresses[chosen] == where:
            if sequence.statements[chosen]:
                return sequence.lines[chosen], sequence.files[chosen]
            chosen -= 1
        return sequence.lines[last], sequence.files[last]

    def _holding(self, address: int) -> Sequence | None:
        starts, sequences = self._loaded
        at = bisect_right(starts, address) - 1
        # Sequences may overlap in a damaged or oddly linked file: look a few back.
        for index in range(at, max(at - 4, -1), -1):
            if sequences[index].start <= address < sequences[index].end:
                return sequences[index]
        return None

    def _load(self, address: int) -> None:
        found = self._loaded[1]
        start = self._program.sequence_before(address) if self._single_runs < SINGLE_RUNS else None
        if start is not None:
            self._single_runs += 1
            found = [*found, *self._program.run(start, one=True)[0]]
        if start is None or not any(sequence.start <= address < sequence.end for sequence in found):
            found, defined = self._program.run(self._program.start)
            self.files = [*self.files, *defined]
            self._complete = True
        found.sort(key=lambda sequence: sequence.start)
        self._loaded = ([sequence.start for sequence in found], found)

    def file(self, index: int) -> str | None:
        """Return the full path of a file by its index in this table."""
        at = index if self.version >= 5 else index - 1
        if not 0 <= at < len(self.files):
            return None
        name, directory_index = self.files[at]
        if not name or name[0] == "/" or name[1:3] in (":\\", ":/"):
            return name or None
        directory = ""
        if self.version >= 5:
            if directory_index < len(self.directories):
                directory = self.directories[directory_index]
        elif 0 < directory_index <= len(self.directories):
            directory = self.directories[directory_index - 1]
        if (
            self.comp_dir
            and directory[:1] != "/"
            and directory[1:3] not in (":\\", ":/")
            and directory != self.comp_dir
        ):
            directory = f"{self.comp_dir}/{directory}" if directory else self.comp_dir
        return f"{directory}/{name}" if directory else name


def parse_lines(
    read: Callable[[int, int], bytes],
    offset: int,
    comp_dir: str,
    string: Callable[[int], str],
    line_string: Callable[[int], str],
) -> LineTable:
    """Run the line program at an offset of `.debug_line`; raises `PostmortemError` or what `reading` converts."""
    head = read(offset, 12)
    length, offset_size, prefix = u32(head, 0), 4, 4
    if length == 0xFFFFFFFF:
        length, offset_size, prefix = unsigned(head, 4, 8), 8, 12
    data = read(offset + prefix, length)
    version = u16(data, 0)
    if not 2 <= version <= 5:
        raise PostmortemError(f".debug_line at 0x{offset:x}: version {version} is not supported")
    pos = 2
    if version >= 5:
        pos = 4
    program = pos + offset_size + unsigned(data, pos, offset_size)
    pos += offset_size
    minimum = data[pos]
    pos += 2 if version >= 4 else 1
    default_stmt = data[pos] != 0
    line_base = data[pos + 1] - (256 if data[pos + 1] > 127 else 0)
    line_range, opcode_base = data[pos + 2], data[pos + 3]
    pos += 4
    lengths = data[pos : pos + opcode_base - 1]
    pos += opcode_base - 1
    if not line_range or not opcode_base:
        raise PostmortemError(f".debug_line at 0x{offset:x}: line range {line_range}, opcode base {opcode_base}")
    if version >= 5:
        entries, pos = _entries(data, pos, offset_size, string, line_string)
        files, _ = _entries(data, pos, offset_size, string, line_string)
        directories = [name for name, _ in entries]
    else:
        directories, files = _old_entries(data, pos)
    instructions = Program(data, program, minimum, default_stmt, line_base, line_range, opcode_base, lengths)
    return LineTable(version, directories, files, comp_dir, instructions)


def _old_entries(data: bytes, pos: int) -> tuple[list[str], list[tuple[str, int]]]:
    directories: list[str] = []
    while data[pos]:
        text, pos = cstring(data, pos)
        directories.append(text)
    pos += 1
    files: list[tuple[str, int]] = []
    while data[pos]:
        text, pos = cstring(data, pos)
        directory, pos = uleb(data, pos)
        pos = skip_leb(data, skip_leb(data, pos))
        files.append((text, directory))
    return directories, files


def _entries(
    data: bytes, pos: int, offset_size: int, string: Callable[[int], str], line_string: Callable[[int], str]
) -> tuple[list[tuple[str, int]], int]:
    count = data[pos]
    pos += 1
    formats = []
    for _ in range(count):
        kind, pos = uleb(data, pos)
        form, pos = uleb(data, pos)
        formats.append((kind, form))
    total, pos = uleb(data, pos)
    if total > MAX_FILES or (total and not formats):
        raise PostmortemError(f".debug_line: a table claims {total} entries")
    found: list[tuple[str, int]] = []
    budget = Budget(MAX_NAME_BYTES + NAME_BYTES_PER_BYTE * len(data), ".debug_line: names of files")
    for _ in range(total):
        name, directory = "", 0
        for kind, form in formats:
            value: str | int = 0
            if form == 0x1F:
                value, pos = line_string(unsigned(data, pos, offset_size)) if kind == 1 else "", pos + offset_size
            elif form == 0x0E:
                value, pos = string(unsigned(data, pos, offset_size)) if kind == 1 else "", pos + offset_size
            elif form == 0x08:
                value, pos = cstring(data, pos)
            elif form == 0x0F:
                value, pos = uleb(data, pos)
            elif form == 0x09:
                length, pos = uleb(data, pos)
                pos += length
            elif form in (0x0B, 0x05, 0x06, 0x07, 0x1E):
                size = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16}[form]
                value, pos = unsigned(data, pos, size), pos + size
            else:
                raise PostmortemError(f".debug_line: file table with form 0x{form:x}")
            if kind == 1 and isinstance(value, str):
                name = value
            elif kind == 2 and isinstance(value, int):
                directory = value
        budget.spend(len(name))
        found.append((name, directory))
    return found, pos
