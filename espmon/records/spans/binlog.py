"""The binary log in the stream: frames that start with 01 or 02 anywhere, text between them.

A frame is believed when its control word makes sense and the CRC-8 over it is 0. One in 256 random runs passes that, so
in the middle of a line, and in bytes that another payload rejected, its two references must also look like addresses of
this chip family (or hold their strings). At the start of a line or behind another frame the CRC is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from espmon.records.lines import DecodedBlock
from espmon.records.span import MORE, Found, More, Setup, StringSource, Where
from espmon.records.spans.binlog_frame import EMBEDDED, MEMORY, Decoder, Entry, control, crc8
from espmon.records.spans.frame_lines import FrameLines

RUN = 4096
"""Frames decoded into one block."""


class BinlogRecognizer:
    """Finds frames and turns them into lines."""

    kind = "binlog"
    triggers: Sequence[bytes] = (b"\x01", b"\x02")

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._decoder = Decoder()

    def probe(self, data: bytes, at: int, where: Where) -> Found | More | None:
        """Decide about a hit."""
        trusted = not where.rejected and where.synced
        size = frame_size(data, at, trusted=trusted)
        if size is None or isinstance(size, More):
            return size
        if self._decoder.strings is not self._setup.strings:
            self._decoder.use(self._setup.strings)
        ends = [at, at + size]
        while not where.rejected and len(ends) < RUN:
            # Behind a frame there is most often another one.
            size = frame_size(data, ends[-1], trusted=True)
            if not isinstance(size, int):
                break
            ends.append(ends[-1] + size)
        entries = [self._decoder.decode(data[first:end]) for first, end in pairwise(ends)]
        return Found(ends[-1] - at, block(data[at : ends[-1]], ends, entries, where))


def frame_size(data: bytes, at: int, *, trusted: bool) -> int | More | None:
    """Length of the frame at `at`; MORE when it is not all there, None when there is none."""
    have = len(data) - at
    if have < 3:
        return MORE if have == 0 or data[at] in (1, 2) else None
    if data[at] not in (1, 2):
        return None
    word = control(data[at + 1], data[at + 2])
    if not word.plausible:
        return None
    arguments = at + word.length - 1 - (8 if word.wide_time else 4)
    if not (trusted or references_plausible(data, at + 3, arguments)):
        return None
    if have < word.length:
        return MORE
    return word.length if crc8(data[at : at + word.length]) == 0 else None


def references_plausible(data: bytes, at: int, end: int) -> bool:
    """Format and tag (as far as they are here) are addresses of the family, or hold their strings, up to `end`."""
    for _ in range(2):
        if at >= end:
            return False
        if at >= len(data):
            return True
        if data[at] >= EMBEDDED:
            if at + 2 > len(data):
                return True
            at += 3 - int.from_bytes(data[at : at + 2], "big", signed=True)
        elif data[at] in MEMORY:
            at += 4
        else:
            return False
    return at <= end


def enclosed_lines(payload: bytes, whole: bytes, strings: StringSource | None, where: Where) -> DecodedBlock | None:
    """The lines of the frames in a payload that covers `whole` in the stream; None when it is anything else."""
    decoder = Decoder()
    decoder.use(strings)
    entries: list[Entry] = []
    at = 0
    while at < len(payload):
        size = frame_size(payload, at, trusted=True)
        if not isinstance(size, int):
            return None
        entries.append(decoder.decode(payload[at : at + size]))
        at += size
    counts = [*accumulate((len(entry.lines) for entry in entries), initial=0)]
    if not 0 < counts[-1] <= len(whole):
        return None
    return block(whole, [len(whole) * count // counts[-1] for count in counts], entries, where)


def block(data: bytes, ends: list[int], entries: list[Entry], where: Where) -> DecodedBlock:
    """The lines of consecutive frames."""
    lines = FrameLines()
    for entry, (first, end) in zip(entries, pairwise(ends), strict=True):
        lines.add(entry.lines, end - first, entry.level, entry.tag, entry.time)
    return DecodedBlock(data, where.offset, lines.starts, lines.texts, lines.columns, time=where.time)
