"""Two boots beside each other, as a report."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from espmon.tui.host import Host
from espmon.tui.report_files import saver

if TYPE_CHECKING:
    from espmon.tui.monitor.boots import BootFacts
    from espmon.tui.screens.report_screen import Section

NOTHING = "Nothing."


class BootReports:
    """Compares boots of the log.

    Args:
        app: the app.
    """

    def __init__(self, app: Host) -> None:
        self._app = app

    def compare(self, number: int | None = None) -> None:
        """Compare a boot with the one before it; None is the newest."""
        boots = self._app.monitor.boots
        number = boots.newest if number is None else number
        right = boots.facts(number)
        left = next((found for other in range(number - 1, 0, -1) if (found := boots.facts(other)) is not None), None)
        if right is None or left is None:
            self._app.notify("No two boots are in memory to be compared", markup=False)
            return
        self._app.run_worker(self._compare(left, right), group="boots", exclusive=True)

    async def _compare(self, left: BootFacts, right: BootFacts) -> None:
        from espmon.tui.monitor.boots import compare
        from espmon.tui.screens.report_screen import ReportScreen, Section

        found = await asyncio.to_thread(compare, self._app.monitor.pane.store, left, right)
        title = f"Boot {right.number} beside boot {left.number}"
        sections = [
            _facts(right),
            _facts(left),
            Section(f"Only in boot {right.number}: {len(found.new):,}", text="\n".join(found.new) or NOTHING),
            Section(
                f"Missing in boot {right.number}: {len(found.missing):,}", text="\n".join(found.missing) or NOTHING
            ),
        ]
        text = "\n\n".join([title, *(section.as_text() for section in sections)])
        name = f"boots-{left.number}-{right.number}.txt"
        save = saver(self._app.status.recording, name, lambda: text + "\n")
        self._app.push_screen(ReportScreen(title, sections, save=save))


def _facts(boot: BootFacts) -> Section:
    from espmon.tui.log.line_times import span_text
    from espmon.tui.screens.report_screen import Section

    rows = (
        ("reset", boot.reason),
        ("lasted", "" if boot.seconds is None else span_text(boot.seconds)),
        ("lines", f"{boot.high - boot.low:,}, from line {boot.low + 1:,}"),
        ("errors", f"{boot.errors:,}"),
        ("warnings", f"{boot.warnings:,}"),
        ("crashes", f"{boot.crashes:,}"),
    )
    return Section(f"Boot {boot.number}", tuple(row for row in rows if row[1]))
