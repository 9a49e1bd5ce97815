"""What the app does with recordings: the list of past sessions, and the pace at which one is played."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from espmon.tui.host import Host
from espmon.tui.session_switch import SessionSwitch
from espmon.tui.user_input import dropped_path

SKIP_SECONDS = 60.0
"""Seconds of a recording that one key skips."""

ALL_HERE = "All of it is here already; espmon open --speed N plays a recording"
DROP_THERE = "A file is opened in place of a port: drop it on the list of ports"
PASTE_THERE = "Pasted text goes to the board from the input line (i), or with raw keys (r)"
NO_TIMES = "This file does not say when its bytes came: there is no speed to it"


class RecordingActions:
    """Opens recordings, and sets their pace.

    Args:
        app: the app.
        switch: shows a recording in place of the session before.
    """

    def __init__(self, app: Host, switch: SessionSwitch) -> None:
        self._app = app
        self._switch = switch

    def list(self, chosen: Callable[[Path], None]) -> None:
        """The sessions that were recorded here; `chosen` gets the one to open."""
        from espmon.tui.screens.past_sessions_screen import PastSessionsScreen

        app = self._app
        assert app.past is not None

        def answered(path: Path | None) -> None:
            if path is not None:
                chosen(path)

        app.push_screen(PastSessionsScreen(app.past.listed), answered)

    async def open_dropped(self, text: str) -> None:
        """What was pasted where no text is typed: a log file or session that was dropped on the list of ports, or on a
        recording, is opened; of all else it is said where it can be pasted."""
        from espmon.tui.screens.picker import PickerScreen

        app = self._app
        path = None if app.past is None else await asyncio.to_thread(dropped_path, text)
        if isinstance(app.screen, PickerScreen) and path is not None:
            app.screen.take_recording(path)
        elif app.screen is app.monitor and not app.monitor.over:
            app.notify(PASTE_THERE if path is None else DROP_THERE, markup=False)
        elif app.screen is app.monitor and path is not None:
            await self.open(path)

    async def open(self, path: Path) -> None:
        """Show a recording in place of the session before."""
        from espmon.session.replay.moment import SourceError
        from espmon.session.state import State

        app = self._app
        assert app.past is not None
        try:
            session, request = await app.link.run(app.past.open(path, app.supersede))
        except SourceError as error:
            self._switch.refuse(str(error))
            return
        before = app.link.session
        if before.status.state is not State.CLOSED:
            await app.link.run(before.close())
        self._switch.to(session, request)

    def change_pace(self, what: str) -> None:
        """`faster`, `slower`, `at_once`, `pause` or `skip`."""
        from espmon.session.pace import stepped

        app, pace = self._app, self._app.link.session.pace
        replay = app.status.replay
        if pace is None or replay is None:
            return
        if not pace.timed:
            app.notify(NO_TIMES, markup=False)
        elif replay.finished:
            app.notify(ALL_HERE, markup=False)
        elif what == "pause":
            app.link.call(lambda: pace.pause(not pace.paused))
        elif what == "skip":
            app.link.call(lambda: pace.skip(SKIP_SECONDS))
        elif what == "at_once":
            app.link.call(lambda: pace.set_speed(None))
        else:
            step = 1 if what == "faster" else -1
            app.link.call(lambda: pace.set_speed(stepped(pace.speed, step)))
