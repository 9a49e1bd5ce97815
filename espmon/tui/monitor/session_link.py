"""Between the session's thread and the screen's loop: work goes down, changes come up, at most a frame at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from espmon.session.runner import LoopThread
from espmon.session.sent import SentBy
from espmon.session.status import (
    Change,
    DecorationsChanged,
    EventAdded,
    EventEntry,
    LinesAppended,
    Notice,
    Severity,
    Status,
    StatusChanged,
    TailChanged,
)
from espmon.tui.monitor.session_interface import OutgoingLike, SessionLike
from espmon.tui.monitor.told_events import ToldEvents

Result = TypeVar("Result")

FRAME_SECONDS = 1 / 30
"""Shortest time between two repaints, in seconds."""

CALM_FRAME_SECONDS = 1 / 15
"""The same while less than `CALM_RATE` arrives: nobody reads faster, and frames cost the same however little is new."""

HIDDEN_FRAME_SECONDS = 1 / 4
"""The same while another board is looked at."""

CALM_RATE = 40_000
"""Bytes a second."""

KEY_SECONDS = 0.004
"""Longest time that this loop steps aside for a key of raw mode."""

MAX_QUEUE = 50_000
"""Most changes kept for a screen that does not look; older ones go (the session's own lists stay complete)."""


@dataclass(slots=True)
class PendingChanges:
    """What changed since the last frame."""

    lines: bool = False
    status: Status | None = None
    statuses: list[Status] = field(default_factory=list)
    """Every status in order, for those who follow transitions."""

    events: list[EventEntry] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    decorations: list[int] = field(default_factory=list)


class SessionLink:
    """One session as the screen sees it.

    Args:
        runner: the session's thread.
        session: the session.
        deliver: called on the screen's loop with what changed.
        busy: whether the terminal still has to take the last frame.
    """

    def __init__(
        self,
        runner: LoopThread,
        session: SessionLike,
        deliver: Callable[[PendingChanges], None],
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self.session = session
        self._runner = runner
        self._deliver = deliver
        self._busy = busy
        self._queue: deque[Change] = deque(maxlen=MAX_QUEUE)
        self._lines = False
        self._awake = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self.frames = 0
        """Frames delivered so far."""

        self.lively = False
        """Somebody looks at every frame: what is calm is shown as fast as what is not."""

        self.told = ToldEvents()
        """The crashes and resets that were told, each time."""

        self.hidden = False
        """Another board is looked at."""

    def start(self) -> None:
        """Begin to listen. Call on the screen's loop."""
        self._loop = asyncio.get_running_loop()
        self._unsubscribe = self.session.subscribe(self._listen)
        self.told.begin(self.session.events)

    def attach(self, session: SessionLike) -> None:
        """Take this session, now that it has been made."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        self.session = session
        self._unsubscribe = session.subscribe(self._listen)
        self.told.begin(session.events)

    def hide(self, hidden: bool) -> None:
        """Another board is looked at from now on, or this one is: then what waits is delivered at once."""
        self.hidden, loop = hidden, self._loop
        if loop is not None and not hidden:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_later(0, self._flush)

    def on_screen(self, work: Callable[[], None]) -> None:
        """Do something soon on the screen's loop, if it still runs. May be called from any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(work)

    def stop(self) -> None:
        """Stop listening."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self._timer is not None:
            self._timer.cancel()
        self._loop = None

    # -- changes come up ----------------------------------------------------------------------------------------

    def _listen(self, change: Change) -> None:
        """On the session's thread: remember, and wake the screen once."""
        if isinstance(change, LinesAppended | TailChanged):
            self._lines = True
        else:
            self._queue.append(change)
        if not self._awake:
            self._awake = True
            loop = self._loop
            if loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(self._plan)

    def _plan(self) -> None:
        loop = self._loop
        if loop is not None:
            self._timer = loop.call_at(max(loop.time(), self._next), self._flush)

    def _flush(self) -> None:
        loop = self._loop
        if loop is None:
            return
        now = loop.time()
        calm = self.session.status.rate < CALM_RATE and not self.lively
        if self._busy():
            # A slow terminal: queueing another frame would block this loop, and with it the keys.
            self._timer = loop.call_later(FRAME_SECONDS, self._flush)
            return
        period = HIDDEN_FRAME_SECONDS if self.hidden else CALM_FRAME_SECONDS if calm else FRAME_SECONDS
        # From the time that was meant, not from the late one: the timer's lateness must not add up.
        self._next = max(self._next + period, now)
        self._awake = False
        changes = self._collect()
        self.frames += 1
        self._deliver(changes)

    def _collect(self) -> PendingChanges:
        changes = PendingChanges(lines=self._lines)
        self._lines = False
        queue = self._queue
        while queue:
            change = queue.popleft()
            if isinstance(change, StatusChanged):
                changes.statuses.append(change.status)
                changes.status = change.status
            elif isinstance(change, EventAdded):
                changes.events.append(change.entry)
                self.told.add(change.entry)
            elif isinstance(change, Notice):
                changes.notices.append(change)
            elif isinstance(change, DecorationsChanged):
                changes.decorations.extend(change.lines)
        return changes

    # -- work goes down -----------------------------------------------------------------------------------------

    def ask(self, work: Coroutine[object, None, object]) -> Future[object]:
        """Run a method of the session on its thread; what goes wrong becomes a notice."""
        future = self._runner.submit(work)
        future.add_done_callback(self._answered)
        return future

    def call_off(self) -> None:
        """Begin to close the session at once, whatever the screen is at. May be called from any thread."""
        with suppress(RuntimeError):  # its loop has ended: there is nothing to close
            self._runner.submit(self.session.close())

    async def run(self, work: Coroutine[object, None, Result]) -> Result:
        """Run a method of the session on its thread; the answer, or what it raised, comes back here."""
        return await self._runner.run(work)

    def call(self, function: Callable[[], object]) -> None:
        """Call a plain function of the session soon, on its thread."""
        self._runner.call(function)

    def on_outgoing(self, work: Callable[[OutgoingLike], object]) -> None:
        """Do something about what is sent, on the session's thread; without a session there is nothing to do."""

        async def act() -> None:
            work(self.session.outgoing)

        self.ask(act())

    def _answered(self, future: Future[object]) -> None:
        if future.cancelled():
            return
        if (error := future.exception()) is not None:
            self._listen(Notice(str(error) or type(error).__name__, Severity.ERROR))

    def send(self, data: bytes, by: SentBy = SentBy.LINE) -> None:
        """Send what the user typed."""
        self.ask(self.session.send(data, by))

    def send_key(self, data: bytes) -> None:
        """Send a key that the board echoes, before anything else: this thread steps aside until it is on its way.

        Without that each thing that the session's thread does for the key (wake, take it, write it) waits for its turn
        at the interpreter, beside a log of 1 MB/s some 5 ms together.
        """
        wait([self.ask(self.session.send(data, SentBy.KEYS))], KEY_SECONDS)

    def answer_queries(self, on: bool) -> None:
        """Let the session answer what a board's console asks, or not: an emulator on the screen does."""
        switch = getattr(self.session, "answer_queries", None)
        if switch is not None:
            self.call(lambda: switch(on))

    def decoration(self, line: int) -> Sequence[str]:
        """Source locations for addresses in a line."""
        find = getattr(self.session, "decoration", None)
        return () if find is None else tuple(find(line))
