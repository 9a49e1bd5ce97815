"""The terminal that the full screen is drawn in: keys that come from it, pictures that go to it, and its end."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.driver import Driver


def terminal_driver() -> type[Driver] | None:
    """How the screen reaches the terminal; None: as Textual does it (on Windows, and where TEXTUAL_DRIVER is set)."""
    from textual import constants

    if sys.platform == "win32" or constants.DRIVER is not None:
        return None
    from espmon.tui.terminal.driver import TerminalDriver

    return TerminalDriver
