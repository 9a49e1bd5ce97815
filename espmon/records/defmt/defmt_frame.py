"""One defmt frame as lines of a log: level, crate, time and message."""

from __future__ import annotations

from dataclasses import dataclass

from espmon.records.defmt.defmt_table import LEVELS, RAW, DefmtError, DefmtTable
from espmon.records.defmt.defmt_text import TICKS, TextWriter
from espmon.records.defmt.defmt_values import Value, ValueReader
from espmon.records.defmt.format_string import Parameter, parse_format
from espmon.records.defmt.rzcobs import decode_rzcobs


@dataclass(frozen=True, slots=True)
class DefmtEntry:
    """What a frame says."""

    level: str | None
    crate: str | None
    milliseconds: int | None
    """Device time."""

    text: str
    """The message with its head, `I (0.001234) crate: message`; its lines have an LF between them."""


def decode_frame(table: DefmtTable, wire: bytes) -> DefmtEntry:
    """Decode a frame as it is on the wire, without its separators.

    Raises `DefmtError` where it is damaged, or does not fit the strings.
    """
    data = wire if table.encoding == RAW else decode_rzcobs(wire)
    entry, used = read_frame(table, data)
    if rest := data[used:].rstrip(b"\0"):
        raise DefmtError(f"{len(rest)} bytes are more than its format takes")
    return entry


def read_frame(table: DefmtTable, data: bytes) -> tuple[DefmtEntry, int]:
    """Read a decoded frame; returns what it says, and how many bytes it takes."""
    reader = ValueReader(table, data)
    index = reader.number(2)
    entry = table.entries.get(index)
    if entry is None or not entry.logged:
        raise DefmtError(f"it names the message {index}, which the ELF does not have")
    writer = TextWriter(table)
    stamp, milliseconds = "", None
    if table.timestamp is not None:
        values = reader.values(table.timestamp)
        stamp = writer.text(table.timestamp, values)
        milliseconds = _milliseconds(table.timestamp, values)
    message = writer.text(entry.text, reader.values(entry.text))
    level = LEVELS[entry.tag]
    if level is None:
        head, crate = f"{stamp} " if stamp else "", None
    else:
        head, crate = f"{level} ({stamp}) {entry.crate}: " if stamp else f"{level} {entry.crate}: ", entry.crate
    return DefmtEntry(level, crate, milliseconds, f"{head}{message}"), reader.at


def _milliseconds(text: str, values: tuple[Value, ...]) -> int | None:
    """Device time, where the time is a number whose hint names its unit."""
    for piece in parse_format(text).pieces:
        if isinstance(piece, Parameter) and piece.hint is not None and piece.hint.kind in TICKS:
            value = values[piece.argument]
            return value * 1000 // TICKS[piece.hint.kind] if isinstance(value, int) else None
    return None
