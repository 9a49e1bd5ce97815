"""Locations for the code addresses that stand in log lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Protocol

from espmon.postmortem import Frame
from espmon.records.lines import LineBlock
from espmon.text import plain

ADDRESS = re.compile(rb"(?<![0-9A-Za-z_])0[xX]([0-9a-fA-F]{8})(?![0-9A-Za-z_])")
"""Eight hex digits behind 0x, standing alone: nine digits or a longer word are no address."""

BARE_BACKTRACE = re.compile(rb"Backtrace: ?(.*)", re.IGNORECASE)
BARE_FRAME = re.compile(rb"(?<![0-9A-Za-z_])(?:0[xX])?([0-9a-fA-F]{8}):(?:0[xX])?[0-9a-fA-F]{8}")
DATA_DUMP = re.compile(rb"^\s*(?:\x1b\[[0-9;]*m)*(?:0[xX])?[0-9a-fA-F]{8}\s*:")
"""A row of a memory dump: what stands in it is data, whatever it looks like."""

DECODED = re.compile(rb"^\s*(?:---\s|#\d+\s|\(inlined by\)|0[xX][0-9a-fA-F]{8}: \S+ (?:at|in) )")
"""A line that another tool has decoded already."""

ADDRESSES_A_LINE = 64
"""Addresses decoded in one line at most."""


class Locator(Protocol):
    """What decorating needs of a symbolizer."""

    def is_code(self, address: int) -> bool:
        """Whether the address is in an executable section."""
        ...

    def lookup(self, address: int) -> list[Frame]:
        """Frames at an address, innermost first."""
        ...

    def lookup_caller(self, return_address: int) -> list[Frame]:
        """Frames of the call that returns to an address."""
        ...


def code_addresses(line: bytes) -> list[tuple[int, bool]]:
    """Candidates in one line: (address, True where it is a return address), in order, each once."""
    if DATA_DUMP.match(line) or DECODED.match(line):
        return []
    backtrace = BARE_BACKTRACE.search(line)
    if backtrace:
        # The frames of a windowed call carry the window size in their top bits.
        values = [int(match[1], 16) for match in BARE_FRAME.finditer(backtrace[1])]
        values = [value & 0x3FFFFFFF | 0x40000000 if value & 0x80000000 else value for value in values]
        rows = [(value, index > 0) for index, value in enumerate(values)]
    else:
        rows = [(int(match[1], 16), False) for match in ADDRESS.finditer(line)]
    return list(dict.fromkeys(rows))[:ADDRESSES_A_LINE]


def location(address: int, frames: list[Frame], path_map: Mapping[str, str] | None = None) -> list[str]:
    """Readable lines for the frames at an address, innermost first; safe to show."""
    rows = []
    for number, frame in enumerate(frames):
        where = frame.function or "??"
        if frame.file:
            where += f" at {mapped(frame.file, path_map)}:{frame.line if frame.line is not None else '?'}"
        rows.append(plain(f"0x{address:08x}: {where}" if number == 0 else f"  (inlined by) {where}"))
    return rows


def mapped(file: str, path_map: Mapping[str, str] | None) -> str:
    """A source path with the longest matching prefix replaced by the local folder."""
    for prefix in sorted(path_map or (), key=len, reverse=True):
        if file == prefix or file.startswith(prefix.rstrip("/") + "/"):
            return str((path_map or {})[prefix]).rstrip("/") + file[len(prefix.rstrip("/")) :]
    return file


def decorate(line: bytes, locator: Locator, path_map: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Decorations of one line: the locations of the code addresses in it."""
    rows: list[str] = []
    for address, returns in code_addresses(line):
        if locator.is_code(address):
            frames = locator.lookup_caller(address) if returns else locator.lookup(address)
            if frames:
                rows += location(address, frames, path_map)
    return tuple(rows)


def candidate_lines(block: LineBlock) -> Iterator[tuple[int, bytes]]:
    """The lines of a block that may hold an address: (index, bytes), found with one search over the block."""
    if block.source == "mark":
        return
    if block.source == "binlog":
        for index in range(len(block)):
            yield index, block.text(index).encode()
        return
    data, starts = block.data, block.starts
    index = -1
    low = data.find(b"0x")
    upper = data.find(b"0X") if low < 0 else -1
    if low < 0 and upper < 0 and b"acktrace" not in data and b"ACKTRACE" not in data:
        return
    end = 0
    count = len(block)
    for match in CANDIDATE.finditer(data):
        if match.start() < end:
            continue
        while index + 1 < count and starts[index + 1] <= match.start():
            index += 1
        end = starts[index + 1]
        yield index, data[starts[index] : end]


CANDIDATE = re.compile(rb"0[xX][0-9a-fA-F]{8}|[Bb]acktrace:|BACKTRACE:")
