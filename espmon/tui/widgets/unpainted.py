"""What stands for a picture writer where there is none."""

from __future__ import annotations

from textual.widget import Widget


def not_painted(widget: Widget) -> bool:
    """Nothing was written: the toolkit has to draw the widget."""
    return False
