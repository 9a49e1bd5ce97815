"""Little-endian numbers, LEB128 and strings, read from bytes at a position."""

from __future__ import annotations

from struct import Struct

U16 = Struct("<H")
U32 = Struct("<I")

MAX_LEB_BYTES = 16
"""A LEB128 number longer than this is damage, not a number."""


def uleb(data: bytes, pos: int) -> tuple[int, int]:
    """Read an unsigned LEB128 number; returns (value, next position)."""
    byte = data[pos]
    if byte < 0x80:
        return byte, pos + 1
    value = byte & 0x7F
    shift = 7
    for at in range(pos + 1, pos + MAX_LEB_BYTES):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at + 1
        shift += 7
    raise ValueError("a LEB128 number does not end")


def sleb(data: bytes, pos: int) -> tuple[int, int]:
    """Read a signed LEB128 number; returns (value, next position)."""
    value, after = uleb(data, pos)
    bits = 7 * (after - pos)
    return (value - (1 << bits) if value >> (bits - 1) else value), after


def skip_leb(data: bytes, pos: int) -> int:
    """Return the position after the LEB128 number at `pos`."""
    while data[pos] >= 0x80:
        pos += 1
    return pos + 1


def cstring(data: bytes, pos: int) -> tuple[str, int]:
    """Read a NUL-terminated string; returns (text, position after the NUL)."""
    end = data.index(b"\0", pos)
    return data[pos:end].decode("utf-8", "replace"), end + 1


def u16(data: bytes, pos: int) -> int:
    """Read 2 bytes."""
    return int(U16.unpack_from(data, pos)[0])


def u32(data: bytes, pos: int) -> int:
    """Read 4 bytes."""
    return int(U32.unpack_from(data, pos)[0])


def unsigned(data: bytes, pos: int, size: int) -> int:
    """Read `size` bytes (any size); raises ValueError where fewer are left."""
    piece = data[pos : pos + size]
    if len(piece) != size:
        raise ValueError(f"needs {size} bytes at {pos}, has {len(piece)}")
    return int.from_bytes(piece, "little")
