"""What the monitor is doing: mode, follow, search, filter, rate, lines, capture, recording."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from textual.events import Click
from textual.message import Message

from espmon.session.status import Status
from espmon.tui.widgets.status_words import COUNTS, PaneState, status_parts
from espmon.tui.widgets.text_row import TextRow

COUNTER_SECONDS = 0.25
"""Shortest time between two looks of what only counts."""


class StatusBar(TextRow):
    """The row above the footer."""

    DEFAULT_CSS = """
    StatusBar { background: $surface; color: $text-muted; padding: 0 1 0 0; }
    """

    def __init__(self, keymap: Mapping[str, str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keymap = keymap

    _latest: tuple[Status, PaneState] | None = None
    _words: object = None
    waits = False
    """Whether there is something newer than what is drawn."""

    _shown = float("-inf")
    _budget = 0.0
    """Looks of counters that may be drawn at once."""

    def show(self, status: Status, pane: PaneState) -> None:
        """Show a session's status and the pane's: all words at once, in a stream counters a few times a second."""
        self._latest = status, pane
        still = replace(
            pane, lines=0, shown=0, errors=0, warnings=0, unseen=min(pane.unseen, 1), hidden=min(pane.hidden, 1)
        )
        words = status_parts(replace(status, rate=0.0), still, self._keymap)
        now = time.monotonic()
        self._budget = min(1.0, self._budget + (now - self._shown) / COUNTER_SECONDS)
        self._shown = now
        if words != self._words or self._budget >= 1 or not self.is_attached:
            self._words = words
            self._show_latest()
        elif not self.waits:
            self.waits = True
            self.set_timer((1 - self._budget) * COUNTER_SECONDS, self._show_latest)

    @dataclass
    class CountChosen(Message):
        """A count was clicked."""

        kind: str
        """What is counted: "error" or "warning"."""

    def on_click(self, event: Click) -> None:
        """A click on a count leads to what is counted."""
        at = event.get_content_offset(self)
        text = "" if at is None else self.part_at(at.x)
        kind = next((kind for kind, (sign, _) in COUNTS.items() if text.startswith(f" {sign} ")), None)
        if kind is not None:
            self.post_message(self.CountChosen(kind))

    def on_resize(self) -> None:
        """Other words may have room now."""
        self._show_latest()
        super().on_resize()

    def _show_latest(self) -> None:
        self.waits = False
        self._budget = max(0.0, self._budget - 1)
        if self._latest is not None:
            self.set_parts(*status_parts(*self._latest, self._keymap, self.size.width))
