"""Payloads as files beside the recording: pictures, core dumps, frames."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

from espmon.records.batch import Part
from espmon.records.record import Record
from espmon.session.artifact_files import save_artifact
from espmon.session.event_log import EventLog
from espmon.session.recorder import Recorder
from espmon.session.reporter import Reporter
from espmon.session.status import Severity
from espmon.session.tasks import BackgroundTasks


class PayloadSaver:
    """Saves what records carry, off the event loop, and names the file on the record's entry.

    Args:
        recorder: whose folder and limit they share.
        events: whose entries name the files.
        reporter: the session's voice.
        tasks: where files are written.
    """

    def __init__(self, recorder: Recorder, events: EventLog, reporter: Reporter, tasks: BackgroundTasks) -> None:
        self._recorder = recorder
        self._events = events
        self._reporter = reporter
        self._tasks = tasks

    def take(self, part: Part, entry: int | None) -> None:
        """See `Sink`."""
        payload = getattr(part, "payload", None)
        folder = self._recorder.folder
        if isinstance(part, Record) and payload and folder is not None:
            self._tasks.spawn(self._save(part, entry, bytes(payload), folder))

    async def _save(self, record: Record, entry: int | None, payload: bytes, folder: Path) -> None:
        try:
            if not self._recorder.room_for(len(payload)):
                raise OSError(errno.EFBIG, f"the recording has reached its limit ({len(payload):,} bytes more)")
            path = await asyncio.to_thread(save_artifact, folder, record, payload, self._recorder.files)
        except OSError as error:
            self._reporter.notify(f"Not saved: {error.strerror or error}", Severity.ERROR)
            return
        if entry is not None:
            self._events.update(entry, path=path)
