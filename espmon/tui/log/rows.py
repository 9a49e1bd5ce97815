"""Rows of the log as the screen shows them: most are one line, some are lines that overwrite one another.

A row is called by the id of its first line. The row at the end, which still changes, may have no line in the store yet.
"""

from __future__ import annotations

import re

from espmon.records.lines import LineBlock
from espmon.records.sgr_state import boots, sgr_state
from espmon.records.traits import edits
from espmon.session.store import LiveRow, LogStore
from espmon.tui.log.display import DisplayLine, Span, by_level, display
from espmon.tui.log.row_editor import RowEditor
from espmon.tui.log.sgr import PLAIN, Pen, pen_of

MAX_ROW_BYTES = 64 << 10
"""Bytes of one row that are read: of a progress bar with more, the latest."""


def start_pen(store: LogStore, row: int) -> Pen:
    """The colour that the lines before a row left on. Raises IndexError for a row not kept (any more)."""
    segment = store.segment(row)
    block = segment.block
    if block.source != "text":
        return PLAIN
    begin = block.starts[row - segment.first]
    state = sgr_state(segment.sgr, block.data, begin)
    return pen_of(state) if state and not boots(block.data, begin) else PLAIN


def row_parts(store: LogStore, low: int, high: int) -> list[bytes]:
    """The bytes of the lines from `low` up to `high` (excluded), line ends included; of many, the latest."""
    parts: list[bytes] = []
    left = MAX_ROW_BYTES
    for line in range(high - 1, max(low, store.first) - 1, -1):
        block, index = store.locate(line)
        raw = block.raw(index)
        left -= len(raw)
        if left < 0 and parts:
            break
        parts.append(raw)
    parts.reverse()
    return parts


def edited(parts: list[bytes], pen: Pen = PLAIN) -> RowEditor:
    """The cells that these lines leave on one row."""
    editor = RowEditor(pen)
    for part in parts:
        editor.feed(part.rstrip(b"\n").decode("utf-8", "backslashreplace"))
    return editor


def show_line(body: bytes, pen: Pen = PLAIN, *, colour: bool = True) -> DisplayLine:
    """A line that has a row for itself; `pen` is the colour that was left on before it."""
    if edits(body):
        return of_editor(edited([body], pen), colour=colour)
    return display(body, colour=colour, pen=pen)


def of_editor(editor: RowEditor, *, colour: bool = True) -> DisplayLine:
    """What stands on an edited row; coloured by its level when nothing on it has a colour of its own."""
    runs = list(editor.runs())
    spans: list[Span] = []
    at = 0
    for text, pen in runs:
        spans.append((at, at + len(text), pen))
        at += len(text)
    line = DisplayLine("".join(text for text, _ in runs), spans, narrow=editor.narrow or None)
    return by_level(line) if colour else line


def show_row(store: LogStore, row: int, *, colour: bool) -> DisplayLine:
    """A finished row as it is shown. Raises IndexError for a row not kept (any more)."""
    stop = store.rows.stop(row)
    block, index = store.locate(row)
    if stop == row + 1:
        return show_line(block.body(index), start_pen(store, row), colour=colour)
    return of_editor(edited(row_parts(store, row, stop), start_pen(store, row)), colour=colour)


def row_bytes(store: LogStore, row: int, live: LiveRow | None = None) -> bytes:
    """The bytes of a row as received. Raises IndexError for a row not kept (any more)."""
    if live is None:
        return b"".join(row_parts(store, row, store.rows.stop(row)))
    unfinished = b"" if live.unfinished is None else live.unfinished.data
    return b"".join(row_parts(store, live.row, live.end)) + unfinished


def as_shown(store: LogStore, row: int, block: LineBlock, index: int) -> tuple[LineBlock, int]:
    """What searches and filters see of a finished row that begins with this line: a line with what the row shows.

    Most rows show their line as it is; of the others, a line is made.
    """
    stop = store.rows.stop(row)
    if stop == row + 1 and (block.source != "text" or not edits(block.body(index))):
        return block, index
    return line_of(edited(row_parts(store, row, stop)), block, index), 0


def line_of(editor: RowEditor, block: LineBlock, index: int) -> LineBlock:
    """A line with the text of a row that begins with line `index` of `block`."""
    data = "".join(editor.cells).rstrip().encode("utf-8", "backslashreplace")
    return LineBlock(data or b" ", block.line_offset(index), (0, max(1, len(data))), block.host_time(index))


_BEGUN = re.compile(rb"(?:\x1b(?:\[[0-?]*[ -/]*)?|[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")
"""The beginning of a control sequence, or of a character."""

MAX_BEGUN = 64
"""Bytes of a sequence that is waited for."""


def whole(data: bytes) -> bytes:
    """`data` without what has begun at its end and may go on: as on a terminal, it is not shown before it is there."""
    begun = _BEGUN.search(data, max(0, len(data) - MAX_BEGUN))
    return data if begun is None else data[: begun.start()]


class LiveReader:
    """Reads the row that still changes; what it has read of it stays read."""

    def __init__(self) -> None:
        self._row = self._next = -1
        self._pen = PLAIN
        self._editor = RowEditor()

    def _read(self, store: LogStore, live: LiveRow) -> RowEditor:
        """The cells of the row without the line that is still being received."""
        if live.row != self._row or live.end < self._next:
            self._row = self._next = live.row
            self._pen = _live_pen(store, live)
            self._editor = RowEditor(self._pen)
        for part in row_parts(store, self._next, live.end):
            self._editor.feed(part.rstrip(b"\n").decode("utf-8", "backslashreplace"))
        self._next = live.end
        return self._editor

    def editor(self, store: LogStore, live: LiveRow) -> RowEditor:
        """The cells of the row; the caller's own, to be fed or not."""
        editor = self._read(store, live).copy()
        if live.unfinished is not None:
            editor.feed(whole(live.unfinished.data).decode("utf-8", "backslashreplace"))
        return editor

    def show(self, store: LogStore, live: LiveRow, *, colour: bool) -> DisplayLine:
        """The row as it is shown."""
        if live.unfinished is not None and live.row == live.end:
            return show_line(whole(live.unfinished.body(0)), _live_pen(store, live), colour=colour)
        return of_editor(self.editor(store, live), colour=colour)

    def line(self, store: LogStore, live: LiveRow) -> LineBlock:
        """The row as searches and filters see it: a line with what it shows."""
        block, index = store.locate(live.row) if live.row < live.end else (live.unfinished, 0)
        if block is None:
            raise IndexError(live.row)
        if live.row == live.end and not edits(block.body(0)):
            return block
        return line_of(self.editor(store, live), block, index)


def _live_pen(store: LogStore, live: LiveRow) -> Pen:
    """The colour where the row begins whose first line may be still to come."""
    return start_pen(store, live.row) if live.row < live.end else pen_of(live.sgr)
