"""Blocks of lines as JSON text, one object a line, without an object a line.

The text is what `json.dumps(line.to_json())` gives; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator
from json.encoder import encode_basestring_ascii as quoted

from espmon.records.lines import SGR, LineBlock

ENDS = {b"\r\n": '"\\r\\n"', b"\n": '"\\n"', b"\r\r\n": '"\\r\\r\\n"', b"\r": '"\\r"'}
"""Line end -> its JSON string."""


def json_rows(block: LineBlock) -> Iterator[str]:
    """The JSON text of each line of a block."""
    columns = block.columns
    starts = block.starts
    data = block.data
    text_of_bytes = block.source == "text"
    time = "null" if block.began is None else repr(block.began)
    others = "null" if block.time is None else repr(block.time)
    words: dict[str | None, str] = {None: "null"}
    levels = {0: "null"} | {code: f'"{chr(code)}"' for code in b"EWIDV"}
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
            f'"text": {text}, "level": {levels[level]}, "tag": {words[tag]}, '
            f'"device_ms": {"null" if ms is None else ms}, "eol": {eol}, "partial": {partial}, "ansi": {ansi}, '
            f'"source": "{block.source}"}}'
        )
        begin = end
        time = others
