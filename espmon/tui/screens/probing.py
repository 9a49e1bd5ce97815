"""What the probe is doing, while it does it, with a way out at any moment."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, ProgressBar

from espmon.session.view import Progress
from espmon.tui.screens.base import Dialog, Line, clip

TAIL_LINES = 8
"""Lines of the exchange shown; the whole transcript is in the probe's event afterwards."""


class ProbingScreen(Dialog[bool]):
    """Shows a running probe. The app closes it with `finish`; True when it was not cancelled.

    Args:
        name: the board or port, for the title.
        cancel: called once when the user cancels; it must return at once. The screen then waits for `finish`, since
            the board is still being reset back; a second Esc leaves without waiting.
    """

    DEFAULT_CSS = """
    ProbingScreen ProgressBar { width: 100%; margin-bottom: 1; }
    ProbingScreen ProgressBar Bar { width: 1fr; }
    ProbingScreen ProgressBar Bar > .bar--indeterminate { color: $primary; }
    ProbingScreen #tail { height: 8; color: $text-muted; background: $panel; padding: 0 1; margin-top: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "cancel", "Cancel", key_display="Esc", id="probing.cancel", tooltip="Stop and reset back"),
    ]

    def __init__(self, name: str, cancel: Callable[[], None]) -> None:
        super().__init__()
        self._board = name
        self._cancel = cancel
        self._cancelling = False
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._progress = Progress("probe", "starting")

    @property
    def cancelling(self) -> bool:
        """The user asked to stop."""
        return self._cancelling

    def compose_dialog(self) -> ComposeResult:
        """Title, step, bar, the last lines of the exchange, Cancel."""
        yield Line(f"Probing {self._board}", classes="title")
        yield Line("", id="step")
        yield ProgressBar(total=None, show_eta=False, show_percentage=False)
        yield Line("", id="tail")
        with Horizontal(classes="buttons"):
            yield Button("Cancel", id="cancel")

    def on_mount(self) -> None:
        """Show what came before the screen was there."""
        self._paint()

    def update_progress(self, progress: Progress) -> None:
        """Show a step. `total` None keeps the bar indeterminate."""
        self._progress = progress
        if self.is_mounted:
            self._paint()

    def add_transcript(self, *lines: str) -> None:
        """Add lines of the exchange; the last `TAIL_LINES` are shown."""
        self._tail.extend(lines)
        if self.is_mounted:
            self._paint()

    def finish(self) -> None:
        """The probe has ended, in whatever way: close."""
        if self.is_attached:
            self.dismiss(not self._cancelling)

    def _paint(self) -> None:
        progress = self._progress
        step = "cancelling: bringing the board back to its application" if self._cancelling else progress.step
        self.query_one("#step", Line).show(clip(step, 200))
        self.query_one(ProgressBar).update(total=progress.total, progress=progress.done)
        width = max(20, self.query_one("#tail").content_size.width or 60)
        self.query_one("#tail", Line).show("\n".join(clip(line, width) for line in self._tail))

    @on(Button.Pressed, "#cancel")
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_cancel()

    def action_cancel(self) -> None:
        """Ask the probe to stop; asked again, leave at once."""
        if self._cancelling:
            self.dismiss(False)
            return
        self._cancelling = True
        self.query_one("#cancel", Button).label = "Leave now"
        self._paint()
        self._cancel()
