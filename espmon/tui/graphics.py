"""Whether this terminal shows pictures. It is asked when the first picture comes, so that starting costs nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping

from textual.app import App, SuspendNotSupported

VARIABLES = ("KITTY_WINDOW_ID", "WEZTERM_PANE", "ITERM_SESSION_ID", "KONSOLE_VERSION", "GHOSTTY_RESOURCES_DIR")
"""Set by terminals that draw pictures."""

TERMS = ("kitty", "ghostty", "foot", "mlterm", "contour", "sixel")
"""Parts of TERM of terminals that draw pictures."""


def draws_pictures(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether it is worth asking the terminal; inside tmux and screen nothing is known."""
    term = environment.get("TERM", "")
    if environment.get("TMUX") or environment.get("STY") or term.startswith(("tmux", "screen")):
        return False
    return any(environment.get(name) for name in VARIABLES) or any(part in term for part in TERMS)


class Graphics:
    """Asks the terminal once.

    Args:
        app: the app that has the terminal.
    """

    def __init__(self, app: App[int]) -> None:
        self._app = app
        self._asked = False

    def prepare(self) -> None:
        """Ask, unless that was done or cannot help; half blocks are drawn where there is no answer."""
        if self._asked or self._app.is_headless or not draws_pictures():
            return
        self._asked = True
        from espmon.tui.screens.screenshot_screen import prepare_images

        try:
            with self._app.suspend():
                prepare_images()
        except SuspendNotSupported:
            return
