"""A picture of the board's screen as a real PNG: 240 x 135 pixels, another one each time."""

from __future__ import annotations

import struct
import zlib

WIDTH, HEIGHT = 240, 135
PALETTE = bytes.fromhex("0b1021 16325c 1f6f8b 99d98c f9c74f f3722c f94144 ffffff")
"""Eight colours, RGB."""

BITS = 4


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _pixel(x: int, y: int, turn: int) -> int:
    """A horizon, a moving sun, bars that grow: enough to see that one picture is not the last one."""
    sun_x, sun_y = (40 + 23 * turn) % WIDTH, 34
    if (x - sun_x) ** 2 + (y - sun_y) ** 2 < 18**2:
        return 4
    if y > 84 and 12 <= x < 228:
        bar, inside = divmod(x - 12, 24)
        height = 8 + (bar * 7 + turn * 11) % 40
        if inside < 18 and y > HEIGHT - 6 - height:
            return 3 + bar % 4
    return (y * 3 // HEIGHT) if (x + y + turn) % 9 else 7 if y < 3 else y * 3 // HEIGHT


def screenshot(turn: int) -> bytes:
    """PNG number `turn`."""
    rows = bytearray()
    for y in range(HEIGHT):
        rows.append(0)
        for x in range(0, WIDTH, 2):
            rows.append(_pixel(x, y, turn) << 4 | _pixel(x + 1, y, turn))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, BITS, 3, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, content)
        for kind, content in (
            (b"IHDR", header),
            (b"PLTE", PALETTE),
            (b"IDAT", zlib.compress(bytes(rows), 9)),
            (b"IEND", b""),
        )
    )
