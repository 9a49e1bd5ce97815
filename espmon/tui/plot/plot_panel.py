"""The numbers of the log below it: what was found, and up to four of them as curves, live."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from espmon.records.number_series import Series
from espmon.session.status import EventEntry
from espmon.session.store import LogStore
from espmon.tui.log.row_texts import clipped
from espmon.tui.plot.number_feed import NumberFeed
from espmon.tui.plot.plot_picture import MAX_CURVES, PlotPicture, PlotView, SeriesRow
from espmon.tui.sanitise import visible

REDRAW_SECONDS = 0.5
"""Time between two pictures while lines come."""

NAME_CELLS = {80: 18, 110: 26, 160: 34}
"""From so many cells of width on -> cells of a number's sign and name."""

VALUE_CELLS = 13
AXIS_CELLS = 9
ZOOM = 2.0
CURSOR_STEP = 0.02
"""Part of the width that the cursor moves by; beyond the edge, the plot moves."""

HELD_EPOCH = 1e9
"""A time from here on is a date; before, it counts lines or seconds."""


def number_text(value: float) -> str:
    """A value in at most eight cells."""
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e8 else f"{value:.5g}"


def clock_text(time: float) -> str:
    """Where on the time axis something is."""
    return datetime.datetime.fromtimestamp(time).strftime("%H:%M:%S") if time > HELD_EPOCH else f"{time:,.0f}"


class PlotPanel(Widget, can_focus=True):
    """The list at the left, the curves at the right. It reads only while it is there."""

    DEFAULT_CSS = """
    PlotPanel { height: 40%; min-height: 9; background: $surface; border-top: solid $panel; display: none; }
    PlotPanel.-on { display: block; }
    PlotPanel > .plot--curve0 { color: $primary; }
    PlotPanel > .plot--curve1 { color: $success; }
    PlotPanel > .plot--curve2 { color: $warning; }
    PlotPanel > .plot--curve3 { color: $accent; }
    PlotPanel > .plot--muted { color: $secondary; }
    PlotPanel > .plot--alarm { color: $error; text-style: bold; }
    PlotPanel > .plot--title { background: $panel; text-style: bold; }
    PlotPanel > .plot--selected { background: $primary 12%; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"plot--curve{curve}" for curve in range(MAX_CURVES)),
        *(f"plot--{name}" for name in ("muted", "alarm", "title", "selected")),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "select(-1)", "Up", show=False, id="plot.up", tooltip="The number above"),
        Binding("down,j", "select(1)", "Down", show=False, id="plot.down", tooltip="The number below"),
        Binding("space", "show", "Show", id="plot.show", tooltip="Draw this number, or no more"),
        Binding("left,h", "cursor(-1)", "Left", show=False, id="plot.left", tooltip="The cursor to the left"),
        Binding("right,l", "cursor(1)", "Right", show=False, id="plot.right", tooltip="The cursor to the right"),
        Binding("plus,equals_sign", "zoom(1)", "Zoom", key_display="+/-", id="plot.in", tooltip="Less time"),
        Binding("minus", "zoom(-1)", "Zoom out", show=False, id="plot.out", tooltip="More time"),
        Binding("0", "whole", "All", show=False, id="plot.whole", tooltip="All of the time, to the newest"),
        Binding("p", "pause", "Pause", id="plot.pause", tooltip="Stand still, or go on"),
        Binding("enter", "jump", "To the line", id="plot.jump", tooltip="The line under the cursor"),
        Binding("c", "csv", "CSV", id="plot.csv", tooltip="The drawn numbers as a file"),
        Binding("escape", "leave", "Log", id="plot.leave", tooltip="Back to the log's keys"),
    ]

    @dataclass
    class Drawn(Message):
        """A picture has come."""

        feed: NumberFeed
        picture: PlotPicture

    @dataclass
    class Jump(Message):
        """Show this line of the log."""

        line: int

    @dataclass
    class CsvWanted(Message):
        """Write these series to a file."""

        series: Sequence[Series]

    class Dismissed(Message):
        """Back to the log."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view = PlotView()
        self.picture: PlotPicture | None = None
        self._feed: NumberFeed | None = None
        self._timer: Timer | None = None
        self._top = 0

    # -- reading ------------------------------------------------------------------------------------------------

    def begin(self, store: LogStore, entries: Sequence[EventEntry]) -> None:
        """Read this log from now on; one that is read already is read on."""
        if self._feed is None or self._feed.store is not store:
            self.end()
            self.view, self.picture = PlotView(), None

            def deliver(picture: PlotPicture) -> None:
                self.post_message(self.Drawn(feed, picture))

            feed = self._feed = NumberFeed(store, deliver)
            feed.take(entries)
            feed.start()
        self.redraw()

    def end(self) -> None:
        """Read no more, and forget what was read."""
        feed, self._feed = self._feed, None
        if feed is not None:
            feed.stop()

    def on_unmount(self) -> None:
        """The thread ends with the panel."""
        self.end()

    def take(self, entries: Sequence[EventEntry]) -> None:
        """Lines or events have come."""
        if self._feed is not None:
            self._feed.take(entries)
            if self._timer is None:
                self._timer = self.set_timer(REDRAW_SECONDS, self._redraw_later)

    def _redraw_later(self) -> None:
        self._timer = None
        self.redraw()

    def redraw(self) -> None:
        """Have the plot drawn as it is wished now."""
        if self._feed is not None and self.size.width:
            self._feed.draw(
                self.view, max(8, self.size.width - self._list_cells - AXIS_CELLS), max(1, self.size.height - 2)
            )

    def on_resize(self) -> None:
        """Another size is another picture."""
        self.redraw()

    def on_plot_panel_drawn(self, event: Drawn) -> None:
        """Show what the thread has drawn."""
        event.stop()
        if event.feed is self._feed:
            self.picture = event.picture
            if not self.view.selected and event.picture.listed:
                self.view = replace(self.view, selected=(event.picture.shown or (event.picture.listed[0].title,))[0])
            self.refresh()

    # -- choosing -----------------------------------------------------------------------------------------------

    def _change(self, view: PlotView) -> None:
        self.view = view
        self.redraw()

    @property
    def _listed(self) -> Sequence[SeriesRow]:
        return () if self.picture is None else self.picture.listed

    @property
    def _selected(self) -> int:
        titles = [row.title for row in self._listed]
        return titles.index(self.view.selected) if self.view.selected in titles else 0

    def action_select(self, step: int) -> None:
        """The next number in the list."""
        if self._listed:
            at = min(max(self._selected + step, 0), len(self._listed) - 1)
            self._change(replace(self.view, selected=self._listed[at].title))

    def action_show(self) -> None:
        """Draw the selected number, or no more; a fifth takes the place of the oldest."""
        if not self._listed or self.picture is None:
            return
        title = self._listed[self._selected].title
        shown = self.picture.shown
        shown = tuple(one for one in shown if one != title) if title in shown else (*shown, title)[-MAX_CURVES:]
        self._change(replace(self.view, shown=shown, selected=title))

    def action_cursor(self, step: int) -> None:
        """Move the cursor; at the edge, the plot moves below it."""
        if self.picture is None:
            return
        before = 1.0 if self.view.cursor is None else self.view.cursor
        cursor, span = before + step * CURSOR_STEP, self.picture.end - self.picture.begin
        end = self.view.end
        if not 0 <= cursor <= 1:
            end = self.picture.end + step * CURSOR_STEP * span
            cursor = min(max(cursor, 0.0), 1.0)
        self._change(replace(self.view, cursor=cursor, end=end, span=span if end is not None else self.view.span))

    def action_zoom(self, step: int) -> None:
        """Half the time, or twice as much, around the cursor or to the right edge."""
        if self.picture is None:
            return
        span = self.picture.end - self.picture.begin
        wider = span / ZOOM if step > 0 else span * ZOOM
        cursor, end = self.view.cursor, self.view.end
        if cursor is not None:
            end = self.picture.begin + cursor * span + (1 - cursor) * wider
        self._change(replace(self.view, span=wider, end=end))

    def action_whole(self) -> None:
        """All of it, and live."""
        self._change(replace(self.view, span=None, end=None, cursor=None))

    def action_pause(self) -> None:
        """Hold the right edge, or follow the newest."""
        if self.picture is not None:
            self._change(replace(self.view, end=None if self.view.end is not None else self.picture.end))

    def action_jump(self) -> None:
        """The line of the point under the cursor."""
        at = None if self.picture is None else self.picture.at
        if at is None or at[2] < 0:
            self.app.notify("The arrow keys put the cursor on a point first", markup=False)
        else:
            self.post_message(self.Jump(at[2]))

    def action_csv(self) -> None:
        """The drawn series as a file."""
        if self._feed is not None and self.picture is not None:
            wanted = [one for one in self._feed.series if one.title in self.picture.shown]
            self.post_message(self.CsvWanted(wanted))

    def action_leave(self) -> None:
        """Back to the log; the plot stays."""
        self.post_message(self.Dismissed())

    def on_click(self, event: Click) -> None:
        """A number in the list, or a place for the cursor."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y < 1 or self.picture is None:
            return
        row, column = offset.y - 1, offset.x
        if column < self._list_cells:
            if row + self._top < len(self._listed):
                self.view = replace(self.view, selected=self._listed[row + self._top].title)
                self.action_show()
        elif (wide := self.size.width - self._list_cells - AXIS_CELLS) > 0:
            part = (column - self._list_cells - AXIS_CELLS) / wide
            self._change(replace(self.view, cursor=min(max(part, 0.0), 1.0)))

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """The wheel zooms."""
        event.stop()
        self.action_zoom(1)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """The wheel zooms."""
        event.stop()
        self.action_zoom(-1)

    # -- drawing ------------------------------------------------------------------------------------------------

    @property
    def _list_cells(self) -> int:
        names = [cells for width, cells in NAME_CELLS.items() if self.size.width >= width]
        return max(names, default=min(NAME_CELLS.values())) + VALUE_CELLS + 3

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"plot--{name}")

    def render_line(self, y: int) -> Strip:
        """The title, then a row of the list, of the axis and of the curves."""
        width, picture = self.size.width, self.picture
        if y == 0:
            return Strip([Segment(set_cell_size(f" {visible(self._title())}", width), self._style("title"))], width)
        if picture is None or not picture.listed:
            text = "" if picture is None or y != 1 else " No number has come three times yet"
            return Strip([Segment(set_cell_size(text, width), self._style("muted"))], width)
        rows = len(picture.rows)
        if self._selected < self._top or self._selected >= self._top + rows:
            self._top = max(0, min(self._selected, self._selected - rows + 1))
        row = y - 1
        plain = self.rich_style
        segments = [*self._list_row(row + self._top), Segment(self._axis(row, rows), self._style("muted"))]
        if row < rows:
            segments += [
                Segment(text, self._style(f"curve{curve}") if curve >= 0 else plain)
                for text, curve in self._with_cursor(picture, row)
            ]
        elif row == rows:
            span = max(0, width - self._list_cells - AXIS_CELLS - len(clock_text(picture.end)))
            ends = clock_text(picture.begin).ljust(span) + clock_text(picture.end)
            segments.append(Segment(ends, self._style("muted")))
        return Strip(segments).adjust_cell_length(width, plain).apply_style(Style(bgcolor=plain.bgcolor))

    def _title(self) -> str:
        picture = self.picture
        if picture is None:
            return "Numbers: reading the log …"
        parts = [f"Numbers {len(picture.listed)}"]
        if picture.at is not None:
            time, value, line = picture.at
            where = f" line {line + 1:,}" if line >= 0 else ""
            parts.append(f"{self.view.selected} {number_text(value)} at {clock_text(time)}{where}")
        if self.view.end is not None:
            parts.append("paused")
        parts += [f"▼ {row.title} {row.falling}" for row in picture.listed if row.falling][:1]
        if picture.refused:
            parts.append(f"{picture.refused:,} more numbers found no room")
        return " · ".join(parts)

    def _list_row(self, index: int) -> list[Segment]:
        if index >= len(self._listed) or self.picture is None:
            return [Segment(" " * self._list_cells, self.rich_style)]
        row = self._listed[index]
        curve = self.picture.shown.index(row.title) if row.title in self.picture.shown else -1
        style = self._style(f"curve{curve}") if curve >= 0 else self._style("muted")
        if row.falling:
            style = self._style("alarm")
        if index == self._selected:
            style += Style(bgcolor=self._style("selected").bgcolor)
        value = f"{number_text(row.last)}{' ' + row.unit if row.unit else ''}"
        cells = self._list_cells - VALUE_CELLS - 3
        said = f"{'●' if curve >= 0 else '○'} {'▼ ' if row.falling else ''}{visible(row.title)}"
        name = set_cell_size(clipped(said, cells), cells)
        value = f"{value[:VALUE_CELLS]:>{VALUE_CELLS}}"
        return [Segment(set_cell_size(f" {name} {value}", self._list_cells), style)]

    def _axis(self, row: int, rows: int) -> str:
        picture = self.picture
        ends = {0: picture.high, rows - 1: picture.low} if picture is not None else {}
        value = ends.get(row)
        return ("" if value is None else number_text(value)).rjust(AXIS_CELLS - 1) + ("┤" if row < rows else " ")

    def _with_cursor(self, picture: PlotPicture, row: int) -> list[tuple[str, int]]:
        """A row of curves, with the cursor's line in it."""
        runs = list(picture.rows[row])
        if self.view.cursor is None:
            return runs
        column, at, drawn = round(self.view.cursor * (sum(len(text) for text, _ in runs) - 1)), 0, []
        for text, curve in runs:
            inside = column - at
            if 0 <= inside < len(text):
                drawn += [(text[:inside], curve), ("│", -1), (text[inside + 1 :], curve)]
            else:
                drawn.append((text, curve))
            at += len(text)
        return drawn
