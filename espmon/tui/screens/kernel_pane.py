"""What the RTOS was doing and the heaps of a dump, read in a thread when they are looked at."""

from __future__ import annotations

from collections.abc import Callable

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.worker import Worker, WorkerState

from espmon.text import plain
from espmon.tui.screens.dialog import Line


class KernelPane(VerticalScroll):
    """Shows a text that takes a while to make.

    Args:
        read: makes it; called in a thread.
    """

    def __init__(self, read: Callable[[], str]) -> None:
        super().__init__(id="kernel")
        self._make = read
        self._asked = False
        self.text = ""
        """What is shown, as it is copied."""

    def compose(self) -> ComposeResult:
        """One line widget."""
        yield Line("", id="kernel-text")

    def open(self) -> None:
        """The pane is looked at: read it, once."""
        if not self._asked:
            self._asked = True
            self._told()

    @work(thread=True, exclusive=True, group="kernel", exit_on_error=False)
    def _told(self) -> str:
        return self._make()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show what was read, or why it could not be."""
        event.stop()
        if event.state is WorkerState.ERROR:
            self._show(f"They could not be read: {event.worker.error}")
        elif event.state is WorkerState.SUCCESS and isinstance(event.worker.result, str):
            self._show(event.worker.result)

    def _show(self, text: str) -> None:
        self.text = "\n".join(map(plain, text.strip().split("\n")))
        self.query_one("#kernel-text", Line).show(self.text)
