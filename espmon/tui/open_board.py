"""One board that is open: its session, the parts that ask and show for it, and what came while nobody looked at it."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from espmon.session.state import State
from espmon.session.status import MAX_EVENTS, EventEntry, OpenRequest, Status
from espmon.tui.builds import BuildWatch
from espmon.tui.debug_dialogs import DebugDialogs
from espmon.tui.flash_dialogs import Flashing
from espmon.tui.log.level_index import LevelIndex
from espmon.tui.questions import Questions
from espmon.tui.recording_actions import RecordingActions
from espmon.tui.routes import Router
from espmon.tui.sending_dialogs import SendingDialogs
from espmon.tui.session_switch import SessionSwitch
from espmon.tui.sharing_dialogs import SharingDialogs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from espmon.tui.artifact_dialogs import Artifacts
    from espmon.tui.flash_panel_dialogs import FlashPanel
    from espmon.tui.host import Host
    from espmon.tui.leaving import Leaving
    from espmon.tui.monitor.session_interface import SessionLike
    from espmon.tui.monitor.session_link import PendingChanges, SessionLink

COUNTING_SECONDS = 0.004
"""Time for counting the errors of a board that nobody looks at, a few times a second."""

MAX_TRANSITIONS = 1_000
"""Most changes of state that are kept of a board that nobody looks at."""


class OpenBoard:
    """A board of the screen. Its parts ask and open screens only while it is the one that is looked at.

    Args:
        app: the app.
        leaving: leads the user out; no screen may open over its question.
        link: the session.
        request: what is opened; None: nothing is yet.
        number: which of all boards it is that were ever open, from 0: its colour, its place in a
            timeline, and its stack of screens.
        show: shows another session in place of this board's.
    """

    def __init__(
        self,
        app: Host,
        leaving: Leaving,
        link: SessionLink,
        request: OpenRequest | None,
        number: int,
        show: Callable[[SessionLike], None],
    ) -> None:
        self._app = app
        self._leaving = leaving
        self.link = link
        self.request = request
        """What was opened last, or is to be opened."""

        self.mode = f"board-{number}"
        """The toolkit's name for its stack of screens."""

        self.number = number
        self.recorded: Path | None = None
        """Where the newest recording lies, also after it has ended."""

        switch = SessionSwitch(app, show, lambda reason: self.router.show_picker(error=reason))
        self.played = RecordingActions(app, switch)
        self.router = Router(app, self.played)
        self.questions = Questions(app)
        self.sending = SendingDialogs(app)
        self.sharing = SharingDialogs(app, switch)
        self.stub = DebugDialogs(app, self.questions.show_ide_screen)
        self.flashing = Flashing(app, lambda entry: self.artifacts.show(entry))
        self.builds = BuildWatch(app)
        self._artifacts: Artifacts | None = None
        self._flash_panel: FlashPanel | None = None
        self._statuses: deque[Status] = deque(maxlen=MAX_TRANSITIONS)
        self._entries: dict[int, EventEntry] = {}
        self._levels: LevelIndex | None = None
        self._seen = (0, 0)
        """Lines and crashes when it was looked at last."""

    @property
    def status(self) -> Status:
        """The session's status."""
        return self.link.session.status

    @property
    def name(self) -> str:
        """What the board is called; of two of the same name, with the port."""
        own, port = self._own_name, short_port(self.status.url)
        same = [board for board in self._app.boards if isinstance(board, OpenBoard) and board._own_name == own]
        return f"{own} {port}" if len(same) > 1 and port and port != own else own

    @property
    def _own_name(self) -> str:
        status = self.status
        url = status.url or ("" if self.request is None else self.request.url)
        return short_port(url) if status.name in ("", url) else status.name

    @property
    def artifacts(self) -> Artifacts:
        """Shows what events hold. Made for the first event: by then the session has loaded what it needs of records."""
        if self._artifacts is None:
            from espmon.tui.artifact_dialogs import Artifacts

            self._artifacts = Artifacts(self._app, self.questions.ask_elf, self.stub.offer)
        return self._artifacts

    @property
    def flash_panel(self) -> FlashPanel:
        """What leads through the flash of a board. Imported when it is first asked for."""
        if self._flash_panel is None:
            from espmon.tui.flash_panel_dialogs import FlashPanel

            self._flash_panel = FlashPanel(self._app)
        return self._flash_panel

    @flash_panel.setter
    def flash_panel(self, panel: FlashPanel) -> None:
        self._flash_panel = panel

    async def bring_back(self) -> str:
        """End a text that is being sent, or a debug lease; see `BoardLike`."""
        if self.status.sending is not None:
            return await self.link.run(self.link.session.outgoing.end())
        return await self.stub.end(self.link) if self.status.lease == "gdb" else ""

    def begin_anew(self) -> None:
        """Another session shows all that the one before did: what is known of its events is learned from that one."""
        self._artifacts = None
        for entry in self.link.session.events:
            self.artifacts.follow_entry(entry)

    # -- while it is looked at ----------------------------------------------------------------------------------

    def follow(self, changes: PendingChanges) -> None:
        """Ask and show what these changes ask for."""
        leaving = self._leaving
        for status in changes.statuses:
            self._remember(status)
            if status.state is State.CLOSED:
                leaving.not_over_the_question(partial(self.router.follow, status))
            else:
                self.router.follow(status)
            if self._artifacts is not None:
                self._artifacts.follow_status(status)
            self.flashing.follow(status)
            if self._flash_panel is not None:
                self._flash_panel.follow(status)
            self.sending.follow(status)
            self.stub.follow_status(status)
            self.questions.follow_status(status)
            self.sharing.follow_status(status)
            self.builds.follow_status(status)
        for entry in changes.events:
            self.artifacts.follow_entry(entry)
            self.builds.follow_entry(entry)
            self.flashing.follow_entry(entry)

    def _remember(self, status: Status) -> None:
        self.recorded = status.recording or self.recorded

    # -- while another one is -----------------------------------------------------------------------------------

    def keep(self, changes: PendingChanges) -> None:
        """Keep what these changes ask for until somebody looks: of its statuses those that are unlike the one before,
        of an event what was known of it last."""
        for status in changes.statuses:
            self._remember(status)
            if self._statuses and _alike(self._statuses[-1], status):
                self._statuses.pop()
            self._statuses.append(status)
        for entry in changes.events:
            self._entries.pop(entry.id, None)
            self._entries[entry.id] = entry
            if len(self._entries) > MAX_EVENTS:
                del self._entries[next(iter(self._entries))]

    def begin_counting(self) -> None:
        """Nobody looks at it from now on: what goes wrong is counted."""
        store = self.link.session.store
        self._seen = store.rows_end, self.status.crashes
        self._levels = LevelIndex(store)
        self._levels.next = store.rows_end

    def count(self) -> None:
        """Count the errors that came, as far as there is time."""
        if self._levels is not None:
            self._levels.read(COUNTING_SECONDS)

    @property
    def unread(self) -> str:
        """Crashes and errors since it was looked at, in a few cells; "" where there were none."""
        lines, crashes = self._seen
        errors = 0 if self._levels is None else self._levels.since(lines)[0]
        new = self.status.crashes - crashes
        return " ".join(f"{sign}{count}" for sign, count in (("✖", new), ("E", errors)) if count > 0)

    def kept(self) -> tuple[list[Status], list[EventEntry]]:
        """What was kept, and no more from now on."""
        statuses, entries = list(self._statuses), list(self._entries.values())
        self._statuses.clear()
        self._entries.clear()
        return statuses, entries


def short_port(url: str) -> str:
    """A port's name or address without what most have in common."""
    return url.rpartition("://")[2].removeprefix("/dev/")


def _alike(one: Status, other: Status) -> bool:
    """Whether nothing opens or closes between two statuses."""
    return (one.state, one.lease, one.activity, one.elf) == (other.state, other.lease, other.activity, other.elf)
