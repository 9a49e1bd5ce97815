"""The arguments and local variables of the frame under the cursor, read in a thread when they are looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.worker import Worker, WorkerState

from espmon.postmortem.variables import FrameVariables
from espmon.text import plain
from espmon.tui.screens.dialog import Line

Reader = Callable[[], Sequence[FrameVariables]]
"""Reads the variables of all frames of a task."""


class VariablesPane(VerticalScroll):
    """Shows one frame's variables; says so where there are none."""

    def __init__(self) -> None:
        super().__init__(id="variables")
        self._wanted: tuple[int, int] | None = None
        self._frame = 0
        self.text = ""

    def compose(self) -> ComposeResult:
        """One line widget."""
        yield Line("", id="variables-text")

    def show_frame(self, task: int, frame: int, read: Reader) -> None:
        """Show the variables of the frame with an index of the task that `task` identifies; they arrive later."""
        if (task, frame) != self._wanted:
            self._wanted, self._frame = (task, frame), frame
            self._read(read)

    @work(thread=True, exclusive=True, group="variables", exit_on_error=False)
    def _read(self, read: Reader) -> Sequence[FrameVariables]:
        return read()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show what was read."""
        event.stop()
        if event.state is WorkerState.ERROR:
            self._show(Content.styled(plain(f"They could not be read: {event.worker.error}"), "$foreground-muted"))
        elif event.state is WorkerState.SUCCESS and event.worker.result is not None:
            parts: Sequence[FrameVariables] = event.worker.result
            self._show(variables_content(next((part for part in parts if part.frame == self._frame), None)))

    def _show(self, content: Content) -> None:
        self.text = content.plain
        self.query_one("#variables-text", Line).show(content)
        self.scroll_home(animate=False)


def variables_content(part: FrameVariables | None) -> Content:
    """A frame's variables, arguments first."""
    if part is None or not part.variables:
        return Content.styled("This frame has no variables that the ELF describes.", "$foreground-muted")
    lines: list[Content] = []
    for argument, title in ((True, "Arguments"), (False, "Local variables")):
        chosen = [item for item in part.variables if item.argument is argument]
        if chosen:
            lines.append(Content.styled(title, "bold $text-accent"))
        for item in chosen:
            shown = item.content.lines(item.name, 1)
            lines.append(Content.styled(plain("\n".join(shown)), "" if item.value is not None else "$foreground-muted"))
    return Content("\n").join(lines)
