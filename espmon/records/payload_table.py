"""What a payload's value looks like as a table, and what a decoder of somebody's own may return beside plain values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from espmon.records.value_text import value_text
from espmon.text import plain

MAX_COLUMNS = 64
MAX_ROWS = 10_000
MAX_CELL = 60
"""Characters of a cell that are shown."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of values under named columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class PngPicture:
    """A payload that is a picture once it is decoded."""

    data: bytes
    """The PNG file."""


def table_value(table: Table) -> dict[str, Any]:
    """A table as JSON has it."""
    rows = [list(row)[:MAX_COLUMNS] for row in list(table.rows)[:MAX_ROWS]]
    return {"columns": [str(column) for column in list(table.columns)[:MAX_COLUMNS]], "rows": rows}


def table_of(value: Any) -> Table | None:
    """A decoded value as a table: one that is written as such, objects in a list, or the fields of one object.

    None for anything else.
    """
    if isinstance(value, dict) and value.keys() == {"columns", "rows"} and all(map(_is_list, value.values())):
        if all(map(_is_list, value["rows"])):
            return Table(value["columns"][:MAX_COLUMNS], value["rows"][:MAX_ROWS])
        return None
    if isinstance(value, dict) and value:
        return Table(("field", "value"), list(value.items())[:MAX_ROWS])
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        columns = list(dict.fromkeys(name for item in value[:MAX_ROWS] for name in item))[:MAX_COLUMNS]
        return Table(columns, [[item.get(name) for name in columns] for item in value[:MAX_ROWS]])
    return None


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def table_text(table: Table) -> str:
    """The table as lines of text, its columns aligned; safe to show."""
    names = [plain(str(column))[:MAX_CELL] for column in table.columns]
    cells = [[_cell(item) for item in row[: len(names)]] for row in table.rows]
    lines = [names, *(row + [""] * (len(names) - len(row)) for row in cells)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = (zip(line, widths, strict=True) for line in lines)
    return "\n".join("  ".join(text.ljust(width) for text, width in line).rstrip() for line in padded)


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        shown = value or ""
    else:
        shown = json.dumps(value, ensure_ascii=False, default=str) if _is_nested(value) else value_text(value)
    text = plain(shown[: MAX_CELL + 1])
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list)
