"""The monitor as far as it sends: what was typed before to this board, local echo, replies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from textual import on
from textual.binding import Binding

from espmon.session.announced_lines import offers_screenshots
from espmon.session.pacing import Text
from espmon.session.sent import LocalEcho, SentBy
from espmon.session.settings import LINE_ENDS, Settings
from espmon.session.state import State
from espmon.session.status import Status
from espmon.tui.monitor.plotting import PlottingView
from espmon.tui.monitor.session_link import PendingChanges, SessionLink
from espmon.tui.widgets.input_line import InputLine
from espmon.tui.widgets.line_history import history_of

NEVER_TEXT = re.compile(r"f\d+|(?:ctrl|alt)\+.+")
"""Keys that type nothing: a macro on one of them is sent wherever the user is."""

ECHO_WORDS = {
    LocalEcho.OFF: "off",
    LocalEcho.LINES: "sent lines stand in the log",
    LocalEcho.KEYS: "sent lines, and what is typed in raw mode",
}


def macro_bindings(settings: Settings) -> list[Binding]:
    """The keys that send a macro; a key that types a character does so only where nothing is typed."""
    return [
        Binding(key, f"macro({name!r})", name, show=False, priority=NEVER_TEXT.fullmatch(key) is not None)
        for key, name in settings.macro_keys.items()
        if name in settings.macros
    ]


class SendingView(PlottingView):
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
        self._pictures = False

    def take(self, changes: PendingChanges) -> None:
        """Show what changed; each board has its own lines typed before."""
        super().take(changes)
        if changes.status is not None:
            self._learn(changes.status)
        device = changes.status.device if changes.status is not None else ""
        if device and device != self._device:
            self._device = device
            self.query_one(InputLine).use_history(history_of(self._history, device))

    def _learn(self, status: Status) -> None:
        """What the board can do, as far as keys and fields depend on it."""
        self.query_one(InputLine).commands = status.commands
        if self._pictures != (pictures := offers_screenshots(status, self.settings)):
            self._pictures = pictures
            self.refresh_bindings()

    def send_lines(self, lines: Sequence[str], eol: bytes, title: str = "pasted text") -> None:
        """Send several lines, with the pauses that are set."""
        text = Text(title, tuple(line.encode("utf-8", "surrogateescape") for line in lines), eol)
        self.link.on_outgoing(lambda outgoing: outgoing.send_text(text))

    @on(InputLine.ManyPasted)
    def _many_pasted(self, event: InputLine.ManyPasted) -> None:
        from espmon.tui.screens.confirm import ConfirmScreen

        line = self.query_one(InputLine)
        body = [
            f"The first is: {event.lines[0][:100]}",
            f"The last is: {event.lines[-1][:100]}",
            f"Each is sent with {line.eol} at its end, in order, {self.status.pacing.describe()}. Esc stops it.",
        ]

        def answered(agreed: bool | None) -> None:
            if agreed:
                line.send(event.lines)

        self.app.push_screen(ConfirmScreen(f"Send {len(event.lines):,} pasted lines?", body, "Send"), answered)

    def action_macro(self, name: str) -> None:
        """Send a text of the settings: at once where it is one line, else with the pauses that are set."""
        lines, eol = self.settings.macros[name].splitlines() or [""], LINE_ENDS[self.query_one(InputLine).eol]
        if self.status.state is not State.MONITORING or self.status.capture is not None:
            self.app.notify(f"{name} is not sent: the port is not free for it", severity="warning", markup=False)
        elif len(lines) > 1:
            self.send_lines(lines, eol, name)
        else:
            self.link.send(lines[0].encode("utf-8", "surrogateescape") + eol, SentBy.MACRO)

    def action_stop_sending(self) -> None:
        """Send no more of the text that is on its way; when none is, drop the selection."""
        if self.status.sending is None and self.pane in self.selections:
            self.clear_selection()
        elif self.status.sending is None:
            self.app.notify("No text is being sent", markup=False)
        else:
            self.link.on_outgoing(lambda outgoing: outgoing.stop())

    def action_modem_line(self, name: str, asserted: bool) -> None:
        """Move DTR or RTS by hand."""
        session = self.link.session
        self.link.ask(session.set_lines(dtr=asserted) if name == "dtr" else session.set_lines(rts=asserted))

    def action_echo(self) -> None:
        """The next kind of local echo."""
        kinds = list(LocalEcho)
        echo = kinds[(kinds.index(self.status.local_echo) + 1) % len(kinds)]
        self.link.on_outgoing(lambda outgoing: outgoing.set_local_echo(echo))
        self.app.notify(f"Local echo: {ECHO_WORDS[echo]}", markup=False)

    def action_replies(self) -> None:
        """All replies of the settings off, or on again."""
        if not self.settings.replies:
            self.app.notify("No replies: the settings have none ([replies.NAME])", markup=False)
            return
        on = not self.status.replies
        self.link.on_outgoing(lambda outgoing: outgoing.set_replies(on))
        self.app.notify(f"Replies to what the board says: {'on' if on else 'off'}", markup=False)
