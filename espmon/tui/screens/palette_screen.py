"""The palette: every command in one row with its key, the best match first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from espmon.tui.palette_commands import PaletteCommand, ranked
from espmon.tui.screens.dialog import Dialog, Line, clip

NOTHING = "Nothing is called so"
EDGE_CELLS = 3
"""Cells beside a row's text."""

OTHER_ROWS = 8
"""Rows of the screen that are not commands: the frame, what is typed, what a command does, the footer."""


class PaletteScreen(Dialog[PaletteCommand | None]):
    """Returns the command to run, None when it is left.

    Args:
        commands: all of them, in the order in which they are listed.
        recent: titles of what was used, the newest first.
    """

    WIDE: ClassVar[bool] = True
    DEFAULT_CSS = """
    PaletteScreen { align: center top; }
    PaletteScreen > .dialog { margin-top: 1; padding: 0 1; max-height: 100%; }
    PaletteScreen OptionList { margin-top: 1; scrollbar-size-vertical: 1; }
    PaletteScreen OptionList > .option-list--option-highlighted {
        background: $primary; color: $background; text-style: bold;
    }
    PaletteScreen #said { height: 1; color: $text-muted; padding: 0 1; }
    """
    AUTO_FOCUS = "#query"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "run", "Do it", id="palette.run", priority=True),
        Binding("down", "move('cursor_down')", "Down", show=False, id="palette.down", priority=True),
        Binding("up", "move('cursor_up')", "Up", show=False, id="palette.up", priority=True),
        Binding("pagedown", "move('page_down')", show=False, id="palette.page_down", priority=True),
        Binding("pageup", "move('page_up')", show=False, id="palette.page_up", priority=True),
        Binding("escape,ctrl+p", "leave", "Back", key_display="Esc", id="palette.leave", priority=True),
    ]

    def __init__(self, commands: Sequence[PaletteCommand], recent: Sequence[str] = ()) -> None:
        super().__init__()
        self._commands = tuple(commands)
        self._recent = tuple(recent)
        self._found: list[PaletteCommand] = []

    def compose_dialog(self) -> ComposeResult:
        """Field, rows, what the row under the cursor does."""
        yield Input(placeholder="What do you want to do?", id="query")
        yield OptionList(markup=False)
        yield Line("", id="said")

    def on_mount(self) -> None:
        """All of them, before anything is typed."""
        self.query_one(OptionList).can_focus = False
        self.call_after_refresh(self._show, "")

    def on_resize(self) -> None:
        """The keys stand at the right edge."""
        self.call_after_refresh(self._show, self.query_one(Input).value)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._show(event.value)

    def _show(self, query: str) -> None:
        listed = self.query_one(OptionList)
        self._found = ranked(query, self._commands, self._recent)
        listed.clear_options()
        width = max(20, listed.size.width - EDGE_CELLS)
        listed.add_options([Option(_row(command, width)) for command in self._found])
        listed.styles.height = max(1, min(len(self._found), self.size.height - OTHER_ROWS))
        listed.highlighted = 0 if self._found else None
        self._say()

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._say()

    def _say(self) -> None:
        at = self.query_one(OptionList).highlighted
        said = NOTHING if not self._found else self._found[at].help if at is not None else ""
        self.query_one("#said", Line).show(said)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_run()

    def action_move(self, how: str) -> None:
        """Another row, while the field keeps the focus."""
        listed = self.query_one(OptionList)
        getattr(listed, f"action_{how}")()

    def action_run(self) -> None:
        """Do what the row under the cursor says."""
        at = self.query_one(OptionList).highlighted
        if at is not None and at < len(self._found):
            self.dismiss(self._found[at])

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)


def _row(command: PaletteCommand, width: int) -> Content:
    """The title, and its key at the right edge."""
    keys = clip(command.keys.split(", ")[0], width // 3)
    title = clip(command.title, width - Content(keys).cell_length - 2)
    gap = width - Content(title).cell_length - Content(keys).cell_length
    return Content.assemble(title, " " * gap, (keys, "bold"))
