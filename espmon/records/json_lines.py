"""Blocks of lines as JSON text, one object a line, without an object a line.

The text is what `json.dumps(line.to_json())` gives; a test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice, repeat
from json.encoder import encode_basestring_ascii as quoted
from operator import add, sub

from espmon.records.lines import SGR, LineBlock

ENDS = {b"\r\n": '"\\r\\n"', b"\n": '"\\n"', b"\r\r\n": '"\\r\\r\\n"', b"\r": '"\\r"'}
"""Line end -> its JSON string."""


LEVELS = {0: "null"} | {code: f'"{chr(code)}"' for code in b"EWIDV"}
"""Level as a block has it -> its JSON string."""

BEGIN = '{"type": "line", "offset": '
"""How the object of a line begins."""

USUAL = re.compile(
    r"((?:\x1b\[[0-9;:]*m)*+)"  # 1 colour before it
    r"(([EWIDV]) \((0|[1-9][0-9]{0,18})\) ([ !#-9;-\[\]-~]{1,64}):[ !#-\[\]-~]*+)"  # 2 text, 3 level, 4 time, 5 tag
    r"((?:\x1b\[[0-9;:]*m)*+)(\r?\n)"  # 6 colour behind it, 7 line end
    r"|(.*\n)"  # 8 another line
)
"""A line of the form that nearly all have, see `columns`, of which every part is JSON as it stands."""

FIELDS = USUAL.groups + 1
"""Entries that `USUAL.split` makes of a line; the first is empty."""

PIECES = 6
"""Pieces that a line's JSON is joined from: its offset, its length, its text, level and tag, its time, its end."""


def json_text(block: LineBlock) -> str:
    """The JSON text of the lines of a block, one a line, each with its line end."""
    if block.source == "text" and block.data.count(b"\n") == len(block):
        return _usual_text(block)
    return "".join(f"{_row(block, index)}\n" for index in range(len(block)))


def json_rows(block: LineBlock) -> Sequence[str]:
    """The JSON text of each line of a block."""
    return json_text(block).splitlines()


def _usual_text(block: LineBlock) -> str:
    """The same for a block in which each line ends with an LF. No Python runs for a line of the usual form.

    The lines are split into columns; a column that has few values becomes JSON by a table of them. Laid into one
    another, the columns are joined.
    """
    count, starts = len(block), block.starts
    fields = USUAL.split(block.data.decode("latin-1"))
    colours, texts, levels, times, tags, resets, ends, others = (fields[group::FIELDS] for group in range(1, FIELDS))
    lengths = [*map(sub, islice(starts, 1, None), starts)]
    heads = [*zip(levels, tags, strict=True)]
    tails = [*zip(colours, resets, ends, strict=True)]
    after_offset = {length: _length_and_time(length, block.time) for length in {*lengths}}
    after_text = {(level, tag): f'", "level": "{level}", "tag": "{tag}", "device_ms": ' for level, tag in {*heads}}
    after_time = {
        (before, behind, end): f', "eol": {quoted(end or "")}, "partial": false, '
        f'"ansi": {"true" if before or behind else "false"}, "source": "text"}}\n{BEGIN}'
        for before, behind, end in {*tails}
    }
    pieces: list[str] = [""] * (count * PIECES)
    pieces[0::PIECES] = map(str, map(add, islice(starts, count), repeat(block.offset)))
    pieces[1::PIECES] = map(after_offset.__getitem__, lengths)
    pieces[2::PIECES] = texts
    pieces[3::PIECES] = map(after_text.__getitem__, heads)
    pieces[4::PIECES] = times
    pieces[5::PIECES] = map(after_time.__getitem__, tails)
    pieces[1:2] = (_length_and_time(length, block.began) for length in lengths[:1])
    for index in [index for index, line in enumerate(others) if line is not None] if any(others) else ():
        row = f"{_row(block, index).removeprefix(BEGIN)}\n{BEGIN}"
        pieces[index * PIECES : (index + 1) * PIECES] = row, *[""] * (PIECES - 1)
    return (BEGIN + "".join(pieces))[: -len(BEGIN)]


def _length_and_time(length: int, time: float | None) -> str:
    return f', "length": {length}, "time": {"null" if time is None else repr(time)}, "derived": false, "text": "'


def _row(block: LineBlock, index: int) -> str:
    """The JSON text of any line."""
    columns, starts = block.columns, block.starts
    begin, end = starts[index], starts[index + 1]
    if block.source == "text":
        raw = block.data[begin:end]
        body = raw.rstrip(b"\r\n")
        eol = ENDS.get(raw[len(body) :], '""')
        partial = "false" if len(body) < len(raw) else "true"
    else:
        body = block.body(index)
        eol, partial = '"\\n"', "false"
    ansi = "true" if b"\x1b[" in body else "false"
    tag, ms = columns.tags[index], columns.times[index]
    text = quoted(SGR.sub(b"", body).decode("utf-8", "backslashreplace"))[1:]
    return (
        f"{BEGIN}{block.offset + begin}{_length_and_time(end - begin, block.host_time(index))}"
        f'{text}, "level": {LEVELS[columns.levels[index]]}, '
        f'"tag": {"null" if tag is None else quoted(tag)}, "device_ms": {"null" if ms is None else ms}, "eol": {eol}, '
        f'"partial": {partial}, "ansi": {ansi}, "source": "{block.source}"}}'
    )
