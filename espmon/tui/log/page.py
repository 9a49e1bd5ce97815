"""The visible rows of a log as strips, each of them exactly as wide as the page."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.selection import Selection
from textual.strip import Strip

from espmon.tui.log.pager import Pager

UNDERLINE = Style(underline=True)


def page_strips(pager: Pager, span: range, selection: Selection | None) -> list[Strip]:
    """The rows `span` of the page; below the last line blank ones, and in its last row what has come since."""
    rows, layout = pager.rows(), pager.layout
    blank = Strip.blank(layout.width, layout.painter.base)
    if not rows and (view := pager.view).scan is not None:
        said = f" 0 of {len(view.store):,} lines, {layout.unfilter_key()} shows all "
        empty = Strip([Segment(said, layout.painter.decoration)]).adjust_cell_length(layout.width, layout.painter.base)
        return [empty if y == 0 else blank for y in span]
    strips = []
    walked = None if pager.follow else pager.walked
    for y in span:
        if not 0 <= y < len(rows):
            strips.append(blank)
            continue
        line, sub, before = rows[y]
        marked = None if selection is None else selection.get_span(line)
        strip = layout.row(line, sub, before=before, selection=marked)
        strips.append(_underlined(strip) if line == walked and layout.text_start(line, sub) is not None else strip)
    if (last := pager.height - 1) in span and (unseen := pager.unseen):
        at = span.index(last)
        strips[at] = _with_marker(strips[at], unseen, pager)
    return strips


def _underlined(strip: Strip) -> Strip:
    """The row that was walked to: a line below it is seen in any theme, and takes nothing from its colours."""
    return Strip([Segment(text, (style or Style()) + UNDERLINE) for text, style, _ in strip], strip.cell_length)


def _with_marker(strip: Strip, unseen: int, pager: Pager) -> Strip:
    text = f" ↓ {unseen:,} new line{'s' if unseen != 1 else ''} "
    if (left := pager.layout.width - len(text)) <= 0:
        return strip
    marker = Segment(text, pager.layout.painter.marker)
    return Strip.join([strip.crop(0, left), Strip([marker], len(text))])


def filtered(strips: list[Strip], filters: Sequence[LineFilter], background: Color) -> list[Strip]:
    """Strips with the app's filters applied (without colours, dimmed); the log's own colours are true ones already."""
    filters = [one for one in filters if type(one).__name__ != "ANSIToTruecolor"]
    for one in filters:
        strips = [strip.apply_filter(one, background) for strip in strips]
    return strips
