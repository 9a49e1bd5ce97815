"""The session of the program that holds a port, as others of the same user may look on at it, and write if they may.

Each viewer gets what the pipeline is fed, in its order, and makes the same records of it. What came before, and what a
slow viewer could not take in time, it reads from the recording: nothing here ever waits for a viewer.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from espmon.port.platform import listen_shared
from espmon.records.record import JsonObject
from espmon.session.clock import SessionClock
from espmon.session.pipeline import Pipeline
from espmon.session.recorder import Recorder
from espmon.session.reporter import Reporter
from espmon.session.sent import SentBy
from espmon.session.share_state import NOBODY, Grants, Sharing
from espmon.session.sharing.deeds import DEED_WORDS, SharedBoard, deed_of, do_deed
from espmon.session.sharing.outbox import Outbox
from espmon.session.sharing.share_place import share_address
from espmon.session.sharing.share_protocol import (
    MAX_PAYLOAD,
    VERSION,
    Kind,
    Message,
    Position,
    ShareError,
    check_version,
    encoded,
    read_message,
)
from espmon.session.status import Change, Severity, StatusChanged
from espmon.time_limit import time_limit

MAX_VIEWERS = 16

HELLO_SECONDS = 600.0
"""Longest time in which somebody decides whether to look on."""

DISK_SECONDS = 5.0
"""Longest wait for the disk to take what a viewer is to read from it."""

DISK_POLL_SECONDS = 0.01
"""Time between two looks whether it has."""

BYE_SECONDS = 0.5
"""Longest wait for viewers to take the last word."""

REFUSED = {
    Grants.WHEN_ALLOWED: "Writing was not allowed",
    Grants.NEVER: "Nobody else writes to this board: `espmon run` has it, and is judged by what it does itself",
}
"""Grants -> what who asked to write is told."""

Send = Callable[[bytes, SentBy], Awaitable[object]]
"""Sends bytes to the board, as the session's own user would."""


class Viewer:
    """One program that looks on.

    Args:
        name: who it is, in a few words.
        writer: the way to it.
    """

    def __init__(self, name: str, writer: asyncio.StreamWriter) -> None:
        self.name = name
        self.writer = writer
        self.outbox = Outbox()


class Share:
    """Belongs to the session's loop.

    Args:
        pipeline: what is looked at.
        recorder: where viewers read what came before.
        reporter: the session's voice.
        send: what is done with what a viewer writes.
        board: what else it may do something to.
        grants: whether whoever asks may write, or the user decides.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        recorder: Recorder,
        reporter: Reporter,
        send: Send,
        board: SharedBoard,
        grants: Grants,
    ) -> None:
        self._pipeline = pipeline
        self._recorder = recorder
        self._reporter = reporter
        self._clock: SessionClock = reporter.clock
        self._send = send
        self._board = board
        self._grants = grants
        self._viewers: list[Viewer] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._begin = self._ends = 0
        self._since = 0.0
        self._writer: Viewer | None = None
        self._asking: Viewer | None = None
        self._close: Callable[[], None] | None = None
        self._shown: tuple[object, ...] = ()

    async def begin(self, url: str) -> None:
        """Let others look on from now on; where that cannot be, nobody does."""
        await self.end("another port was opened")
        ends = self._ends
        self._begin = self._recorder.begin
        self._since = time.time()
        with suppress(OSError):
            listener = await listen_shared(await asyncio.to_thread(share_address, url), self._serve)
            if ends == self._ends:
                self._close = listener.close
            else:  # it was ended meanwhile
                listener.close()

    async def end(self, reason: str) -> None:
        """Send the viewers away, and let nobody in any more. Bounded."""
        self._ends += 1
        close, self._close = self._close, None
        if close is not None:
            close()
        self._pipeline.tap = None
        last = encoded(Kind.BYE, reason=reason)
        for viewer in self._viewers:
            with suppress(OSError, RuntimeError):
                if viewer.outbox.waiting == 0:
                    viewer.writer.write(last)
                viewer.writer.close()
        if self._connections:
            _, late = await asyncio.wait(self._connections, timeout=BYE_SECONDS)
            for task in late:
                task.cancel()
        self._viewers = []
        self._writer = self._asking = None
        self._publish()

    # -- who writes ---------------------------------------------------------------------------------------------

    def answer(self, agreed: bool) -> None:
        """The user's answer to who asks to write."""
        asking, self._asking = self._asking, None
        if asking is not None and agreed:
            self._writer = asking
            self._tell(f"{asking.name} writes to the board now")
        elif asking is not None:
            asking.outbox.put_notice(encoded(Kind.NOTICE, text=REFUSED[self._grants]))
        self._publish()

    def change(self) -> None:
        """The user of this side writes again."""
        if self._writer is not None:
            self._tell(f"{self._writer.name} writes no more")
        self._writer = None
        self._publish()

    def _tell(self, text: str) -> None:
        """Both sides see who writes: a line of the log, which the viewers get with all others, and a toast."""
        from espmon.session.session_events import SessionNote

        self._reporter.list_event(SessionNote(*self._reporter.here, text), self._reporter.mark(text))
        self._reporter.notify(text, Severity.WARNING)

    def _publish(self) -> None:
        name = {viewer: viewer.name for viewer in self._viewers}
        sharing = NOBODY
        if name:
            writer, asking = self._writer, self._asking
            sharing = Sharing(len(name), name[writer] if writer else "", name[asking] if asking else "")
        self._reporter.publish(replace(self._reporter.status, sharing=sharing))

    def listen(self, change: Change) -> None:
        """Tell the viewers what their headers show, where it has changed."""
        if not self._viewers or not isinstance(change, StatusChanged):
            return
        status = change.status
        shown = (status.name, status.state, status.reason, status.baud, status.waiting, status.sharing)
        if shown != self._shown:
            self._shown = shown
            for viewer in self._viewers:
                viewer.outbox.put_status(self._status(viewer))

    def _status(self, viewer: Viewer) -> bytes:
        status = self._reporter.status
        return encoded(
            Kind.STATUS,
            name=status.name,
            state=status.state.value,
            reason=status.reason,
            baud=status.baud,
            waiting=status.waiting,
            lines=status.has_modem_lines,
            writes=viewer is self._writer,
            asked=viewer is self._asking,
        )

    # -- what is told -------------------------------------------------------------------------------------------

    @property
    def position(self) -> Position:
        """Where the session is."""
        recording = self._recorder.recording
        missing, sidecar = (0, 0) if recording is None else recording.ends
        offset = self._pipeline.demux.offset - self._begin
        return Position(offset, max(0, offset - missing), sidecar)

    def text(self, data: bytes, now: float) -> None:
        """See `StreamTap`."""
        self._put_bytes(Kind.TEXT, data, now)

    def leased(self, data: bytes, owner: str, now: float) -> None:
        """See `StreamTap`."""
        self._put_bytes(Kind.LEASED, data, now, owner)

    def event(self, fields: JsonObject, now: float) -> None:
        """See `StreamTap`."""
        self._put(self.position, encoded(Kind.EVENT, m=self._m(now), t=self._clock.wall(now), fields=fields))

    def _put_bytes(self, kind: Kind, data: bytes, now: float, owner: str = "") -> None:
        at = self.position
        for begin in range(0, len(data) or 1, MAX_PAYLOAD):
            piece = data[begin : begin + MAX_PAYLOAD]
            place = Position(at.offset + begin, at.file + begin, at.sidecar)
            self._put(place, encoded(kind, piece, m=self._m(now), owner=owner))

    def _put(self, at: Position, message: bytes) -> None:
        for viewer in self._viewers:
            viewer.outbox.put(at, message)

    def _m(self, now: float) -> float:
        recording = self._recorder.recording
        return round(self._clock.since_start(now) if recording is None else recording.seconds(now), 6)

    # -- one viewer ---------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        viewer: Viewer | None = None
        sending: asyncio.Task[None] | None = None
        try:
            if self._close is None or len(self._viewers) >= MAX_VIEWERS:
                writer.write(encoded(Kind.BYE, reason="too many look on already"))
                return
            name = self._reporter.status.name
            writer.write(encoded(Kind.HELLO, version=VERSION, pid=os.getpid(), name=name, since=self._since))
            async with time_limit(HELLO_SECONDS):
                hello = check_version(await read_message(reader))
            if self._close is None:
                return
            viewer = Viewer(hello.text("who", 60) or "another espmon", writer)
            self._viewers.append(viewer)
            self._pipeline.tap = self
            self._publish()
            sending = asyncio.create_task(self._feed(viewer), name="espmon-viewer")
            while (message := await read_message(reader)) is not None:
                await self._take(viewer, message)
        except (ShareError, TimeoutError, OSError):
            pass  # whoever speaks nonsense, or nothing, is hung up on; the session goes on
        finally:
            self._connections.discard(task)
            if sending is not None:
                sending.cancel()
            if viewer is not None:
                self._left(viewer)
            writer.close()

    def _left(self, viewer: Viewer) -> None:
        if viewer not in self._viewers:
            return
        self._viewers.remove(viewer)
        if not self._viewers:
            self._pipeline.tap = None
        if viewer is self._asking:
            self._asking = None
        if viewer is self._writer:
            self.change()
        else:
            self._publish()

    async def _take(self, viewer: Viewer, message: Message) -> None:
        """What a viewer wants."""
        if message.kind is Kind.ASK and self._writer is None and self._asking is None:
            self._asking = viewer
            if self._grants is Grants.WHEN_ALLOWED:
                self._publish()
            else:
                self.answer(self._grants is Grants.ALWAYS)
        elif message.kind is Kind.ASK:
            viewer.outbox.put_notice(encoded(Kind.NOTICE, text="Somebody else asks or writes already"))
        elif message.kind is Kind.RELEASE and viewer is self._writer:
            self.change()
        elif message.kind is Kind.SEND and viewer is self._writer:
            by = message.text("by")
            await self._send(message.data, SentBy(by) if by in tuple(SentBy) else SentBy.LINE)
        elif message.kind is Kind.DO and viewer is self._writer:
            await self._do(viewer, message)
        elif message.kind in (Kind.SEND, Kind.DO):
            viewer.outbox.put_notice(encoded(Kind.NOTICE, text="Not sent: you look on"))

    async def _do(self, viewer: Viewer, message: Message) -> None:
        """Something to the board besides bytes: both sides see who does it, and its writer why it was not done."""
        deed = deed_of(message)
        if deed is None:
            viewer.outbox.put_notice(encoded(Kind.NOTICE, text="The other espmon does not know how to do that"))
            return
        self._tell(f"{viewer.name} {DEED_WORDS[deed]}")
        if (error := await do_deed(deed, message, self._board)) is not None:
            viewer.outbox.put_notice(encoded(Kind.NOTICE, text=f"Not done: {error}"))

    async def _feed(self, viewer: Viewer) -> None:
        outbox, writer = viewer.outbox, viewer.writer
        try:
            while True:
                await outbox.wake.wait()
                if (span := outbox.catch_up(self.position)) is not None:
                    writer.write(await self._history(*span))
                while message := outbox.take():
                    writer.write(message)
                    await writer.drain()
                await writer.drain()
        except OSError:
            return  # the reader of the same connection finds it gone

    async def _history(self, begin: Position, end: Position) -> bytes:
        """Where the viewer reads what it has not got, once the disk has it."""
        recording = self._recorder.recording
        if recording is not None:
            on_disk = recording.on_disk()
            with suppress(TimeoutError):
                async with time_limit(DISK_SECONDS):
                    while not on_disk():  # noqa: ASYNC110 - a thread of the disk's own writes
                        await asyncio.sleep(DISK_POLL_SECONDS)
            if on_disk():
                return encoded(Kind.HISTORY, folder=recording.folder.name, begin=begin, end=end)
        now = self._clock()
        return encoded(Kind.LOST, length=end.offset - begin.offset, m=self._m(now), t=self._clock.wall(now))
