"""What is said of a board from which nothing comes: for how long, and what can be done about it."""

from __future__ import annotations

from collections.abc import Mapping

from espmon.session.state import State
from espmon.session.status import Status
from espmon.tui import actions
from espmon.tui.widgets.status_words import silence
from espmon.tui.widgets.text_row import TextRow


class EmptyLog(TextRow):
    """Stands where the first line will be: what the log waits for, and how to go on when nothing comes."""

    DEFAULT_CSS = """
    EmptyLog { layer: above; dock: top; display: none; color: $text-muted; padding: 0 1; }
    EmptyLog.-on { display: block; }
    """

    def show(self, status: Status, mode: str, keymap: Mapping[str, str], *, empty: bool) -> None:
        """Show it while the log is empty."""
        told = "".join(silence(status, mode, keymap))
        if status.state is State.CLOSED:
            told = f"No port is open: {actions.to_press('app.ports', mode, keymap)} lists the ports"
        on = empty and told != "" and mode != "RAW"
        self.set_class(on, "-on")
        if on:
            self.set_parts([(told, "")])
