"""What the probe is doing, while it does it, with a way out at any moment."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import ProgressBar

from espmon.session.status import Progress
from espmon.tui.screens.dialog import Line, clip
from espmon.tui.screens.running import RunningScreen

STEPS_SHOWN = 8
"""Steps shown that are done; the whole exchange with the loader is in the probe's event afterwards."""


class ProbingScreen(RunningScreen):
    """Shows a running probe.

    Args:
        name: the board or port, for the title.
        cancel: see `RunningScreen`.
    """

    DEFAULT_CSS = """
    ProbingScreen ProgressBar { margin-bottom: 1; }
    ProbingScreen #tail { height: 8; color: $text-muted; background: $panel; padding: 0 1; margin-top: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "cancel", "Cancel", key_display="Esc", id="probing.cancel", tooltip="Stop and reset back"),
    ]
    CANCELLING = "cancelling: bringing the board back to its application"

    def __init__(self, name: str, cancel: Callable[[], None]) -> None:
        super().__init__(f"Probing {name}", cancel, Progress("probe", "starting"))
        self._done: deque[str] = deque(maxlen=STEPS_SHOWN)
        self._begun = False

    def progress_bar(self) -> ProgressBar:
        """The bar; without a percentage, since steps are counted here, not bytes."""
        return ProgressBar(total=None, show_eta=False, show_percentage=False)

    def compose_below(self) -> ComposeResult:
        """The steps that are done."""
        yield Line("", id="tail")

    def update_progress(self, progress: Progress) -> None:
        """Show a step; the one before it is done."""
        if self._begun and progress.step != self._progress.step:
            self._done.append(self._progress.step)
        self._begun = True
        super().update_progress(progress)

    def paint(self) -> None:
        """The steps that are done too."""
        super().paint()
        tail = self.query_one("#tail", Line)
        width = max(20, tail.content_size.width or 60)
        tail.show("\n".join(clip(line, width) for line in self._done))
