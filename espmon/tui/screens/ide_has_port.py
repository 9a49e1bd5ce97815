"""The IDE has the port: said for as long as it has it, with a key to take it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button

from espmon.tui.screens.dialog import Dialog, Line


class IdeHasPortScreen(Dialog[None]):
    """The app closes it with `finish`, when the port is back.

    Args:
        name: the board.
        take_back: called once when the user wants the port; must return at once.
    """

    AUTO_FOCUS = "#take"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "take_back", "Take it back", id="ide.take_back", tooltip="Do not wait for the IDE any longer"),
        Binding("escape", "hide", "Hide", id="ide.hide", tooltip="The IDE keeps the port; D shows this again"),
    ]

    def __init__(self, name: str, take_back: Callable[[], None]) -> None:
        super().__init__()
        self._name = name
        self._take_back = take_back
        self._asked = False

    def compose_dialog(self) -> ComposeResult:
        """Who has it, and until when."""
        yield Line(f"The IDE has the port of {self._name}", classes="title")
        yield Line(
            "The board waits in its debug stub and the IDE debugs it.\n"
            "The log goes on when the IDE has finished, or when you take the port back.",
            id="ide-text",
        )
        with Horizontal(classes="buttons"):
            yield Button("Take it back (x)", id="take", variant="primary")

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_take_back()

    def action_take_back(self) -> None:
        """Ask for the port, once; `finish` comes when it is open again."""
        if not self._asked:
            self._asked = True
            self.query_one("#ide-text", Line).show("Taking the port back ...")
            self._take_back()

    def action_hide(self) -> None:
        """Look at the log meanwhile."""
        self.dismiss(None)

    def finish(self) -> None:
        """The IDE does not have it any longer."""
        if self.is_attached:
            self.dismiss(None)
