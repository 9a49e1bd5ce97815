"""The tab of all boards, as far as it is unlike the tab of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.tui.open_board import OpenBoard

if TYPE_CHECKING:
    from espmon.tui.monitor.session_link import PendingChanges


class TimelineTab(OpenBoard):
    """All boards as one. It has no port: it neither asks anything nor opens a screen by itself."""

    @property
    def name(self) -> str:
        """What it is called."""
        return "All"

    @property
    def unread(self) -> str:
        """Each board says so itself."""
        return ""

    def follow(self, changes: PendingChanges) -> None:
        """The boards ask for themselves."""

    def keep(self, changes: PendingChanges) -> None:
        """As it does when its screen has been there before: only the events are missed."""
        changes.statuses.clear()
        super().keep(changes)

    def count(self) -> None:
        """Each board counts for itself."""

    def begin_counting(self) -> None:
        """Each board counts for itself."""
