"""From a line id to rows of cells: marks above, the text (whole, wrapped, escaped or in hex), decorations below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import islice
from typing import Protocol

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from espmon.records.lines import LineBlock
from espmon.session.mark_block import SentBlock
from espmon.session.store import LiveRow, LogStore
from espmon.text import counted
from espmon.tui.log.display import DisplayLine, display, plain
from espmon.tui.log.folds import Fold, Folds, Heading, Layer
from espmon.tui.log.line_times import SAYS_LENGTH, LineTimes, Timestamps
from espmon.tui.log.painter import Painter
from espmon.tui.log.query import PAINT_SECONDS, LineFilter, TextQuery
from espmon.tui.log.remarks import LEFT_OUT, Mark, rule_strip
from espmon.tui.log.row_texts import Range, fitted_heading, hex_rows, pieces, short_paths
from espmon.tui.log.rows import LiveReader, as_shown, row_bytes, show_row
from espmon.tui.log.rule_matcher import RuleMatcher
from espmon.tui.log.sgr import PLAIN, Pen
from espmon.user_pattern import PatternTooSlow

SENT_PEN: Pen = (13, None, 0)
"""Of lines that were sent to the board."""

MAX_LINES = 512
"""Most display lines remembered: some pages. Each is dozens of objects, through which the garbage collector goes."""

MAX_MARKED = 20_000
"""Most lines with remarks above them; those marked first go first."""

MAX_DECORATED = 16
"""Most lines of one row that something is said about."""

RAIL_CELLS = 2
"""Cells of the rail before the lines of a crash."""

MAX_MATCHES = 500
"""Most matches highlighted in one line."""


class Shape(StrEnum):
    """How the bytes of a line are shown."""

    TEXT = "text"
    RAW = "raw"
    HEX = "hex"


def _no_row() -> LiveRow | None:
    return None


def _nothing(line: int) -> Sequence[str]:
    return ()


def _no_heading(fold: Fold) -> Heading:
    return Heading(fold.label)


def _unfilter_key() -> str:
    return "F"


def together(line: int) -> bool:
    """Nothing is left out before any line."""
    return False


class NameColumn(Protocol):
    """Says before each line whose it is."""

    cells: int
    """Width."""

    def segment(self, line: int, base: Style, *, first: bool) -> Segment:
        """The cells before a row of a line; `first`: it is the line's first row."""

    def name(self, line: int) -> str:
        """Whose line it is."""


class Layout:
    """Knows how each line is drawn. Changing anything here means: forget what was drawn (`forget`).

    Args:
        store: where the lines are.
        painter: the styles.
    """

    def __init__(self, store: LogStore, painter: Painter) -> None:
        self.store = store
        self.painter = painter
        self.width = 80
        self.margin = 0
        """Cells at the right edge that something else covers."""

        self.offset = 0
        """First cell shown when lines do not wrap."""

        self.wrap = False
        self.timestamps = Timestamps.OFF
        self.times = LineTimes(store, lambda line: self._locate(line))
        self.names: NameColumn | None = None
        """Whose lines they are, where a log has those of several boards."""

        self.shape = Shape.TEXT
        self.colour = True
        self.rules: RuleMatcher | None = None
        """The user's own rules for levels and highlights."""

        self.query: TextQuery | None = None
        self.around: LineFilter | None = None
        """Lines that do not pass this are only shown around those that do; None: there are no such lines."""

        self.apart: Callable[[int], bool] = together
        """Whether lines are left out before a line, which is to be seen."""

        self.unfilter_key: Callable[[], str] = _unfilter_key
        """What is pressed for all lines, where the filter shows none."""

        self.live: Callable[[], LiveRow | None] = _no_row
        """The row that still changes, as far as the pane has taken it in."""

        self.current: int | None = None
        """Id of the line with the current match."""

        self.folds = Folds(store)
        """Runs of lines that are one row."""

        self.heading: Callable[[Fold], Heading] = _no_heading
        """What a fold's row says. Asked for when it is drawn."""

        self.decorate: Callable[[int], Sequence[str]] = _nothing
        self.marks: dict[int, list[Mark]] = {}
        self._lines: dict[int, DisplayLine | list[DisplayLine]] = {}
        self._reader = LiveReader()
        self._live_shown: tuple[LiveRow, DisplayLine | list[DisplayLine]] | None = None
        self._strips: dict[tuple[int, int], Strip] = {}
        self._heights: dict[int, int] = {}

    def use_store(self, store: LogStore) -> None:
        """Draw another log, with nothing above its lines."""
        self.store = store
        self.times.use_store(store)
        self.marks.clear()

    def forget(self, *, lines: bool = False) -> None:
        """Drop drawn rows, and with `lines` also what was read from the lines' bytes."""
        self._strips.clear()
        self._heights.clear()
        if lines:
            self._lines.clear()
            self._live_shown = None

    def add_mark(self, line: int, mark: Mark) -> bool:
        """Put a remark above line `line` (which may still be to come); False when it is there already."""
        line = self.store.rows.start(line)
        marks = self.marks.setdefault(line, [])
        if mark in marks:
            return False
        marks[:] = [other for other in marks if mark.event is None or other.event != mark.event]
        marks.append(mark)
        if len(self.marks) > MAX_MARKED:
            del self.marks[next(iter(self.marks))]
        return True

    def _marks_of(self, line: int) -> Sequence[Mark]:
        """The remarks above a line; the oldest one says how many were before it."""
        marks, gone = self.marks.get(line, ()), self.store.first
        if self.apart(line):
            return (LEFT_OUT, *marks)
        if not gone or line != gone:
            return marks
        return (Mark(f"{counted(gone, 'older line')} not kept: memory is full, no recording has them"), *marks)

    # -- lines --------------------------------------------------------------------------------------------------

    def line(self, line: int) -> DisplayLine:
        """The shown text of a line (its first row of hex in that shape)."""
        found = self._lookup(line)
        return found[0] if isinstance(found, list) else found

    def _locate(self, line: int) -> tuple[LineBlock, int]:
        live = self.live()
        if live is not None and live.unfinished is not None and line == live.row == live.end:
            return live.unfinished, 0
        return self.store.locate(line)

    def _live_row(self, line: int) -> LiveRow | None:
        """The row that still changes, if it is this one."""
        live = self.live()
        return live if live is not None and live.row == line else None

    def _lookup(self, line: int) -> DisplayLine | list[DisplayLine]:
        live = self._live_row(line)
        if live is not None:
            if self._live_shown is None or self._live_shown[0] is not live:
                self._live_shown = live, self._read(line, live)
            return self._live_shown[1]
        found = self._lines.get(line)
        if found is None:
            if len(self._lines) >= MAX_LINES:
                self._lines.clear()
            found = self._lines[line] = self._read(line, None)
        return found

    def _read(self, line: int, live: LiveRow | None) -> DisplayLine | list[DisplayLine]:
        store = self.store
        try:
            block, index = self._locate(line)
            if block.source == "mark":
                # The session's own words came in no bytes of the board's: they look the same in every shape.
                pen = SENT_PEN if isinstance(block, SentBlock) else PLAIN
                return display(block.body(index), colour=self.colour, pen=pen)
            if self.shape is Shape.HEX:
                return [plain(row) for row in hex_rows(row_bytes(store, line, live))]
            if self.shape is Shape.RAW:
                return plain(repr(row_bytes(store, line, live))[2:-1])
            if live is not None:
                shown = self._reader.show(store, live, colour=self.colour)
            else:
                shown = show_row(store, line, colour=self.colour)
            return shown if self.rules is None else self.rules.apply(shown)
        except IndexError:
            return plain("(no longer in memory)")

    # -- rows ---------------------------------------------------------------------------------------------------

    @property
    def gutter(self) -> int:
        """Cells before the text."""
        return self.times.cells(self.timestamps) + (0 if self.names is None else self.names.cells)

    @property
    def text_width(self) -> int:
        """Cells for the text of most lines."""
        return max(1, self.width - self.gutter - self.margin)

    def lead(self, line: int) -> int:
        """Cells before the text of a line: the gutter, and the rail of a crash."""
        return self.gutter + (RAIL_CELLS if self.folds.in_crash(line) else 0)

    def _width_of(self, line: int) -> int:
        return max(1, self.width - self.lead(line) - self.margin)

    def height(self, line: int) -> int:
        """Rows that a line takes with everything that hangs on it."""
        if self._live_row(line) is not None:
            return self._height(line)
        found = self._heights.get(line)
        if found is None:
            if len(self._heights) >= MAX_LINES:
                self._heights.clear()
            found = self._heights[line] = self._height(line)
        return found

    def _height(self, line: int) -> int:
        above = self._rows_above(line)
        return above if self.folds.closed(line) else above + self._text_rows(line) + len(self._decorations(line))

    def _rows_above(self, line: int) -> int:
        return len(self._marks_of(line)) + len(self.folds.heads(line))

    def head(self, line: int, sub: int) -> Fold | None:
        """The fold that row `sub` of a line stands for, None for any other row."""
        at = sub - len(self._marks_of(line))
        heads = self.folds.heads(line)
        return heads[at] if 0 <= at < len(heads) else None

    def _decorations(self, row: int) -> Sequence[str]:
        """What is said below a row: about its newest lines, where lines overwrote one another."""
        live = self._live_row(row)
        stop = self.store.rows.stop(row) if live is None else live.end
        if stop == row + 1:
            return self.decorate(row)
        return [said for line in range(max(row, stop - MAX_DECORATED), stop) for said in self.decorate(line)]

    def _text_rows(self, line: int) -> int:
        if self.shape is Shape.HEX:
            found = self._lookup(line)
            return len(found) if isinstance(found, list) else 1
        if not self.wrap or self._own(line) is not None:
            return 1
        return self._lookup_one(line).rows(self._width_of(line))

    def _lookup_one(self, line: int) -> DisplayLine:
        found = self._lookup(line)
        return found[0] if isinstance(found, list) else found

    def row(self, line: int, sub: int, *, before: int | None, selection: tuple[int, int] | None = None) -> Strip:
        """Row `sub` of line `line`, exactly `width` cells.

        Args:
            line: the line's id.
            sub: which of its rows, from the top.
            before: id of the line shown before it (for the time between them).
            selection: selected characters (start, end), end -1 for the whole rest.
        """
        key = (line, sub)
        if selection is None and (strip := self._strips.get(key)) is not None:
            return strip
        strip = self._draw(line, sub, before, selection)
        if selection is None and self._live_row(line) is None:
            if len(self._strips) >= MAX_LINES:
                self._strips.clear()
            self._strips[key] = strip
        return strip

    def text_start(self, line: int, sub: int) -> int | None:
        """First character of the line's text in row `sub`, None for marks and decorations."""
        if self.folds.closed(line):
            return 0 if self.head(line, sub) is not None else None
        sub -= self._rows_above(line)
        if not 0 <= sub < self._text_rows(line):
            return None
        shown = self._lookup_one(line)
        if self.shape is Shape.HEX:
            return 0
        return shown.wraps(self._width_of(line))[sub] if self.wrap else shown.character_at(self.offset)

    def _draw(self, line: int, sub: int, before: int | None, selection: tuple[int, int] | None) -> Strip:
        marks = self._marks_of(line)
        if sub < len(marks):
            return rule_strip(marks[sub], self.painter, self.width)
        if (fold := self.head(line, sub)) is not None:
            return self._head(fold, selected=selection is not None)
        sub -= self._rows_above(line)
        if sub == 0 and (said := self._own(line)) is not None:
            said += "" if SAYS_LENGTH.search(said) else self.times.silence(line, before)
            return rule_strip(Mark(said), self.painter, self.width)
        rows = self._text_rows(line)
        if sub >= rows:
            return self._decoration(self._decorations(line)[sub - rows], railed=self.folds.in_crash(line))
        found = self._lookup(line)
        if isinstance(found, list):
            shown, start = found[sub], 0
        elif self.wrap:
            shown = found
            start = found.wraps(self._width_of(line))[sub]
        else:
            shown = found
            start = found.character_at(self.offset)
        segments = self._gutter_segments(line, before, first=sub == 0)
        if self.folds.in_crash(line):
            segments.append(Segment("┃ ", self.painter.rail))
        return self._text(segments, shown, start, line, selection)

    def _text(
        self, segments: list[Segment], shown: DisplayLine, start: int, line: int, selection: tuple[int, int] | None
    ) -> Strip:
        width, painter = self._width_of(line), self.painter
        lead = 0 if self.wrap or shown.narrow else max(0, shown.cell_of(start) - self.offset)
        end = shown.end_for(start, width - lead)
        if lead:
            segments.append(Segment(" " * lead, painter.base))
        prefix = len(segments)
        ranges: list[Range] = [(0, len(shown.text), "around")] if self._around(line) else []
        if selection is not None:  # below the matches, which are seen in it
            ranges.append((selection[0], len(shown.text) if selection[1] < 0 else selection[1], "selected"))
        if self.query is not None:
            kind = "current" if line == self.current else "match"
            for first, last in islice(self.query.spans(shown.text), MAX_MATCHES):
                if first >= end:
                    break
                if last > start:
                    ranges.append((first, last, kind))
        style = painter.base
        for text, style in pieces(shown, start, end, ranges, painter):
            segments.append(Segment(text, style))
        cells = lead + (end - start if shown.narrow else shown.cell_of(end) - shown.cell_of(start))
        if cells < width + self.margin:
            pad = " " * (width + self.margin - cells)
            if (
                len(segments) > prefix
                and style.bgcolor == painter.base.bgcolor
                and not (style.underline or style.reverse)
            ):
                # One segment more is one escape sequence more on the wire.
                segments[-1] = Segment(segments[-1].text + pad, style)
            else:
                segments.append(Segment(pad, painter.base))
        return Strip(segments, self.width)

    def _around(self, line: int) -> bool:
        """Whether a line is shown only because of another one."""
        if self.around is None or self._live_row(line) is not None:
            return False
        try:
            block, index = self._locate(line)
            if block.source == "mark":
                return not self.around.has_text(block, index, PAINT_SECONDS)
            return not self.around.matches(*as_shown(self.store, line, block, index), PAINT_SECONDS)
        except (IndexError, PatternTooSlow):
            return False

    def _gutter_segments(self, line: int, before: int | None, *, first: bool) -> list[Segment]:
        names = [] if self.names is None else [self.names.segment(line, self.painter.base, first=first)]
        gutter = self.times.cells(self.timestamps)
        if not gutter:
            return names
        text = self.times.stamp(line, before, self.timestamps) if first else ""
        text = set_cell_size(text, min(cell_len(text), gutter - 1))
        return [*names, Segment(" " * (gutter - 1 - cell_len(text)) + text + " ", self.painter.gutter)]

    def _own(self, line: int) -> str | None:
        """What the session itself put between the board's lines (a gap, a lease), None for a line of the board's."""
        try:
            block, index = self._locate(line)
        except IndexError:
            return None
        if block.source != "mark" or isinstance(block, SentBlock):
            return None
        said = block.text(index).strip("─ ")
        return said if self.names is None else f"{self.names.name(line)}: {said}"

    def _head(self, fold: Fold, *, selected: bool) -> Strip:
        heading = self.heading(fold)
        sign = "▾" if self.folds.is_open(fold) else "▸"
        names = [] if self.names is None else [self.names.segment(fold.low, self.painter.base, first=True)]
        rail = "┃ " if fold.layer is Layer.PART and self.folds.in_crash(fold.low) else ""
        width = max(0, self.width - len(rail) - (0 if self.names is None else self.names.cells))
        text = set_cell_size(fitted_heading(f" {sign} ", heading, width - self.margin), width)
        style = self.painter.alert if heading.loud else self.painter.decoration
        segments = [*names, Segment(rail, self.painter.rail)] if rail else names
        return Strip([*segments, Segment(text, self.painter.highlight(style, "selected") if selected else style)])

    def _decoration(self, text: str, *, railed: bool) -> Strip:
        rail = [Segment(" " * self.gutter, self.painter.base), Segment("┃ ", self.painter.rail)] if railed else []
        left = " " * (0 if railed else self.gutter)
        body = set_cell_size(
            left + "  ↳ " + short_paths(plain(text).text), max(0, self.width - (self.gutter + RAIL_CELLS) * railed)
        )
        return Strip([*rail, Segment(body, self.painter.decoration)], self.width)
