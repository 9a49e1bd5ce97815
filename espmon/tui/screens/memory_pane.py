"""The memory of a dump word by word, with what each word points to."""

from __future__ import annotations

from collections.abc import Callable

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input
from textual.worker import Worker, WorkerState

from espmon.postmortem.memory_guide import MemoryGuide
from espmon.text import plain
from espmon.tui.screens.dialog import Line

WORDS = 256
"""Words that are shown from an address on."""


class MemoryPane(Vertical):
    """An address or a name, and the words from there on.

    Args:
        read: what knows the dump's memory. Called in a thread, as is everything it does.
        start: what is shown first: the crashed task's stack pointer.
    """

    DEFAULT_CSS = """
    MemoryPane Input { height: 1; border: none; padding: 0 1; background: $boost; }
    MemoryPane VerticalScroll { height: 1fr; }
    """

    def __init__(self, read: Callable[[], MemoryGuide], start: int | None) -> None:
        super().__init__(id="memory")
        self._read = read
        self._start = start
        self._guide: MemoryGuide | None = None
        self._asked = False
        self.text = ""
        """What is shown, as it is copied."""

    def compose(self) -> ComposeResult:
        """The field, and the words below it."""
        start = "" if self._start is None else f"0x{self._start:08x}"
        yield Input(start, placeholder="address, variable or function", id="memory-place")
        with VerticalScroll():
            yield Line("", id="memory-text")

    def open(self) -> None:
        """The pane is looked at: read the words, once."""
        if not self._asked:
            self._asked = True
            self._words(self.query_one("#memory-place", Input).value)

    @on(Input.Submitted, "#memory-place")
    def _place_given(self, event: Input.Submitted) -> None:
        event.stop()
        self._words(event.value)

    @work(thread=True, exclusive=True, group="memory", exit_on_error=False)
    def _words(self, place: str) -> str:
        if self._guide is None:
            self._guide = self._read()
        if not place.strip():
            return "Give an address, or the name of a variable or a function."
        rows = self._guide.rows(self._guide.place(place), WORDS)
        return "\n".join(row.text() for row in rows)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show what was read, or why it could not be."""
        event.stop()
        if event.state is WorkerState.ERROR:
            self._show(str(event.worker.error))
        elif event.state is WorkerState.SUCCESS and isinstance(event.worker.result, str):
            self._show(event.worker.result)

    def _show(self, text: str) -> None:
        self.text = "\n".join(map(plain, text.split("\n")))
        self.query_one("#memory-text", Line).show(self.text)
        self.query_one(VerticalScroll).scroll_home(animate=False)
