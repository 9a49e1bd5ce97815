"""Finds named numbers: `heap 146432`, `rssi -61`, `name: value`, `name=value`, in lines, JSON and CBOR values. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, NamedTuple

from espmon.records.lines import DecodedBlock, LineBlock
from espmon.records.payload_table import MAX_ROWS, table_of
from espmon.text import plain

MAX_NAME = 64
"""Characters of a number's name; longer ones are cut."""

PIECE_BYTES = 4096
"""Bytes that are searched at once; of a longer line, these are all that is looked at."""

MAX_NUMBERS_A_VALUE = 256
"""Numbers taken from one row of a payload."""

MAX_NESTING = 4
"""Objects within objects whose fields are looked at; names are joined by a dot."""

_WORDS = (
    "heap|rssi|snr|temp|temperature|humidity|pressure|voltage|battery|vbat|current|power|fps|latency|uptime|free heap"
    "|heap free|free memory|stack free|load"
)
"""What is followed by its number without anything between."""

_VERBOSE_WORDS = _WORDS.replace(" ", r"\ ")
_UNITS = "bytes|byte|kB|KB|KiB|MB|MiB|B|dBm|dB|mV|V|mA|uA|A|mW|W|°C|C|F|%|Hz|kHz|MHz|ms|us|s|hPa|Pa|lx|rpm|ppm"

NUMBER = re.compile(
    rf"""
    (?<![\w.%$-])
    (?: (?P<name>[A-Za-z_][\w.-]{{0,31}}(?:\ [A-Za-z_][\w-]{{0,31}}){{0,2}})
        ["')\]]{{0,2}}[ \t]{{0,16}}[:=][ \t]{{0,16}}
      | (?P<word>(?i:{_VERBOSE_WORDS}))[ ]
    )
    (?P<value>[-+]?\d{{1,15}}(?:\.\d{{1,9}})?(?:[eE][-+]?\d{{1,2}})?)
    (?:\ ?(?P<unit>{_UNITS})(?!\w))?
    (?!\w|[.,:/-]\d)
    """.encode(),
    re.VERBOSE,
)
"""A named number. Neither a part of a version, a time or an address, nor a hexadecimal one."""


_LINE_END = re.compile(rb"(?:\x1b\[[0-9;]*m|[ \t])*(?:[\r\n]|\Z)")


class Number(NamedTuple):
    """A number that was found."""

    group: str
    """The log tag, or the payload's kind; "" where there is none."""

    name: str
    unit: str
    value: float
    row: int
    """Index of the line in its block, or of the row in its payload."""


def numbers_in(block: LineBlock) -> Iterator[Number]:
    """The named numbers of a block's lines, in their order; none of the session's own lines."""
    if isinstance(block, DecodedBlock):
        for index in range(len(block)):
            for match in NUMBER.finditer(block.body(index)):
                yield from _number(match, block, index)
    elif block.source == "text":
        starts, first = block.starts, 0
        while first < len(block):
            # An expression is not interrupted: in small pieces, the event loop gets its turn beside it.
            stop = max(first + 1, bisect_right(starts, starts[first] + PIECE_BYTES) - 1)
            end = min(starts[stop], starts[first] + PIECE_BYTES)
            for match in NUMBER.finditer(block.data, starts[first], end):
                yield from _number(match, block, bisect_right(starts, match.start()) - 1)
            first = stop


def _number(match: re.Match[bytes], block: LineBlock, index: int) -> Iterator[Number]:
    """The number of a match; a tag is the name only of a line that says nothing else."""
    name = (match["name"] or match["word"]).decode("ascii")
    group = block.tag(index) or ""
    if group == name and _LINE_END.match(match.string, match.end()) is None:
        return
    unit = (match["unit"] or b"").decode("utf-8", "replace")
    yield Number("" if group == name else plain(group)[:MAX_NAME], name[:MAX_NAME], unit, float(match["value"]), index)


def numbers_of(kind: str, value: Any) -> Iterator[Number]:
    """The named numbers of a decoded payload: the fields of an object, or the columns of a table row by row."""
    table = None if isinstance(value, dict) and "columns" not in value else table_of(value)
    if table is None:
        yield from _fields(kind, value, "", 0, 0)
        return
    for index, row in enumerate(table.rows[:MAX_ROWS]):
        yield from _fields(kind, dict(zip(map(str, table.columns), row, strict=False)), "", 0, index)


def _fields(kind: str, value: Any, path: str, depth: int, index: int) -> Iterator[Number]:
    if isinstance(value, bool) or depth > MAX_NESTING:
        return
    if isinstance(value, int | float):
        if path and abs(value) < 1e300:
            yield Number(kind, plain(path)[:MAX_NAME], "", float(value), index)
    elif isinstance(value, dict):
        for name, item in list(value.items())[:MAX_NUMBERS_A_VALUE]:
            yield from _fields(kind, item, f"{path}.{name}" if path else str(name)[:MAX_NAME], depth + 1, index)
