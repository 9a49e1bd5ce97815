"""What the app does with the log: filters under names, files, the clipboard, the editor, boots beside each other."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.tui.host import Host
from espmon.tui.monitor.screen import MonitorScreen
from espmon.tui.widgets.event_list import EventList

if TYPE_CHECKING:
    from espmon.tui.boot_reports import BootReports
    from espmon.tui.filter_dialogs import FilterDialogs
    from espmon.tui.interruptible_work import OwnWork
    from espmon.tui.log_saving import LogSaving
    from espmon.tui.screens.crash_parts import CrashScreen
    from espmon.tui.statistics_reports import StatisticsReports


class LogActions(Host):
    """The actions of the log that are the app's. What does them is loaded when it is asked for first."""

    _copies: Path | None = None

    def begin_log_actions(self, copies: Path | None) -> None:
        """Note the file that has what was copied last; None: nothing is kept."""
        self._copies = copies

    @cached_property
    def filters(self) -> FilterDialogs:
        """Filters under names."""
        from espmon.tui.filter_dialogs import FilterDialogs

        return FilterDialogs(self)

    @cached_property
    def saving(self) -> LogSaving:
        """Files, the clipboard, the editor."""
        from espmon.tui.log_saving import LogSaving

        return LogSaving(self, self._copies)

    @cached_property
    def statistics(self) -> StatisticsReports:
        """How much the log says."""
        from espmon.tui.statistics_reports import StatisticsReports

        return StatisticsReports(self)

    @cached_property
    def boot_reports(self) -> BootReports:
        """Boots beside each other."""
        from espmon.tui.boot_reports import BootReports

        return BootReports(self)

    def own_work(self) -> list[OwnWork]:
        """What the program does without a board, and leaving would end."""
        return self.saving.own_work() if "saving" in self.__dict__ else []

    def action_statistics(self) -> None:
        """How much the log says."""
        self.statistics.show()

    def action_compare_boots(self) -> None:
        """What the newest boot says that the one before did not."""
        self.boot_reports.compare()

    def action_save_log(self, what: str) -> None:
        """A range of the log into a file."""
        self.saving.save(what)

    def action_copy_markdown(self) -> None:
        """A crash or lines as Markdown."""
        self.saving.copy_markdown()

    def action_copy_decoded(self) -> None:
        """Lines with their locations."""
        self.saving.copy_decoded()

    def action_open_source(self) -> None:
        """The source line here in the editor."""
        self.saving.open_place()

    def action_copy_source(self) -> None:
        """Its `file:line`."""
        self.saving.copy_place()

    def action_save_filter(self) -> None:
        """Keep the filter under a name."""
        self.filters.save()

    def action_choose_filter(self) -> None:
        """Use a saved filter."""
        self.filters.choose()

    def action_print_filter(self) -> None:
        """The filter in idf.py monitor's words."""
        self.filters.copy_print_filter()

    def on_event_list_compared(self, event: EventList.Compared) -> None:
        """A boot of the events beside the one before it."""
        self.boot_reports.compare(event.boot)

    def on_event_list_viewed(self, event: EventList.Viewed) -> None:
        """The file of an event in the system's viewer."""
        from espmon.tui.system_viewer import open_in_viewer

        open_in_viewer(self, event.entry.path)

    def on_crash_screen_place_wanted(self, event: CrashScreen.PlaceWanted) -> None:
        """The editor at a frame of a report, or the frame's place to the clipboard."""
        self.saving.use_place(event.file, event.line, copied=event.copied)

    def on_looking_view_copied(self, event: MonitorScreen.Copied) -> None:
        """To the clipboard, and a file."""
        self.saving.copy(event.text, event.what)
