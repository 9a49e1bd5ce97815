"""What the user is asked in one line or one key: rate, ELF, log file, a board that waits for Enter, an IDE's turn."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.session.status import Activity, Status
from espmon.time_limit import time_limit
from espmon.tui.host import Host

if TYPE_CHECKING:
    from espmon.tui.screens.ide_has_port import IdeHasPortScreen

WAITS_FOR_ENTER = "The board waits for Enter before it prints its core dump: K asks"
"""Said where the question may not open by itself."""

LOOKING_SECONDS = 1.0
"""Longest wait for the builds below the current folder before the question is asked without them."""


class Questions:
    """Asks, and tells the session the answer.

    Args:
        app: the app.
    """

    def __init__(self, app: Host) -> None:
        self._app = app
        self._ide_screen: IdeHasPortScreen | None = None
        self._activity = Activity.RUNNING

    # -- rate, ELF, log file ------------------------------------------------------------------------------------

    def ask_baud(self) -> None:
        """Another rate for the open port."""
        from espmon.tui.screens.prompt import TextPrompt
        from espmon.tui.user_input import BAUD_WANTED, LIKELY_BAUDS, baud_of

        app = self._app

        def check(text: str) -> str:
            return "" if baud_of(text) else BAUD_WANTED

        def answered(text: str | None) -> None:
            if baud := baud_of(text or ""):
                app.link.ask(app.link.session.set_baud(baud))

        prompt = TextPrompt(
            "Baud rate of this port",
            str(app.status.wrong_rate or app.status.baud),
            check=check,
            candidates=[str(baud) for baud in LIKELY_BAUDS if baud != app.status.baud],
            note="The board is not told: it has to speak this rate already.",
            label="Set",
        )
        app.push_screen(prompt, answered)

    def ask_place(self) -> None:
        """Where in the log to go."""
        from espmon.tui.monitor.walking import PLACES
        from espmon.tui.screens.prompt import TextPrompt

        walking = self._app.monitor.walking

        def answered(text: str | None) -> None:
            if text:
                self._app.run_worker(walking.go_to(text), exclusive=True, group="go-to")

        prompt = TextPrompt("Go to", check=walking.problem, placeholder=PLACES, candidates=walking.places(), label="Go")
        self._app.push_screen(prompt, answered)

    def ask_elf(self, chosen: Callable[[Path], None] | None = None) -> None:
        """Which ELF decodes addresses; candidates are the builds below the current folder."""
        self._app.run_worker(self._ask_elf(chosen), exclusive=True, group="ask-elf")

    async def _ask_elf(self, chosen: Callable[[Path], None] | None) -> None:
        from espmon.tui.boards import find_elfs
        from espmon.tui.screens.prompt import TextPrompt
        from espmon.tui.user_input import elf_problem, path_of

        app = self._app
        asked = app.last_key
        note = "Lines, panics and core dumps that came before are decoded with it too."
        found: list[Path] = []
        try:
            async with time_limit(LOOKING_SECONDS):
                found = await asyncio.to_thread(find_elfs, app.project)
        except TimeoutError:
            note = f"Looking for builds below {app.project} takes too long. {note}"
        if not app.still_wanted(asked):
            app.invite("Not asked for the ELF while you type: E asks")
            return

        def answered(text: str | None) -> None:
            if not text:
                return
            path = path_of(text)
            if chosen is not None:
                chosen(path)
            else:
                app.link.ask(app.link.session.set_elf((path,)))

        used = str(app.status.elf or "")
        prompt = TextPrompt(
            "ELF file for decoding",
            used or (str(found[0]) if found else ""),
            check=elf_problem,
            placeholder="build/app.elf",
            candidates=[str(path) for path in found],
            paths=True,
            note=note,
            label="Use",
        )
        app.push_screen(prompt, answered)

    def ask_log(self) -> None:
        """A copy of the log text: where to; while one is written, end it."""
        from espmon.tui.screens.prompt import TextPrompt
        from espmon.tui.user_input import path_of

        app = self._app
        if app.status.log is not None:
            app.link.ask(app.link.session.set_log(None))
            return
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", app.status.name).strip("-.") or "board"
        proposed = f"log.{name}.{time.strftime('%Y%m%d-%H%M%S')}.txt"

        def check(text: str) -> str:
            path = path_of(text)
            if not text.strip() or os.path.isdir(path):
                return "Enter a file name"
            return "" if os.path.isdir(path.parent) else f"There is no folder {path.parent}"

        def answered(text: str | None) -> None:
            if text:
                app.link.ask(app.link.session.set_log(path_of(text).absolute()))

        note = "A copy of the text. The recording of this session goes on whatever you answer."
        app.push_screen(TextPrompt("Write the log to", proposed, check=check, note=note, label="Log"), answered)

    # -- a board that waits -------------------------------------------------------------------------------------

    def follow_status(self, status: Status) -> None:
        """Ask about a board that waits for Enter; say that an IDE has the port, with a way to take it back."""
        before, self._activity = self._activity, status.activity
        if self._ide_screen is not None and status.activity is not Activity.LENT_TO_IDE:
            self._ide_screen.finish()
            self._ide_screen = None
        if status.activity is before:
            return
        if status.activity is Activity.AWAITING_ENTER:
            if self._app.may_interrupt():
                self.ask_enter()
            else:
                self._app.invite(WAITS_FOR_ENTER)
        elif status.activity is Activity.LENT_TO_IDE:
            if self._app.may_interrupt():
                self.show_ide_screen()
            else:
                self._app.invite("The IDE has the port: D takes it back")

    def ask_enter(self) -> bool:
        """Ask whether the board that waits for Enter may have it; False when none waits (or it prints already)."""
        status = self._app.status
        if status.activity is not Activity.AWAITING_ENTER or status.capture is not None:
            return False
        from espmon.tui.screens.confirm import ConfirmScreen

        link = self._app.link

        def answered(agreed: bool | None) -> None:
            if agreed:
                link.send(b"\r")

        self._app.withdraw(WAITS_FOR_ENTER)

        sentences = (
            "The board has a core dump and prints it when it gets Enter.",
            "espmon captures it, checks it and shows what crashed. Until then the board waits.",
        )
        self._app.push_screen(ConfirmScreen("Let the board print its core dump?", sentences, "Send Enter"), answered)
        return True

    def show_ide_screen(self) -> bool:
        """Show that the IDE has the port; False when it has not."""
        status = self._app.status
        if status.activity is not Activity.LENT_TO_IDE:
            return False
        from espmon.tui.screens.ide_has_port import IdeHasPortScreen

        link = self._app.link

        def take_back() -> None:
            link.call(link.session.stop_waiting_for_ide)

        if self._ide_screen is None or not self._ide_screen.is_attached:
            self._ide_screen = IdeHasPortScreen(status.name or status.url, take_back)
            self._app.push_screen(self._ide_screen)
        return True
