"""A source in place of a port: what was received then comes out of `read` again, at the pace that is wished."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from espmon.port import Handle, PortError, PortErrorKind, ResetSequence
from espmon.session.replay.moment import Moment, SourceError
from espmon.session.replay.replay_clock import ReplayClock
from espmon.session.replay.replay_source import PORTION, Source

TICK_SECONDS = 1e-3
"""Shortest time that passes; a clock that stands at a billion seconds does not take nanoseconds."""

NOTHING_NOW = Moment()
"""What a file that is followed gives while it does not grow."""

BATCH = 64
"""Moments that are taken from the source at once, on a thread."""

STEP_SECONDS = 0.1
"""Longest sleep until it is looked at whether the pace has changed."""

FOLLOW_SECONDS = 0.2
"""Time between two looks at a file that may have grown."""

READS_A_TURN = 20
"""Reads after which others on the loop get a turn."""


class ReplayHandle(Handle):
    """Reads a source. Nothing can be sent to it.

    Args:
        source: what was recorded.
        clock: is moved as the replay goes on.
        happened: gets what is no log text: events, and bytes that a lease read; called between two reads. A moment
            with nothing in it says that everything that is there was read.
        speed: times real time; None: as fast as possible.

    Attributes:
        speed: may be changed at any time.
        until: up to this time of the recording's clock it is played at once, None: as `speed` says.
        finished: everything was read.
        closed: called when it is closed.
    """

    def __init__(
        self, source: Source, clock: ReplayClock, happened: Callable[[Moment], None], *, speed: float | None = None
    ) -> None:
        self.url = str(source.path)
        self.baud = 115200
        self.usb = None
        self.remote = False
        self.has_rate = False
        self.recorded = True
        self.has_modem_lines = False
        self.atomic_lines = False
        self.speed = speed
        self.until: float | None = None
        self._reached: Callable[[], bool] | None = None
        self._holds_then = False
        self._going = asyncio.Event()
        self._going.set()
        self.finished = asyncio.Event()
        self.closed: Callable[[], None] = lambda: None
        self._source = source
        self._clock = clock
        self._happened = happened
        self._moments: Iterator[Moment] = source.moments()
        self._queue: deque[Moment] = deque()
        self._ended = False
        self._closed = asyncio.Event()
        self._reads = 0
        self._reading: asyncio.Future[list[Moment]] | None = None
        self._start = clock.now

    async def read(self, timeout: float | None = None) -> bytes:
        """The next bytes; b"" when `timeout` seconds of the recording passed without any."""
        while True:
            await self._going.wait()
            if self._closed.is_set():
                raise PortError(PortErrorKind.LOST, "the recording was closed")
            if not self._queue and not self._ended:
                await self._refill()
            if not self._queue:
                return await self._rest(timeout)
            moment = self._queue[0]
            if not await self._reach(moment, timeout):
                return b""
            self._queue.popleft()
            if moment.wall is not None:
                self._learn(moment)
            if moment.event is not None or moment.lease:
                self._happened(moment)
            elif moment.data:
                self.finished.clear()
                return await self._together(moment)
            elif moment.wall is None:
                return await self._caught_up(timeout)

    @property
    def paused(self) -> bool:
        """Whether nothing is given out now."""
        return not self._going.is_set()

    def pause(self, paused: bool) -> None:
        """Hold still, or go on."""
        if paused:
            self._going.clear()
        else:
            self._going.set()

    def skip(self, seconds: float) -> None:
        """Let so much of the recording's time pass at once."""
        self.until = max(self.until or 0.0, self._clock.now) + seconds

    def seek(self, reached: Callable[[], bool]) -> None:
        """Play at once until `reached` says so, which is asked between two reads; then go on, or hold still, as now."""
        self._holds_then = self.paused
        self._reached = reached
        self._going.set()

    @property
    def seeking(self) -> bool:
        """Whether it still plays at once to somewhere."""
        if self._reached is not None and self._reached():
            self._reached = None
            self.pause(self._holds_then)
        return self._reached is not None

    def _learn(self, moment: Moment) -> None:
        assert moment.wall is not None
        if not self._start or not self._reads:
            self._start = moment.wall - (moment.m or 0.0)
            self._clock.begin(self._start)
        elif moment.m is not None:
            self._clock.learn_wall(self._start + moment.m, moment.wall)

    async def _refill(self) -> None:
        try:
            self._queue.extend(await self._in_thread(self._batch))
        except (OSError, SourceError) as error:
            text = getattr(error, "strerror", None) or str(error)
            self._queue.append(Moment(event={"event": "damaged", "text": f"cannot read on: {text}"}))
            self._ended = True
            return
        self._ended = not self._queue

    async def _in_thread(self, work: Callable[[], list[Moment]]) -> list[Moment]:
        """What `work` reads. One that was cancelled goes on: who asks next gets what it has read."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(self._reading)
        finally:
            if self._reading.done():
                self._reading = None

    def _batch(self) -> list[Moment]:
        """The next moments; none behind the one that says that there is nothing more now."""
        batch: list[Moment] = []
        for moment in islice(self._moments, BATCH):
            batch.append(moment)
            if moment == NOTHING_NOW:
                break
        return batch

    async def _reach(self, moment: Moment, timeout: float | None) -> bool:
        """Wait for the time of a moment; False when `timeout` is over before."""
        if moment.m is None:
            return True
        ahead = self._start + moment.m - self._clock.now
        step = ahead if timeout is None else min(ahead, timeout)
        while step > 0 and self.speed is not None and not self.seeking:
            await self._going.wait()
            if self.until is not None:
                gone = min(step, max(0.0, self.until - self._clock.now))
                step, ahead, timeout = step - gone, ahead - gone, None if timeout is None else timeout - gone
                self._clock.now += gone
                self.until = self.until if self.until > self._clock.now else None
                continue
            begun = time.monotonic()
            await asyncio.sleep(min(step / self.speed, STEP_SECONDS))
            speed = self.speed
            gone = step if speed is None else min(step, (time.monotonic() - begun) * speed)
            step, ahead, timeout = step - gone, ahead - gone, None if timeout is None else timeout - gone
            self._clock.now += gone
        if timeout is not None and ahead > max(timeout, 0.0):
            self._pass(timeout)
            await asyncio.sleep(0)
            return False
        self._clock.now = max(self._clock.now, self._start + moment.m)
        return True

    def _pass(self, seconds: float) -> None:
        """So much time of the recording goes by; never nothing, which a timer would wait for in vain."""
        self._clock.now += max(seconds, TICK_SECONDS)

    async def _together(self, moment: Moment) -> bytes:
        """The bytes of a moment, and those that came at the same time."""
        data, queue = moment.data, self._queue
        if queue and queue[0].m == moment.m and len(data) < PORTION:
            parts = [data]
            size = len(data)
            while queue and (next_one := queue[0]).data and not next_one.lease and next_one.m == moment.m:
                if size + len(next_one.data) > PORTION:
                    break
                parts.append(next_one.data)
                size += len(next_one.data)
                queue.popleft()
            data = b"".join(parts)
        self._reads += 1
        if self._reads % READS_A_TURN == 0 or len(data) >= PORTION // 4:
            await asyncio.sleep(0)
        return data

    async def _caught_up(self, timeout: float | None) -> bytes:
        """A file that is followed has nothing more now."""
        self._happened(Moment())
        self.finished.set()
        await asyncio.sleep(FOLLOW_SECONDS if timeout is None else min(timeout, FOLLOW_SECONDS))
        self._clock.now = time.time()
        return b""

    async def _rest(self, timeout: float | None) -> bytes:
        """Nothing comes any more: let pass what time is waited for, then wait to be closed."""
        if timeout is not None:
            self._pass(timeout)
            await asyncio.sleep(0)
            return b""
        if not self.finished.is_set():
            self._happened(Moment())
            self.finished.set()
        await self._closed.wait()
        raise PortError(PortErrorKind.LOST, "the recording was closed")

    async def gather(self, seconds: float) -> None:
        """What came together then comes together now."""

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        """Nobody would receive it."""
        raise PortError(PortErrorKind.UNSUPPORTED, "This is a recording: nothing can be sent")

    async def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """There are none."""
        raise PortError(PortErrorKind.UNSUPPORTED, "This is a recording: it has no lines")

    def loader_entries(self) -> Sequence[ResetSequence]:
        """There are no lines."""
        return ()

    def hard_reset_sequence(self) -> ResetSequence | None:
        """There are no lines."""
        return None

    async def set_baud(self, baud: int) -> None:
        """There is none."""

    async def close(self) -> None:
        """Let go of the files."""
        self._closed.set()
        self._going.set()
        self.closed()
        if self._reading is not None:
            await asyncio.wait([self._reading])
        await asyncio.to_thread(self._source.close)
