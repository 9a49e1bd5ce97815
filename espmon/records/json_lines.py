"""Blocks of lines as JSON text, one object a line, without an object a line.

The text is what `json.dumps(line.to_json())` gives; a test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
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
    r"|(.++\n?|\n)"  # 8 another line
)
"""A line of the form that nearly all have, see `columns`, of which every part is JSON as it stands."""

FIELDS = USUAL.groups + 1
"""Entries that `USUAL.split` makes of a line; the first is empty."""

PIECES = 6
"""Pieces that a line's JSON is joined from: its offset, its length, its text, level and tag, its time, its end."""


def json_text(block: LineBlock) -> str:
    """The JSON text of the lines of a block, one a line, each with its line end."""
    return _usual_text(block) or "\n".join((*_rows(block), ""))


def json_rows(block: LineBlock) -> Sequence[str]:
    """The JSON text of each line of a block."""
    text = _usual_text(block)
    return text.splitlines() if text else _rows(block)


def _rows(block: LineBlock) -> Sequence[str]:
    return _ascii_rows(block) or [*_any_rows(block)]


def _usual_text(block: LineBlock) -> str:
    """The JSON text of lines that are all of the usual form, nothing of others. No Python runs for a single line.

    The lines are split into columns; a column that has few values becomes JSON by a table of them. Laid into one
    another, the columns are joined.
    """
    count, starts = len(block), block.starts
    if block.source != "text" or not count or block.data.count(b"\n") != count:
        return ""
    fields = USUAL.split(block.data.decode("latin-1"))
    colours, texts, levels, times, tags, resets, ends, others = (fields[group::FIELDS] for group in range(1, FIELDS))
    if others.count(None) != count:
        return ""
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
    pieces[0] = BEGIN + pieces[0]
    pieces[-1] = pieces[-1][: -len(BEGIN)]
    return "".join(pieces)


def _length_and_time(length: int, time: float | None) -> str:
    return f', "length": {length}, "time": {"null" if time is None else repr(time)}, "derived": false, "text": "'


def _ascii_rows(block: LineBlock) -> Sequence[str]:
    """The JSON text of whole lines of ASCII that all end alike; nothing of others."""
    data, count = block.data, len(block)
    ends = data.count(b"\r")
    if (
        block.source != "text"
        or data.count(b"\n") != count
        or not (ends == 0 or (ends == count and data.count(b"\r\n") == count))
        or not data.isascii()
        or b"\\" in data
        or not data.endswith(b"\n")
    ):
        return ()
    whole = data.replace(b"\r\n", b"\n") if ends else data
    if b"\x1b" in data:
        ansi = ["true" if b"\x1b[" in line else "false" for line in whole[:-1].split(b"\n")]
        whole = SGR.sub(b"", whole)
    else:
        ansi = ["false"] * count
    # Without a backslash in it, the only `\n` in the JSON string are the line ends.
    texts = quoted(whole[:-1].decode("ascii"))[1:-1].split("\\n")
    columns, starts, offset = block.columns, block.starts, block.offset
    heads = {
        (level, tag): f'", "level": {LEVELS[level]}, "tag": {"null" if tag is None else quoted(tag)}, "device_ms": '
        for level, tag in set(zip(columns.levels, columns.tags, strict=True))
    }
    rest = f', "eol": {ENDS[data[-2:] if ends else data[-1:]]}, "partial": false, "ansi": '
    time = f'"time": {"null" if block.time is None else repr(block.time)}, "derived": false, "text": "'
    rows = [
        f'{{"type": "line", "offset": {offset + begin}, "length": {end - begin}, {time}{text}{heads[level, tag]}'
        f'{"null" if ms is None else ms}{rest}{colour}, "source": "text"}}'
        for begin, end, text, level, tag, ms, colour in zip(
            starts, islice(starts, 1, None), texts, columns.levels, columns.tags, columns.times, ansi, strict=False
        )
    ]
    if block.began != block.time:
        rows[:1] = islice(_any_rows(block), 1)
    return rows


def _any_rows(block: LineBlock) -> Iterator[str]:
    columns = block.columns
    starts = block.starts
    data = block.data
    text_of_bytes = block.source == "text"
    time = "null" if block.began is None else repr(block.began)
    others = "null" if block.time is None else repr(block.time)
    words: dict[str | None, str] = {None: "null"}
    offset = block.offset
    begin = 0
    for index, (level, tag, ms) in enumerate(zip(columns.levels, columns.tags, columns.times, strict=True)):
        end = starts[index + 1]
        if text_of_bytes:
            raw = data[begin:end]
            body = raw.rstrip(b"\r\n")
            eol = ENDS.get(raw[len(body) :], '""')
            partial = "false" if len(body) < len(raw) else "true"
        else:
            body = block.body(index)
            eol, partial = '"\\n"', "false"
        ansi = "false"
        if b"\x1b" in body:
            if b"\x1b[" in body:
                ansi = "true"
            body = SGR.sub(b"", body)
        if tag is not None and tag not in words:
            words[tag] = quoted(tag)
        text = quoted(body.decode("utf-8", "backslashreplace"))
        yield (
            f'{{"type": "line", "offset": {offset + begin}, "length": {end - begin}, "time": {time}, "derived": false, '
            f'"text": {text}, "level": {LEVELS[level]}, "tag": {words[tag]}, '
            f'"device_ms": {"null" if ms is None else ms}, "eol": {eol}, "partial": {partial}, "ansi": {ansi}, '
            f'"source": "{block.source}"}}'
        )
        begin = end
        time = others
