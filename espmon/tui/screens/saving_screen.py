"""Saving from a screen: off the event loop, and the toast says where or why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic

from textual import work
from textual.screen import ModalScreen
from textual.worker import Worker, WorkerState

from espmon.tui.screens.dialog import Result, literal

SAVES = "save"
"""The group of the workers that save."""


class SavingScreen(ModalScreen[Result], Generic[Result]):
    """A screen with something to save."""

    @work(thread=True, group=SAVES, exit_on_error=False)
    def write(self, save: Callable[[], Path]) -> Path:
        """Run `save`, which returns where it wrote, in a thread."""
        return save()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Saved, or why not."""
        event.stop()
        if event.worker.group != SAVES:
            return
        if event.state is WorkerState.SUCCESS:
            self.notify(f"Saved {literal(str(event.worker.result))}", markup=False)
        elif event.state is WorkerState.ERROR:
            self.notify(f"Not saved: {literal(str(event.worker.error))}", severity="error", markup=False)
