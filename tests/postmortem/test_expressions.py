"""DWARF expressions, operation by operation: numbers of base types, pieces, what callers passed."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import pytest

from espmon.postmortem.expression import Context, Location, OptimisedAway, Piece, evaluate, evaluate_pieces
from espmon.postmortem.expression_numbers import FLOAT, SIGNED, UNSIGNED, BaseType
from espmon.postmortem.pointer_members import member_at
from espmon.postmortem.postmortem_error import PostmortemError
from espmon.postmortem.structures import definitions
from espmon.postmortem.symbolizer import Image
from espmon.postmortem.types import type_at
from tests.fixtures.variables import compare

TYPES = {
    1: BaseType(4, SIGNED),
    2: BaseType(8, SIGNED),
    3: BaseType(4, FLOAT),
    4: BaseType(8, FLOAT),
    5: BaseType(1, UNSIGNED),
}
MEMORY = {0x3FFB0000: struct.pack("<IfI", 0xFFFFFFF6, 1.5, 7)}


def read(address: int, size: int) -> bytes | None:
    for start, data in MEMORY.items():
        if start <= address and address + size <= start + len(data):
            return data[address - start : address - start + size]
    return None


CONTEXT = Context(
    {10: 0x3FFB0000, 11: 0xFFFFFFFE, 12: 1}.get,
    read,
    0x3FFB0010,
    lambda: 0x3FFB0008,
    entry_value=lambda register: register * 100,
    base_type=TYPES.__getitem__,
    parameter=lambda reference: reference + 1,
    variable=lambda reference: 3,
)


def value(text: str) -> int:
    """The number that operations leave, as a 32-bit word."""
    return evaluate(bytes.fromhex(text) + b"\x9f", CONTEXT).value


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("3a33 1b", 3),  # 10 / 3
        ("09f6 33 1b", 0xFFFFFFFD),  # -10 / 3 rounds to zero
        ("3a33 1d", 1),
        ("3a33 1c", 7),
        ("333a 1c", 0xFFFFFFF9),
        ("3a33 1e", 30),
        ("3c33 21", 15),
        ("3c3a 1a", 8),
        ("3c3a 27", 6),
        ("3134 24", 16),
        ("09f0 34 25", 0x0FFFFFFF),
        ("09f0 34 26", 0xFFFFFFFF),
        ("09ff 31 2d", 1),  # -1 < 1
        ("09ff 31 2b", 0),
        ("3131 29", 1),
        ("3132 2e", 1),
        ("3132 2c", 1),
        ("3132 2a", 0),
        ("09f6 19", 10),
        ("35 1f", 0xFFFFFFFB),
        ("35 20", 0xFFFFFFFA),
        ("35 2305", 10),
        ("3536 12 22", 12),
        ("3536 13", 5),
        ("3536 14", 5),
        ("3536 1501", 5),
        ("3536 16", 5),
        ("353637 17", 6),
        ("30 28 0100 39 38", 8),  # a branch that is not taken
        ("2f 0100 39 38", 8),  # one that is
        ("7a04", 0x3FFB0004),
        ("920b02", 0),
        ("7a00 06", 0xFFFFFFF6),
        ("7a00 9401", 0xF6),
        ("9178 ", 0x3FFB0000),
        ("9c", 0x3FFB0010),
        ("a30151", 100),
        ("f302900c", 1200),
        ("fa01000000", 2),
        ("fd01000000", 3),
        ("a50b01", 0xFFFFFFFE),
        ("10 8001", 128),
        ("11 7f", 0xFFFFFFFF),
    ],
)
def test_operations_leave_their_number(code: str, expected: int) -> None:
    assert value(code) == expected


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("a50b01", struct.pack("<i", -2)),
        ("a50b01 a802", struct.pack("<q", -2)),
        ("a50b01 a803", struct.pack("<f", -2.0)),
        ("7a04 a60403", struct.pack("<f", 1.5)),
        ("7a04 a60403 a804", struct.pack("<d", 1.5)),
        ("7a04 a60403 7a04 a60403 1e", struct.pack("<f", 2.25)),
        ("7a04 a60403 a801", struct.pack("<i", 1)),
        ("7a04 a60403 a901", struct.pack("<f", 1.5)),
        ("a4010400000080", struct.pack("<i", -(2**31))),
        ("a4010400000080 34 a801 1b", struct.pack("<i", -(2**29))),
        ("a4010400000080 a800", struct.pack("<I", 2**31)),
        ("08c8 a805", b"\xc8"),
        ("a3 03 a50a01", struct.pack("<i", 1000)),
    ],
)
def test_numbers_have_the_types_that_expressions_give_them(code: str, content: bytes) -> None:
    found = evaluate(bytes.fromhex(code) + b"\x9f", CONTEXT)
    assert (found.kind, found.content) == ("value", content)


def test_pieces_are_read_one_by_one() -> None:
    code = bytes.fromhex("5a 9304 9304 7a00 9302 35 9f 9301 51 9d0804")
    assert evaluate_pieces(code, CONTEXT) == [
        Piece(Location("register", 10), 32),
        Piece(Location("gone"), 32),
        Piece(Location("memory", 0x3FFB0000), 16),
        Piece(Location("value", 5, b"\x05\0\0\0"), 8),
        Piece(Location("register", 1), 8, 4),
    ]
    with pytest.raises(PostmortemError, match="several pieces"):
        evaluate(code, CONTEXT)


@pytest.mark.parametrize(
    ("code", "location"),
    [
        ("", Location("gone")),
        ("900c", Location("register", 12)),
        ("9e020102", Location("bytes", 0, b"\x01\x02")),
        ("a01000000004", Location("pointer", 16, b"\x04\0\0\0")),
        ("58f0", Location("register", 8)),
        ("96", Location("gone")),
    ],
)
def test_places_are_of_their_kind(code: str, location: Location) -> None:
    assert evaluate(bytes.fromhex(code), CONTEXT) == location


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("3130 1b 9f", "divides by zero"),
        ("3130 1d 9f", "divides by zero"),
        ("70 00", "register 0 is not known"),
        ("3006", "memory at 0x00000000 is not in this dump"),
        ("e0", "thread-local"),
        ("ff", "operation 0xff is not supported"),
        ("2ffdff", "does not end"),
        ("2f0070", "jumps out of itself"),
        ("5a5b", "goes on behind its result"),
        ("22", "an expression: damaged"),
        ("a3023131", "only a register's value at the call"),
        ("7a04a60403 31 a803 1a", "floating point number for bits"),
        ("7a04a60403 a902", "of another size"),
    ],
)
def test_what_cannot_be_said_is_said_so(code: str, words: str) -> None:
    with pytest.raises(PostmortemError, match=words):
        evaluate(bytes.fromhex(code), CONTEXT)


def test_without_a_caller_its_values_are_gone() -> None:
    alone = Context(lambda number: None, lambda address, size: None)
    for code in ("a3015a9f", "fa010000009f"):
        with pytest.raises(OptimisedAway):
            evaluate(bytes.fromhex(code), alone)


@pytest.mark.parametrize(
    ("offset", "size", "member"),
    [
        (0, 1, "name[0]"), (11, 1, "name[11]"), (12, 4, "mode"), (16, 2, "at.x"), (18, 2, "at.y"),
        (32, 4, "last.word"), (36, 4, "next"), (40, 4, "read"), (48, 8, "total"), (48, 4, "total"),
        (64, 1, "grid"), (72, 4, "number"), (13, 1, None), (200, 4, None),
    ],
)  # fmt: skip
def test_members_are_named_by_their_offset(tmp_path: Path, offset: int, size: int, member: str | None) -> None:
    data = json.loads(gzip.decompress((compare.HERE / "values_Og.json.gz").read_bytes()))
    elf = tmp_path / "app.elf"
    elf.write_bytes(bytes.fromhex(data["elf"]))
    unit, position = definitions(Image(elf), b"sensor")[0]
    assert member_at(type_at(unit, position), offset, size) == member
