"""What leaving still waits for, when that takes long enough to be seen."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult

from espmon.session.status import Status
from espmon.tui.screens.dialog import Dialog, Line, size_text


class LeavingScreen(Dialog[None]):
    """Says what is still to be done before the program ends, and how to end it without.

    Args:
        key: the key that leaves, as people write it.
    """

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key

    def compose_dialog(self) -> ComposeResult:
        """What is waited for, and the way out."""
        yield Line("Leaving", classes="title")
        yield Line("", id="leaving-what")
        yield Line(f"{self._key} leaves now, without it.", id="leaving-way")

    def show(self, waited: Mapping[str, Status]) -> None:
        """Show how far it is: the name of each board that is waited for, "" where there is one, and its status."""
        said = (f"{name}: {waited_for(status)}" if name else waited_for(status) for name, status in waited.items())
        self.query_one("#leaving-what", Line).show("\n".join(said))


def waited_for(status: Status) -> str:
    """What leaving waits for, in one sentence."""
    recorder = status.recorder
    if recorder.problem:
        return f"Not written yet: {size_text(recorder.waiting)} of the recording, since {recorder.problem}."
    if recorder.waiting:
        return f"Writing the recording: {size_text(recorder.waiting)} left."
    if status.progress is not None:
        return f"Ending what runs: {status.progress.step}."
    return "The port is being closed."
