"""A tick box that is empty when it is not ticked."""

from __future__ import annotations

from textual.widgets import Checkbox


class Tick(Checkbox):
    """A tick box whose unticked state is empty."""

    def on_mount(self) -> None:
        """Draw the state it starts with."""
        self._draw(self.value)

    def watch_value(self) -> None:
        """Draw the new state."""
        self._draw(self.value)
        super().watch_value()

    def _draw(self, ticked: bool) -> None:
        self.BUTTON_INNER = "X" if ticked else " "
