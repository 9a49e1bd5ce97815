"""An application that holds one screen: what the pilot and snapshot tests run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, Static
from textual.widgets._toast import Toast

UNANSWERED = object()
"""What `Host.answer` is until the screen has returned."""


class Host(App[None]):
    """Pushes the screen that `make` returns, and keeps its answer."""

    def __init__(self, make: Callable[[], Screen[Any]]) -> None:
        super().__init__()
        self._make = make
        self.answer: Any = UNANSWERED
        self.animation_level = "none"
        self.typed: list[str] = []
        self.copied = ""

    def compose(self) -> ComposeResult:
        """A base screen with something to see behind a dialog."""
        yield Static("the screen below", markup=False)

    async def on_mount(self) -> None:
        """Push the screen."""
        await self.push_screen(self._make(), self._answered)
        for field in self.screen.query(Input):
            field.cursor_blink = False

    def _answered(self, answer: Any) -> None:
        self.answer = answer

    @property
    def answered(self) -> bool:
        """The screen has returned."""
        return self.answer is not UNANSWERED

    def copy_to_clipboard(self, text: str) -> None:
        """Remember what would have been sent to the terminal."""
        self.copied = text
        super().copy_to_clipboard(text)


def screen_text(app: App[Any]) -> str:
    """What is drawn, as lines of text."""
    width, height = app.size
    lines = app.screen._compositor.render_strips()
    assert len(lines) == height
    text = "\n".join(strip.text.rstrip() for strip in lines)
    assert max(len(line) for line in text.splitlines()) <= width
    return text


def unwrapped(text: str) -> str:
    """A screen's text with its rows joined: what is long is found wherever it was broken."""
    return "".join(line.strip() for line in text.splitlines())


def toasts(app: App[Any]) -> str:
    """The toasts that are showing."""
    return "\n".join(str(toast._notification.message) for toast in app.screen.query(Toast))


def run_before(check: Callable[[Pilot[Any]], Awaitable[None]]) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """For `snap_compare`: settle the screen, then check its text as well."""

    async def before(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        await check(pilot)

    return before


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until the screen's workers are done and their messages are handled."""
    await pilot.pause()
    app = pilot.app
    while any(not worker.is_finished for worker in app.workers) or app.screen._compositor.size != app.size:
        await pilot.pause()
    await pilot.pause()
    await pilot.pause()
