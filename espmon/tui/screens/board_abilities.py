"""What the board says that it can do: who it is, what it sends, and its commands, which a key sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer

from espmon.records.capabilities import Capabilities, Command
from espmon.session.transports import transport_of
from espmon.tui.screens.dialog import Line, rows
from espmon.tui.screens.table import Column, KeyedTable, Row

NOTHING = (
    "This board has announced nothing. Firmware says what it can do with one line, @ESPCAPS,",
    "and espmon asks for it at a prompt where the setting ask_capabilities = true allows it.",
    "What its console lists when help is typed is listed here, too.",
    "",
    "espmon formats                    what a board can send, byte by byte",
    "espmon firmware --lang c DIR      writes code that sends it",
)
NO_PICTURES = "none announced; espmon firmware --lang c DIR writes code for them"
COLUMNS = (
    Column("line", "Command", 20, share=1),
    Column("hint", "Arguments", 12, share=1),
    Column("help", "What it does", 20, share=3),
)


class BoardAbilitiesScreen(ModalScreen[str | None]):
    """Returns the console line to send, None when it is left.

    Args:
        name: the board.
        capabilities: what it announced, None for nothing.
        commands: what its console takes, announced or listed by the console.
    """

    DEFAULT_CSS = """
    BoardAbilitiesScreen { background: $surface; }
    BoardAbilitiesScreen #heading { padding: 0 1; background: $panel; text-style: bold; color: $text-primary; }
    BoardAbilitiesScreen #facts { padding: 1 1; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back", key_display="Esc", id="abilities.leave"),
        Binding(
            "enter", "run", "Send this command", id="abilities.run", tooltip="To the board's console", priority=True
        ),
    ]

    def __init__(self, name: str, capabilities: Capabilities | None, commands: Sequence[Command] | None = None) -> None:
        super().__init__()
        self._name = name
        self._known = capabilities
        announced = () if capabilities is None else capabilities.commands
        self._commands = tuple(announced if commands is None else commands)

    def compose(self) -> ComposeResult:
        """Heading, facts, commands."""
        yield Line(f"What {self._name or 'this board'} can do", id="heading")
        if self._known is None:
            yield Line("\n".join(NOTHING), id="facts")
        else:
            yield Line(rows(self.facts(self._known)), id="facts")
        if self._commands:
            yield KeyedTable(COLUMNS)
        yield Footer(show_command_palette=False)

    @staticmethod
    def facts(known: Capabilities) -> list[tuple[str, str]]:
        """(label, text) of what was announced."""
        later = "" if known.version == 1 else f"version {known.version} of the format, as far as it is known here"
        transport = transport_of(known)
        found = [
            ("application", f"{known.app} {known.app_version}".strip()),
            ("chip", known.chip),
            ("console", known.console),
            ("transport", ": ".join(filter(None, (known.transport, transport.expected if transport else "")))),
            ("sends", ", ".join(known.frames)),
            ("screenshot", known.screenshot or ("" if known.pictures else NO_PICTURES)),
            ("announced", later),
        ]
        return [row for row in found if row[1]]

    def on_mount(self) -> None:
        """List the commands."""
        for table in self.query(KeyedTable):
            table.show(
                [Row(item.line, {"line": item.line, "hint": item.hint, "help": item.help}) for item in self._commands]
            )
            table.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing to send where nothing is listed."""
        return bool(self._commands) if action == "run" else True

    @on(DataTable.RowSelected)
    def _selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_run()

    def action_run(self) -> None:
        """Send the command under the cursor."""
        table = self.query_one(KeyedTable)
        if table.selected is not None:
            self.dismiss(table.selected)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)
