"""The monitor as far as it sends: what was typed before to this board, local echo."""

from __future__ import annotations

from pathlib import Path

from espmon.session.sent import LocalEcho
from espmon.session.settings import Settings
from espmon.tui.monitor.monitor_view import MonitorView
from espmon.tui.monitor.session_link import PendingChanges, SessionLink
from espmon.tui.widgets.input_line import InputLine
from espmon.tui.widgets.line_history import history_of

ECHO_WORDS = {
    LocalEcho.OFF: "off",
    LocalEcho.LINES: "sent lines stand in the log",
    LocalEcho.KEYS: "sent lines, and what is typed in raw mode",
}


class SendingView(MonitorView):
    """One session on the screen, and what is sent to it.

    Args:
        link: the session.
        settings: the user's settings.
        history: folder of lines typed before, a file a board; None keeps none.
        timestamps: show host times from the start.
    """

    def __init__(
        self, link: SessionLink, settings: Settings, history: Path | None, *, timestamps: bool = False
    ) -> None:
        super().__init__(link, settings, timestamps=timestamps)
        self._history = history
        self._device = ""

    def take(self, changes: PendingChanges) -> None:
        """Show what changed; each board has its own lines typed before."""
        super().take(changes)
        device = changes.status.device if changes.status is not None else ""
        if device and device != self._device:
            self._device = device
            self.query_one(InputLine).use_history(history_of(self._history, device))

    def action_echo(self) -> None:
        """The next kind of local echo."""
        kinds = list(LocalEcho)
        echo = kinds[(kinds.index(self.status.local_echo) + 1) % len(kinds)]
        self.link.call(lambda: self.link.session.set_local_echo(echo))
        self.app.notify(f"Local echo: {ECHO_WORDS[echo]}", markup=False)
