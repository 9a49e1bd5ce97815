"""The palette over any screen: what that screen can do, the user's macros, and every action of the table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from espmon.tui import action_kinds, actions
from espmon.tui.host import Host
from espmon.tui.palette_commands import PaletteCommand, used
from espmon.tui.sanitise import plain

if TYPE_CHECKING:
    from textual.binding import ActiveBinding
    from textual.screen import Screen

Result = TypeVar("Result")

MAX_MACRO_SHOWN = 80
"""Characters of a macro that the palette shows."""

WITHOUT_LEAVING = frozenset({"app.help", "app.exit_key", "app.devices", "app.ports", "app.abilities"})
"""Calls that work over any screen; the others take the log's place in front first."""


class Palette:
    """Lists and runs commands.

    Args:
        app: the app.
    """

    def __init__(self, app: Host) -> None:
        self._app = app
        self._recent: list[str] = []

    def open(self) -> None:
        """Over whatever is shown; closed by the same key."""
        from espmon.tui.screens.palette_screen import PaletteScreen

        app = self._app
        if isinstance(app.screen, PaletteScreen):
            app.screen.dismiss(None)
            return

        def answered(command: PaletteCommand | None) -> None:
            if command is not None:
                self._recent = used(command.title, self._recent)
                app.run_worker(command.run(), group="palette")

        app.push_screen(PaletteScreen(list(self.commands(app.screen)), self._recent), answered)

    def commands(self, screen: Screen[Result]) -> Iterator[PaletteCommand]:
        """Everything that can be done now, what belongs to `screen` first."""
        if screen is not self._app.monitor:
            yield from self._own(screen)
        yield from self._macros()
        yield from self._actions()
        yield PaletteCommand("Change the theme", self._theme, "Theme", "Colours; kept for the next time.")
        yield PaletteCommand(
            "Save this screen as an SVG file", self._picture, "SVG", "A screenshot of the terminal, not of the board."
        )

    def _own(self, screen: Screen[Result]) -> Iterator[PaletteCommand]:
        from espmon.tui.keymap import own_bindings

        for title, active in own_bindings(screen):
            binding = active.binding
            yield PaletteCommand(
                title, self._bound(active), binding.description, "", self._app.get_key_display(binding)
            )

    def _bound(self, active: ActiveBinding) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            await self._app.run_action(active.binding.action, active.node)

        return run

    def _macros(self) -> Iterator[PaletteCommand]:
        app = self._app
        if app.status.replay is not None:
            return
        for name, text in app.settings.macros.items():
            run = self._in_log(f"screen.macro({name!r})")
            yield PaletteCommand(f"Send {plain(name)}", run, plain(name), plain(text)[:MAX_MACRO_SHOWN])

    def _actions(self) -> Iterator[PaletteCommand]:
        app = self._app
        for action in actions.ACTIONS:
            if action.id == "app.palette" or not action.listed or self._is_idle(action.call):
                continue
            keys = actions.keys_of(action, app.chosen_keys)
            call = actions.full_call(action.call)
            yield PaletteCommand(action.title, self._in_log(call), action.label, action.help, keys)

    def _is_idle(self, call: str) -> bool:
        """Whether a call means nothing now: it is about a board, or about several, and there is none, or one."""
        alone = action_kinds.for_several(call) and len(self._app.boards) < 2
        return alone or (self._app.status.replay is not None and action_kinds.needs_board(call))

    def _in_log(self, call: str) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            if call in WITHOUT_LEAVING or await self._log_in_front():
                await self._app.monitor.run_from_elsewhere(call)

        return run

    async def _log_in_front(self) -> bool:
        """Close what lies over the log; what holds the board, or waits for an answer, stays, and is named."""
        app = self._app
        while app.screen is not app.monitor:
            if getattr(app.screen, "STAYS", False):
                app.notify("Leave this first (Esc): it waits for an answer, or holds the board", markup=False)
                return False
            await app.screen.dismiss(None)
        return True

    async def _theme(self) -> None:
        self._app.search_themes()

    async def _picture(self) -> None:
        self._app.deliver_screenshot()
