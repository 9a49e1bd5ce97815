"""Holds the toolkit's pictures back until they show all that the first picture shows."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.app import App
from textual.screen import Screen

LOOK_SECONDS = 0.03
"""Time between two looks at whether the picture is complete."""

MAX_SECONDS = 1.0
"""Longest time that a picture is held back."""


class Curtain:
    """Keeps what the terminal shows from being overdrawn by less: the toolkit makes the footer a frame later.

    Args:
        app: whose pictures are held back.
        complete: whether a screen's picture has all of its parts.
    """

    def __init__(self, app: App[int], complete: Callable[[Screen[object]], bool]) -> None:
        self._app = app
        self._complete = complete
        self._until: float | None = None
        self._down = False

    def lower(self) -> None:
        """The terminal shows a first picture."""
        self._down = True

    def holds(self, screen: Screen[object]) -> bool:
        """Whether a picture of `screen` is not to be shown yet. All of it is drawn as soon as it is."""
        if not self._down:
            return False
        now = time.monotonic()
        self._until = self._until or now + MAX_SECONDS
        if now >= self._until or self._complete(screen):
            self._down = False
            screen.refresh(layout=True)
            return False
        self._app.set_timer(LOOK_SECONDS, screen.refresh)
        return True
