"""The loader's requests and replies as bytes.

A request is `00 op length16 checksum32 data`, a reply `01 op length16 value32 data status`, each in one SLIP packet,
little-endian. The status is two bytes right after the payload that the command is known to have: ROMs send two more
after them, so "the last two bytes" would read every error as success.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from functools import cache
from typing import NamedTuple

from espmon.data import load_table
from espmon.rom import slip
from espmon.rom.rom_error import RomError, RomErrorKind


class Op(IntEnum):
    """Command numbers. Those from 0xD0 on are the stub's alone."""

    FLASH_BEGIN = 0x02
    FLASH_DATA = 0x03
    FLASH_END = 0x04
    MEM_BEGIN = 0x05
    MEM_END = 0x06
    MEM_DATA = 0x07
    SYNC = 0x08
    WRITE_REG = 0x09
    READ_REG = 0x0A
    SPI_SET_PARAMS = 0x0B
    SPI_ATTACH = 0x0D
    READ_FLASH_SLOW = 0x0E
    CHANGE_BAUDRATE = 0x0F
    FLASH_DEFL_BEGIN = 0x10
    FLASH_DEFL_DATA = 0x11
    FLASH_DEFL_END = 0x12
    SPI_FLASH_MD5 = 0x13
    GET_SECURITY_INFO = 0x14
    ERASE_FLASH = 0xD0
    ERASE_REGION = 0xD1
    READ_FLASH = 0xD2


REQUEST = 0
REPLY = 1
HEADER = struct.Struct("<BBHI")
CHECKSUM_SEED = 0xEF
DATA_HEADER = struct.Struct("<IIII")
"""Length, sequence number, 0, 0: what stands before the payload of the three data commands."""

SYNC_PAYLOAD = bytes((0x07, 0x07, 0x12, 0x20)) + b"\x55" * 32
STUB_GREETING = b"OHAI"
"""The packet by which a stub says that it runs."""


@cache
def _errors() -> dict[int, str]:
    """The status byte that follows a failure, in words (ROMs below 0x64, stubs from 0xc0)."""
    return {int(code, 16): words for code, words in load_table(__file__, "loader_errors.json").items()}


class Reply(NamedTuple):
    """One answer, its status already judged."""

    op: int
    value: int
    """The 32-bit value of the header: a register's content, or what SYNC tells."""

    data: bytes
    """The payload without the status bytes."""


def checksum(payload: bytes) -> int:
    """The data commands' checksum: the XOR of all bytes, seeded with 0xEF."""
    # Halves laid on each other as whole numbers: a hundred times faster than byte by byte.
    value, size = int.from_bytes(payload, "little"), len(payload)
    while size > 1:
        half = (size + 1) // 2
        value = value >> 8 * half ^ value & (1 << 8 * half) - 1
        size = half
    return value ^ CHECKSUM_SEED


def request(op: int, data: bytes = b"", check: int = 0) -> bytes:
    """A request as it goes over the wire. `data` is at most 65,535 bytes."""
    return slip.encode(HEADER.pack(REQUEST, op, len(data), check) + data)


def data_block(payload: bytes, sequence: int) -> tuple[bytes, int]:
    """The data and checksum of a MEM_DATA, FLASH_DATA or FLASH_DEFL_DATA request."""
    return DATA_HEADER.pack(len(payload), sequence, 0, 0) + payload, checksum(payload)


def answers(packet: bytes, op: int) -> bool:
    """Whether `packet` is a reply to `op`: direction, op and length agree."""
    if len(packet) < HEADER.size + 2 or packet[0] != REPLY or packet[1] != op:
        return False
    return bool(HEADER.unpack_from(packet)[2] == len(packet) - HEADER.size)


def read_reply(packet: bytes, payload: Sequence[int] = (0,)) -> Reply:
    """Judge a reply that `answers` has accepted.

    Args:
        packet: the unescaped packet.
        payload: the lengths that the command's payload may have on success, longest first.

    Raises:
        RomError: REFUSED with the loader's code, or BAD_REPLY when no length fits.
    """
    _, op, _, value = HEADER.unpack_from(packet)
    body = packet[HEADER.size :]
    for length in payload:
        if len(body) in (length + 2, length + 4):
            status, code = body[length], body[length + 1]
            if status:
                break
            return Reply(op, value, body[:length])
    else:
        if len(body) not in (2, 4) or not body[0]:
            raise RomError(
                RomErrorKind.BAD_REPLY,
                f"The answer to {op_name(op)} has {len(body)} bytes, which is not a length it can have",
                "Noise on the line or a wrong baud rate; try again with a lower one.",
            )
        code = body[1]
    words = _errors().get(code, "unknown error")
    raise RomError(RomErrorKind.REFUSED, f"The chip refused {op_name(op)}: {words} (0x{code:02x})", code=code)


def op_name(op: int) -> str:
    """A command's name, or its number where it has none."""
    return Op(op).name if op in Op._value2member_map_ else f"command 0x{op:02x}"


SECURITY_INFO = (20, 12)
"""Payload lengths of GET_SECURITY_INFO: with and without chip id and eco version."""


class SecurityInfo(NamedTuple):
    """What GET_SECURITY_INFO told."""

    flags: int
    """Bits as named by `Chips.security_flags`."""

    flash_crypt_count: int
    """Flash encryption is on when an odd number of bits is set."""

    chip_id: int | None
    """None where the chip sends the short form."""

    eco_version: int | None


def read_security_info(data: bytes) -> SecurityInfo:
    """Take a payload of 20 or 12 bytes apart."""
    flags, crypt_count = struct.unpack_from("<IB", data)
    if len(data) < 20:
        return SecurityInfo(flags, crypt_count, None, None)
    chip_id, eco = struct.unpack_from("<II", data, 12)
    return SecurityInfo(flags, crypt_count, chip_id, eco)
