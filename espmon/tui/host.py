"""What the parts of the app share: the session's link, the settings, the monitor below all screens, and toasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from textual.app import App

from espmon.session.settings import Settings
from espmon.session.view import Notice, OpenRequest, Status
from espmon.tui.monitor.link import SessionLink
from espmon.tui.monitor.screen import MonitorScreen
from espmon.tui.sanitise import plain

NOTICE_LIMIT = 500
"""Longest toast, in characters."""


class Host(App[int]):
    """The app as its parts know it; `EspmonApp` fills it and puts the parts together."""

    settings: Settings
    link: SessionLink
    request: OpenRequest | None
    """What was opened last, or is to be opened."""

    defaults: OpenRequest
    """What the list of ports offers where nothing else is known."""

    discover: Callable[[], Sequence[Any]] | None
    demo: Callable[[], OpenRequest] | None
    project: Path
    """Where builds are looked for."""

    chosen_keys: dict[str, str]

    @property
    def status(self) -> Status:
        """The session's status."""
        return self.link.session.status

    @property
    def monitor(self) -> MonitorScreen:
        """The monitor screen, whatever lies over it."""
        screen = self.screen_stack[0]
        assert isinstance(screen, MonitorScreen)
        return screen

    def toast(self, notice: Notice) -> None:
        """Show a notice, on whatever screen is up; never as markup."""
        self.notify(
            plain(notice.text[:NOTICE_LIMIT]), title=plain(notice.title), severity=notice.severity.value, markup=False
        )
