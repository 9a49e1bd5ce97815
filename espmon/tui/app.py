"""The app: composes the monitor and routes between screens. It holds no truth about the board; the session does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar, overload

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.filter import Monochrome, NoColor
from textual.screen import Screen, ScreenResultCallbackType
from textual.widget import AwaitMount
from textual.widgets._footer import FooterKey

from espmon.session.runner import LoopThread
from espmon.session.settings import Settings
from espmon.session.status import Notice, OpenRequest, ReplayState, Severity
from espmon.tui import action_kinds, actions
from espmon.tui.board_actions import BoardActions
from espmon.tui.board_tabs import BoardTabs
from espmon.tui.builds import LOOK_SECONDS
from espmon.tui.kept_choices import KeptChoices
from espmon.tui.leaving import Leaving
from espmon.tui.line_dialogs import LineDialogs
from espmon.tui.monitor.absent_session import Waiting
from espmon.tui.monitor.refusal import board_missing
from espmon.tui.monitor.screen import MonitorScreen
from espmon.tui.monitor.session_interface import SessionLike
from espmon.tui.monitor.session_link import PendingChanges, SessionLink
from espmon.tui.open_board import OpenBoard
from espmon.tui.opening.curtain import Curtain
from espmon.tui.opening.opening_picture import opening_status
from espmon.tui.palette import Palette
from espmon.tui.terminal.picture_writer import PictureWriter
from espmon.tui.theme import DARK, few_colours, own_themes
from espmon.tui.theme_names import theme_problem
from espmon.tui.widgets.tab_bar import TabBar

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.actions import ActionParseResult
    from textual.dom import DOMNode

    from espmon.port import PortInfo
    from espmon.session.replay.past_recordings import PastRecordings
    from espmon.session.viewing.holder_finder import HolderFinder
    from espmon.tui.terminal.taken_terminal import TakenTerminal

ScreenResult = TypeVar("ScreenResult")

CLOSE_SECONDS = 3.0
"""Longest wait for the port when leaving, in seconds. Leaving always works."""

KEEP_SECONDS = 0.5
"""Longest wait for the disk to keep what was chosen on the screen."""

CANCEL_SECONDS = 8.0
"""The same when the user leaves what runs: the board is brought into a known state first."""


class EspmonApp(BoardActions):
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
        taken: the terminal, where it was taken and drawn in already.
        choices: where theme, columns and layout are kept; None keeps none.
        replay: what is shown is a recording, of this kind.
        finder: looks for another espmon that holds a port; None: nobody does.
        more: what to open beside `request`, each in a tab of its own.
        another: makes the session of one more board, on the session's thread. None: one board is all there can be.
        past: lists past sessions and opens them; None: there are none.
    """

    TITLE = "espmon"
    ENABLE_COMMAND_PALETTE = True
    CSS = """
    ToastRack { layer: default; margin: 0 0 1 0; overflow: hidden; background: $panel; }
    ToastHolder { align-horizontal: left; }
    Toast { width: 1fr; max-width: 100%; max-height: 3; padding: 0 1; margin: 0; }
    .-below ToastHolder { display: none; }
    MonitorView.-raw ToastRack { layer: _toastrack; margin: 0; max-height: 2; }
    MonitorView.-raw Toast { max-height: 2; }
    Button:nocolor:ansi:focus,
    OptionList:nocolor:ansi > .option-list--option-highlighted,
    DataTable:nocolor:ansi > .datatable--cursor,
    EventList:nocolor:ansi > .event--cursor,
    LevelPicker:nocolor:ansi:focus,
    Tree:nocolor:ansi > .tree--cursor { text-style: bold underline !important; }
    """
    """Toasts have rows of their own above the footer, so that they cover nothing. Among raw keys, where the board's
    programs would have to draw for another size, one lies over the two rows below what they draw."""

    DEFAULT_MODE = "board-0"
    """Each board has a stack of screens; this is the first one's."""

    SUSPENDED_SCREEN_CLASS = "-below"
    """Each screen has toasts of its own: those of a screen that shines through would show twice."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+right_square_bracket", "exit_key", "Quit", show=False, priority=True, id="app.exit",
                tooltip="Quit, from anywhere"),
        Binding("ctrl+p", "command_palette", "Palette", show=False, priority=True, id="app.palette",
                tooltip="Every action by its name"),
        *(replace(actions.BY_ID[name].binding(), action=actions.BY_ID[name].call.removeprefix("app."))
          for name in action_kinds.EVERYWHERE),
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
        taken: TakenTerminal | None = None,
        choices: Path | None = None,
        replay: ReplayState | None = None,
        finder: HolderFinder | None = None,
        more: Sequence[OpenRequest] = (),
        another: Callable[[], SessionLike] | None = None,
        past: PastRecordings | None = None,
    ) -> None:
        self.taken = taken
        self.curtain = Curtain(self, self._has_all_parts)
        if taken is not None:
            self.curtain.lower()
        super().__init__(driver_class=driver_class)
        self.settings = settings or Settings()
        self.pictures = PictureWriter(self, self.settings.terminal_diff)
        self._runner = runner
        self._make: Callable[[], SessionLike] | None = None
        if callable(session):
            self._make = session
            session = Waiting(opening_status(request, replay))
        self.leaving = Leaving(
            self, lambda: CANCEL_SECONDS if self.leaving.agreed else CLOSE_SECONDS, lambda: self.own_work()
        )
        first = self._open_board(session, request, 0)
        self.tabs = BoardTabs(self, first, self._open_board, self._new_monitor, another)
        self.discover = discover
        self.demo = demo
        self.defaults = request or defaults or OpenRequest("", baud=baud, elf=elf)
        self._more = tuple(more)
        self._timestamps = timestamps
        self._notices = tuple(notices)
        self._depth = 1
        self._history = history
        self.begin_log_actions(None if history is None else history.parent / "clipboard.txt")
        self.begin_build_actions(choices)
        self.palette = Palette(self)
        self.finder = finder
        self.past = past
        self.line = LineDialogs(self)
        self.kept = KeptChoices(self, choices)
        self.project = Path.cwd()
        self.chosen_keys = self.settings.chosen_keys

    def _open_board(
        self, session: SessionLike, request: OpenRequest | None, number: int, kind: type[OpenBoard] = OpenBoard
    ) -> OpenBoard:
        """A board of this app, one more than those before."""
        return kind(self, self.leaving, self._link_of(session), request, number, self.show_session)

    def _link_of(self, session: SessionLike) -> SessionLink:
        """A session's link to this app."""

        def deliver(changes: PendingChanges) -> None:
            # By the app's own queue: what goes wrong there ends the app with its reason instead of being swallowed.
            self.call_next(self._take, link, changes)

        link = SessionLink(self._runner, session, deliver, self._terminal_busy)
        return link

    @property
    def recordings(self) -> list[Path]:
        """Where the newest recording of each board lies, also of those that were closed."""
        kept = [board.recorded for board in self.boards if board.recorded and not board.status.recorder.removed]
        return [*self.tabs.closed, *kept]

    @property
    def never_opened(self) -> bool:
        """Ports were asked for, and none could be opened."""
        return all(board.router.never_opened for board in self.boards)

    # -- screens ------------------------------------------------------------------------------------------------

    if TYPE_CHECKING:  # as the toolkit has it

        @overload
        def push_screen(
            self,
            screen: Screen[ScreenResult] | str,
            callback: ScreenResultCallbackType[ScreenResult] | None = None,
            wait_for_dismiss: Literal[False] = False,
            *,
            mode: str | None = None,
        ) -> AwaitMount: ...

        @overload
        def push_screen(
            self,
            screen: Screen[ScreenResult] | str,
            callback: ScreenResultCallbackType[ScreenResult] | None = None,
            wait_for_dismiss: Literal[True] = True,
            *,
            mode: str | None = None,
        ) -> asyncio.Future[ScreenResult]: ...

    def push_screen(
        self,
        screen: Screen[ScreenResult] | str,
        callback: ScreenResultCallbackType[ScreenResult] | None = None,
        wait_for_dismiss: bool = False,
        *,
        mode: str | None = None,
    ) -> AwaitMount | asyncio.Future[ScreenResult]:
        """As Textual's; what would open over the question whether to leave waits for its answer."""
        if wait_for_dismiss:
            return super().push_screen(screen, callback, True, mode=mode)
        if self.leaving.asking:
            self.leaving.not_over_the_question(lambda: self.push_screen(screen, callback, mode=mode))
            return AwaitMount(self.screen, [])
        return super().push_screen(screen, callback, False, mode=mode)

    def get_default_screen(self) -> MonitorScreen:
        """The monitor is at the bottom of everything."""
        return self._new_monitor(self.link)

    def _new_monitor(self, link: SessionLink, kind: type[MonitorScreen] = MonitorScreen) -> MonitorScreen:
        """A monitor for a session."""
        return kind(link, self.settings, self._history, timestamps=self._timestamps)

    def _without_colours(self, _: object = None) -> None:
        """Under NO_COLOR a theme of the terminal's own colours leaves text and ground as they are; others become grey.

        The toolkit decides once, by its first theme, and the terminal's own as greys are black on black.
        """
        wanted = NoColor if self.native_ansi_color else Monochrome
        self._filters = [wanted() if isinstance(one, Monochrome | NoColor) else one for one in self._filters]

    def on_mount(self) -> None:
        """Themes, keys, and the first step: open, or ask what to open."""
        for theme in own_themes(self.available_themes, sixteen=few_colours(self)):
            self.register_theme(theme)
        problem = theme_problem(self.settings.theme)
        self.theme = DARK.name if problem else self.settings.theme
        if problem:
            self.toast(Notice(problem, Severity.WARNING))
        self.kept.apply("theme")
        self._without_colours()
        self.theme_changed_signal.subscribe(self, self._without_colours, immediate=True)
        self.set_keymap(self.chosen_keys)
        self.screen_change_signal.subscribe(self, self._screen_changed, immediate=True)
        self.link.start()
        if self.request is None:
            self.board.router.show_picker()
        if self._make is not None:
            self.call_after_refresh(self._make_session, self._make)
        elif self.request is not None:
            self.link.ask(self.link.session.open(self.request))
        printed = (self.request.print_filter if self.request else "") or self.settings.print_filter
        if printed:
            self.call_after_refresh(lambda: self.monitor.set_print_filter(printed))
        if self.request is not None and self.request.at_start:
            self.call_after_refresh(lambda: self.monitor.pane.go_to_start())
        if self._more:
            self.call_after_refresh(self.tabs.begin, self._more)
        self.set_interval(LOOK_SECONDS, self._look_at_builds)
        if self._notices:
            more = f" (and {len(self._notices) - 1} more, printed when you leave)" if len(self._notices) > 1 else ""
            self.toast(Notice(self._notices[0] + more, Severity.WARNING))

    def _has_all_parts(self, screen: Screen[object]) -> bool:
        return screen is not self.screen_stack[0] or (self.monitor.completed and bool(screen.query(FooterKey)))

    async def _make_session(self, make: Callable[[], SessionLike]) -> None:
        async def work() -> SessionLike:
            return make()

        self.link.attach(await self._runner.run(work()))
        self.monitor.attach()
        if self.request is not None:
            await self.open_port(self.request)

    async def open_port(self, request: OpenRequest) -> None:
        """As the host; another espmon may hold the port, and let others look on."""
        await self.board.sharing.open(request)

    async def _look_at_builds(self) -> None:
        await self.board.builds.look()

    def leave_board(self) -> None:
        """Nothing is to be opened where nothing was: the tab goes, or the program."""
        if self.tabs.several:
            self.tabs.close(self.board)
        else:
            super().leave_board()

    def supersede(self, session: SessionLike) -> None:
        """Another session shows all that this one does, and more: show that one. Called from the session's thread."""
        self.link.on_screen(lambda: self.show_session(session))

    def show_session(self, session: SessionLike) -> None:
        """Show another session in place of the one before."""
        self.monitor.take_over(session)
        self.board.begin_anew()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A recording has no board to do something with, and one board has no others beside it."""
        if action_kinds.for_several(f"app.{action}"):
            raw = isinstance(self.screen, MonitorScreen) and self.screen.takes_raw_keys
            return self.tabs.several and not raw and not self.leaving.asking
        if (
            isinstance(self.screen, MonitorScreen)
            and self.screen.ticks_levels
            and action_kinds.for_a_board(f"app.{action}")
        ):
            return False
        return not board_missing(self.status, f"app.{action}")

    def _screen_changed(self, screen: Screen[object]) -> None:
        before, self._depth = self._depth, len(self.screen_stack)
        if self._depth > before:
            self.make_room()

    async def on_unmount(self) -> None:
        """Let the port go, within a limit."""
        self.tabs.stop()
        await self.end_build()
        self.leaving.begin()
        closing = [asyncio.wrap_future(self._runner.submit(board.link.session.close())) for board in self.boards]
        await asyncio.wait(closing, timeout=self.leaving.limit())
        self.exit_message = self.leaving.exit_message()
        await asyncio.wait([asyncio.create_task(asyncio.to_thread(self.kept.write))], timeout=KEEP_SECONDS)

    def exit(self, result: int | None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """Leave; what was chosen on the screen is kept."""
        self.kept.look()
        super().exit(result, return_code, message)

    async def on_monitor_view_completed(self) -> None:
        """The monitor is whole: make it as it was the last time."""
        self.kept.apply()
        await self.tabs.dress()

    async def on_tab_bar_chosen(self, event: TabBar.Chosen) -> None:
        """A tab was clicked."""
        await self.tabs.go(event.number)

    def _terminal_busy(self) -> bool:
        """Whether frames are still waiting for the terminal. Where the driver cannot say: never."""
        return bool(getattr(self._driver, "waiting", 0))

    # -- changes from the session ----------------------------------------------------------------------------------

    def _take(self, link: SessionLink, changes: PendingChanges) -> None:
        if not self.screen_stack or not isinstance(self.screen_stack[0], MonitorScreen):
            return
        if link is not self.link:
            self.tabs.take_hidden(link, changes)
            return
        if self.monitor.is_mounted:
            self.monitor.take(changes)
        for notice in changes.notices:
            self.toast(notice)
        self.board.follow(changes)
        self.tabs.draw()

    # -- actions ------------------------------------------------------------------------------------------------

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """As Textual's; what is for one board, while all are looked at, is for the one that the user means."""
        call = action.removeprefix("screen.") if isinstance(action, str) else ""
        if self.boardless and self.screen is self.monitor and action_kinds.for_one(call):
            name = call.partition("(")[0]
            by_app = name.startswith("app.")
            if not (self.check_action(name[4:], ()) if by_app else self.monitor.check_action(name, ())):
                return False  # a key that means nothing where it was pressed
            self.tabs.choose(actions.full_call(call))
            return True
        return await super().run_action(action, default_namespace, namespaces)

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
            self.leaving.not_over_the_question(self.palette.open)

    def get_system_commands(self, screen: Screen[ScreenResult]) -> Iterable[SystemCommand]:
        """What the palette lists, as the toolkit asks for it."""
        for command in self.palette.commands(self.monitor):
            yield SystemCommand(command.title, command.help, command.run)
