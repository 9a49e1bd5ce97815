"""Requests and replies as bytes."""

from __future__ import annotations

import struct

import pytest

from espmon.rom import protocol
from espmon.rom.protocol import Op
from espmon.rom.rom_error import RomError, RomErrorKind


def _packet(op: int, value: int, body: bytes) -> bytes:
    return struct.pack("<BBHI", 1, op, len(body), value) + body


def test_a_register_read_has_the_documented_bytes() -> None:
    assert protocol.request(Op.READ_REG, struct.pack("<I", 0x40001000)) == bytes.fromhex(
        "c0 00 0a 0400 00000000 00100040 c0"
    )


def test_the_data_checksum_is_a_seeded_exclusive_or_of_the_payload_alone() -> None:
    data, check = protocol.data_block(b"\x01\x02\x04", sequence=7)
    assert data == struct.pack("<IIII", 3, 7, 0, 0) + b"\x01\x02\x04"
    assert check == 0xEF ^ 1 ^ 2 ^ 4


@pytest.mark.parametrize("status", [bytes(2), bytes(4)])
def test_two_and_four_status_bytes_are_read_alike(status: bytes) -> None:
    reply = protocol.read_reply(_packet(Op.READ_REG, 0x1234, status))
    assert (reply.value, reply.data) == (0x1234, b"")


def test_an_error_is_read_right_after_the_payload_not_at_the_end() -> None:
    with pytest.raises(RomError, match="not valid") as caught:
        protocol.read_reply(_packet(Op.READ_REG, 0, b"\x01\x05\x00\x00"))
    assert (caught.value.kind, caught.value.code) == (RomErrorKind.REFUSED, 5)


def test_an_error_instead_of_a_payload_is_a_refusal() -> None:
    with pytest.raises(RomError) as caught:
        protocol.read_reply(_packet(Op.GET_SECURITY_INFO, 0, b"\x01\x05\x00\x00"), protocol.SECURITY_INFO)
    assert caught.value.kind is RomErrorKind.REFUSED


@pytest.mark.parametrize("length", [20, 12])
@pytest.mark.parametrize("status", [2, 4])
def test_both_lengths_of_the_security_info_are_told_apart(length: int, status: int) -> None:
    body = bytes(range(1, length + 1)) + bytes(status)
    assert protocol.read_reply(_packet(Op.GET_SECURITY_INFO, 0, body), protocol.SECURITY_INFO).data == body[:length]


def test_a_length_that_no_reply_has_is_a_bad_reply() -> None:
    with pytest.raises(RomError) as caught:
        protocol.read_reply(_packet(Op.READ_REG, 0, bytes(7)))
    assert caught.value.kind is RomErrorKind.BAD_REPLY


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"boot log",
        _packet(Op.WRITE_REG, 0, bytes(4)),
        b"\x00" + _packet(Op.READ_REG, 0, bytes(4))[1:],
        _packet(Op.READ_REG, 0, bytes(4))[:-1],
        _packet(Op.READ_REG, 0, bytes(4)) + b"x",
    ],
    ids=["empty", "text", "another command", "a request", "too short", "too long"],
)
def test_what_is_no_reply_to_the_command_is_turned_down(packet: bytes) -> None:
    assert not protocol.answers(packet, Op.READ_REG)


def test_the_security_info_names_the_chip_where_it_is_long() -> None:
    long = struct.pack("<IB7sII", 0b100, 0b011, bytes(7), 13, 2)
    info = protocol.read_security_info(long)
    assert (info.flags, info.flash_crypt_count, info.chip_id, info.eco_version) == (4, 3, 13, 2)
    assert protocol.read_security_info(long[:12]).chip_id is None


def test_an_unknown_error_code_is_shown_as_a_number() -> None:
    with pytest.raises(RomError, match="0x77"):
        protocol.read_reply(_packet(Op.SYNC, 0, b"\x01\x77"))
