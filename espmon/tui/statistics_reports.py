"""How much the log says, as a report: over all of the session, by level and by tag."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from espmon.text import size_text
from espmon.tui.host import Host
from espmon.tui.log.log_statistics import Amount, LogStatistics, count_log, ranked
from espmon.tui.report_files import saver
from espmon.tui.sanitise import visible
from espmon.tui.widgets.level_picker import LONG_NAMES

if TYPE_CHECKING:
    from espmon.tui.screens.report_screen import Section

MAX_ROWS = 100
"""Most tags listed."""

NAME_CELLS = 18
SPARKS = " ▁▂▃▄▅▆▇█"
SPARK_CELLS = 60

NO_TAG = "(without a tag)"


class StatisticsReports:
    """Counts the log that is looked at.

    Args:
        app: the app.
    """

    def __init__(self, app: Host) -> None:
        self._app = app

    def show(self) -> None:
        """Count, and show what was counted."""
        self._app.run_worker(self._show(), group="statistics", exclusive=True)

    async def _show(self) -> None:
        from espmon.tui.screens.report_screen import ReportScreen

        counted = await asyncio.to_thread(count_log, self._app.monitor.pane.store)
        if not counted.total.lines:
            self._app.notify("No line has come yet", markup=False)
            return
        title = "Statistics"
        parts = sections(counted)
        text = "\n\n".join([title, *(section.as_text() for section in parts)])
        save = saver(self._app.status.recording, "statistics.txt", lambda: text + "\n")
        self._app.push_screen(ReportScreen(title, parts, save=save))


def sections(counted: LogStatistics) -> Sequence[Section]:
    """The parts of the report."""
    from espmon.tui.screens.report_screen import Section

    levels = {LONG_NAMES[level]: amount for level, amount in counted.levels.items()}
    tags = {tag or NO_TAG: amount for tag, amount in counted.tags.items()}
    more = len(tags) - MAX_ROWS
    rest = f"\n{more:,} more tags" if more > 0 else ""
    return (
        Section("Session", tuple(_session(counted))),
        Section("By level", text=_table("level", levels, counted)),
        Section(f"By tag: {len(tags):,}", text=_table("tag", tags, counted) + rest),
    )


def _session(counted: LogStatistics) -> Iterator[tuple[str, str]]:
    from espmon.tui.log.line_times import span_text

    total = counted.total
    yield "lines", f"{total.lines:,}"
    yield "bytes", size_text(total.size)
    if counted.gone:
        yield "not counted", f"{counted.gone:,} older lines: they are kept nowhere"
    if counted.seconds:
        yield "time", span_text(counted.seconds) + ("" if counted.by_host else ", by the device's clock")
        yield "a second", f"{_rate(total.lines, counted.seconds)} lines, {_bytes(total.size, counted.seconds)}"
    if counted.by_host and (lately := counted.late_seconds):
        yield (
            "lately",
            f"{_rate(total.late_lines, lately)} lines, {_bytes(total.late_size, lately)}, in the last {lately:.0f} s",
        )
        lines, size = counted.busiest
        yield "at most", f"{lines:,} lines, {size_text(size)} in one second"
    if len(counts := counted.over_time(SPARK_CELLS)) > 1:
        yield "lines over time", sparks(counts)


def sparks(counts: Sequence[int]) -> str:
    """One cell for each count, as high as it is; what is not nothing is seen."""
    most = max(counts, default=0) or 1
    return "".join(SPARKS[-(-count * (len(SPARKS) - 1) // most)] for count in counts)


def _table(what: str, amounts: Mapping[str, Amount], counted: LogStatistics) -> str:
    """Rows with most lines first: how many, which share, bytes, a second over all of the time, and lately."""
    seconds, lately = counted.seconds, counted.late_seconds
    heads = [f"{what:<{NAME_CELLS}}", f"{'lines':>11}", f"{'share':>7}", f"{'bytes':>9}"]
    heads += [f"{'lines/s':>8}", f"{'bytes/s':>10}"] if seconds else []
    heads += [f"{'lately/s':>9}"] if lately else []
    rows = ["".join(heads)]
    for name, amount in ranked(amounts)[:MAX_ROWS]:
        shown = visible(name)
        if cell_len(shown) > NAME_CELLS - 1:
            shown = set_cell_size(shown, NAME_CELLS - 2) + "…"
        cells = [
            set_cell_size(shown, NAME_CELLS),
            f"{amount.lines:>11,}",
            f"{amount.lines / counted.total.lines:>7.1%}",
        ]
        cells.append(f"{size_text(amount.size):>9}")
        cells += [f"{_rate(amount.lines, seconds):>8}", f"{_bytes(amount.size, seconds):>10}"] if seconds else []
        cells += [f"{_rate(amount.late_lines, lately):>9}"] if lately else []
        rows.append("".join(cells))
    return "\n".join(rows)


def _rate(count: int, seconds: float) -> str:
    rate = count / max(1.0, seconds)
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.2g}" if rate < 1 else f"{rate:.1f}"


def _bytes(size: int, seconds: float) -> str:
    return f"{size_text(round(size / max(1.0, seconds)))}/s"
