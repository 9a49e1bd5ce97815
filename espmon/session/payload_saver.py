"""Payloads beside the stream: pictures, core dumps, frames are hashed, recorded and saved as files off the loop."""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from concurrent.futures import Future
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

from espmon.port.threads import run_bounded
from espmon.records.batch import Part
from espmon.records.record import PayloadRecord
from espmon.records.spans.frame import Frame
from espmon.session.artifact_files import save_artifact
from espmon.session.describe import describe
from espmon.session.event_log import EventLog
from espmon.session.file_system import write_atomically
from espmon.session.payload_decoders import DECODE_SECONDS, PayloadDecoders
from espmon.session.recorder import Recorder
from espmon.session.reporter import Reporter
from espmon.session.status import Severity
from espmon.session.tasks import BackgroundTasks

MAX_UNSAVED_BYTES = 64 << 20
"""Payloads that are nowhere but in memory, because nothing is recorded or the disk refused them."""

FINISH_SECONDS = 2.0
"""Longest wait for payloads that are being saved: when the session ends, and of who wants to know where they are."""


@dataclass(frozen=True, slots=True)
class ReceivedPayload:
    """A payload that may still be on its way to the disk."""

    record: PayloadRecord
    """As it was received: its bytes may be released."""

    finished: Future[PayloadRecord]

    @property
    def length(self) -> int:
        """Bytes of the stream."""
        return self.record.length

    def wait(self, seconds: float = FINISH_SECONDS) -> PayloadRecord:
        """The record decoded and hashed, with its bytes, and with the path of its file where there is one; as it was
        received where that takes longer. Blocks: not for the session's thread.
        """
        try:
            return self.finished.result(seconds)
        except TimeoutError:
            return self.record


class PayloadSaver:
    """Hashes what a record carries, once, writes the record's event, saves the payload, and names the file.

    Args:
        recorder: whose folder, limit and sidecar they share.
        events: whose entries name the files.
        reporter: the session's voice.
        tasks: where files are written.
    """

    def __init__(self, recorder: Recorder, events: EventLog, reporter: Reporter, tasks: BackgroundTasks) -> None:
        self._recorder = recorder
        self._events = events
        self._reporter = reporter
        self._tasks = tasks
        self._decoders = PayloadDecoders()
        self._saving: set[asyncio.Task[None]] = set()
        self._asked: dict[PayloadRecord, list[Future[PayloadRecord]]] = {}  # who waits for each that is being saved
        self._held: deque[PayloadRecord] = deque()
        self._held_bytes = 0

    def take(self, part: Part, entry: int | None) -> None:
        """See `Sink`."""
        folder = self._recorder.folder
        wanted = isinstance(part, Frame) and self._decoders.wants(part)
        if isinstance(part, PayloadRecord) and (folder is not None or wanted):
            task = self._tasks.spawn(self._keep(part, entry, folder))
            self._saving.add(task)
            task.add_done_callback(self._saving.discard)
            self._asked[part] = []
            task.add_done_callback(lambda _: self._answer(part))
        elif isinstance(part, PayloadRecord):
            self._hold(part)

    def received(self, record: PayloadRecord) -> ReceivedPayload:
        """A record that has just come, for who wants all of it. To be asked for by a sink."""
        future: Future[PayloadRecord] = Future()
        if record in self._asked:
            self._asked[record].append(future)
        else:
            future.set_result(copy(record))
        return ReceivedPayload(record, future)

    def _answer(self, record: PayloadRecord) -> None:
        for future in self._asked.pop(record, ()):
            future.set_result(copy(record))

    def _hold(self, record: PayloadRecord) -> None:
        """Keep the bytes of what could not be saved, as long as there are not too many; of all else the file counts."""
        if record.path is not None:
            record.release()
            return
        self._held.append(record)
        self._held_bytes += record.size
        while self._held_bytes > MAX_UNSAVED_BYTES and len(self._held) > 1:
            oldest = self._held.popleft()
            self._held_bytes -= oldest.size
            oldest.release()

    async def finish(self) -> None:
        """Wait until what came is saved, for at most `FINISH_SECONDS`."""
        if self._saving:
            await asyncio.wait(self._saving, timeout=FINISH_SECONDS)

    async def _decode(self, frame: Frame) -> None:
        try:
            await run_bounded(lambda: self._decoders.apply(frame), DECODE_SECONDS, name="payload-decoder")
        except TimeoutError:
            frame.error = f"the decoder of {frame.kind} took longer than {DECODE_SECONDS:g} s"

    async def _keep(self, record: PayloadRecord, entry: int | None, folder: Path | None) -> None:
        now = self._reporter.clock()
        if isinstance(record, Frame) and self._decoders.wants(record):
            await self._decode(record)
        await asyncio.to_thread(lambda: record.sha256)
        described = describe(record)
        if entry is not None and described is not None:
            details = described.details
            self._events.update(entry, lambda listed: replace(listed, details=details))
        try:
            if record.payload and folder is not None:
                await self._save(record, entry, folder)
        finally:
            # Its place is told relative to the folder, which may be moved.
            place = None if record.path is None else Path(record.path).name
            self._recorder.event({**record.to_json(), "path": place}, now)
        self._answer(record)  # while it has its bytes
        self._hold(record)

    async def _save(self, record: PayloadRecord, entry: int | None, folder: Path) -> None:
        try:
            if not self._recorder.room_for(len(record.payload)):
                raise OSError(errno.EFBIG, f"the recording has reached its limit ({len(record.payload):,} bytes more)")
            path = await asyncio.to_thread(save_artifact, folder, record, record.payload, self._recorder.files)
            if isinstance(record, Frame) and record.picture:
                picture, path = record.picture, path.with_suffix(".png")
                await asyncio.to_thread(write_atomically, path, picture, self._recorder.files)
        except OSError as error:
            self._reporter.notify(f"Not saved: {error.strerror or error}", Severity.ERROR)
            return
        record.path = str(path)
        if entry is not None:
            self._events.update(entry, lambda listed: replace(listed, path=path))
