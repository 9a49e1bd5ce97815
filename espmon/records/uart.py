"""What a receiver makes of bytes that were sent at another rate: a bit-level model of 8N1.

The receiver waits for a falling edge, checks the middle of the start bit, samples the middle of eight data bits and the
stop bit, and hands the byte over whether the stop bit was right or not, as USB bridges and the Linux tty do.
"""

from __future__ import annotations

from collections.abc import Iterable

FRAME_BITS = 10
"""Bits on the wire for a byte: start, eight data bits from the lowest, stop."""


_DATA_BITS = tuple((1 << bit, 1.5 + bit) for bit in range(8))
"""What a data bit is worth, and when its middle is, in bit times from the falling edge."""

_FRAMES = tuple(bytes((0, *(byte >> bit & 1 for bit in range(8)), 1)) for byte in range(256))
"""Byte -> its levels on the wire."""


def line_levels(data: Iterable[int], *, gap_after: bytes = b"\n", gap_bits: int = 25) -> bytes:
    """The levels on the wire, 0 or 1, one a bit time of the sender; idle (high) after each byte in `gap_after`."""
    idle = b"\x01" * gap_bits
    frames = [_FRAMES[byte] + idle if byte in gap_after else _FRAMES[byte] for byte in data]
    return b"\x01" * 12 + b"".join(frames) + b"\x01" * FRAME_BITS


def received(levels: bytes, ratio: float, *, phase: float = 0.0) -> bytes:
    """The bytes read from these levels by a receiver whose bit time is `1 / ratio` of the sender's.

    `ratio` is receiver rate / sender rate; `phase` (0 to 1) is when, within its first bit time, the receiver starts.
    """
    step = 1.0 / ratio
    out = bytearray()
    last = len(levels)
    position = phase * step
    while True:
        # The next falling edge: a start bit needs the line to have been high before it.
        high = levels.find(1, int(position))
        index = levels.find(0, high) if high >= 0 else -1
        if index < 0:
            return bytes(out)
        edge = max(float(index), position)
        if levels[min(int(edge + 0.5 * step), last - 1)]:
            position = edge + 0.5 * step
            continue
        byte = 0
        for bit, middle in _DATA_BITS:
            sample = int(edge + middle * step)
            if sample >= last or levels[sample]:
                byte |= bit
        out.append(byte)
        position = edge + 9.5 * step


def resampled(data: bytes, *, sender: int, receiver: int) -> bytes:
    """What a receiver at `receiver` baud reads when `data` is sent at `sender` baud."""
    return received(line_levels(data), receiver / sender)
