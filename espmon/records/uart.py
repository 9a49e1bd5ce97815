"""What a receiver makes of bytes that were sent at another rate: a bit-level model of 8N1.

The receiver waits for a falling edge, checks the middle of the start bit, samples the middle of eight data bits and the
stop bit, and hands the byte over whether the stop bit was right or not, as USB bridges and the Linux tty do.
"""

from __future__ import annotations

from collections.abc import Iterable

FRAME_BITS = 10
"""Bits on the wire for a byte: start, eight data bits from the lowest, stop."""


def line_levels(data: Iterable[int], *, gap_after: bytes = b"\n", gap_bits: int = 25) -> list[int]:
    """The levels on the wire, one entry a bit time of the sender; idle (high) after each byte in `gap_after`."""
    levels = [1] * 12
    for byte in data:
        levels.append(0)
        levels.extend((byte >> bit) & 1 for bit in range(8))
        levels.append(1)
        if byte in gap_after:
            levels.extend([1] * gap_bits)
    levels.extend([1] * FRAME_BITS)
    return levels


def received(levels: list[int], ratio: float, *, phase: float = 0.0) -> bytes:
    """The bytes read from these levels by a receiver whose bit time is `1 / ratio` of the sender's.

    `ratio` is receiver rate / sender rate; `phase` (0 to 1) is when, within its first bit time, the receiver starts.
    """
    step = 1.0 / ratio
    out = bytearray()
    last = len(levels)
    position = phase * step
    while True:
        index = int(position)
        # The next falling edge: a start bit needs the line to have been high before it.
        while index < last and levels[index] == 0:
            index += 1
        while index < last and levels[index] == 1:
            index += 1
        if index >= last:
            return bytes(out)
        edge = max(float(index), position)
        if levels[min(int(edge + 0.5 * step), last - 1)]:
            position = edge + 0.5 * step
            continue
        byte = 0
        for bit in range(8):
            sample = int(edge + (1.5 + bit) * step)
            if sample >= last or levels[sample]:
                byte |= 1 << bit
        out.append(byte)
        position = edge + 9.5 * step


def resampled(data: bytes, *, sender: int, receiver: int) -> bytes:
    """What a receiver at `receiver` baud reads when `data` is sent at `sender` baud."""
    return received(line_levels(data), receiver / sender)
