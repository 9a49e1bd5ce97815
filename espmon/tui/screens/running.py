"""What the overlays of a probe and of a flash have in common: a step, a bar, and a way out at any moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button, ProgressBar

from espmon.session.status import Progress
from espmon.tui.screens.dialog import Dialog, Line, clip

MAX_STEP_CELLS = 200
"""Most cells of a step's words."""


class RunningScreen(Dialog[bool]):
    """Shows a running action of the session. The app closes it with `finish`; True when it was not cancelled.

    The screen waits for `finish` also after a cancel, since the board is brought into a known state first; a second
    cancel leaves without waiting. Subclasses bind their keys to `cancel` and say in `CANCELLING` what is waited for.

    Args:
        title: what is being done to which board.
        cancel: called once when the user cancels; must return at once.
        first: shown until the session tells more.
    """

    DEFAULT_CSS = """
    RunningScreen ProgressBar { width: 100%; }
    RunningScreen ProgressBar Bar { width: 1fr; }
    RunningScreen ProgressBar Bar > .bar--indeterminate { color: $primary; }
    """
    CANCELLING: ClassVar[str]
    """The step that is shown after a cancel."""

    def __init__(self, title: str, cancel: Callable[[], None], first: Progress) -> None:
        super().__init__()
        self._title = title
        self._cancel = cancel
        self._cancelling = False
        self._ended = False
        self._progress = first

    def compose_dialog(self) -> ComposeResult:
        """Title, step, bar, what `compose_below` adds, Cancel."""
        yield Line(self._title, classes="title")
        yield Line("", id="step")
        yield self.progress_bar()
        yield from self.compose_below()
        with Horizontal(classes="buttons"):
            yield Button("Cancel", id="cancel")

    def progress_bar(self) -> ProgressBar:
        """The bar. It estimates no time: its total is that of one step, not of all."""
        return ProgressBar(total=None, show_eta=False)

    def compose_below(self) -> ComposeResult:
        """What stands under the bar."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Show what came before the screen was there."""
        self.paint()

    def update_progress(self, progress: Progress) -> None:
        """Show how far a step is. `total` None keeps the bar indeterminate."""
        self._progress = progress
        if self.is_mounted:
            self.paint()

    def finish(self) -> None:
        """The action has ended, in whatever way: close, under a question as soon as that is answered."""
        self._ended = True
        if self.app.screen is self:
            self.dismiss(not self._cancelling)

    def on_screen_resume(self) -> None:
        """What lay over this screen is closed."""
        if self._ended and self.app.screen is self:
            self.dismiss(not self._cancelling)

    def paint(self) -> None:
        """Bring step and bar up to date."""
        step = self.CANCELLING if self._cancelling else self._progress.step
        self.query_one("#step", Line).show(clip(step, MAX_STEP_CELLS))
        self.query_one(ProgressBar).update(total=self._progress.total, progress=self._progress.done)

    @on(Button.Pressed, "#cancel")
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_cancel()

    def action_cancel(self) -> None:
        """Ask the action to stop; asked again, leave at once."""
        if self._cancelling:
            self.dismiss(False)
            return
        self._cancelling = True
        self.query_one("#cancel", Button).label = "Leave now"
        self.paint()
        self._cancel()
