"""What a session leaves on disk: the raw bytes as received, a sidecar of times and events, and a copy of the log text.

A thread writes them (`DiskWriter`), so that a slow disk never delays the port; a log the user chose has a thread of
its own, since it may be on another disk. What is claimed to be recorded is what was written: everything else is
counted.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

from espmon.records.limits import Limits
from espmon.records.record import JsonObject
from espmon.session.archive.session_index import INDEX
from espmon.session.clock import SessionClock
from espmon.session.disk_writer import AppendedFile, DiskWriter
from espmon.session.file_system import FileSystem, reason, write_all
from espmon.session.recorded_text import RecordedText
from espmon.session.session_folder import SIDECAR, STREAM, new_session_folder
from espmon.session.settings import Settings, limits_of
from espmon.session.status import RecordingState

TIMING_SECONDS = 0.02
"""The sidecar marks the time of received bytes at most this often."""

STOP_SECONDS = 5.0
"""Longest time for which the disk may take nothing when closing."""

LAST_LINE_SECONDS = 0.1
"""Longest wait for the disk to take the line that says what it did not take."""

LOG_FILE_MODE = 0o666
"""Of a log that the user chose, before the umask."""


class Recording:
    """The append-only files of one session.

    Args:
        folder: the session's folder (exists).
        limit: raw bytes recorded at most; then the recording stops and says so.
        on_problem: called, from any thread, with one line when something cannot be written.
        on_change: called, from any thread, when `state` has changed otherwise.
        files: the disk.
        clock: what times mean.
        missed: bytes of the stream that came before there was a recording.
        limits: the caps of the demultiplexer, for who reads the text again.
        begin: stream offset of the first byte: a session that opens a second port goes on counting. In the files
            offsets and the session's time begin with the recording.

    Raises:
        OSError: the files cannot be made, or another program writes them.
    """

    def __init__(
        self,
        folder: Path,
        *,
        limit: int,
        on_problem: Callable[[str], None],
        on_change: Callable[[], None] = lambda: None,
        files: FileSystem | None = None,
        clock: SessionClock | None = None,
        missed: int = 0,
        limits: Limits | None = None,
        begin: int = 0,
    ) -> None:
        self.folder = folder
        self._limit = limit
        self._on_problem = on_problem
        self._on_change = on_change
        self._files = files or FileSystem()
        self._clock = clock or SessionClock()
        self._writer = DiskWriter("recording", self._files, self._changed)
        # The sidecar first: its lock says that the session is being written.
        self._sidecar = self._writer.open(folder / SIDECAR, locked=True)
        self._raw = self._writer.open(folder / STREAM)
        self._index = self._writer.open(folder / INDEX)
        self.text = RecordedText(folder / STREAM, (limits or Limits()).line, self._on_disk)
        """What is recorded, for who wants to read it again; its owner closes it."""

        self._begin = begin
        self._since = self._clock()
        self._sidecar_end = self._files.size(self._sidecar.descriptor) or 0
        self._log: DiskWriter | None = None
        self._log_file: AppendedFile | None = None
        self._logs: list[DiskWriter] = []
        self._bytes = self._refused = missed
        self._gap = (0, missed) if missed else None
        self._saved = 0
        self._full = False
        self._last_timing = float("-inf")
        self._problem = ""
        self._writer.start()

    # -- how it is doing ----------------------------------------------------------------------------------------

    @property
    def recorded(self) -> int:
        """Raw bytes accepted so far."""
        return self._bytes - self._refused

    @property
    def state(self) -> RecordingState:
        """How it is doing now."""
        problem = self._limit_text() if self._full else self._writer.problem
        return RecordingState(problem, self._refused + self._raw.lost, self._writer.waiting)

    def _on_disk(self) -> int:
        """Bytes of the stream that the file has, 0 once it has lost some."""
        return 0 if self._raw.lost else self._raw.written

    @property
    def behind(self) -> bool:
        """Whether those who send should wait for the disk."""
        return self._writer.behind and not self._full

    @property
    def ends(self) -> tuple[int, int]:
        """Bytes of the stream that are not in its file, and bytes of the sidecar, when all that waits is written."""
        return self._refused, self._sidecar_end

    def on_disk(self) -> Callable[[], bool]:
        """What says whether all that was recorded before this call is in the files."""
        taken, writer = self._writer.taken, self._writer
        return lambda: writer.taken - writer.waiting >= taken

    @property
    def progress(self) -> float:
        """When the disk took something last, by the monotonic clock."""
        return self._writer.progress

    def _limit_text(self) -> str:
        return f"the recording has reached its limit of {self._limit:,} bytes"

    def _changed(self) -> None:
        problem = self._writer.problem
        if problem and problem != self._problem:
            self._on_problem(f"Nothing is recorded in {self.folder}: {problem}")
        self._problem = problem
        self._on_change()

    # -- what is recorded ---------------------------------------------------------------------------------------

    def raw(self, data: bytes, owner: str, now: float) -> None:
        """Record received bytes; `owner` is the lease that read them."""
        offset = self._bytes
        self._bytes += len(data)
        if not self._full and self.recorded + self._saved > self._limit:
            self._full = True
            self._on_problem(f"Nothing more is recorded: {self._limit_text()}")
        if self._full or not self._writer.put(self._raw, data):
            self._refused += len(data)
            start, length = self._gap or (offset, 0)
            self._gap = (start, length + len(data))
            self._on_change()
            return
        self.text.took(self._begin + offset, len(data))
        if self._gap is not None:
            self._end_gap(now)
        if now - self._last_timing >= TIMING_SECONDS or owner != "pipeline":
            self._last_timing = now
            self._put({"event": "bytes", "offset": offset, "length": len(data), "lease": owner}, now)

    def _end_gap(self, now: float) -> None:
        """Say which bytes of the stream are not in the file: what follows stands that much earlier in it."""
        assert self._gap is not None
        start, length = self._gap
        self._gap = None
        self._put({"event": "gap", "offset": start, "length": length, "reason": self._problem}, now, important=True)

    def event(self, fields: JsonObject, now: float) -> None:
        """Record something that happened, as one JSON line in the sidecar."""
        self._put(self._own(fields), now)

    def seconds(self, now: float) -> float:
        """Seconds from the recording's beginning to `now`."""
        return max(0.0, now - self._since)

    def _own(self, fields: JsonObject) -> JsonObject:
        """A line that speaks of the session's stream, speaking of the recorded one."""
        if self._begin and isinstance(offset := fields.get("offset"), int):
            return {**fields, "offset": max(0, offset - self._begin)}
        return fields

    def index(self, fields: JsonObject, now: float) -> None:
        """Record where the stream is, as one JSON line in the index."""
        self._writer.put(self._index, self._line(self._own(fields), now))

    def _put(self, fields: JsonObject, now: float, *, important: bool = False) -> None:
        line = self._line(fields, now)
        if self._writer.put(self._sidecar, line, important=important):
            self._sidecar_end += len(line)

    def _line(self, fields: JsonObject, now: float) -> bytes:
        """One line of the sidecar. `t` is wall time, `m` the recording's own, which no setting of a clock moves."""
        if isinstance(when := fields.get("time"), float):
            fields = {**fields, "time": self._clock.wall(when)}
        times = {"t": round(self._clock.wall(now), 6), "m": round(self.seconds(now), 6)}
        return json.dumps({**times, **fields}, default=str).encode() + b"\n"

    def room_for(self, size: int) -> bool:
        """Whether an artifact of `size` bytes may be saved beside the stream; counts it, if so."""
        if self.recorded + self._saved + size > self._limit:
            return False
        self._saved += size
        return True

    # -- the log text -------------------------------------------------------------------------------------------

    def start_log(self, path: Path, limit: int = 0, kept: int = 0) -> None:
        """Also write the log text to a file the user chose (appended). Raises OSError.

        Args:
            path: the file.
            limit: bytes beyond which a new one is begun; 0: never.
            kept: files that are kept then, beside the one that is written.
        """
        self.stop_log()

        def changed() -> None:
            if writer.problem:
                self._on_problem(f"The log file {path} is not written: {writer.problem}")

        writer = DiskWriter("log", self._files, changed)
        self._log_file = writer.open(path, mode=LOG_FILE_MODE, limit=limit, kept=kept)
        writer.start()
        self._log = writer
        self._logs.append(writer)

    def stop_log(self) -> None:
        """Stop the text log; what waits is still written."""
        if self._log is not None:
            self._log.end(STOP_SECONDS)
            self._log = self._log_file = None

    @property
    def logging(self) -> bool:
        """Whether a text log is being written."""
        return self._log is not None

    def log_text(self, data: bytes) -> None:
        """Append to the text log, when there is one. May be called from any thread."""
        log, file = self._log, self._log_file
        if log is not None and file is not None:
            log.put(file, data)

    # -- the end ------------------------------------------------------------------------------------------------

    def end(self) -> None:
        """Nothing more comes: say so in the sidecar. Where bytes are missing, `close` says it, and how many."""
        if not (self.state.unwritten or self._gap):
            self._put(self._end_fields(0), self._clock(), important=True)

    def close(self, patience: float = STOP_SECONDS, limit: float = float("inf")) -> bool:
        """Write what waits and close the files; returns whether everything is written.

        May be called from any thread, and again with less patience. What could not be written is counted in the
        sidecar, as far as that still can be written.

        Args:
            patience: longest time, in seconds, for which the disk may take nothing at all.
            limit: longest wait altogether, in seconds.
        """
        done = self._writer.close(patience, limit)
        logs = [log.close(patience, limit) for log in self._logs]
        if not done or self.state.unwritten or self._gap:
            self._last_line()
        return done and all(logs) and not self.state.unwritten

    def _last_line(self) -> None:
        """Count what is missing, past a writer that may hang."""
        line = (b"\n" if self._sidecar.torn else b"") + self._line(self._end_fields(self.unwritten), self._clock())

        def append() -> None:
            try:
                descriptor = self._files.open(self._sidecar.path, os.O_WRONLY | os.O_APPEND)
                try:
                    write_all(self._files, descriptor, line)
                finally:
                    self._files.close(descriptor)
            except OSError as error:
                self._problem = reason(error)

        thread = threading.Thread(target=append, name="espmon-last-line", daemon=True)
        thread.start()
        thread.join(LAST_LINE_SECONDS)

    def _end_fields(self, unwritten: int) -> JsonObject:
        """The line that ends a sidecar."""
        return {"event": "end", "received": self._bytes, "unwritten": unwritten, "reason": self.state.problem}

    @property
    def unwritten(self) -> int:
        """Received bytes that are not in the file now."""
        return self._refused + self._raw.lost + self._writer.unwritten(self._raw)


def start_recording(
    root: Path,
    name: str,
    settings: Settings,
    clock: SessionClock,
    on_problem: Callable[[str], None],
    on_change: Callable[[], None] = lambda: None,
    files: FileSystem | None = None,
    missed: int = 0,
    begin: int = 0,
) -> Recording:
    """Make the folder of a new session below `root` and start recording. Raises OSError."""
    folder = new_session_folder(root, name, clock.wall(clock()), files)
    return Recording(
        folder,
        limit=settings.recording_bytes,
        on_problem=on_problem,
        on_change=on_change,
        files=files,
        clock=clock,
        missed=missed,
        limits=limits_of(settings),
        begin=begin,
    )
