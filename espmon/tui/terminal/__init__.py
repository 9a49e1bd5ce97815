"""The terminal that the full screen is drawn in: keys that come from it, pictures that go to it, and its end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.driver import Driver

    from espmon.tui.terminal.taken_terminal import TakenTerminal


def terminal_driver() -> type[Driver] | None:
    """How the screen reaches the terminal; None: as Textual does it (on Windows, and where TEXTUAL_DRIVER is set)."""
    from textual import constants

    if sys.platform == "win32" or constants.DRIVER is not None:
        return None
    from espmon.tui.terminal.driver import TerminalDriver

    return TerminalDriver


def take_terminal(picture: Callable[[int, int], str | None]) -> AbstractContextManager[TakenTerminal | None]:
    """Takes the terminal before there is a driver; nothing without one, or where another than our driver draws in it.

    Args:
        picture: what it shows until then, for so many columns and rows; None: the driver begins.
    """
    if sys.platform == "win32" or os.environ.get("TEXTUAL_DRIVER") or not sys.stdin.isatty():
        return nullcontext()
    from espmon.tui.terminal.taken_terminal import TakenTerminal

    return TakenTerminal(sys.stdin.fileno(), picture)
