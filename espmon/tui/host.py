"""What the parts of the app share: the session's link, the settings, the monitor below all screens, and toasts."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from textual import events
from textual.app import App
from textual.binding import Binding
from textual.notifications import Notification, Notify, SeverityLevel
from textual.widgets._toast import ToastRack

from espmon.programs import Program
from espmon.session.settings import Settings
from espmon.session.status import Notice, OpenRequest, Severity, Status
from espmon.tui import actions
from espmon.tui.board_like import BoardLike
from espmon.tui.monitor.screen import MonitorScreen
from espmon.tui.monitor.session_interface import SessionLike
from espmon.tui.monitor.session_link import SessionLink
from espmon.tui.sanitise import plain, short_paths
from espmon.tui.toast_words import LEADS, LEADS_BY, STATES, WAYS_OUT

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.app import AutopilotCallbackType
    from textual.screen import Screen

    from espmon.port import PortInfo
    from espmon.session.replay.past_recordings import PastRecordings
    from espmon.session.viewing.holder_finder import HolderFinder
    from espmon.tui.opening.curtain import Curtain
from espmon.tui.terminal.picture_writer import PictureWriter

SWITCH_SECONDS = 0.001
"""For so long one thread may hold the interpreter while the screen's waits for it: searches run beside it."""

MAX_NOTICE = 500
"""Longest toast, in characters."""

MAX_TOASTS = 2
"""Most toasts at a time: more would cover the log."""

TOAST_EDGE = 4
"""Cells beside a toast's text."""

TOAST_SECONDS = {"information": 3.0, "warning": 5.0, "error": 7.0}
"""Severity -> how long a toast stays."""

INVITE_SECONDS = 10.0
"""How long a toast stays that says which key opens something."""

ASKING = frozenset({"ask-elf", "build", "filters", "flash-question", "plan"})
"""Groups of workers that end in a question, or in a screen: what is typed after the key that began them is for it."""

REPEAT_SECONDS = 5.0
"""Time in which the same words are said once."""

READ_SECONDS = 1.0
"""Age of a toast from which on it counts as seen."""

QUIET_SECONDS = 2.0
"""Time without a key after which nobody is typing."""

TASKS_SECONDS = 0.5
"""Longest wait for tasks that are cancelled when the app has ended."""

HUNG_UP = 129
"""Exit code where the terminal went: the shell's, for SIGHUP."""


class Host(App[int]):
    """The app as its parts know it; `EspmonApp` fills it and puts the parts together."""

    settings: Settings
    defaults: OpenRequest
    """What the list of ports offers where nothing else is known."""

    finder: HolderFinder | None
    """Looks for another espmon that holds a port."""

    past: PastRecordings | None
    """Lists past sessions, and opens them."""

    discover: Callable[[], Sequence[PortInfo]] | None
    demo: Callable[[], OpenRequest] | None
    project: Path
    """Where builds are looked for."""

    chosen_keys: dict[str, str]

    pictures: PictureWriter
    """Writes what is seen to the terminal."""

    curtain: Curtain
    """Keeps the first picture from being overdrawn by less."""

    exit_message = ""
    """What is to be said when the screen has gone, "" for nothing: how a flash was left in the middle."""

    last_key = float("-inf")
    """When the user last pressed a key, by the monotonic clock."""

    keys = 0
    """Keys and pastes so far."""

    _keys_at_start = 0

    _said: Mapping[tuple[str, str], float] = MappingProxyType({})
    """(title, text) -> when it was last said."""

    _about: Mapping[str, str] = MappingProxyType({})
    """Message of a toast -> what it is about."""

    _borrower: Program | None = None

    on_hangup: Callable[[], object] | None = None
    """Called when the terminal is gone; without it the app leaves by itself."""

    _screen_loop: asyncio.AbstractEventLoop | None = None

    def run(
        self,
        *,
        headless: bool = False,
        inline: bool = False,
        inline_no_clear: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
        auto_pilot: AutopilotCallbackType | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> int | None:
        """Run the app; returns what it was left with.

        Unlike Textual's, it does not wait at the end for threads that hang, nor long for anything else.
        """
        loop = self._screen_loop = loop or asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        interval = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
        try:
            return super().run(
                headless=headless,
                inline=inline,
                inline_no_clear=inline_no_clear,
                mouse=mouse,
                size=size,
                auto_pilot=auto_pilot,
                loop=loop,
            )
        finally:
            if left := asyncio.all_tasks(loop):
                for task in left:
                    task.cancel()
                loop.run_until_complete(asyncio.wait(left, timeout=TASKS_SECONDS))
            asyncio.set_event_loop(None)
            loop.close()
            sys.setswitchinterval(interval)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Every picture of the toolkit's comes through here."""
        if self.curtain.holds(screen):
            return
        if self.pictures.display(screen, self.pictures.whole_after_layout(screen, renderable)):
            self.post_display_hook()
        else:
            super()._display(screen, renderable)

    def on_app_focus(self) -> None:
        """The user comes back to the window: draw all of it, whatever others wrote over it meanwhile."""
        self.pictures.forget()
        self.refresh()

    async def open_port(self, request: OpenRequest) -> None:
        """Open a port on the session; what goes wrong is shown."""
        self.link.ask(self.link.session.open(request))

    def supersede(self, session: SessionLike) -> None:
        """Another session shows all that this one does, and more. Called from the session's thread."""
        raise NotImplementedError

    def lend_terminal(self, program: Program | None) -> None:
        """A program has the terminal now, and ends when the app must; None: it has ended by itself."""
        self._borrower = program

    def hung_up(self) -> None:
        """The terminal is gone: nobody can see or type anything."""
        if self.on_hangup is not None:
            self.on_hangup()
        else:
            self.exit(HUNG_UP)

    def leave_now(self, code: int) -> None:
        """Leave without a question. May be called from any thread."""
        if self._borrower is not None:
            self._borrower.terminate()
        for board in self.boards:
            board.link.call_off()
        with suppress(RuntimeError):  # the screen has ended, or did not begin
            if self._screen_loop is not None:
                self._screen_loop.call_soon_threadsafe(self.exit, code)

    def salvage(self) -> None:
        """Save what can be saved: the screen's loop, or the session's, does not answer. Called from another thread."""
        if self._borrower is not None:
            self._borrower.kill()
        for board in self.boards:
            board.link.session.salvage()
        restore = getattr(self._driver, "restore", None)
        if restore is not None:
            restore()

    async def on_event(self, event: events.Event) -> None:
        """Remember when keys come: screens that open by themselves wait for none."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self.last_key = time.monotonic()
            self.keys += 1
        await super().on_event(event)

    def settled(self) -> bool:
        """Whether all that the last key has set in motion is carried out, as far as the next one depends on it."""
        stack = self.screen_stack
        if not stack:
            return False  # the first screen is still to come
        if not isinstance(stack[0], MonitorScreen):
            return True
        screen = stack[-1]
        # A key goes up from what has the focus to the app, through the queue of each.
        way = (screen if screen.focused is None else screen.focused).ancestors_with_self
        idle = all(node._message_queue.empty() and not node._next_callbacks for node in way)
        asking = any(worker.group in ASKING and not worker.is_finished for worker in self.workers)
        return idle and not asking and screen.is_mounted and stack[0].settled

    def touched(self) -> None:
        """The user did something that is no key: what was asked for before comes too late."""
        self.last_key = time.monotonic()

    def means(self, key: str) -> bool:
        """Whether a key does something now, other than to be typed."""
        return bool(self.screen_stack) and key in self.screen.active_bindings

    def may_interrupt(self, asked: float | None = None) -> bool:
        """Whether a screen may open by itself now: it takes the keys, so never while they are meant for another.

        Args:
            asked: when the user asked for this screen (`last_key` then); keys since then say that it comes too late.
        """
        monitor = self.monitor
        if self.screen is not monitor or self.text_begun or (monitor.completed and monitor.in_menu):
            return False
        return self.last_key == asked or time.monotonic() - self.last_key >= QUIET_SECONDS

    @property
    def text_begun(self) -> bool:
        """Whether keys are text that somebody types. A session starts in the input line: the first key begins it."""
        return self.monitor.typing and not (self.monitor.mode == "INPUT" and self.keys == self._keys_at_start)

    def leave_board(self) -> None:
        """Nothing is to be opened where nothing was: there is nothing to look at."""
        self.exit(0)

    def begin_session(self) -> None:
        """Another port is opened: keys go where the settings say, and none of them was meant for it."""
        self._keys_at_start = self.keys
        self.monitor.begin()

    def still_wanted(self, asked: float) -> bool:
        """Whether what the user asked for may open now that it has been prepared: not over keys meant for another.

        Args:
            asked: `last_key` when the user asked. Without a key since then it opens wherever the user types.
        """
        return self.last_key == asked or self.may_interrupt()

    @property
    def board(self) -> BoardLike:
        """The board that is looked at."""
        raise NotImplementedError

    @property
    def boards(self) -> Sequence[BoardLike]:
        """All boards that are open."""
        raise NotImplementedError

    @property
    def boardless(self) -> bool:
        """Whether all boards are looked at, and none of them."""
        raise NotImplementedError

    @property
    def can_add(self) -> bool:
        """Whether one more board can be opened beside those that are."""
        raise NotImplementedError

    async def add_board(self, request: OpenRequest) -> None:
        """Open one more board, and look at it."""
        raise NotImplementedError

    @property
    def link(self) -> SessionLink:
        """The session of the board that is looked at."""
        return self.board.link

    @property
    def request(self) -> OpenRequest | None:
        """What was opened last on it, or is to be opened."""
        return self.board.request

    @request.setter
    def request(self, request: OpenRequest) -> None:
        self.board.request = request

    @property
    def status(self) -> Status:
        """The session's status."""
        return self.link.session.status

    def get_key_display(self, binding: Binding) -> str:
        """Keys are written one way, in footers as in the help."""
        return binding.key_display or actions.written(binding.key)

    @property
    def monitor(self) -> MonitorScreen:
        """The monitor screen, whatever lies over it."""
        screen = self.screen_stack[0]
        assert isinstance(screen, MonitorScreen)
        return screen

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """A toast, as Textual's, but few at a time, none twice in a row, and with paths that leave room for words."""
        message = short_paths(message)
        now = time.monotonic()
        said = {words: at for words, at in self._said.items() if now - at < REPEAT_SECONDS}
        if (title, message) in said:
            return
        self._said = {**said, (title, message): now}
        seconds = TOAST_SECONDS[severity] if timeout is None else timeout
        super().notify(message, title=title, severity=severity, timeout=seconds, markup=markup)

    @property
    def _among_raw_keys(self) -> bool:
        """Whether toasts lie over the monitor in raw mode."""
        stack = self.screen_stack
        return len(stack) == 1 and isinstance(stack[0], MonitorScreen) and stack[0].mode == "RAW"

    def on_notify(self, event: Notify) -> None:
        """Room for the toast that Textual adds next: the oldest give way."""
        shown = list(self._notifications)
        gone = len(shown) + 1 - MAX_TOASTS
        texts = [event.notification.message, *(toast.message for toast in shown)]
        if self._among_raw_keys and any(len(text) > self.size.width - TOAST_EDGE for text in texts):
            gone = len(shown)  # there are two rows for toasts: what takes both of them stands alone
        for old in shown[: max(0, gone)]:
            self._unnotify(old, refresh=False)

    def _unnotify(self, notification: Notification, refresh: bool = True) -> None:
        """Forget a toast, and remove what held it: Textual leaves that, and it takes a row of the screen."""
        super()._unnotify(notification, refresh)
        for screen in self.screen_stack:
            screen.query(f"#{ToastRack._toast_id(notification)}").remove()

    def invite(self, text: str, about: str = "") -> None:
        """A toast in place of a screen that may not open by itself now; it stays until a line is typed to its end.

        Args:
            text: what can be opened, and by which key.
            about: as in `Notice`; it takes the place of the notice about the same thing.
        """
        self._replace(about)
        way = WAYS_OUT.get(self.monitor.mode, "") if self.screen is self.monitor else ""
        self.notify(text + way, severity="warning", timeout=INVITE_SECONDS, markup=False)

    def _replace(self, about: str) -> None:
        """What was said about the same thing is said no longer."""
        for old in [toast for toast in self._notifications if about and self._about.get(toast.message) == about]:
            self._unnotify(old)

    def make_room(self) -> None:
        """A screen opens: take away the toasts that would lie over it; not invitations, and not alarms just raised."""
        now = time.monotonic()
        for old in list(self._notifications):
            said = self._said.get((old.title, old.message), float("-inf"))
            alarm = old.severity != "information" and now - said < READ_SECONDS
            if not alarm and old.timeout != INVITE_SECONDS:
                self._unnotify(old, refresh=False)

    def withdraw(self, *texts: str) -> None:
        """Take away the toasts that say just these texts: the screen that opens now says it itself."""
        said = {short_paths(plain(text[:MAX_NOTICE]) + way) for text in texts for way in ("", *WAYS_OUT.values())}
        for old in [toast for toast in self._notifications if toast.message.partition(LEADS_BY)[0] in said]:
            self._unnotify(old)

    def toast(self, notice: Notice) -> None:
        """Show a notice with the key that leads on, on whatever screen is up; never as markup."""
        text = plain(notice.text[:MAX_NOTICE])
        self._replace(notice.about if notice.about in STATES else "")
        action = actions.BY_ID.get(LEADS.get(notice.about, ""))
        well = notice.about in STATES and notice.severity is Severity.INFO  # nothing has to be done about it
        if action is not None and self.screen is self.monitor and not well:
            key = actions.to_press(action.id, self.monitor.mode, self.chosen_keys)
            text += f"{LEADS_BY}{key} {action.label}" if key else ""
        self._about = {
            **{toast.message: self._about.get(toast.message, "") for toast in self._notifications},
            short_paths(text): notice.about,
        }
        self.notify(text, title=plain(notice.title), severity=notice.severity.value, markup=False)
