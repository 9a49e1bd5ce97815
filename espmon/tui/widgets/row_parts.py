"""The short texts of a row, and which of them fit: what does not is left out from the end, never cut in the middle."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

Part = tuple[str, str]
"""(text, style). Styles may use theme colours: "$success bold"."""


def fit(left: Sequence[Part], right: Sequence[Part], width: int) -> tuple[list[Part], list[Part], int]:
    """The parts that fit in `width` cells and the cells between both sides; the right side's first parts go last."""
    kept_right: list[Part] = []
    room = width
    for part in reversed(right):
        if (cells := cell_len(part[0])) <= room // (1 if not left else 2) or not kept_right:
            kept_right.insert(0, part)
            room -= cells
        else:
            break
    kept_left: list[Part] = []
    for text, style in left:
        cells = cell_len(text)
        if cells > room:
            if not kept_left and room > 1:
                kept_left.append((text[: room - 1] + "…", style))
                room -= cell_len(kept_left[-1][0])
            break
        kept_left.append((text, style))
        room -= cells
    return kept_left, kept_right, max(0, room)
