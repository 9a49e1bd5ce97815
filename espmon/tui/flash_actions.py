"""What the app does with a board's flash, and with the project that goes there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.tui.log_actions import LogActions
from espmon.tui.open_board import OpenBoard

if TYPE_CHECKING:
    from espmon.tui.build_dialogs import Building
    from espmon.tui.flash_panel_dialogs import FlashPanel
    from espmon.tui.interruptible_work import OwnWork

BUILDS = "builds.json"
"""The file of build commands, beside that of what was chosen on the screen."""


class FlashActions(LogActions):
    """The actions of flash and build that are the app's."""

    @property
    def board(self) -> OpenBoard:
        """The board that is looked at."""
        raise NotImplementedError

    def begin_build_actions(self, choices: Path | None) -> None:
        """Make what builds; `choices` is where what was chosen is kept, None keeps none."""
        self._building: Building | None = None
        self._commands = None if choices is None else choices.with_name(BUILDS)

    @property
    def flash_panel(self) -> FlashPanel:
        """What leads through the flash of the board that is looked at."""
        return self.board.flash_panel

    @flash_panel.setter
    def flash_panel(self, panel: FlashPanel) -> None:
        self.board.flash_panel = panel

    @property
    def building(self) -> Building:
        """What builds the project. Imported when it is first asked for."""
        if self._building is None:
            from espmon.tui.build_dialogs import Building

            self._building = Building(self, self._commands, lambda: self.action_flash("flash"))
        return self._building

    def own_work(self) -> list[OwnWork]:
        """A build besides."""
        return [*super().own_work(), *([] if self._building is None else self._building.own_work())]

    async def end_build(self) -> None:
        """The program is left: no build outlives it."""
        if self._building is not None:
            await asyncio.to_thread(self._building.end)

    def action_flash(self, kind: str) -> None:
        """Ask what to flash, then flash."""
        self.run_worker(self.board.flashing.start(kind), group="plan", exclusive=True)

    def action_flash_info(self) -> None:
        """Ask, then read the partition table."""
        self.board.flashing.ask_info()

    def action_flash_panel(self) -> None:
        """Ask, then show the flash; the board stays in its loader meanwhile."""
        self.flash_panel.open()

    def action_build(self) -> None:
        """Build the project."""
        self.run_worker(self.building.start(), group="build", exclusive=True)

    def action_build_command(self) -> None:
        """Choose what builds it."""
        self.run_worker(self.building.start(ask=True), group="build", exclusive=True)
