"""Full-width rows between the lines of a log: what is remarked above a line, and where lines are left out."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from espmon.tui.log.display import plain
from espmon.tui.log.painter import Painter
from espmon.tui.log.row_texts import clipped


@dataclass(frozen=True, slots=True)
class Mark:
    """A full-width remark above a line: a boot begins, bytes of a lease are missing here, the port was lost."""

    text: str
    alert: bool = False
    event: int | None = None
    """Id of the event it stands for; it takes the place of what was remarked of that event before."""


LEFT_OUT = Mark("")
"""Between lines with others around them that do not follow one another."""


def rule_strip(mark: Mark, painter: Painter, width: int) -> Strip:
    """The row of a remark."""
    if not mark.text:
        return Strip([Segment("╌" * width, painter.rule)], width)
    text = f" {clipped(plain(mark.text).text, max(0, width - 6))} "
    rest = max(0, width - 2 - cell_len(text))
    return Strip(
        [
            Segment("──", painter.rule),
            Segment(text, painter.alert if mark.alert else painter.rule_text),
            Segment("─" * rest, painter.rule),
        ]
    ).adjust_cell_length(width, painter.base)
