"""A picture of the board's screen as a real PNG: 240 x 135 pixels, another one each time."""

from __future__ import annotations

import struct
import zlib

WIDTH, HEIGHT = 240, 135
BARS = ((0x99, 0xD9, 0x8C), (0xF9, 0xC7, 0x4F), (0xF3, 0x72, 0x2C), (0xF9, 0x41, 0x44))
SUN = bytes((0xFF, 0xD1, 0x66))
STAR = bytes((0xE8, 0xEC, 0xFF))
SUN_RADIUS, SUN_ROW = 18, 34
BAR_WIDTH, BAR_PITCH, BAR_LEFT, BAR_COUNT = 18, 24, 12, 9


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _row(y: int, turn: int) -> bytes:
    """One row: a sky that gets lighter, stars, a sun that wanders, bars that grow."""
    sky = bytes((8 + y // 3, 16 + y // 2, 40 + y * 3 // 4))
    row = bytearray(sky * WIDTH)
    if y < HEIGHT // 2 and y % 7 == 3:
        for x in range((y * 37 + turn * 5) % 53, WIDTH, 53):
            row[3 * x : 3 * x + 3] = STAR
    if abs(y - SUN_ROW) < SUN_RADIUS:
        half = int((SUN_RADIUS**2 - (y - SUN_ROW) ** 2) ** 0.5)
        left = SUN_RADIUS + (40 + 23 * turn) % (WIDTH - 2 * SUN_RADIUS) - half
        row[3 * left : 3 * (left + 2 * half)] = SUN * (2 * half)
    for bar in range(BAR_COUNT):
        height = 12 + (bar * 17 + turn * 11) % 44
        if HEIGHT - 6 - height <= y < HEIGHT - 6:
            shade = bytes(max(0, part - (HEIGHT - y)) for part in BARS[bar % len(BARS)])
            start = 3 * (BAR_LEFT + bar * BAR_PITCH)
            row[start : start + 3 * BAR_WIDTH] = shade * BAR_WIDTH
    return bytes(row)


def screenshot(turn: int) -> bytes:
    """PNG number `turn`, a few kilobytes."""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + _row(y, turn) for y in range(HEIGHT))
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)
