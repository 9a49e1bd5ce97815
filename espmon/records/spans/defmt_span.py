"""defmt frames in the stream, as esp-println writes them: FF 00, the frame, and (rzCOBS) a zero; text between them.

Firmware that writes nothing else (defmt-serial) puts a zero before and one behind each frame, and no FF. Such frames
are believed only where they name a message of the ELF and hold what its format takes, to the byte.

FF is in no UTF-8 text. With the ELF's strings every such frame is told, what is damaged of it as what it is; without
them only those are believed that begin a line and are well encoded. Bytes that read as text are text.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from espmon.records.defmt.defmt_table import RAW, DefmtError, DefmtTable
from espmon.records.defmt.rzcobs import RUN, decode_rzcobs
from espmon.records.lines import DefmtBlock
from espmon.records.span import MORE, Found, More, Setup, Where
from espmon.records.spans.frame_lines import FrameLines

if TYPE_CHECKING:  # what decodes frames is loaded with the first of them: few boards send any
    from espmon.records.defmt.defmt_frame import DefmtEntry

BEGIN, BARE = b"\xff\x00", b"\x00"
MAX_LEADING_ZEROS = 4
"""The encoder may send one before a frame."""

MIN_FRAME_BYTES = 2
"""The number of the message alone."""

PRINTABLE = bytes([*b"\t\r\n\x1b", *range(0x20, 0x7F)])
IS_TEXT = bytes(byte in PRINTABLE for byte in range(256))
"""Byte -> 1 where it is text."""

LONG_TEXT = b"\1" * (RUN + 8)
"""In a frame there is a code of 0x80 or more behind at most so many bytes that are not zero."""

SOME_TEXT = b"\1" * 48
"""Without the strings so much text behind a stray FF 00 is waited for, and no more."""

FRAMES_AT_ONCE = 1024
"""Frames decoded into one block."""

MIN_TEXT_SHARE = 0.9
"""What cannot be decoded and has more than this share of printable bytes is text."""


class DefmtRecognizer:
    """Finds frames and turns them into lines."""

    kind = "defmt"
    triggers: Sequence[bytes] = (BEGIN, BARE)

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def probe(self, data: bytes, at: int, where: Where) -> Found | More | None:
        """Decide about a hit."""
        table = self._setup.defmt
        begin = BEGIN if data.startswith(BEGIN, at) else BARE
        if begin == BARE and (table is None or table.encoding == RAW):
            return None
        entries: list[DefmtEntry] = []
        ends = [at]
        synced = begin == BEGIN and where.synced and not where.rejected
        while len(entries) < FRAMES_AT_ONCE and data.startswith(begin, ends[-1]):
            frame = self._frame(data, ends[-1] + len(begin), table, trusted=bool(entries) or synced)
            if not isinstance(frame, tuple):
                if not entries:
                    return frame
                break
            entries.append(frame[0])
            ends.append(frame[1])
            if where.rejected:
                break
        return Found(ends[-1] - at, block(data[at : ends[-1]], ends, entries, where)) if entries else None

    def _frame(
        self, data: bytes, at: int, table: DefmtTable | None, *, trusted: bool
    ) -> tuple[DefmtEntry, int] | More | None:
        """The frame at `at` and where it ends; MORE when it is not all there, None when there is none."""
        first = at
        if table is not None and table.encoding == RAW:
            return self._raw_frame(data, first, table, trusted=trusted)
        limit = min(len(data), first + self._setup.limits.defmt)
        while first < limit and first - at < MAX_LEADING_ZEROS and not data[first]:
            first += 1
        end = data.find(0, first, limit)
        text = SOME_TEXT if table is None else LONG_TEXT
        if text in data[first : limit if end < 0 else end].translate(IS_TEXT):
            return None
        if end < 0:
            return MORE if limit == len(data) and len(data) - first < self._setup.limits.defmt else None
        wire = data[first:end]
        try:
            if table is not None:
                from espmon.records.defmt.defmt_frame import decode_frame

                return decode_frame(table, wire), end + 1
            if trusted and not mostly_text(wire) and len(decode_rzcobs(wire)) >= MIN_FRAME_BYTES:
                return undecoded(wire, "no ELF with its strings is loaded"), end + 1
        except DefmtError as error:
            if wire.endswith(BEGIN[:1]):  # this zero belongs to the next frame: the end of this one was lost
                wire, end = wire[:-1], end - 2
            if trusted and table is not None and len(wire) >= MIN_FRAME_BYTES and not mostly_text(wire):
                return undecoded(wire, str(error)), end + 1
        return None

    def _raw_frame(
        self, data: bytes, first: int, table: DefmtTable, *, trusted: bool
    ) -> tuple[DefmtEntry, int] | More | None:
        """A frame without an encoding ends where its format does."""
        from espmon.records.defmt.defmt_frame import read_frame
        from espmon.records.defmt.defmt_values import ShortFrameError

        limit = self._setup.limits.defmt
        body = data[first : first + limit]
        try:
            entry, used = read_frame(table, body)
        except ShortFrameError as error:
            if len(body) < limit:
                return MORE
            reason = str(error)
        except DefmtError as error:
            reason = str(error)
        else:
            return entry, first + used
        if not trusted:
            return None
        return undecoded(body[:MIN_FRAME_BYTES], reason), first + MIN_FRAME_BYTES


def mostly_text(data: bytes) -> bool:
    """Whether bytes read as text rather than as a frame."""
    return len(data) - len(data.translate(None, PRINTABLE)) > MIN_TEXT_SHARE * len(data)


def undecoded(wire: bytes, reason: str) -> DefmtEntry:
    """What is told of a frame that cannot be read."""
    from espmon.records.defmt.defmt_frame import DefmtEntry

    shown = wire[:32].hex(" ") + ("..." if len(wire) > 32 else "")
    return DefmtEntry(None, None, None, f"<defmt frame of {len(wire)} bytes: {reason}: {shown}>")


def block(data: bytes, ends: list[int], entries: list[DefmtEntry], where: Where) -> DefmtBlock:
    """The lines of consecutive frames."""
    lines = FrameLines()
    for entry, (first, end) in zip(entries, pairwise(ends), strict=True):
        texts = entry.text.split("\n", end - first - 1)  # each line covers a byte at least
        texts[-1] = texts[-1].replace("\n", " ")
        lines.add(texts, end - first, entry.level, entry.crate, entry.milliseconds)
    return DefmtBlock(data, where.offset, lines.starts, lines.texts, lines.columns, time=where.time)
