"""Abbreviation tables: what a debugging entry holds, compiled into a plan for stepping over it quickly."""

from __future__ import annotations

from typing import NamedTuple

from espmon.postmortem.binary import skip_leb, sleb, uleb
from espmon.postmortem.postmortem_error import PostmortemError

MAX_ABBREVIATIONS = 20_000
MAX_ATTRIBUTES = 200
MAX_KNOWN = 20_000

AT_SIBLING, AT_LOCATION, AT_NAME = 0x01, 0x02, 0x03
AT_BYTE_SIZE, AT_STMT_LIST, AT_LOW_PC, AT_HIGH_PC, AT_LANGUAGE = 0x0B, 0x10, 0x11, 0x12, 0x13
AT_COMP_DIR, AT_CONST_VALUE, AT_UPPER_BOUND, AT_ABSTRACT_ORIGIN, AT_COUNT = 0x1B, 0x1C, 0x2F, 0x31, 0x37
AT_DATA_MEMBER_LOCATION, AT_DECLARATION, AT_ENCODING, AT_EXTERNAL, AT_FRAME_BASE = 0x38, 0x3C, 0x3E, 0x3F, 0x40
AT_SPECIFICATION, AT_TYPE, AT_RANGES, AT_CALL_FILE, AT_CALL_LINE, AT_SIGNATURE = 0x47, 0x49, 0x55, 0x58, 0x59, 0x69
AT_LINKAGE_NAME, AT_STR_OFFSETS_BASE, AT_ADDR_BASE, AT_RNGLISTS_BASE = 0x6E, 0x72, 0x73, 0x74
AT_CALL_RETURN_PC, AT_CALL_PC, AT_CALL_ORIGIN, AT_CALL_TAIL_CALL = 0x7D, 0x81, 0x7F, 0x82
AT_LOCLISTS_BASE, AT_MIPS_LINKAGE_NAME, AT_GNU_TAIL_CALL = 0x8C, 0x2007, 0x2115
AT_CALL_VALUE, AT_GNU_CALL_VALUE, AT_CALL_PARAMETER, AT_CALL_TARGET, AT_GNU_CALL_TARGET = (
    0x7E,
    0x2111,
    0x80,
    0x83,
    0x2113,
)
AT_BIT_OFFSET, AT_BIT_SIZE, AT_DATA_BIT_OFFSET, AT_DISCRIMINANT, AT_DISCRIMINANT_VALUE = 0x0C, 0x0D, 0x6B, 0x15, 0x16
AT_LOWER_BOUND, AT_BYTE_STRIDE, AT_VIRTUALITY, AT_ARTIFICIAL, AT_PRODUCER = 0x22, 0x51, 0x4C, 0x34, 0x25

TAG_ARRAY, TAG_CLASS, TAG_ENUMERATION, TAG_PARAMETER = 0x01, 0x02, 0x04, 0x05
TAG_LEXICAL_BLOCK, TAG_MEMBER, TAG_POINTER, TAG_REFERENCE, TAG_STRUCTURE = 0x0B, 0x0D, 0x0F, 0x10, 0x13
TAG_TYPEDEF, TAG_UNION, TAG_INLINED, TAG_SUBRANGE, TAG_BASE, TAG_CONST = 0x16, 0x17, 0x1D, 0x21, 0x24, 0x26
TAG_ENUMERATOR, TAG_SUBPROGRAM, TAG_VARIABLE, TAG_VOLATILE = 0x28, 0x2E, 0x34, 0x35
TAG_NAMESPACE, TAG_MODULE, TAG_ATOMIC, TAG_CALL_SITE, TAG_GNU_CALL_SITE = 0x39, 0x1E, 0x47, 0x48, 0x4109
TAG_RVALUE_REFERENCE, TAG_SUBROUTINE_TYPE, TAG_RESTRICT = 0x42, 0x15, 0x37
TAG_CALL_PARAMETER, TAG_GNU_CALL_PARAMETER, TAG_INHERITANCE = 0x49, 0x410A, 0x1C
TAG_VARIANT, TAG_VARIANT_PART, TAG_UNSPECIFIED, TAG_MEMBER_POINTER = 0x19, 0x33, 0x3B, 0x1F

FORM_ADDRESS, FORM_DATA4, FORM_INDIRECT, FORM_IMPLICIT_CONST = 0x01, 0x06, 0x16, 0x21

FIXED_FORMS = {
    0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16, 0x0C: 1, 0x11: 1, 0x12: 2, 0x13: 4, 0x14: 8,
    0x19: 0, 0x20: 8, 0x21: 0, 0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4, 0x29: 1, 0x2A: 2, 0x2B: 3, 0x2C: 4, 0x1C: 4, 0x24: 8,
}  # fmt: skip
"""Form -> bytes, where neither unit nor value decides."""

OFFSET_FORMS = frozenset({0x0E, 0x17, 0x1F, 0x1D, 0x1F20, 0x1F21})
"""strp, sec_offset, line_strp, strp_sup, GNU_ref_alt, GNU_strp_alt: 4 or 8 bytes with the unit's format."""

LEB, SLEB, BLOCK1, BLOCK2, BLOCK4, BLOCK_LEB, STRING, INDIRECT = -1, -2, -3, -4, -5, -6, -7, -8
VARIABLE_FORMS = {
    0x0F: LEB, 0x0D: LEB, 0x15: LEB, 0x1A: LEB, 0x1B: LEB, 0x22: LEB, 0x23: LEB, 0x1F01: LEB, 0x1F02: LEB,
    0x0A: BLOCK1, 0x03: BLOCK2, 0x04: BLOCK4, 0x09: BLOCK_LEB, 0x18: BLOCK_LEB, 0x08: STRING, 0x16: INDIRECT,
}  # fmt: skip
"""Form -> how its length is found."""


def form_size(form: int, address_size: int, offset_size: int, version: int) -> int:
    """Return a form's bytes, or a negative kind of the module where the value decides; raises for an unknown form."""
    fixed = FIXED_FORMS.get(form)
    if fixed is not None:
        return fixed
    if form in OFFSET_FORMS:
        return offset_size
    if form == 0x01:
        return address_size
    if form == 0x10:  # ref_addr was an address in DWARF 2
        return offset_size if version >= 3 else address_size
    kind = VARIABLE_FORMS.get(form)
    if kind is None:
        raise PostmortemError(f"debug information uses an unknown form 0x{form:x}")
    return kind


def skip_form(kind: int, data: bytes, pos: int, sizes: tuple[int, int, int]) -> int:
    """Step over one value of a negative kind; `sizes` are address size, offset size and version of the unit."""
    if kind in (LEB, SLEB):
        return skip_leb(data, pos)
    if kind == BLOCK1:
        return pos + 1 + data[pos]
    if kind == BLOCK2:
        return pos + 2 + int.from_bytes(data[pos : pos + 2], "little")
    if kind == BLOCK4:
        return pos + 4 + int.from_bytes(data[pos : pos + 4], "little")
    if kind == BLOCK_LEB:
        length, pos = uleb(data, pos)
        return pos + length
    if kind == STRING:
        return data.index(b"\0", pos) + 1
    form, pos = uleb(data, pos)
    if form == FORM_INDIRECT:
        raise PostmortemError("debug information nests indirect forms")
    size = form_size(form, *sizes)
    return pos + size if size >= 0 else skip_form(size, data, pos, sizes)


class Abbreviation(NamedTuple):
    """What one kind of entry holds.

    `fixed`: bytes of all its attributes, or -1 where they vary; `steps`: sizes to add (positive) and kinds to skip
    (negative); `sibling_at`: where the sibling reference stands behind the entry's code when that is constant, else -1.
    """

    tag: int
    children: bool
    attributes: tuple[tuple[int, int, int], ...]
    fixed: int
    steps: tuple[int, ...]
    sibling_at: int
    has_sibling: bool
    has_code: bool
    range_at: int = -1


Known = dict[tuple[bytes, tuple[int, int, int]], Abbreviation]
"""Declarations already read, by their bytes: units repeat each other's."""


def parse_abbreviations(data: bytes, pos: int, sizes: tuple[int, int, int], known: Known) -> dict[int, Abbreviation]:
    """Read the table that starts at `pos`; raises IndexError where the data ends before the table does."""
    table: dict[int, Abbreviation] = {}
    while True:
        code, pos = uleb(data, pos)
        if code == 0:
            return table
        if len(table) >= MAX_ABBREVIATIONS:
            raise PostmortemError("an abbreviation table has too many entries")
        # The list of attributes ends with two zeros; only a constant inside it could look the same.
        end = data.find(b"\0\0", pos + 2) + 2
        raw = data[pos:end]
        found = known.get((raw, sizes)) if end > 1 else None
        if found is not None:
            table[code] = found
            pos = end
            continue
        found, pos = _declaration(data, pos, sizes)
        table[code] = found
        if pos == end and len(known) < MAX_KNOWN:
            known[raw, sizes] = found


def _declaration(data: bytes, pos: int, sizes: tuple[int, int, int]) -> tuple[Abbreviation, int]:
    tag, pos = uleb(data, pos)
    children = data[pos] != 0
    pos += 1
    attributes: list[tuple[int, int, int]] = []
    steps: list[int] = []
    fixed, sibling_at, has_sibling, has_code, range_at = 0, -1, False, False, -1
    while True:
        name, pos = uleb(data, pos)
        form, pos = uleb(data, pos)
        if name == 0 and form == 0:
            break
        constant = 0
        if form == FORM_IMPLICIT_CONST:
            constant, pos = sleb(data, pos)
        if len(attributes) >= MAX_ATTRIBUTES:
            raise PostmortemError("an abbreviation has too many attributes")
        attributes.append((name, form, constant))
        if name == AT_HIGH_PC and form == FORM_DATA4 and len(attributes) > 1:
            follows = attributes[-2][:2] == (AT_LOW_PC, FORM_ADDRESS) and sizes[0] == 4
            range_at = fixed - 4 if follows and fixed >= 0 else -1
        if name == AT_SIBLING:
            has_sibling = True
            if form == 0x13 and fixed >= 0:
                sibling_at = fixed
        elif name in (AT_LOW_PC, AT_RANGES):
            has_code = True
        size = form_size(form, *sizes)
        if size < 0:
            fixed = -1
            steps.append(size)
        else:
            if fixed >= 0:
                fixed += size
            if steps and steps[-1] >= 0:
                steps[-1] += size
            else:
                steps.append(size)
    made = Abbreviation(
        tag, children, tuple(attributes), fixed, tuple(steps), sibling_at, has_sibling, has_code, range_at
    )
    return made, pos
