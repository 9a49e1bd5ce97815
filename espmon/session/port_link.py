"""The open port of a session: who reads it, what was received, and how the handle changes hands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from espmon.port import Handle, PortError, PortErrorKind
from espmon.session.gathering import FOR_FRAMES, Gatherer
from espmon.session.lease import PIPELINE, Lease, Wire
from espmon.session.pipeline import Pipeline
from espmon.session.recorder import Recorder
from espmon.session.tasks import stop_tasks

REST_SECONDS = 0.2
"""Longest time for reading what came before the port is let go."""

DISK_SECONDS = 5.0
"""Time for which a disk that takes nothing may hold up a sender."""

DISK_POLL_SECONDS = 0.02
"""Seconds between two looks at a disk that is behind."""

MAX_LEASED_BYTES = 512 << 10
"""Bytes of a lease held back until it is known which of them are log; older ones become a `raw` record."""


class PortLoss(Protocol):
    """Who does what is to be done when the port is gone."""

    def lose(self, error: PortError) -> None:
        """The port is gone. Returns at once."""

    async def lost(self, error: PortError) -> None:
        """The same, and waits until the port is closed."""


class Link:
    """Reads the port into the pipeline, except while a lease is out.

    Args:
        pipeline: where bytes go.
        recorder: where they are recorded, whoever reads them.
        clock: host time in seconds since the epoch.
        loss: told, from no task of the link's, when reading found the port gone.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        recorder: Recorder,
        clock: Callable[[], float],
        loss: PortLoss,
    ) -> None:
        self._pipeline = pipeline
        self._recorder = recorder
        self._clock = clock
        self._loss = loss
        self._wire: Wire | None = None
        self._gone = False
        self._pump: asyncio.Task[None] | None = None
        self._leased = bytearray()
        self.before_read: Callable[[], Awaitable[None]] | None = None
        """Awaited before each read of the pipeline's: who prints what comes holds the port up until it has room."""

        self.taps: list[Callable[[str, bytes], None]] = []
        """Called with (owner, bytes) for everything received, beside the recording; each returns at once."""

        self.gathering = FOR_FRAMES
        """Before the port is attached: another for who waits for a line rather than for a frame."""

        self.received = 0
        """Bytes received since the session began, leases included."""

    @property
    def attached(self) -> Handle | None:
        """The open handle, None when there is none."""
        return None if self._wire is None else self._wire.handle

    @property
    def handle(self) -> Handle:
        """The open handle. Raises `PortError` LOST when there is none."""
        if self._wire is None:
            raise PortError(PortErrorKind.LOST, "The port is not open")
        return self._wire.handle

    def attach(self, handle: Handle) -> None:
        """Use a freshly opened handle; the pipeline reads it from now on."""
        self._wire, self._gone = Wire(handle, self._tap), False
        # Opening may have reset the board, and so may have whoever had its port or its plug before.
        self._pipeline.restarted()
        self._start()

    async def detach(self) -> None:
        """Stop reading and close the handle; what the pipeline held back is finished."""
        await stop_tasks(self._pump)
        self._pump = None
        await self._take_rest()
        self._pipeline.flush(self._clock())
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.handle.close()

    async def _take_rest(self) -> None:
        """What was received before the port is let go, and nobody has read yet."""
        wire = self._wire
        if wire is None or wire.holder is not None or self._gone:
            return
        lease = wire.lease(PIPELINE)
        end = time.monotonic() + REST_SECONDS
        try:
            while time.monotonic() < end and (data := await lease.read(timeout=0)):
                self._pipeline.feed(data, self._clock())
        except PortError:
            return  # the port is gone, and everything that came before is read
        finally:
            lease.release()

    def _tap(self, owner: str, data: bytes) -> None:
        self.received += len(data)
        self._recorder.raw(data, owner)
        for tap in self.taps:
            tap(owner, data)
        if owner != PIPELINE:
            self._leased += data
            if len(self._leased) > MAX_LEASED_BYTES:
                older = bytes(self._leased[: MAX_LEASED_BYTES // 2])
                del self._leased[: MAX_LEASED_BYTES // 2]
                self._pipeline.raw(older, owner, self._clock())

    def _start(self) -> None:
        assert self._wire is not None
        self._pump = asyncio.create_task(self._read(self._wire), name="espmon-pump")
        self._pump.add_done_callback(self._ended)

    def _ended(self, pump: asyncio.Task[None]) -> None:
        """Reading has ended. By a defect of espmon's: that is told, and the port opened again, not left unread."""
        if pump.cancelled() or (error := pump.exception()) is None:
            return
        asyncio.get_running_loop().call_exception_handler({"message": "reading the port failed", "exception": error})
        self._gone = True
        self._loss.lose(PortError(PortErrorKind.LOST, f"Internal error while reading: {error!r}"))

    async def _read(self, wire: Wire) -> None:
        pipeline, clock = self._pipeline, self._clock
        gatherer = Gatherer(self.gathering)
        lease = wire.lease(PIPELINE)  # here, so that a task cancelled before its first step holds nothing
        try:
            while True:
                if wire.handle.remote:
                    await self._wait_for_disk()
                if self.before_read is not None:
                    await self.before_read()
                data = await lease.read(timeout=pipeline.wait(clock()))
                now = clock()
                if data:
                    pipeline.feed(data, now)
                    if wait := gatherer.seconds_after(len(data), now):
                        await lease.gather(wait)
                else:
                    pipeline.tick(now)
        except PortError as error:
            self._gone = True
            asyncio.get_running_loop().call_soon(self._loss.lose, error)
        finally:
            lease.release()

    async def _wait_for_disk(self) -> None:
        """Let a sender that can wait do so while the disk is behind: what is not read is not sent.

        A disk that takes nothing at all is not waited for any longer than `DISK_SECONDS`: the log goes on.
        """
        while (recording := self._recorder.behind) is not None:
            if time.monotonic() - recording.progress > DISK_SECONDS:
                return
            await asyncio.sleep(DISK_POLL_SECONDS)

    async def borrow(self, owner: str) -> Lease:
        """Take the handle away from the pipeline. End it with `give_back` or `forfeit`."""
        await stop_tasks(self._pump)
        if self._wire is None:
            raise PortError(PortErrorKind.LOST, "The port is not open")
        self._leased.clear()
        self._pipeline.raw(b"", owner, self._clock())
        return self._wire.lease(owner)

    def forfeit(self, lease: Lease) -> None:
        """End a lease without reading on (the port will be closed)."""
        lease.release()
        self._pipeline.raw(bytes(self._leased), lease.owner, self._clock())
        self._leased.clear()

    def give_back(self, lease: Lease, pushback: bytes = b"") -> None:
        """Return the handle to the pipeline; `pushback` is the tail of what the lease read that is log after all."""
        now = self._clock()
        lease.release()
        self._pipeline.raw(bytes(self._leased[: len(self._leased) - len(pushback)]), lease.owner, now)
        self._leased.clear()
        self._pipeline.restarted()
        if pushback:
            self._pipeline.feed(pushback, now)
        self._start()
