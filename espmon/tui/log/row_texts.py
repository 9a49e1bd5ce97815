"""What stands in one row: pieces of a line in their styles, short paths, bytes in hex."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from rich.cells import cell_len, set_cell_size
from rich.style import Style

from espmon.tui.log.display import DisplayLine, plain
from espmon.tui.log.folds import Heading
from espmon.tui.log.painter import Painter

Range = tuple[int, int, str]
"""(start, end, kind) in characters of the shown text: "match", "current", "selected" or "around"."""


def pieces(
    shown: DisplayLine, start: int, end: int, ranges: Iterable[Range], painter: Painter
) -> Iterable[tuple[str, Style]]:
    """The characters `start` to `end` as (text, style), with overlays laid over the line's own colours."""
    text = shown.text
    ranges = list(ranges)
    for low, high, pen in shown.spans:
        low, high = max(low, start), min(high, end)
        if low >= high:
            continue
        style = painter.style(pen)
        if not ranges:
            yield text[low:high], style
            continue
        cuts = sorted({low, high, *(cut for one in ranges for cut in one[:2] if low < cut < high)})
        for left, right in pairwise(cuts):
            piece = style
            for from_, to, kind in ranges:
                if from_ <= left and right <= to:
                    piece = painter.highlight(piece, kind)
            yield text[left:right], piece


_PATH = re.compile(r"(?:[A-Za-z]:)?+[^\s:()]++")
"""What may be a path."""


def short_paths(text: str) -> str:
    """`text` with each path cut to its last two parts: a decoration is one row, and its end says the line number."""
    return _PATH.sub(_last_two_parts, text)


def _last_two_parts(path: re.Match[str]) -> str:
    """The folder and the file at a path's end; a word that has no two folders stays."""
    whole = path[0]
    end = len(whole.rstrip("/\\"))
    file = max(whole.rfind("/", 0, end), whole.rfind("\\", 0, end))
    folder = max(whole.rfind("/", 0, max(file, 0)), whole.rfind("\\", 0, max(file, 0)))
    return whole[folder + 1 :] if 0 <= folder < file - 1 else whole


MIN_HEADING = 24
"""Cells of what happened that a fold's row has at least, before its keys go."""


def fitted_heading(sign: str, heading: Heading, width: int) -> str:
    """A fold's row in at most `width` cells: where that is too narrow, its size goes, then the end of its words."""
    words = plain(heading.words).text
    keys = f" · {heading.keys}" if heading.keys else ""
    whole = f"{sign}{words}{keys}"
    if cell_len(whole) <= width:
        sized = f"{whole} · {heading.size}" if heading.size else whole
        return sized if cell_len(sized) <= width else whole
    room = width - cell_len(sign) - cell_len(keys)
    if room < MIN_HEADING:
        room, keys = width - cell_len(sign), ""
    return f"{sign}{set_cell_size(words, max(0, room - 1)).rstrip()}…{keys}"


def clipped(text: str, cells: int) -> str:
    """At most so many cells of a text, an ellipsis where something was cut."""
    return text if cell_len(text) <= cells else set_cell_size(text, max(0, cells - 1)).rstrip() + "…"[:cells]


def hex_rows(raw: bytes) -> list[str]:
    """Sixteen bytes a row: offset, hex, printable ASCII."""
    return [
        f"{at:06x}  {raw[at : at + 8].hex(' '):<23}  {raw[at + 8 : at + 16].hex(' '):<23}  "
        + "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in raw[at : at + 16])
        for at in range(0, max(1, len(raw)), 16)
    ]
