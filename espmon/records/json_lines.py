"""Blocks of lines as JSON text, one object a line, without an object a line.

The text is what `json.dumps(line.to_json())` gives; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from json.encoder import encode_basestring_ascii as quoted

from espmon.records.lines import SGR, LineBlock

ENDS = {b"\r\n": '"\\r\\n"', b"\n": '"\\n"', b"\r\r\n": '"\\r\\r\\n"', b"\r": '"\\r"'}
"""Line end -> its JSON string."""


LEVELS = {0: "null"} | {code: f'"{chr(code)}"' for code in b"EWIDV"}
"""Level as a block has it -> its JSON string."""


def json_rows(block: LineBlock) -> Sequence[str]:
    """The JSON text of each line of a block."""
    return _usual_rows(block) or list(_any_rows(block))


def _usual_rows(block: LineBlock) -> Sequence[str]:
    """The same for whole lines of ASCII that all end alike, as nearly all do, at the speed of C where that can be; else
    nothing.
    """
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
