"""Which screen comes when: follows the session's transitions and the user's wishes. Screens are imported when shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from espmon.port.place_address import is_place
from espmon.session.announced_lines import announced_line
from espmon.session.state import State
from espmon.session.status import WAITS, EventEntry, OpenRequest, Status
from espmon.tui.host import Host
from espmon.tui.lab_places import LabPlaces
from espmon.tui.recording_actions import RecordingActions
from espmon.tui.sanitise import plain

if TYPE_CHECKING:
    from espmon.port import PortInfo
    from espmon.tui.screens.probing_screen import ProbingScreen

PROBE_TEXT = (
    "The board is reset into its ROM loader, asked who it is, and reset back into its application.",
    "What it is doing now is interrupted.",
)
"""What the question before a probe says."""

BY_HAND_TEXT = (
    "This port has no DTR and RTS, so espmon cannot reset the board: the probe reaches it only in its ROM loader.",
    "Hold BOOT (IO0), press and release EN (RST), let go of BOOT. Then probe; EN starts the application again.",
)
"""The same on a port without modem lines."""


LOADER_TEXT = (
    "The application stops, and the board waits in download mode until it is flashed or reset.",
    "Ctrl-T R starts the application again.",
)
"""What the question before a reset into the loader says."""


PLACE_TEXT = (
    "If the place is free it is acquired for you, and released when the port is closed.",
    "A place that somebody else holds is left alone.",
)
"""What the question before a labgrid place says."""


def probe_text(status: Status) -> tuple[str, ...]:
    """What the question before a probe of this port says."""
    return PROBE_TEXT if status.has_modem_lines else BY_HAND_TEXT


class Router:
    """Pushes screens over the monitor.

    Args:
        app: the app.
        played: opens past sessions.
    """

    def __init__(self, app: Host, played: RecordingActions) -> None:
        self._played = played
        self._app = app
        self._state = State.CLOSED
        self._probing: ProbingScreen | None = None
        self._opened = False
        self._failed = False
        self._typed = ""
        self._places = LabPlaces()
        self._beside = False
        """What was chosen is opened beside the others."""

    @property
    def never_opened(self) -> bool:
        """A port was asked for, and none could be opened."""
        return self._failed and not self._opened

    # -- the session's transitions ------------------------------------------------------------------------------

    def follow(self, status: Status) -> None:
        """React to a new status."""
        old, self._state = self._state, status.state
        probing = status.state is State.PROBING or (status.state is State.LEASED and status.lease == "probe")
        if probing:
            self._show_probing(status)
        elif self._probing is not None:
            self._probing.finish()
            self._probing = None
        if status.state is old:
            return
        self._opened = self._opened or status.state in (State.MONITORING, State.AWAITING_CONSENT)
        if status.state is State.AWAITING_CONSENT:
            self._ask_consent(status)
        elif status.state is State.CLOSED and old in (State.OPENING, State.PROBING) and status.reason:
            self._failed = True
            self.show_picker(error=status.reason, hint=status.hint)

    def _ask_consent(self, status: Status) -> None:
        from espmon.tui.screens.confirm import ConfirmScreen

        link = self._app.link
        if self._app.screen is self._app.monitor and self._app.text_begun:
            # Asked for, but by somebody who has begun to type since: a `y` of theirs must not reset the board.
            link.ask(link.session.decline())
            self._app.invite("Not probed while you type: p asks")
            return

        def answered(agreed: bool | None) -> None:
            if self._app.status.state is State.AWAITING_CONSENT:
                link.ask(link.session.consent() if agreed else link.session.decline())

        name = status.name or status.url
        self._app.push_screen(ConfirmScreen(f"Probe {name}?", probe_text(status), "Probe"), answered)

    def ask_probe(self) -> None:
        """The user wants a probe in the middle of monitoring."""
        from espmon.tui.screens.confirm import ConfirmScreen

        link = self._app.link
        if self._app.status.state is not State.MONITORING:
            text = "A probe needs an open port that nothing else uses"
            if self._app.status.waiting:
                text = f"The port is lost. {WAITS}: probe then"
            self._app.notify(text, severity="warning", markup=False)
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                link.ask(link.session.probe())

        status = self._app.status
        self._app.push_screen(ConfirmScreen(f"Probe {status.name}?", probe_text(status), "Probe"), answered)

    def ask_loader(self) -> None:
        """The user wants the board in its ROM loader."""
        from espmon.tui.screens.confirm import ConfirmScreen

        link = self._app.link
        name = self._app.status.name or self._app.status.url

        def answered(agreed: bool | None) -> None:
            if agreed:
                link.ask(link.session.reset_to_loader())

        self._app.push_screen(ConfirmScreen(f"Reset {name} into its loader?", LOADER_TEXT, "Reset"), answered)

    def _show_probing(self, status: Status) -> None:
        from espmon.tui.screens.probing_screen import ProbingScreen

        if self._probing is None:
            link = self._app.link

            def cancel() -> None:
                link.ask(link.session.cancel())

            self._probing = ProbingScreen(status.name or status.url, cancel)
            self._app.push_screen(self._probing)
        if status.progress is not None:
            self._probing.update_progress(status.progress)

    # -- what the user opens ------------------------------------------------------------------------------------

    def show_picker(self, *, error: str = "", hint: str = "") -> None:
        """The list of ports; with the reason when the last try failed."""
        from espmon.tui.screens.picker import PickerScreen

        if any(isinstance(screen, PickerScreen) for screen in self._app.screen_stack):
            return
        from espmon.port.platform import access_advice
        from espmon.tui import boards

        app = self._app
        discover = app.discover or _no_ports
        screen = PickerScreen(
            lambda: [*boards.ports(discover), *self._places.rows()],
            defaults=app.defaults,
            discover_elfs=lambda: boards.find_elfs(app.project),
            demo=app.demo is not None,
            manage=self.show_devices,
            beside=app.can_add and app.status.state is not State.CLOSED,
            name=boards.save,
            failed=app.request if error else None,
            error=error,
            hint=hint,
            typed=self._typed if error else "",
            past=self._played.list if app.past is not None else None,
            exchange=self._show_exchange if error and self._failed_probe() is not None else None,
            access=access_advice,
        )

        def answered(request: OpenRequest | None) -> None:
            self._typed = screen.typed
            self._beside = screen.beside
            if screen.recording is not None:
                app.run_worker(self._played.open(screen.recording), group="past", exclusive=True)
            else:
                self._picked(request)

        self._app.push_screen(screen, answered)

    def _failed_probe(self) -> EventEntry | None:
        """The newest event, where that is a probe that failed with an exchange to look at."""
        from espmon.session.session_events import ProbeEvent

        probes = (entry for entry in reversed(self._app.link.session.events) if isinstance(entry.record, ProbeEvent))
        newest = next(probes, None)
        record = None if newest is None else newest.record
        failed = isinstance(record, ProbeEvent) and record.failure is not None and record.transcript
        return newest if failed else None

    def _show_exchange(self) -> None:
        from espmon.tui.event_reports import event_screen

        entry, status = self._failed_probe(), self._app.status
        if entry is not None:
            self._app.push_screen(event_screen(entry, status.name or status.url, status.recording))

    def _picked(self, request: OpenRequest | None) -> None:
        app = self._app
        if request is None:
            if app.status.state is State.CLOSED and not len(app.link.session.store):
                app.leave_board()
            return
        from espmon.tui.screens.picker import DEMO_URL

        if app.demo is not None and request.url == DEMO_URL:
            app.run_worker(self._open_demo(app.demo, request), group="demo", exclusive=True)
            return
        if is_place(request.url) and not request.acquire:
            self._ask_place(request)
            return
        if self._beside or app.boardless:
            app.defaults = replace(request, acquire=False)
            app.run_worker(app.add_board(request), group="add-board")
            return
        app.request = app.defaults = replace(request, acquire=False)
        app.begin_session()
        app.run_worker(self._reopen(request), group="reopen", exclusive=True)

    async def _reopen(self, request: OpenRequest) -> None:
        """Close the port before, and open this one."""
        link = self._app.link
        if link.session.status.state is not State.CLOSED:
            await link.run(link.session.close())
        await self._app.open_port(request)

    def _ask_place(self, request: OpenRequest) -> None:
        """A place of labgrid's is acquired for as long as the session lasts, once the user has agreed."""
        from espmon.tui.screens.confirm import ConfirmScreen

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._picked(replace(request, acquire=True))
            else:
                self.show_picker()

        self._app.push_screen(ConfirmScreen(f"Use {request.url}?", PLACE_TEXT, "Acquire"), answered)

    async def _open_demo(self, demo: Callable[[], OpenRequest], chosen: OpenRequest) -> None:
        """Start the simulated board, then open it like any other port."""
        try:
            request = await asyncio.to_thread(demo)
        except OSError as error:
            self.show_picker(error=f"The simulated board did not start: {error}")
            return
        self._picked(replace(request, probe=chosen.probe))

    def show_devices(self) -> None:
        """Names of known boards; choosing one opens its port."""
        from espmon.tui import boards
        from espmon.tui.screens.device_manager import DeviceManagerScreen

        app = self._app
        discover = app.discover or _no_ports

        def answered(port: str | None) -> None:
            if port:
                app.run_worker(self._connect(port), group="connect", exclusive=True)

        app.push_screen(DeviceManagerScreen(lambda: boards.load(discover), boards.save, boards.remove), answered)

    def show_abilities(self) -> None:
        """What the board announced; a command that is chosen is sent to it."""
        from espmon.tui.screens.board_abilities import BoardAbilitiesScreen

        app = self._app
        known = app.status.capabilities

        def answered(line: str | None) -> None:
            if line:
                app.link.send(announced_line(line, app.settings, known))

        app.push_screen(BoardAbilitiesScreen(app.status.name or app.status.url, known, app.status.commands), answered)

    def ask_for_picture(self) -> None:
        """A screenshot of a board that has not said that it takes any: what it would need; it can be asked anyway."""
        from espmon.tui.screens.confirm import ConfirmScreen

        app = self._app

        def answered(agreed: bool | None) -> None:
            if agreed:
                app.monitor.ask_for_picture()

        trigger = plain(app.settings.screenshot_trigger.strip())
        sentences = (
            "This board has not announced that it can send its screen.",
            "",
            "Firmware would need code that sends it, and a line that says so:",
            "espmon firmware --lang c DIR    writes both",
            "espmon formats                  explains them, byte by byte",
            "",
            f"Asking all the same sends the setting screenshot_trigger: {trigger}",
        )
        app.push_screen(ConfirmScreen("No screenshots announced", sentences, "Ask anyway"), answered)

    async def _connect(self, port: str) -> None:
        """Open a known board's port, with the rate and the ELF that are remembered of it."""
        from espmon.tui import boards
        from espmon.tui.screens.picker import PickerScreen

        app = self._app
        discover = app.discover or _no_ports
        rows = await asyncio.to_thread(boards.ports, discover)
        row = next((row for row in rows if row.device == port), None)
        request = replace(app.defaults, url=port, name="")
        if row is not None:
            request = replace(
                request,
                name=row.nickname or row.product or "",
                baud=row.baud or request.baud,
                elf=(row.elf,) if row.elf is not None else request.elf,
                line=row.line or request.line,
                dtr=request.dtr if row.dtr is None else row.dtr,
                rts=request.rts if row.rts is None else row.rts,
            )
        if isinstance(app.screen, PickerScreen):
            app.screen.dismiss(request)
        else:
            self._picked(request)

    def show_help(self) -> None:
        """All keys, as they are now, those of the screen in front first."""
        from espmon.tui import keymap
        from espmon.tui.screens.help import HelpScreen
        from espmon.version import __version__

        app = self._app
        here = [] if app.screen is app.monitor else keymap.rows_here(app.screen, app.get_key_display)
        app.push_screen(HelpScreen([*here, *keymap.help_rows(app.chosen_keys)], f"espmon {__version__}"))


def _no_ports() -> Sequence[PortInfo]:
    return ()
