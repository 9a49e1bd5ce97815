"""Call frame information (`.debug_frame`, `.eh_frame`): how to find a caller's registers at an address."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from struct import Struct

from espmon.postmortem.binary import cstring, sleb, u32, uleb, unsigned
from espmon.postmortem.elf import Elf, Section
from espmon.postmortem.postmortem_error import PostmortemError, reading

HEAD = Struct("<IIII")
"""The first words of an entry: its length, its kind, and of descriptions start and size."""
MAX_ENTRIES = 400_000
MAX_INSTRUCTIONS = 20_000
MAX_REMEMBERED = 64
MAX_REGISTERS = 128
MAX_EXPRESSION = 4096

UNDEFINED, SAME, OFFSET, VAL_OFFSET, REGISTER, EXPRESSION, VAL_EXPRESSION = range(7)
Rule = tuple[int, int, bytes]
"""Kind, number (offset or register), expression."""


@dataclass(slots=True)
class Cie:
    """What the frame descriptions of one kind share."""

    code_align: int
    data_align: int
    return_register: int
    instructions: bytes
    pointer_encoding: int = 0
    has_augmentation: bool = False
    signal: bool = False

    @property
    def plain(self) -> bool:
        """Whether its descriptions give addresses as they are and nothing else."""
        return self.pointer_encoding == 0 and not self.has_augmentation


@dataclass(slots=True)
class Row:
    """The rules at one address: the frame address is register + offset, or an expression; a rule for each saved
    register.
    """

    cfa_register: int = 0
    cfa_offset: int = 0
    cfa_expression: bytes | None = None
    rules: dict[int, Rule] = field(default_factory=dict)
    return_register: int = 1
    signal: bool = False
    start: int = 0

    def copy(self) -> Row:
        """Return a row that can be changed alone."""
        rules = dict(self.rules)
        return Row(
            self.cfa_register,
            self.cfa_offset,
            self.cfa_expression,
            rules,
            self.return_register,
            self.signal,
            self.start,
        )


PLACE_BITS = 32
"""Bits of a place in a section."""

Entry = tuple[int, int, bytes, int, int, Cie]
"""Start, end, the section's bytes, where the instructions start and end, what it shares with others."""


class FrameTable:
    """All frame descriptions of one ELF: headers are indexed at once, programs run when asked."""

    def __init__(self, elf: Elf) -> None:
        self._elf = elf
        self._entries: list[Entry] = []
        self._plain: list[int] = []
        """Descriptions that give addresses as they are: their start above their place in the section."""

        self._plain_data, self._cies = b"", dict[int, Cie | None]()
        for name in (".debug_frame", ".eh_frame"):
            section = elf.section(name)
            if section is not None:
                try:
                    with reading(f"{elf.path}: {name}"):
                        self._index(section, name == ".eh_frame")
                except PostmortemError:
                    continue  # what was indexed before the damage still serves
        self._entries.sort(key=lambda entry: entry[0])
        self._starts = [entry[0] for entry in self._entries]
        self._plain.sort()

    def _index(self, section: Section, is_eh: bool) -> None:
        data = section.read()
        cies: dict[int, Cie | None] = {}
        entries, plain = self._entries, self._plain
        if not is_eh:
            self._plain_data, self._cies = data, cies
        plain_cies: set[int] = set()
        unpack, size = HEAD.unpack_from, len(data)
        cie_identity = 0 if is_eh else 0xFFFFFFFF
        pos = 0
        while pos + 16 <= size and len(entries) + len(plain) < MAX_ENTRIES:
            length, identity, start, reach = unpack(data, pos)
            end = pos + 4 + length
            if identity in plain_cies and length >= 12 and end <= size:  # nearly all: of a large program there are many
                if start and reach:
                    plain.append(start << PLACE_BITS | pos)
                pos = end
                continue
            if length == 0:
                if is_eh:
                    return
                end = pos + 4
            elif length >= 0xFFFFFFF0 or end > size:
                return
            elif identity != cie_identity:
                where = pos + 4 - identity if is_eh else identity
                if where not in cies:
                    cies[where] = _read_cie(data, where)
                cie = cies[where]
                if cie is not None:
                    if cie.plain and is_eh:
                        if start and reach:
                            entries.append((start, start + reach, data, pos + 16, end, cie))
                    elif cie.plain:
                        plain_cies.add(identity)
                        continue
                    else:
                        self._add(data, pos + 8, end, cie, section.address)
            pos = end

    def _add(self, data: bytes, pos: int, end: int, cie: Cie, section_address: int) -> None:
        if cie.pointer_encoding == 0:
            start, size = u32(data, pos), u32(data, pos + 4)
            pos += 8
        else:
            found = _encoded(data, pos, cie.pointer_encoding, section_address)
            if found is None:
                return
            start, pos = found
            sized = _encoded(data, pos, cie.pointer_encoding & 0x0F, 0)
            if sized is None:
                return
            size, pos = sized
        if cie.has_augmentation:
            length, pos = uleb(data, pos)
            pos += length
        if start and size:
            self._entries.append((start, start + size, data, pos, end, cie))

    def _find(self, address: int) -> Entry | None:
        at = bisect_right(self._starts, address) - 1
        for index in range(at, max(at - 3, -1), -1):
            entry = self._entries[index]
            if entry[0] <= address < entry[1]:
                return entry
        at = bisect_right(self._plain, (address + 1) << PLACE_BITS) - 1
        for key in self._plain[max(at - 2, 0) : at + 1][::-1]:
            pos = key & (1 << PLACE_BITS) - 1
            length, identity, start, reach = HEAD.unpack_from(self._plain_data, pos)
            cie = self._cies[identity]
            if cie is not None and start <= address < start + reach:
                return start, start + reach, self._plain_data, pos + 16, pos + 4 + length, cie
        return None

    def row(self, address: int) -> Row | None:
        """Return the rules at an address, None without a description; raises `PostmortemError` for a damaged one."""
        entry = self._find(address)
        if entry is None:
            return None
        start, _, data, first, end, cie = entry
        with reading(f"{self._elf.path}: frame description of 0x{start:08x}"):
            row = Row(return_register=cie.return_register, signal=cie.signal, start=start)
            _run(cie.instructions, row, cie, start, address, {})
            initial = dict(row.rules)
            _run(data[first:end], row, cie, start, address, initial)
            return row


def _read_cie(data: bytes, pos: int) -> Cie | None:
    length = u32(data, pos)
    end = pos + 4 + length
    if end > len(data):
        return None
    version = data[pos + 8]
    if version not in (1, 3, 4):
        return None
    augmentation, pos = cstring(data, pos + 9)
    if version == 4:
        if data[pos] != 4:
            return None
        pos += 2
    if augmentation == "eh":
        pos += 4
    code_align, pos = uleb(data, pos)
    data_align, pos = sleb(data, pos)
    if version == 1:
        return_register, pos = data[pos], pos + 1
    else:
        return_register, pos = uleb(data, pos)
    cie = Cie(code_align, data_align, return_register, b"")
    if augmentation.startswith("z"):
        cie.has_augmentation = True
        size, pos = uleb(data, pos)
        after = pos + size
        for letter in augmentation[1:]:
            if letter == "R":
                cie.pointer_encoding, pos = data[pos], pos + 1
            elif letter == "L":
                pos += 1
            elif letter == "P":
                skipped = _encoded(data, pos + 1, data[pos] & 0x0F, 0)
                if skipped is None:
                    return None
                pos = skipped[1]
            elif letter == "S":
                cie.signal = True
        pos = after
    cie.instructions = data[pos:end]
    return cie


def _encoded(data: bytes, pos: int, encoding: int, section_address: int) -> tuple[int, int] | None:
    at, form = pos, encoding & 0x0F
    if form in (0x00, 0x03, 0x0B):
        value, pos = u32(data, pos), pos + 4
    elif form in (0x02, 0x0A):
        value, pos = int.from_bytes(data[pos : pos + 2], "little", signed=form == 0x0A), pos + 2
    elif form in (0x04, 0x0C):
        value, pos = unsigned(data, pos, 8), pos + 8
    elif form == 0x01:
        value, pos = uleb(data, pos)
    elif form == 0x09:
        value, pos = sleb(data, pos)
    else:
        return None
    base = encoding & 0x70
    if base == 0x10:
        value += section_address + at
    elif base:
        return None
    return value & 0xFFFFFFFF, pos


def _block(data: bytes, pos: int) -> tuple[bytes, int]:
    length, pos = uleb(data, pos)
    if length > MAX_EXPRESSION or pos + length > len(data):
        raise ValueError("an expression is too long")
    return data[pos : pos + length], pos + length


def _run(data: bytes, row: Row, cie: Cie, start: int, address: int, initial: dict[int, Rule]) -> None:
    """Run frame instructions up to an address, changing `row`."""
    remembered: list[Row] = []
    location, pos, end = start, 0, len(data)
    rules = row.rules

    def put(register: int, rule: Rule) -> None:
        if len(rules) >= MAX_REGISTERS and register not in rules:
            raise ValueError("too many registers")
        rules[register] = rule

    for _ in range(MAX_INSTRUCTIONS):
        if pos >= end:
            return
        op = data[pos]
        pos += 1
        high, low = op >> 6, op & 0x3F
        if high == 1:
            location += low * cie.code_align
        elif high == 2:
            offset, pos = uleb(data, pos)
            put(low, (OFFSET, offset * cie.data_align, b""))
        elif high == 3:
            _restore(rules, low, initial)
        elif op == 0x00:
            continue
        elif op in (0x02, 0x03, 0x04, 0x1D):
            size = {0x02: 1, 0x03: 2, 0x04: 4, 0x1D: 8}[op]
            location += unsigned(data, pos, size) * cie.code_align
            pos += size
        elif op == 0x01:
            location, pos = u32(data, pos), pos + 4
        elif op in (0x05, 0x11, 0x2F):
            register, pos = uleb(data, pos)
            offset, pos = sleb(data, pos) if op == 0x11 else uleb(data, pos)
            put(register, (OFFSET, (-offset if op == 0x2F else offset) * cie.data_align, b""))
        elif op in (0x14, 0x15):
            register, pos = uleb(data, pos)
            offset, pos = sleb(data, pos) if op == 0x15 else uleb(data, pos)
            put(register, (VAL_OFFSET, offset * cie.data_align, b""))
        elif op == 0x06:
            register, pos = uleb(data, pos)
            _restore(rules, register, initial)
        elif op in (0x07, 0x08):
            register, pos = uleb(data, pos)
            put(register, (UNDEFINED if op == 0x07 else SAME, 0, b""))
        elif op == 0x09:
            register, pos = uleb(data, pos)
            source, pos = uleb(data, pos)
            put(register, (REGISTER, source, b""))
        elif op == 0x0A:
            if len(remembered) >= MAX_REMEMBERED:
                raise ValueError(f"more than {MAX_REMEMBERED} remembered states")
            remembered.append(row.copy())
        elif op == 0x0B:
            if not remembered:
                raise ValueError("restores a state that was not remembered")
            saved = remembered.pop()
            row.cfa_register, row.cfa_offset, row.cfa_expression = (
                saved.cfa_register,
                saved.cfa_offset,
                saved.cfa_expression,
            )
            row.rules = rules = saved.rules
        elif op in (0x0C, 0x12):
            row.cfa_register, pos = uleb(data, pos)
            offset, pos = sleb(data, pos) if op == 0x12 else uleb(data, pos)
            row.cfa_offset = offset * cie.data_align if op == 0x12 else offset
            row.cfa_expression = None
        elif op == 0x0D:
            row.cfa_register, pos = uleb(data, pos)
        elif op in (0x0E, 0x13):
            offset, pos = sleb(data, pos) if op == 0x13 else uleb(data, pos)
            row.cfa_offset = offset * cie.data_align if op == 0x13 else offset
        elif op == 0x0F:
            row.cfa_expression, pos = _block(data, pos)
        elif op in (0x10, 0x16):
            register, pos = uleb(data, pos)
            code, pos = _block(data, pos)
            put(register, (EXPRESSION if op == 0x10 else VAL_EXPRESSION, 0, code))
        elif op == 0x2E:
            _, pos = uleb(data, pos)
        else:
            raise ValueError(f"unknown frame instruction 0x{op:02x}")
        if location > address:
            return
    raise ValueError(f"more than {MAX_INSTRUCTIONS} frame instructions")


def _restore(rules: dict[int, Rule], register: int, initial: dict[int, Rule]) -> None:
    if register in initial:
        rules[register] = initial[register]
    else:
        rules.pop(register, None)
