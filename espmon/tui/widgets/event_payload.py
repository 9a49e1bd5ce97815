"""What an event carries, drawn for a narrow pane: a table, a JSON tree, a picture, the first bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual.content import Content

from espmon.records.notes import Caps
from espmon.records.payload_table import Table, table_of, table_text
from espmon.records.record import PayloadRecord
from espmon.records.spans.frame import Frame
from espmon.regular_file import read_regular
from espmon.session.status import EventEntry
from espmon.text import plain

if TYPE_CHECKING:
    from textual.strip import Strip

MAX_TREE = 32_000
"""Characters of a JSON tree that are shown."""

MAX_HEX = 1024
"""Bytes that are shown in hex."""

MAX_PICTURE_ROWS = 24
MAX_TABLE_ROWS = 200

BYTES_CELLS = 4
"""Cells that a byte takes in hex, its character included."""


def payload_content(entry: EventEntry, cells: int) -> Content | None:
    """What an event carries, for so many cells; None where there is nothing to draw. Blocks: call it in a thread."""
    for fits, draw in DRAWERS:
        if fits(entry):
            return draw(entry, cells)
    return None


def value_of(entry: EventEntry) -> object:
    """The decoded value that an event carries, None where there is none."""
    return entry.record.value if isinstance(entry.record, Frame | Caps) else None


def tree_text(value: object) -> str:
    """A value as an indented JSON tree, harmless to a terminal."""
    text = json.dumps(value, indent=1, ensure_ascii=False, default=str)
    return "\n".join(plain(line) for line in text.split("\n"))


def _several_rows(entry: EventEntry) -> bool:
    """Whether the value is rows under columns, rather than the fields of one object."""
    table = table_of(value_of(entry))
    return table is not None and tuple(table.columns) != ("field", "value")


def _table(entry: EventEntry, cells: int) -> Content | None:
    table = table_of(value_of(entry))
    if table is None:
        return None
    more = len(table.rows) - MAX_TABLE_ROWS
    text = table_text(Table(table.columns, table.rows[:MAX_TABLE_ROWS]))
    lines = [Content(line).truncate(cells, ellipsis=True) for line in text.splitlines()]
    head, *rows = lines
    return Content("\n").join([head.stylize("bold"), *rows, *([Content(f"… {more} more rows")] if more > 0 else [])])


def _tree(entry: EventEntry, cells: int) -> Content:
    from textual.highlight import highlight

    text = tree_text(value_of(entry))
    content = highlight(text[:MAX_TREE], language="json")
    return content + Content("\n… o opens all of it") if len(text) > MAX_TREE else content


def _picture(entry: EventEntry, cells: int) -> Content:
    from espmon.tui.halfcell import PictureError, half_cells, load_picture

    try:
        strips = half_cells(load_picture(entry.path or Path()), cells, MAX_PICTURE_ROWS)
    except PictureError as error:
        return Content.styled(plain(str(error)), "$text-warning")
    return Content("\n").join(map(_strip_content, strips))


def _strip_content(strip: Strip) -> Content:
    return Content.from_rich_text(Text.assemble(*((part.text, part.style or "") for part in strip)))


def _bytes(entry: EventEntry, cells: int) -> Content | None:
    record = entry.record
    data = record.payload if isinstance(record, PayloadRecord) else b""
    if not data and entry.path is not None:
        try:
            data = read_regular(entry.path, entry.path.stat().st_size)
        except OSError as error:
            return Content.styled(f"The file cannot be read: {error.strerror or error}", "$text-warning")
    width = 16 if cells >= 10 + 16 * BYTES_CELLS else 8
    rows = []
    for at in range(0, min(len(data), MAX_HEX), width):
        row = data[at : at + width]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        rows.append(
            Content.assemble(
                (f"{at:06x}  ", "$foreground-muted"), row.hex(" ").ljust(3 * width), (text, "$text-accent")
            )
        )
    if len(data) > MAX_HEX:
        rows.append(Content.styled(f"… {len(data) - MAX_HEX:,} more bytes", "$foreground-muted"))
    return Content("\n").join(rows) if rows else None


def _is_picture(entry: EventEntry) -> bool:
    record = entry.record
    return isinstance(record, PayloadRecord) and record.pixels is not None and entry.path is not None


DRAWERS: tuple[tuple[Callable[[EventEntry], bool], Callable[[EventEntry, int], Content | None]], ...] = (
    (_is_picture, _picture),
    (_several_rows, _table),
    (lambda entry: value_of(entry) is not None, _tree),
    (lambda entry: isinstance(entry.record, Frame), _bytes),
)
"""(which events, how they are drawn), the first that fits."""
