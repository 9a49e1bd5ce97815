"""A payload that is being received, or an action that runs: how far it is and how to end it."""

from __future__ import annotations

from espmon.session.status import Status
from espmon.text import size_text
from espmon.tui.widgets.row_parts import Part
from espmon.tui.widgets.text_row import TextRow

BAR_CELLS = 20
"""Cells of the progress bar."""

NAMES = {"coredump": "core dump", "png": "picture", "frame": "frame", "gdb": "gdb packet"}
"""Capture kind -> what people call it."""


def bar_text(done: int, total: int | None, step: int) -> str:
    """A bar; while the total is unknown a short piece wanders, so that it never claims a place."""
    if total:
        filled = min(BAR_CELLS, BAR_CELLS * done // total)
        return "━" * filled + "─" * (BAR_CELLS - filled)
    at = step % (BAR_CELLS - 3)
    return "─" * at + "━━━━" + "─" * (BAR_CELLS - 4 - at)


class CaptureLine(TextRow):
    """Shown only while something is being received."""

    DEFAULT_CSS = """
    CaptureLine { display: none; background: $boost; padding: 0 1; }
    CaptureLine.-running { display: block; }
    """

    _step = 0

    def show(self, status: Status) -> None:
        """Show the capture or the action of a status, hide when there is none."""
        capture, progress = status.capture, status.progress or status.sending
        stop = " a ends it" if capture is not None else " Esc stops it" if status.sending is not None else ""
        self._step += 1
        left: list[Part] = []
        if capture is not None:
            size = size_text(capture.received)
            if capture.expected:
                size += f" of {size_text(capture.expected)}"
            left = [
                (f"⬇ {NAMES.get(capture.kind, capture.kind)} ", "$accent bold"),
                (bar_text(capture.received, capture.expected, self._step), "$accent"),
                (f" {size}", ""),
                (f" · {capture.lines} lines" if capture.lines else "", "$secondary"),
                (f" · {capture.elapsed:.1f} s", "$secondary"),
            ]
        elif progress is not None:
            left = [
                (f"{progress.action} ", "$accent bold"),
                (bar_text(progress.done, progress.total, self._step), "$accent"),
                (f" {progress.step}", ""),
            ]
        self.set_parts(left, [(stop, "$secondary")] if stop else [])
        self.set_class(bool(left), "-running")
