"""The session's side of its recording: begins it, tells how it is doing, and begins it again where it could not."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from espmon.records.record import JsonObject
from espmon.session.archive.compression import compress_sessions
from espmon.session.file_system import FileSystem, reason
from espmon.session.pipeline import Pipeline
from espmon.session.recording import Recording, start_recording
from espmon.session.reporter import Reporter
from espmon.session.session_events import SessionNote
from espmon.session.session_folder import prune_sessions
from espmon.session.settings import Settings, data_folder
from espmon.session.state import Transition
from espmon.session.status import RecordingState, Severity

MAX_EARLY_EVENTS = 64
"""Events kept until the recording begins (it begins when a port is open)."""

START_AGAIN_SECONDS = 5.0
"""Time between two tries to begin a recording that could not begin."""

WORTH_SHOWING = 1 << 20
"""Bytes waiting for the disk from which on the user sees them."""

SHOW_SECONDS = 0.1
"""Time between two looks at what still waits while the recording is closed."""

SALVAGE_SECONDS = 0.25
"""Longest wait for the disk when the session's own thread does not answer."""


class Recorder:
    """Owns the recording of a session. Its methods belong to the session's loop, unless they say otherwise.

    Args:
        settings: the user's settings.
        root: where session folders are made; the platform's data folder when None.
        pipeline: what is received.
        reporter: the session's voice.
        files: the disk.
    """

    def __init__(
        self,
        settings: Settings,
        root: Path | None,
        pipeline: Pipeline,
        reporter: Reporter,
        files: FileSystem | None = None,
    ) -> None:
        self._settings = settings
        self._root = root
        self._clock = reporter.clock
        self._pipeline = pipeline
        self._reporter = reporter
        self._files = files or FileSystem()
        self._recording: Recording | None = None
        self._unfinished: Recording | None = None
        self._early: deque[tuple[JsonObject, float]] = deque(maxlen=MAX_EARLY_EVENTS)
        self._shown = RecordingState()
        self._wanted: tuple[str, Path | None] | None = None
        self._again = 0.0
        self._missed = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pruning: asyncio.Task[None] | None = None
        self._ending = threading.Event()
        self.begin = 0
        """Stream offset at which the recording begins, or would begin."""

    @property
    def folder(self) -> Path | None:
        """Where the session is recorded now, None when it is not."""
        return None if self._recording is None else self._recording.folder

    @property
    def recording(self) -> Recording | None:
        """What is recorded now."""
        return self._recording

    @property
    def files(self) -> FileSystem:
        """The disk."""
        return self._files

    def transition(self, transition: Transition) -> None:
        """Record a change of the lifecycle, also before the recording begins."""
        fields: JsonObject = {
            "event": "state",
            "from": transition.old.value,
            "trigger": transition.trigger.value,
            "to": transition.new.value,
            "reason": transition.reason,
        }
        self.event(fields, self._clock())

    def clock_step(self, seconds: float) -> None:
        """Record that the computer's clock was set: `t` of what follows is another clock's than before."""
        self.event({"event": "clock", "step": round(seconds, 3)}, self._clock())

    def event(self, fields: JsonObject, now: float) -> None:
        """Record something that happened at `now`, also before the recording begins."""
        if self._pipeline.tap is not None:
            self._pipeline.tap.event(fields, now)
        if self._recording is not None:
            self._recording.event(fields, now)
        else:
            self._early.append((fields, now))

    def index(self, fields: JsonObject, now: float) -> None:
        """Record where the stream was at `now`."""
        if self._recording is not None:
            self._recording.index(fields, now)

    def raw(self, data: bytes, owner: str) -> None:
        """Record received bytes; `owner` is the lease that read them."""
        if self._recording is not None:
            self._recording.raw(data, owner, self._clock())
        elif self._wanted is not None:
            self._missed += len(data)
            self._shown_missed()

    @property
    def behind(self) -> Recording | None:
        """The recording, if those who send should wait for its disk."""
        return self._recording if self._recording is not None and self._recording.behind else None

    def room_for(self, size: int) -> bool:
        """Whether an artifact of `size` bytes may be saved beside the stream; counts it, if so."""
        return self._recording is not None and self._recording.room_for(size)

    # -- beginning ----------------------------------------------------------------------------------------------

    async def start(self, name: str, log: Path | None) -> None:
        """Begin to record, and to write a log of the text if one is wanted; what goes wrong is told."""
        if self._recording is None:
            self.begin, self._missed = self._pipeline.demux.offset, 0
        if self._recording is not None or not self._settings.recording:
            return
        self._loop = asyncio.get_running_loop()
        self._wanted = (name, log)
        await self._begin()
        if self._recording is not None and self._pruning is None:
            self._ending.clear()
            self._pruning = asyncio.create_task(self._prune(self._recording.folder))

    async def _begin(self) -> None:
        assert self._wanted is not None
        name, log = self._wanted
        root = self._root or data_folder() / "sessions"
        try:
            recording = await asyncio.to_thread(
                start_recording, root, name, self._settings, self._clock, self._problem, self._changed, self._files,
                self._missed, self.begin,
            )  # fmt: skip
        except OSError as error:
            self._again = self._clock() + START_AGAIN_SECONDS
            if not self._shown.problem:
                self._reporter.notify(
                    f"This session is not recorded: {root}: {reason(error)}", Severity.ERROR, "recording"
                )
            self._show(RecordingState(reason(error), self._missed))
            return
        self._recording = self._unfinished = self._pipeline.recording = recording
        self._pipeline.store.record_in(recording.text)
        self._wanted = None
        status = self._reporter.status
        port: JsonObject = {name: getattr(status, name) for name in ("name", "url", "device", "baud")}
        recording.event({"event": "port", **port}, self._clock())
        while self._early:
            recording.event(*self._early.popleft())
        self._reporter.publish(replace(self._reporter.status, recording=recording.folder))
        self.follow()
        if log is not None:
            await self.set_log(log)

    async def _prune(self, folder: Path) -> None:
        def work() -> None:
            settings = self._settings
            prune_sessions(
                folder.parent,
                keep=settings.sessions_kept,
                limit=settings.sessions_bytes,
                spare=folder,
                days=settings.sessions_days,
            )
            if settings.compress_sessions:
                compress_sessions(folder.parent, folder, self._ending.is_set)

        try:
            await asyncio.to_thread(work)
        except OSError as error:
            self._reporter.notify(f"Old sessions are not removed or compressed: {reason(error)}", Severity.WARNING)

    async def set_log(self, path: Path | None) -> None:
        """Start (or with None stop) writing the log text to a file."""
        if self._recording is None:
            self._reporter.notify("There is no recording to write a log from", Severity.WARNING)
            return
        await self._finish_log()
        try:
            if path is None:
                self._recording.stop_log()
                self._reporter.notify("The log file is closed", Severity.INFO)
            else:
                limit, kept = self._settings.log_bytes, self._settings.logs_kept
                await asyncio.to_thread(self._recording.start_log, path, limit, kept)
                self._reporter.notify(f"Logging to {path}", Severity.INFO)
        except OSError as error:
            self._reporter.notify(f"Cannot write {path}: {error.strerror or error}", Severity.ERROR)
            path = None  # the log before it, if there was one, was closed to make place
        self._reporter.publish(replace(self._reporter.status, log=path))

    async def _finish_log(self) -> None:
        """Lines that wait for their locations go into the file that they were meant for."""
        if self._pipeline.log_writer is not None:
            await self._pipeline.log_writer.finish()

    # -- how it is doing ----------------------------------------------------------------------------------------

    def _problem(self, text: str) -> None:
        """From any thread."""
        self._on_loop(lambda: self._reporter.notify(text, Severity.ERROR, "recording"))

    def _changed(self) -> None:
        """From any thread."""
        self._on_loop(self.follow)

    def _on_loop(self, work: Callable[[], None]) -> None:
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(work)

    def follow(self) -> None:
        """Tell how the recording is doing, if that has changed."""
        if self._unfinished is not None:
            state = self._unfinished.state
            if state.waiting < WORTH_SHOWING and not state.problem and self._recording is not None:
                state = replace(state, waiting=0)
            self._show(state)

    async def try_again(self) -> None:
        """Begin the recording that could not begin, if it is time to try."""
        if self._recording is None and self._wanted is not None and self._clock() >= self._again:
            await self._begin()

    def _shown_missed(self) -> None:
        self._show(RecordingState(self._shown.problem, self._missed))

    def _show(self, state: RecordingState) -> None:
        before, self._shown = self._shown, state
        if state.problem and not before.problem:
            self._mark(f"not recorded from here: {state.problem}", Severity.ERROR)
        elif before.problem and not state.problem:
            missing = f"; {state.unwritten:,} bytes are missing" if state.unwritten else "; nothing is missing"
            self._mark(f"recorded again{missing}", Severity.WARNING if state.unwritten else Severity.INFO)
        self._reporter.publish(replace(self._reporter.status, recorder=state))

    def _mark(self, text: str, severity: Severity) -> None:
        """A line in the log, and an event."""
        line = self._reporter.mark(text)
        note = SessionNote(*self._reporter.here, text[0].upper() + text[1:], severity=severity)
        self._reporter.list_event(note, line)

    # -- the end ------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Write what waits and close the files: as long as the disk takes something, or until `salvage` is called."""
        self._wanted = None
        self._ending.set()
        self._reporter.publish(replace(self._reporter.status, log=None))
        await self._finish_log()
        recording, self._recording, self._pipeline.recording = self._recording, None, None
        if recording is None:
            return
        recording.end()
        closing = asyncio.create_task(asyncio.to_thread(recording.close))
        while not closing.done():
            self.follow()
            await asyncio.wait([closing], timeout=SHOW_SECONDS)
        self._unfinished = None
        removed = not await asyncio.to_thread(recording.folder.is_dir)
        self._shown = RecordingState(recording.state.problem, recording.unwritten, removed=removed)
        self._reporter.publish(replace(self._reporter.status, recorder=self._shown))

    def salvage(self, seconds: float = SALVAGE_SECONDS) -> None:
        """Write what the recording still holds, with no more patience than that. May be called from any thread."""
        if self._unfinished is not None:
            self._unfinished.close(seconds, limit=seconds)
