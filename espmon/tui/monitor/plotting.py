"""The monitor as far as numbers are plotted below its log."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import work

from espmon.records.number_series import Series, csv_rows
from espmon.text import plain
from espmon.tui.monitor.finding_view import FindingView
from espmon.tui.monitor.session_link import PendingChanges
from espmon.tui.report_files import unused

if TYPE_CHECKING:
    from pathlib import Path

    from espmon.tui.plot.plot_panel import PlotPanel


def csv_text(series: Sequence[Series]) -> str:
    """Series as CSV; a name that a spreadsheet would take for a formula is text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for group, name, *rest in csv_rows(series):
        writer.writerow([_inert(group), _inert(name), *rest])
    return out.getvalue()


def _inert(text: str) -> str:
    shown = plain(text)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown


class PlottingView(FindingView):
    """One session on the screen, and its numbers."""

    DEFAULT_CSS = """
    PlottingView.-raw PlotPanel { display: none; }
    """

    plot: PlotPanel | None = None
    """Made when it is first opened."""

    @property
    def mode(self) -> str:
        """PLOT, or as the view says."""
        return "PLOT" if self.plot is not None and self.focused is self.plot else super().mode

    @property
    def typing(self) -> bool:
        """In the plot keys are commands."""
        return self.mode != "PLOT" and super().typing

    def take(self, changes: PendingChanges) -> None:
        """Show what changed."""
        super().take(changes)
        if self.plot is not None and self.plot.has_class("-on") and (changes.lines or changes.events):
            self.plot.take(changes.events)

    def attach(self) -> None:
        """Another session: its numbers."""
        super().attach()
        if self.plot is not None and self.plot.has_class("-on"):
            self.plot.begin(self.link.session.store, self.entries)

    async def action_plot(self) -> None:
        """Show the numbers, or no more."""
        if self.plot is None:
            from espmon.tui.plot.plot_panel import PlotPanel

            self.plot = PlotPanel(id="plot")
            await self.query_one("#log-column").mount(self.plot)
        show = not self.plot.has_class("-on")
        self.plot.set_class(show, "-on")
        if show:
            self.plot.begin(self.link.session.store, self.entries)
            self.plot.focus()
        else:
            self.plot.end()
            self.pane.focus()

    def on_plot_panel_jump(self, event: PlotPanel.Jump) -> None:
        """The line that a point came from."""
        event.stop()
        self.go_to_line(event.line)

    def on_plot_panel_dismissed(self) -> None:
        """Back to the log's keys."""
        self.pane.focus()

    def on_plot_panel_csv_wanted(self, event: PlotPanel.CsvWanted) -> None:
        """Write the drawn numbers."""
        event.stop()
        if not event.series:
            self.say("No number is drawn")
            return
        self._write_csv(event.series, self.status.recording)

    @work(thread=True, group="csv", exit_on_error=False)
    def _write_csv(self, series: Sequence[Series], folder: Path | None) -> None:
        from pathlib import Path

        from espmon.session.file_system import write_atomically

        try:
            path = unused((folder or Path.cwd()) / "numbers.csv")
            write_atomically(path, csv_text(series).encode())
        except OSError as error:
            self.app.call_from_thread(self.say, f"Not written: {error.strerror or error}")
        else:
            self.app.call_from_thread(self.say, f"Written: {path}")
