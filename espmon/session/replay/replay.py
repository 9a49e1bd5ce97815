"""A recording as a session: at once its end where it is large, and all of it once it was read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from espmon.port import Handle, PortIdentity
from espmon.records.demux import Demultiplexer
from espmon.session.connection import PortAccess
from espmon.session.file_system import reason
from espmon.session.pace import Goal
from espmon.session.replay.file_store import FileStore
from espmon.session.replay.goal_watch import GoalWatch
from espmon.session.replay.index_rebuild import IndexRebuild
from espmon.session.replay.moment import Moment
from espmon.session.replay.recorded_session import RecordedSession
from espmon.session.replay.replay_clock import ReplayClock
from espmon.session.replay.replay_handle import ReplayHandle
from espmon.session.replay.replay_source import Source
from espmon.session.replay.replayed_events import remark, replay_event
from espmon.session.replayed import Replayed
from espmon.session.session import Session
from espmon.session.settings import Settings, limits_of
from espmon.session.status import OpenRequest, ReplayState, Severity
from espmon.session.watched_strings import WATCHED
from espmon.time_limit import time_limit

TAIL_FROM = 16 << 20
"""Bytes of a file from which on its end is shown before the rest was read."""

TAIL_BYTES = 2 << 20
"""Bytes of that end."""

TOLD_SECONDS = 0.25
"""Time between two looks at how far it is."""


@dataclass(frozen=True, slots=True)
class ReplayWish:
    """How a recording is to be replayed."""

    speed: float | None = None
    """Times real time; None: as fast as possible."""

    follow: bool = False
    start: bool = False
    """Show its beginning first."""


class Replay:
    """Makes the sessions that show a recording. Belongs to the session's thread, unless a method says otherwise.

    Args:
        source: the recording.
        wish: how it is to be replayed.
    """

    def __init__(self, source: Source, wish: ReplayWish) -> None:
        self._source = source
        self._wish = wish
        self._whole: Callable[[Session], None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._full: Player | None = None

    @property
    def first_state(self) -> ReplayState:
        """How far it is before it has begun. From any thread."""
        return ReplayState(self._source.kind, total=self._source.size, speed=self._wish.speed)

    def begin(self, settings: Settings, whole: Callable[[Session], None] | None = None) -> Session:
        """Make the session to show first; it reads when it is opened.

        Args:
            settings: the user's settings.
            whole: called on the session's thread with the session that shows all of it, where the first one shows
                its end. None: the first one shows all.
        """
        wish, self._whole, settings = self._wish, whole, passive(settings)
        early = whole is None or wish.start or wish.follow or wish.speed is not None
        tail = None if early or self._source.size < TAIL_FROM else self._source.tail(TAIL_BYTES)
        self._full = Player(self._source, settings, wish)
        if tail is None:
            return self._full.session
        shown = Player(tail, settings, wish)
        shown.begun = lambda: self._tasks.append(asyncio.create_task(self._read_all(shown), name="espmon-index"))
        shown.ended = self._stop
        shown.of_tail = True
        return shown.session

    async def read(self) -> None:
        """Wait until all of it was read; its session is open."""
        if self._full is not None:
            await self._full.read()

    def set_speed(self, speed: float | None) -> None:
        """Go on at this speed."""
        if self._full is not None:
            self._full.set_speed(speed)

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _read_all(self, shown: Player) -> None:
        """Read everything while the end is shown, then hand over."""
        full = self._full
        assert full is not None
        assert self._whole is not None
        await full.session.open(OpenRequest(str(self._source.path), name=self._source.name))
        while not full.finished:
            await asyncio.sleep(TOLD_SECONDS)
            show_replay(shown.session, replace(full.state, tail=True, finished=False))
        if shown.session.status.elf is not None:
            await full.session.set_elf((shown.session.status.elf,))
        shown.ended = lambda: None
        self._whole(full.session)
        await shown.session.close()


class Player:
    """One session over one source.

    Args:
        source: what it reads.
        settings: see `passive`.
        wish: how it is to be replayed.

    Attributes:
        begun: called when the source was opened.
        ended: called when it is closed.
        of_tail: somebody else tells how far the rest is.
    """

    def __init__(self, source: Source, settings: Settings, wish: ReplayWish) -> None:
        self._source = source
        self._wish = wish
        self._handle: ReplayHandle | None = None
        self._following = False
        self._watch: GoalWatch | None = None
        self.begun: Callable[[], None] = lambda: None
        self.ended: Callable[[], None] = lambda: None
        self.of_tail = False
        self.clock = ReplayClock(source.start)
        limits = limits_of(settings)
        store = FileStore(
            source.backing, limits.line, settings.store_bytes, self.clock.wall, cr_overwrites=settings.cr_overwrites
        )
        demux = Demultiplexer(limits, begin=source.begin, watched=WATCHED)
        told = isinstance(source, RecordedSession)
        access = PortAccess(
            opener=self._open,
            identifier=PortIdentity,
            resolver=lambda name: name,
            remember=lambda identity, chip, mac: None,
        )
        parts = Replayed(store, demux, told)
        self.session = Session(settings=settings, access=access, clock=self.clock, replayed=parts)
        self.session.answers.on = False
        self.session.pace = self
        pipeline = self.session.pipeline
        pipeline.timed, pipeline.quiet = source.timed, wish.speed is None
        pipeline.watches_rate = not told
        self._index: IndexRebuild | None = None
        if isinstance(source, RecordedSession) and not source.begin and source.without_index:
            self._index = IndexRebuild(source.path, self.clock)
            pipeline.sinks.append(self._index.take)

    @property
    def finished(self) -> bool:
        """Whether everything was read."""
        return self._handle is not None and self._handle.finished.is_set()

    async def read(self) -> None:
        """Wait until everything was read."""
        if self._handle is not None:
            await self._handle.finished.wait()

    @property
    def state(self) -> ReplayState:
        """How far it is."""
        source = self._source
        follows = self._wish.follow
        return ReplayState(
            source.kind,
            source.done,
            source.size,
            self.finished,
            speed=self.speed,
            following=follows,
            paused=self.paused,
        )

    async def _open(self, url: str, *, baud: int, no_reset: bool) -> Handle:
        self._handle = ReplayHandle(self._source, self.clock, self._happened, speed=self._wish.speed)
        show_replay(self.session, replace(self.state, tail=self.of_tail, finished=False))
        watch = asyncio.create_task(self._tell(), name="espmon-replay")

        def closed() -> None:
            watch.cancel()
            self.ended()

        self._handle.closed = closed
        self.begun()
        return self._handle

    async def _tell(self) -> None:
        """Publish how far it is, until it is finished; then see to the index."""
        assert self._handle is not None
        while not (self.finished or self.of_tail):
            with suppress(TimeoutError):
                async with time_limit(TOLD_SECONDS):
                    await self._handle.finished.wait()
            show_replay(self.session, self.state)
        if self._index is not None:
            try:
                await asyncio.to_thread(self._index.write)
            except OSError as error:
                self.session.notify(f"The session's index is not kept: {reason(error)}")

    def _happened(self, moment: Moment) -> None:
        pipeline, now = self.session.pipeline, self.clock()
        if moment.lease:
            pipeline.raw(moment.data, moment.lease, now)
        elif moment.event is not None:
            replay_event(moment.event, pipeline, now)
        elif not self._wish.follow:
            pipeline.flush(now)
            self._miss()
        elif not self._following:
            self._following = True
            if pipeline.timed is False and pipeline.demux.offset:
                remark(f"all that {self._source.name} held; what comes now is new", pipeline, now)
            pipeline.timed, pipeline.quiet = True, False

    # -- its pace, see `Pace` -----------------------------------------------------------------------------------

    @property
    def speed(self) -> float | None:
        """Times real time; None: as fast as possible."""
        return self._wish.speed if self._handle is None else self._handle.speed

    @property
    def paused(self) -> bool:
        """Whether nothing is played now."""
        return self._handle is not None and self._handle.paused

    @property
    def timed(self) -> bool:
        """Whether it is known when its bytes came."""
        return self._source.timed

    def set_speed(self, speed: float | None) -> None:
        """Go on at this speed."""
        if self._handle is not None:
            self._handle.speed = speed
            self._handle.pause(False)
            show_replay(self.session, self.state)

    def pause(self, paused: bool) -> None:
        """Hold still, or go on."""
        if self._handle is not None:
            self._handle.pause(paused)
            show_replay(self.session, self.state)

    def skip(self, seconds: float) -> None:
        """Play so much at once, then go on as before."""
        if self._handle is not None:
            self._handle.skip(seconds)

    def seek(self, goal: Goal) -> None:
        """Play at once up to there, then go on as before."""
        if self._handle is None or self.finished:
            return
        if self._watch is not None:
            self._watch.stop()
        self._watch = GoalWatch(goal, self.session)
        self._handle.seek(self._watch)

    def _miss(self) -> None:
        """Everything was read: what is still waited for does not come."""
        if self._watch is not None and not self._watch():
            self._watch.stop()
            self.session.notify(f"{self._source.name} ends before {self._watch.goal}", Severity.WARNING)
        self._watch = None


def show_replay(session: Session, replay: ReplayState) -> None:
    """Tell on this session how far a replay is."""
    session.publish(replace(session.status, replay=replay))


def passive(settings: Settings) -> Settings:
    """Settings under which nothing is written down or sent."""
    return replace(
        settings,
        recording=False,
        reconnect=False,
        replies=(),
        answer_queries=False,
        ask_capabilities=False,
        answer_coredump_prompt=False,
    )


def request_of(path: Path, source: Source, elf: tuple[Path, ...] = ()) -> OpenRequest:
    """How the session of a recording is opened."""
    return OpenRequest(str(path), name=source.name, elf=elf)
