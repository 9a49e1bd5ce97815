"""One byte a line, 1 or 0, for whole pages of lines at the speed of C: which lines have something.

Text that every other line has is found by marking it, and taking out everything but the marks and the line ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate, repeat

MARK = b"\xff"
"""Stands for what was found. No page that is marked has one of its own."""

_ALL_ELSE = bytes(byte for byte in range(256) if byte not in b"\n" + MARK)
_TURNED = bytes([1, 0]).ljust(256, b"\0")

Flags = bytes | bytearray | None
"""One byte a line; None when no line has it."""


def marked_lines(data: bytes) -> bytes:
    """One byte for each line of `data`: 1 where there is a mark. Each line ends with LF."""
    left = data.translate(None, _ALL_ELSE)
    while MARK + MARK in left:
        left = left.replace(MARK + MARK, MARK)
    return left.replace(MARK + b"\n", b"\1").replace(b"\n", b"\0")


def word_flags(data: bytes, count: int, word: re.Pattern[bytes]) -> Flags:
    """Which of the `count` lines of `data` have `word`, a text. Each line ends with LF, and the word has none."""
    marked, times = word.subn(MARK, data)
    if not times:
        return None
    if MARK not in data:
        return marked_lines(marked)
    ends = [match.start() for match in word.finditer(data)]
    return flags_at(accumulate(map(data.count, repeat(b"\n"), [0, *ends], ends)), count)


def flags_at(lines: Iterable[int], count: int) -> Flags:
    """1 for these of `count` lines."""
    flags = bytearray(count)
    for line in lines:
        flags[line] = 1
    return flags


def lines_of(data: bytes, starts: Sequence[int], lines: Iterable[int]) -> bytes:
    """Only these lines of `data`, by the places where its lines begin and it ends."""
    return b"".join([data[starts[line] : starts[line + 1]] for line in lines])


def both(one: bytes | bytearray, other: bytes | bytearray) -> bytes:
    """1 where both have 1; they are of the same length."""
    return (int.from_bytes(one, "little") & int.from_bytes(other, "little")).to_bytes(len(one), "little")


def either(one: Flags, other: Flags) -> Flags:
    """1 where one of them has 1; they are of the same length."""
    if one is None or other is None:
        return other if one is None else one
    return (int.from_bytes(one, "little") | int.from_bytes(other, "little")).to_bytes(len(one), "little")


def turned(flags: bytes | bytearray) -> bytes:
    """1 where there was 0."""
    return bytes(flags).translate(_TURNED)


def widened(flags: bytes | bytearray, lines: int) -> bytes:
    """1 also so many lines before and behind each 1."""
    size = len(flags)
    bits, done = int.from_bytes(flags, "little"), 0
    both_ways = bits << (8 * lines)  # room in front of the first
    while done < 2 * lines:
        step = min(done + 1, 2 * lines - done)
        both_ways |= both_ways >> (8 * step)
        done += step
    return (both_ways & ((1 << (8 * size)) - 1)).to_bytes(size, "little")
