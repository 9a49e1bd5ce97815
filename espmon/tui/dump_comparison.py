"""A core dump beside another one, as a report, and past sessions with the same crash."""

from __future__ import annotations

import asyncio
import os
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.tui.host import Host
from espmon.tui.report_files import saver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from espmon.postmortem import CoreReport
    from espmon.postmortem.dump_compare import Comparison
    from espmon.tui.screens.report_screen import Section


def sightings(report: CoreReport) -> Sequence[str]:
    """Where the same crash was met before, a line each. Runs in a thread."""
    from espmon.session.archive.crash_names import seen_before, sighting_lines
    from espmon.session.settings import data_folder

    return sighting_lines(seen_before(report, data_folder()))


class DumpComparison:
    """Asks for another dump and shows what differs.

    Args:
        app: the app.
    """

    def __init__(self, app: Host) -> None:
        self._app = app

    def ask(self, report: CoreReport, own: Path | None) -> None:
        """Ask for the file of the other dump; `own` is that of the report."""
        from espmon.tui.screens.prompt import TextPrompt
        from espmon.tui.user_input import path_of

        app = self._app

        def check(text: str) -> str:
            return "" if text.strip() and os.path.isfile(path_of(text)) else "There is no such file"

        def answered(text: str | None) -> None:
            if text is not None:
                app.run_worker(self._compare(report, path_of(text), own), group="compare", exclusive=True)

        found = sorted(own.parent.glob("*.coredump.bin")) if own is not None else []
        others = [str(path) for path in found if path != own]
        note = "Another dump in any form: UART text, raw, ELF. A is this one, B the other."
        app.push_screen(
            TextPrompt("Compare with", check=check, note=note, candidates=others, paths=True, label="Compare"), answered
        )

    async def _compare(self, report: CoreReport, path: Path, own: Path | None) -> None:
        from espmon.postmortem import PostmortemError
        from espmon.session.core_decoding import compare_with
        from espmon.tui.screens.report_screen import ReportScreen

        try:
            found = await asyncio.to_thread(compare_with, report, path)
        except (PostmortemError, OSError) as error:
            self._app.notify(f"{path}: {error}", title="Not compared", severity="warning", markup=False)
            return
        title = f"A: {own or 'this dump'}   B: {path}"
        save = saver(self._app.status.recording, "coredump-comparison.txt", lambda: "\n".join([title, *found.lines()]))
        self._app.push_screen(ReportScreen(title, sections(found), save=save))


def sections(found: Comparison) -> list[Section]:
    """A comparison as the parts of a report, an area each."""
    from espmon.postmortem.dump_compare import MISSING, TITLES
    from espmon.tui.screens.report_screen import Section

    first = "the same crash" if found.same_crash else "another crash"
    parts = [Section("In short", text=first if found.differences else f"{first}; nothing differs")]
    for area, items in groupby(found.differences, key=lambda item: item.area):
        texts = (f"{item.what}\n  A {item.first or MISSING}\n  B {item.second or MISSING}" for item in items)
        parts.append(Section(TITLES[area].capitalize(), text="\n".join(texts)))
    compared = (("compared", str(found.compared)), ("not in both dumps", str(found.missing)))
    return [*parts, Section("Global variables in numbers", compared)]
