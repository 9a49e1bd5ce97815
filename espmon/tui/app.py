"""The app: composes the monitor and routes between screens. It holds no truth about the board; the session does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.screen import Screen

from espmon.session.runner import LoopThread
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import Notice, OpenRequest, ReplayState, Severity, Status
from espmon.tui import routes
from espmon.tui.builds import LOOK_SECONDS, BuildWatch
from espmon.tui.debug_dialogs import DebugDialogs
from espmon.tui.flash_actions import FlashActions
from espmon.tui.kept_choices import KeptChoices
from espmon.tui.leaving import Leaving
from espmon.tui.line_dialogs import LineDialogs
from espmon.tui.monitor.refusal import board_missing
from espmon.tui.monitor.screen import MonitorScreen
from espmon.tui.monitor.session_link import PendingChanges, SessionLike, SessionLink, Waiting
from espmon.tui.palette import Palette
from espmon.tui.questions import Questions
from espmon.tui.sending_dialogs import SendingDialogs
from espmon.tui.sharing_dialogs import SharingDialogs
from espmon.tui.terminal.picture_writer import PictureWriter
from espmon.tui.theme import DARK, THEMES, theme_problem

if TYPE_CHECKING:
    from rich.console import RenderableType

    from espmon.port import PortInfo
    from espmon.session.viewing.holder_finder import HolderFinder
    from espmon.tui.artifact_dialogs import Artifacts

ScreenResult = TypeVar("ScreenResult")

CLOSE_SECONDS = 3.0
"""Longest wait for the port when leaving, in seconds. Leaving always works."""

KEEP_SECONDS = 0.5
"""Longest wait for the disk to keep what was chosen on the screen."""

CANCEL_SECONDS = 8.0
"""The same when the user leaves a flash or a probe: the board is brought into a known state first."""


class EspmonApp(FlashActions):
    """The full screen.

    Args:
        runner: the session's thread.
        session: the session, or a function that makes it; that is called on the session's thread after the first
            frame, so that its imports do not delay the screen.
        request: what to open; None shows the list of ports.
        settings: the user's settings.
        baud: rate that the list of ports offers first.
        elf: ELF files that the list of ports offers first.
        timestamps: show host times from the start.
        notices: remarks to show once the screen is there.
        history: folder of typed lines, a file a board; None keeps none.
        discover: lists the ports for the picker.
        demo: starts the simulated board and returns how it is opened; called in a thread. None: it is not offered.
        defaults: what the list of ports offers where nothing else is known.
        driver_class: how the terminal is reached; None: as Textual does it.
        choices: where theme, columns and layout are kept; None keeps none.
        replay: what is shown is a recording, of this kind.
        finder: looks for another espmon that holds a port; None: nobody does.
    """

    TITLE = "espmon"
    ENABLE_COMMAND_PALETTE = True
    CSS = """
    ToastRack { layer: default; margin: 0 0 1 0; overflow: hidden; background: $panel; }
    ToastHolder { align-horizontal: left; }
    Toast { width: 1fr; max-width: 100%; max-height: 3; padding: 0 1; margin: 0; }
    .-below ToastHolder { display: none; }
    MonitorView.-raw ToastRack { layer: _toastrack; }
    """
    """Toasts have rows of their own above the footer, so that they cover nothing. Only among raw keys they lie over the
    bottom: there the board's programs would have to draw for another size."""

    SUSPENDED_SCREEN_CLASS = "-below"
    """Each screen has toasts of its own: those of a screen that shines through would show twice."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+right_square_bracket", "exit_key", "Quit", show=False, priority=True, id="app.exit",
                tooltip="Quit, from anywhere"),
        Binding("ctrl+p", "command_palette", "Palette", show=False, priority=True, id="app.palette",
                tooltip="Every action by its name"),
    ]  # fmt: skip

    def __init__(
        self,
        runner: LoopThread,
        session: SessionLike | Callable[[], SessionLike],
        request: OpenRequest | None = None,
        *,
        settings: Settings | None = None,
        baud: int = 115200,
        elf: tuple[Path, ...] = (),
        timestamps: bool = False,
        notices: Sequence[str] = (),
        history: Path | None = None,
        discover: Callable[[], Sequence[PortInfo]] | None = None,
        demo: Callable[[], OpenRequest] | None = None,
        defaults: OpenRequest | None = None,
        driver_class: type[Driver] | None = None,
        choices: Path | None = None,
        replay: ReplayState | None = None,
        finder: HolderFinder | None = None,
    ) -> None:
        super().__init__(driver_class=driver_class)
        self.settings = settings or Settings()
        self.pictures = PictureWriter(self, self.settings.terminal_diff)
        self._make: Callable[[], SessionLike] | None = None
        if callable(session):
            named = request or OpenRequest("")
            self._make = session
            state = State.OPENING if request else State.CLOSED
            session = Waiting(Status(state, url=named.url, name=named.name, replay=replay))
        self.link = SessionLink(runner, session, self._deliver, self._terminal_busy)
        self.request = request
        self.discover = discover
        self.demo = demo
        self.defaults = request or defaults or OpenRequest("", baud=baud, elf=elf)
        self._timestamps = timestamps
        self._notices = tuple(notices)
        self._runner = runner
        self._depth = 1
        self._history = history
        self.router = routes.Router(self)
        self.begin_log_actions(None if history is None else history.parent / "clipboard.txt")
        self.palette = Palette(self)
        self.questions = Questions(self)
        self.sending = SendingDialogs(self)
        self.finder = finder
        self.sharing = SharingDialogs(self, self.show_session, lambda error: self.router.show_picker(error=error))
        self.line = LineDialogs(self)
        self.stub = DebugDialogs(self, self.questions.show_ide_screen)
        self._artifacts: Artifacts | None = None
        self.begin_flash_actions(lambda entry: self.artifacts.show(entry), choices)
        self.leaving = Leaving(self, lambda: CANCEL_SECONDS if self.leaving.agreed else CLOSE_SECONDS)
        self.builds = BuildWatch(self)
        self.kept = KeptChoices(self, choices)
        self.project = Path.cwd()
        self.chosen_keys = self.settings.chosen_keys

    @property
    def artifacts(self) -> Artifacts:
        """Shows what events hold. Made for the first event: by then the session has loaded what it needs of records."""
        if self._artifacts is None:
            from espmon.tui.artifact_dialogs import Artifacts

            self._artifacts = Artifacts(self, self.questions.ask_elf, self.stub.offer)
        return self._artifacts

    # -- screens ------------------------------------------------------------------------------------------------

    def get_default_screen(self) -> MonitorScreen:
        """The monitor is at the bottom of everything."""
        return MonitorScreen(self.link, self.settings, self._history, timestamps=self._timestamps)

    def on_mount(self) -> None:
        """Themes, keys, and the first step: open, or ask what to open."""
        for theme in THEMES:
            self.register_theme(theme)
        problem = theme_problem(self.settings.theme)
        self.theme = DARK.name if problem else self.settings.theme
        if problem:
            self.toast(Notice(problem, Severity.WARNING))
        self.kept.apply("theme")
        self.set_keymap(self.chosen_keys)
        self.screen_change_signal.subscribe(self, self._screen_changed, immediate=True)
        self.link.start()
        if self.request is None:
            self.router.show_picker()
        if self._make is not None:
            self.call_after_refresh(self._make_session, self._make)
        elif self.request is not None:
            self.link.ask(self.link.session.open(self.request))
        printed = (self.request.print_filter if self.request else "") or self.settings.print_filter
        if printed:
            self.call_after_refresh(lambda: self.monitor.set_print_filter(printed))
        self.set_interval(LOOK_SECONDS, self.builds.look)
        if self._notices:
            more = f" (and {len(self._notices) - 1} more, printed when you leave)" if len(self._notices) > 1 else ""
            self.toast(Notice(self._notices[0] + more, Severity.WARNING))

    async def _make_session(self, make: Callable[[], SessionLike]) -> None:
        async def work() -> SessionLike:
            return make()

        self.link.attach(await self._runner.run(work()))
        self.monitor.attach()
        if self.request is not None:
            await self.open_port(self.request)

    async def open_port(self, request: OpenRequest) -> None:
        """As the host; another espmon may hold the port, and let others look on."""
        await self.sharing.open(request)

    def supersede(self, session: SessionLike) -> None:
        """Another session shows all that this one does, and more: show that one. Called from the session's thread."""
        self.link.on_screen(lambda: self.show_session(session))

    def show_session(self, session: SessionLike) -> None:
        """Show another session in place of the one before."""
        self.monitor.take_over(session)
        self._artifacts = None
        for entry in session.events:
            self.artifacts.follow_entry(entry)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A recording has no board to do something with."""
        return not board_missing(self.status, f"app.{action}")

    def _screen_changed(self, screen: Screen[object]) -> None:
        before, self._depth = self._depth, len(self.screen_stack)
        if self._depth > before:
            self.make_room()

    async def on_unmount(self) -> None:
        """Let the port go, within a limit."""
        self.link.stop()
        await self.end_build()
        self.leaving.begin()
        future = self._runner.submit(self.link.session.close())
        await asyncio.wait([asyncio.wrap_future(future)], timeout=self.leaving.limit())
        self.exit_message = self.leaving.exit_message()
        await asyncio.wait([asyncio.create_task(asyncio.to_thread(self.kept.write))], timeout=KEEP_SECONDS)

    def exit(self, result: int | None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """Leave; what was chosen on the screen is kept."""
        self.kept.look()
        super().exit(result, return_code, message)

    def on_monitor_view_completed(self) -> None:
        """The monitor is whole: make it as it was the last time."""
        self.kept.apply()

    def _terminal_busy(self) -> bool:
        """Whether frames are still waiting for the terminal. Where the driver cannot say: never."""
        return bool(getattr(self._driver, "waiting", 0))

    # -- changes from the session ----------------------------------------------------------------------------------

    def _deliver(self, changes: PendingChanges) -> None:
        # Through the app's own queue: what goes wrong there ends the app with its reason instead of being swallowed.
        self.call_next(self._take, changes)

    def _take(self, changes: PendingChanges) -> None:
        if not self.screen_stack or not isinstance(self.screen_stack[0], MonitorScreen):
            return
        if self.monitor.is_mounted:
            self.monitor.take(changes)
        for notice in changes.notices:
            self.toast(notice)
        for status in changes.statuses:
            self.recorded = status.recording or self.recorded
            if status.state is State.CLOSED:
                self.leaving.not_over_the_question(partial(self.router.follow, status))
            else:
                self.router.follow(status)
            if self._artifacts is not None:
                self._artifacts.follow_status(status)
            self.leaving.follow_status(status)
            self.follow_flash(status)
            self.sending.follow(status)
            self.stub.follow_status(status)
            self.questions.follow_status(status)
            self.sharing.follow_status(status)
            self.builds.follow_status(status)
        for entry in changes.events:
            self.artifacts.follow_entry(entry)
            self.builds.follow_entry(entry)
            self.flashing.follow_entry(entry)

    # -- actions ------------------------------------------------------------------------------------------------

    async def action_exit_key(self) -> None:
        """Leave; after the menu key, send the key instead."""
        screen = self.screen
        if isinstance(screen, MonitorScreen) and screen.in_menu:
            await screen.menu_key("ctrl+right_square_bracket")
        else:
            self.leaving.leave()

    async def action_quit(self) -> None:
        """Leave: Ctrl-Q, the menu's X, the palette. Among raw keys, Ctrl-Q is one of them."""
        screen = self.screen
        if isinstance(screen, MonitorScreen) and screen.takes_raw_keys:
            screen.action_send_key("quit")
        else:
            self.leaving.leave()

    def action_command_palette(self) -> None:
        """The palette; after the menu key, its key means something else, and among raw keys it is one of them."""
        screen = self.screen
        if isinstance(screen, MonitorScreen) and screen.in_menu:
            self.run_worker(screen.menu_key("ctrl+p"))
        elif isinstance(screen, MonitorScreen) and screen.takes_raw_keys:
            screen.action_send_key("palette")
        else:
            self.palette.open()

    def action_probe(self) -> None:
        """Ask, then probe."""
        self.router.ask_probe()

    def action_bootloader(self) -> None:
        """Ask, then reset into the ROM loader."""
        self.router.ask_loader()

    def action_coredump(self) -> None:
        """The core dump that waits for Enter, the one that is coming, or the last."""
        if not self.questions.ask_enter():
            self.artifacts.show_core_dump()

    def action_elf(self) -> None:
        """Choose the ELF for decoding."""
        self.questions.ask_elf()

    def action_reload_elf(self) -> None:
        """Load the ELF in use again."""
        self.builds.reload()

    def action_log_file(self) -> None:
        """A copy of the log text, on and off."""
        self.questions.ask_log()

    def action_writing(self) -> None:
        """Who writes, where several look at one board."""
        self.sharing.change()

    def action_go_to(self) -> None:
        """A mark, line, boot or time."""
        self.questions.ask_place()

    def action_send(self, what: str) -> None:
        """Ask what to send."""
        self.sending.ask(what)

    def action_pacing(self, what: str) -> None:
        """Other pauses in texts that are sent."""
        self.sending.ask_pacing(what)

    def action_line(self, what: str) -> None:
        """Data bits and parity, or a break."""
        self.line.ask(what)

    def action_baud(self) -> None:
        """Another rate."""
        self.questions.ask_baud()

    def action_crash(self) -> None:
        """The last panic or core dump."""
        self.artifacts.show_crash()

    def action_stub(self) -> None:
        """The debug stub that the board waits in."""
        self.stub.offer()

    def action_ports(self) -> None:
        """Choose another port."""
        self.router.show_picker()

    def action_devices(self) -> None:
        """The device manager."""
        self.router.show_devices()

    def action_abilities(self) -> None:
        """What the board announced; a command of its own can be sent."""
        self.router.show_abilities()

    def action_help(self) -> None:
        """All keys."""
        self.router.show_help()

    def on_monitor_view_show_artifact(self, event: MonitorScreen.ShowArtifact) -> None:
        """A picture, a core dump or a report."""
        self.artifacts.show(event.entry)

    def on_monitor_screen_picture_doubtful(self) -> None:
        """Say what the board would need for a screenshot."""
        self.router.ask_for_picture()

    def on_monitor_screen_picture_wanted(self) -> None:
        """Show the picture when it is there."""
        self.artifacts.expect_picture()

    def get_system_commands(self, screen: Screen[ScreenResult]) -> Iterable[SystemCommand]:
        """What the palette lists, as the toolkit asks for it."""
        for command in self.palette.commands(self.monitor):
            yield SystemCommand(command.title, command.help, command.run)
