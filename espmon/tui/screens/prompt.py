"""One line of input with a check: a file name, a rate, a line number, an ELF."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Input, OptionList
from textual.widgets.option_list import Option

from espmon.tui.screens.dialog import Dialog, Line, clip, clip_start

MAX_CANDIDATES = 50
"""Most suggestions listed under the field."""

MIN_LISTED = 3
LISTED_SHARE = 0.22
"""Least rows of suggestions, and their share of the screen's; fewer where there are not so many."""

MAX_SHOWN = 200
"""Most cells of a suggestion that are shown."""


class TextPrompt(Dialog[str | None]):
    """Returns the text entered, or None when the user cancels.

    Args:
        title: what is asked for, one line.
        value: what the field starts with.
        check: returns why a text is not acceptable, or "" when it is; called for what is about to be returned.
        placeholder: an example.
        note: a sentence under the title.
        candidates: texts to choose instead of typing.
        paths: the candidates are paths: of a long one the end is shown.
        label: what the accepting button says.
    """

    DEFAULT_CSS = """
    TextPrompt #problem { color: $text-error; height: auto; }
    TextPrompt #note { color: $text-muted; }
    """
    AUTO_FOCUS = "#entry"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="prompt.cancel"),
    ]

    def __init__(
        self,
        title: str,
        value: str = "",
        *,
        check: Callable[[str], str] | None = None,
        placeholder: str = "",
        note: str = "",
        candidates: Sequence[str] = (),
        paths: bool = False,
        label: str = "OK",
    ) -> None:
        super().__init__()
        self._title = title
        self._value = value
        self._check = check
        self._placeholder = placeholder
        self._note = note
        self._candidates = tuple(candidates)[:MAX_CANDIDATES]
        self._shortened = clip_start if paths else clip
        self._label = label

    def on_resize(self) -> None:
        """As many suggestions as there is room for, and no empty rows below them."""
        rows = max(MIN_LISTED, int(self.size.height * LISTED_SHARE))
        for listed in self.query(OptionList):
            listed.styles.height = min(listed.option_count, rows)

    def compose_dialog(self) -> ComposeResult:
        """Title, note, field, what is wrong with it, suggestions."""
        self.set_class(bool(self._candidates), "-wide")
        yield Line(self._title, classes="title")
        if self._note:
            yield Line(self._note, id="note")
        yield Input(self._value, placeholder=self._placeholder, id="entry")
        yield Line("", id="problem")
        if self._candidates:
            yield OptionList(
                *[Option(Line.inert(self._shortened(text, MAX_SHOWN))) for text in self._candidates], markup=False
            )
        with Horizontal(classes="buttons"):
            yield Button("Cancel", id="cancel")
            yield Button(Line.inert(self._label), id="accept", variant="primary")

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.query_one("#problem", Line).show("")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._accept(event.value)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._accept(self._candidates[event.option_index])

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "accept":
            self._accept(self.query_one("#entry", Input).value)
        else:
            self.action_cancel()

    def _accept(self, text: str) -> None:
        problem = self._check(text) if self._check is not None else ""
        if problem:
            self.query_one("#problem", Line).show(problem)
            self.query_one("#entry").focus()
        else:
            self.dismiss(text)

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)
