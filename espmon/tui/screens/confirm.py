"""The question before anything that touches the board. Cancel is preselected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button

from espmon.tui.screens.dialog import Dialog, Line


class ConfirmScreen(Dialog[bool]):
    """Says what will happen and asks. Returns True for yes, False for no, Esc or Cancel.

    Args:
        title: the question, one line.
        body: what exactly will happen, one sentence a line; plain text, shown as it is.
        confirm_label: what the confirming button says ("Probe", "Erase").
        danger: something is lost by going on: shown in the error colour.
    """

    AUTO_FOCUS = "#cancel"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", id="confirm.yes", tooltip="Go on"),
        Binding("n,escape", "answer(False)", "Cancel", key_display="n/Esc", id="confirm.no", tooltip="Change nothing"),
        Binding("left,up", "app.focus_previous", show=False, id="confirm.previous"),
        Binding("right,down", "app.focus_next", show=False, id="confirm.next"),
        Binding("pageup", "scroll_body(-1)", show=False, id="confirm.page_up"),
        Binding("pagedown", "scroll_body(1)", show=False, id="confirm.page_down"),
    ]

    def __init__(self, title: str, body: Sequence[str], confirm_label: str = "Yes", danger: bool = False) -> None:
        super().__init__(classes="-danger" if danger else "")
        self._title = title
        self._body = tuple(body)
        self._confirm_label = confirm_label
        self._danger = danger

    def compose_dialog(self) -> ComposeResult:
        """Title, sentences, two buttons."""
        yield Line(self._title, classes="title", id="confirm-title")
        with VerticalScroll(classes="body", can_focus=False):
            yield Line("\n".join(self._body), id="confirm-body")
        with Horizontal(classes="buttons"):
            yield Button("Cancel", id="cancel")
            yield Button(
                Line.inert(f"{self._confirm_label} (y)"), id="confirm", variant="error" if self._danger else "primary"
            )

    def say(self, *body: str) -> None:
        """Other sentences under the same question."""
        self.query_one("#confirm-body", Line).show("\n".join(body))

    def ask_instead(self, title: str, *body: str) -> None:
        """Another question in the same place, which loses nothing; its keys and buttons stay as they are."""
        self.remove_class("-danger")
        self.query_one("#confirm-title", Line).show(title)
        self.say(*body)
        self.query_one("#confirm", Button).variant = "primary"

    def action_answer(self, answer: bool) -> None:
        """Close with the answer."""
        self.dismiss(answer)

    def action_scroll_body(self, direction: int) -> None:
        """Read on where the sentences do not fit."""
        body = self.query_one(".body", VerticalScroll)
        (body.scroll_page_down if direction > 0 else body.scroll_page_up)(animate=False)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id == "confirm")
