"""What the probe is doing, while it does it, with a way out at any moment."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import ProgressBar

from espmon.session.view import Progress
from espmon.tui.screens.base import Line, clip
from espmon.tui.screens.running import RunningScreen

TAIL_LINES = 8
"""Lines of the exchange shown; the whole transcript is in the probe's event afterwards."""


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
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)

    def progress_bar(self) -> ProgressBar:
        """The bar; without a percentage, since steps are counted here, not bytes."""
        return ProgressBar(total=None, show_eta=False, show_percentage=False)

    def compose_below(self) -> ComposeResult:
        """The last lines of the exchange."""
        yield Line("", id="tail")

    def add_transcript(self, *lines: str) -> None:
        """Add lines of the exchange; the last `TAIL_LINES` are shown."""
        self._tail.extend(lines)
        if self.is_mounted:
            self.paint()

    def paint(self) -> None:
        """The lines of the exchange too."""
        super().paint()
        tail = self.query_one("#tail", Line)
        width = max(20, tail.content_size.width or 60)
        tail.show("\n".join(clip(line, width) for line in self._tail))
