"""A file that travels by XMODEM or YMODEM: how far it is, with a way out at any moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from espmon.session.status import Progress
from espmon.tui.screens.running import RunningScreen


class TransferScreen(RunningScreen):
    """Shows a running transfer.

    Args:
        title: what travels from or to which board.
        cancel: see `RunningScreen`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", key_display="Esc", id="transfer.cancel", tooltip="Tells the board, too"),
    ]
    CANCELLING = "cancelling: telling the board"

    def __init__(self, title: str, cancel: Callable[[], None]) -> None:
        super().__init__(title, cancel, Progress("transfer", "starting"))

    def compose_below(self) -> ComposeResult:
        """Nothing more."""
        return iter(())
