"""What the parts of the app share: the session's link, the settings, the monitor below all screens, and toasts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from textual import events
from textual.app import App

from espmon.session.settings import Settings
from espmon.session.view import Notice, OpenRequest, Status
from espmon.tui.monitor.link import SessionLink
from espmon.tui.monitor.screen import MonitorScreen
from espmon.tui.sanitise import plain

NOTICE_LIMIT = 500
"""Longest toast, in characters."""

QUIET_SECONDS = 2.0
"""Time without a key after which nobody is typing."""


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

    last_key = float("-inf")
    """When the user last pressed a key, by the monotonic clock."""

    async def on_event(self, event: events.Event) -> None:
        """Remember when keys come: screens that open by themselves wait for none."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self.last_key = time.monotonic()
        await super().on_event(event)

    def may_interrupt(self, asked: float | None = None) -> bool:
        """Whether a screen may open by itself now: it takes the keys, so never while they are meant for another.

        Args:
            asked: when the user asked for this screen (`last_key` then); keys since then say that it comes too late.
        """
        monitor = self.monitor
        if self.screen is not monitor or monitor.mode != "LOG" or (monitor.completed and monitor.in_menu):
            return False
        return self.last_key == asked or time.monotonic() - self.last_key >= QUIET_SECONDS

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
