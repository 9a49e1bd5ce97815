"""What a plot shows: which series over which time, drawn as rows of text. Pure; runs beside the screen's loop."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from espmon.records.number_series import NumberSeries, Series
from espmon.tui.plot.braille import Canvas, Run

MAX_CURVES = 4
"""Series that are drawn at once; more cannot be told apart."""

MIN_SPAN_SECONDS = 0.01
"""The shortest time that a zoom goes to."""


@dataclass(frozen=True, slots=True)
class PlotView:
    """What the user chose.

    Attributes:
        shown: titles of the drawn series, in the order of their colours; None: the first that repeat.
        selected: title of the series that the axis and the cursor belong to.
        span: seconds from the right edge to the left, None for everything.
        end: time at the right edge, None for the newest: a plot that is paused or scrolled has one.
        cursor: part of the width, 0 to 1, None without a cursor.
    """

    shown: tuple[str, ...] | None = None
    selected: str = ""
    span: float | None = None
    end: float | None = None
    cursor: float | None = None


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One series in the list."""

    title: str
    unit: str
    count: int
    last: float
    low: float
    high: float
    falling: str


@dataclass(frozen=True, slots=True)
class PlotPicture:
    """A plot, drawn.

    Attributes:
        rows: from above, each as runs of one curve.
        listed: every series that repeats.
        shown: titles of the curves, by their number.
        begin: time at the left edge.
        end: time at the right edge.
        low: value at the lower edge, of the selected series; None without one.
        high: value at the upper edge.
        at: (time, value, line) of the point under the cursor, None without one.
        refused: numbers that found no room.
        lines: lines that were read so far.
    """

    rows: tuple[tuple[Run, ...], ...]
    listed: tuple[SeriesRow, ...]
    shown: tuple[str, ...]
    begin: float
    end: float
    low: float | None
    high: float | None
    at: tuple[float, float, int] | None
    refused: int
    lines: int


Points = tuple[Sequence[float], Sequence[float], Sequence[int]]
"""Values, times, lines."""


def draw_plot(numbers: NumberSeries, view: PlotView, width: int, height: int, lines: int) -> PlotPicture:
    """Draw `view` in so many cells; each curve has a scale of its own, that of the selected one is the axis."""
    series = {one.title: one for one in numbers.repeating}
    columns = {title: one.columns() for title, one in series.items()}
    wanted = _first_shown(series) if view.shown is None else view.shown
    shown = tuple(title for title in wanted if title in series)[:MAX_CURVES]
    selected = view.selected if view.selected in series else next(iter(shown), "")
    begin, end = _range(view, [columns[title][1] for title in shown])
    canvas = Canvas(width, height)
    for curve, title in enumerate(shown):
        _draw(canvas, columns[title], begin, end, curve)
    inside = _inside(columns[selected], begin, end)[0] if selected else ()
    return PlotPicture(
        tuple(tuple(row) for row in canvas.rows()),
        tuple(_row(one, columns[title]) for title, one in series.items()),
        shown,
        begin,
        end,
        min(inside, default=None),
        max(inside, default=None),
        _under(view, columns, selected, begin, end),
        numbers.refused,
        lines,
    )


def _first_shown(series: Mapping[str, Series]) -> Sequence[str]:
    """What is drawn before anybody has chosen: free memory first, and numbers that move."""
    moving = [title for title, one in series.items() if one.moves]
    return sorted(moving or series, key=lambda title: not series[title].is_memory)


def _row(one: Series, columns: Points) -> SeriesRow:
    values = columns[0]
    return SeriesRow(one.title, one.unit, len(values), values[-1], min(values), max(values), one.falling)


def _range(view: PlotView, times: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The times at both edges."""
    newest = max((column[-1] for column in times if column), default=0.0)
    oldest = min((column[0] for column in times if column), default=0.0)
    end = newest if view.end is None else view.end
    span = max(MIN_SPAN_SECONDS, end - oldest if view.span is None else view.span)
    return end - span, end


def _inside(points: Points, begin: float, end: float) -> Points:
    values, times, lines = points
    first, stop = bisect_left(times, begin), bisect_right(times, end)
    return values[first:stop], times[first:stop], lines[first:stop]


def _draw(canvas: Canvas, points: Points, begin: float, end: float, curve: int) -> None:
    """A curve: a column of dots where several points fall into it, joined to the one before by a straight line."""
    values, times, _ = _inside(points, begin, end)
    if not values:
        return
    low, high = min(values), max(values)
    up = (canvas.down - 1) / (high - low) if high > low else 0.0
    across = (canvas.across - 1) / (end - begin)
    middle = 0 if up else canvas.down // 2
    spans: dict[int, tuple[int, int, int]] = {}
    for value, time in zip(values, times, strict=True):
        x, y = round((time - begin) * across), round((value - low) * up) + middle
        lowest, highest, _ = spans.get(x, (y, y, y))
        spans[x] = min(lowest, y), max(highest, y), y
    before: tuple[int, int] | None = None
    for x, (lowest, highest, last) in spans.items():
        if before is not None:
            _join(canvas, before, (x, min(max(before[1], lowest), highest)), curve)
        canvas.column(x, lowest, highest, curve)
        before = x, last


def _join(canvas: Canvas, start: tuple[int, int], end: tuple[int, int], curve: int) -> None:
    """A straight line between the points of two columns."""
    (left, low), (right, high) = start, end
    y = low
    for x in range(left + 1, right + 1):
        following = low + round((high - low) * (x - left) / (right - left))
        canvas.column(x, min(y, following), max(y, following), curve)
        y = following


def _under(
    view: PlotView, columns: Mapping[str, Points], selected: str, begin: float, end: float
) -> tuple[float, float, int] | None:
    """The point of the selected series that is nearest to the cursor."""
    if view.cursor is None or not selected:
        return None
    values, times, lines = columns[selected]
    if not lines:
        return None
    wanted = begin + view.cursor * (end - begin)
    at = min(bisect_left(times, wanted), len(times) - 1)
    if at and wanted - times[at - 1] < times[at] - wanted:
        at -= 1
    return times[at], values[at], lines[at]
