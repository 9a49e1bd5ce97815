"""What is said of a board from which nothing comes: for how long, and what can be done about it."""

from __future__ import annotations

from collections.abc import Mapping

from espmon.session.state import State
from espmon.session.status import Status
from espmon.tui import actions
from espmon.tui.widgets.status_chips import lasting
from espmon.tui.widgets.text_row import TextRow

WAYS_ON = (("board.reset", "resets"), ("board.baud", "rate"), ("app.ports", "port"))
"""Action -> what it does about silence, in a word."""


def silence(status: Status, mode: str, keymap: Mapping[str, str]) -> tuple[str, str]:
    """(For how long nothing came, the keys that lead on from `mode`); empty while that is nothing to speak of."""
    if not status.quiet:
        return "", ""
    keys = [
        f"{key} {word}"
        for action, word in WAYS_ON
        if (key := actions.to_press(action, mode, keymap)) and (status.has_rate or action != "board.baud")
    ]
    return f"Nothing received for {lasting(status.quiet)}", f": {', '.join(keys)}" if keys else ""


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
