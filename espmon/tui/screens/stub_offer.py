"""The board waits in its debug stub: look here, take a real gdb, serve it to an IDE, or leave it so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button

from espmon.tui.screens.dialog import Dialog, Line

INSPECT, HAND_OVER, SERVE = "inspect", "hand over", "serve"
"""The answers."""


class StubScreen(Dialog[str | None]):
    """Returns `INSPECT`, `HAND_OVER`, `SERVE`, or None to leave everything as it is. Staying is preselected.

    Args:
        title: what stopped where, one line.
        body: what each answer does, one sentence a line.
        served: it is served already: the answer `SERVE` ends that.
    """

    DEFAULT_CSS = """
    StubScreen .buttons Button { margin-left: 1; }
    """
    AUTO_FOCUS = "#stay"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", f"answer({INSPECT!r})", "Inspect here", id="stub.inspect", tooltip="Registers, stack, memory"),
        Binding("h", f"answer({HAND_OVER!r})", "Hand over to gdb", id="stub.hand_over", tooltip="A real gdb, here"),
        Binding(
            "s", f"answer({SERVE!r})", "Serve to an IDE", id="stub.serve", tooltip="gdb and IDEs connect, or that ends"
        ),
        Binding("escape", "answer('')", "Stay", key_display="Esc", id="stub.stay", tooltip="Change nothing"),
        Binding("left", "app.focus_previous", show=False, id="stub.previous"),
        Binding("right", "app.focus_next", show=False, id="stub.next"),
    ]

    def __init__(self, title: str, body: Sequence[str], *, served: bool = False) -> None:
        super().__init__()
        self._served = served
        self._title = title
        self._body = tuple(body)

    def compose_dialog(self) -> ComposeResult:
        """Title, sentences, four buttons."""
        yield Line(self._title, classes="title")
        yield Line("\n".join(self._body))
        with Horizontal(classes="buttons"):
            yield Button("Stay (Esc)", id="stay")
            yield Button("End (s)" if self._served else "Serve (s)", id="serve")
            yield Button("Hand over (h)", id="hand-over")
            yield Button("Inspect (i)", id="inspect", variant="primary")

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_answer({"inspect": INSPECT, "hand-over": HAND_OVER, "serve": SERVE}.get(str(event.button.id), ""))

    def action_answer(self, answer: str) -> None:
        """Close with an answer; "" changes nothing."""
        self.dismiss(answer or None)
