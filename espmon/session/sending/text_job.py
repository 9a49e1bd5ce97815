"""A text of several lines on its way to the board: with pauses, or until the board asks for more; it can be stopped.

The pipeline reads on meanwhile, so that what the board says to each line is in the log. Nothing is sent while a payload
is being received, and a lease of the port ends the text.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from espmon.session.controls import Controls
from espmon.session.pacing import Pacing, Text
from espmon.session.pipeline import Pipeline
from espmon.session.publisher import Publisher
from espmon.session.sending.heard_lines import HeardLines, finds
from espmon.session.sending.sender import Sender
from espmon.session.state import State
from espmon.session.status import Change, LinesAppended, Progress, Severity, StatusChanged, TailChanged
from espmon.session.tasks import BackgroundTasks, stop_tasks
from espmon.text import counted, plain
from espmon.time_limit import time_limit
from espmon.user_pattern import UserPattern

CAPTURE_POLL_SECONDS = 0.05
"""Pause between two looks at a payload that is being received; it ends by itself, see `Pipeline.tick`."""

SHOW_SECONDS = 0.1
"""How often the progress is published."""

MAX_MARKS = 200
"""Lines of one text that the log shows as sent; the recording has them all."""


class _Stopped(Exception):
    """The text is not sent to its end; the message says why."""


class TextSender:
    """Sends one text at a time.

    Args:
        controls: writes to the port.
        sender: says what was sent.
        pipeline: what the board says.
        publisher: the session's status, and whom to tell.
        tasks: where it runs.
        pacing: the pauses to begin with.
    """

    def __init__(
        self,
        controls: Controls,
        sender: Sender,
        pipeline: Pipeline,
        publisher: Publisher,
        tasks: BackgroundTasks,
        pacing: Pacing,
    ) -> None:
        self._controls = controls
        self._sender = sender
        self._pipeline = pipeline
        self._publisher = publisher
        self._tasks = tasks
        self._task: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()
        self._stopped = ""
        """How far the last text came that was not sent to its end."""

        self.set_pacing(pacing)
        publisher.subscribe(self._listen)

    def _listen(self, change: Change) -> None:
        if isinstance(change, LinesAppended | TailChanged | StatusChanged):
            self._heard.set()

    def set_pacing(self, pacing: Pacing) -> None:
        """Pause like this from the next line on."""
        self._publisher.publish(replace(self._publisher.status, pacing=pacing))

    def start(self, text: Text) -> None:
        """Begin to send; while another text is on its way, say so instead."""
        running = self._publisher.status.sending
        if running is not None:
            self._publisher.notify(
                f"{plain(text.title)} is not sent: {running.action} is still being sent", Severity.WARNING
            )
            return
        self._show(text, 0)
        self._task = self._tasks.spawn(self._run(text), name="espmon-text")
        self._task.add_done_callback(self._ended)

    def stop(self) -> None:
        """Send no more of it."""
        if self._task is not None:
            self._task.cancel()

    async def end(self) -> str:
        """Send no more of it; returns how far it came, "" where nothing was on its way."""
        self._stopped = ""
        await stop_tasks(self._task)
        return self._stopped

    async def _run(self, text: Text) -> None:
        done, total = 0, len(text.lines)
        shown = self._now()
        try:
            for line in text.lines:
                await self._line(text, line, marked=done < MAX_MARKS)
                done += 1
                if (now := self._now()) - shown >= SHOW_SECONDS:
                    shown = now
                    self._show(text, done)
        except _Stopped as stopped:
            self._tell(text, done, f": {stopped}", Severity.WARNING)
        except asyncio.CancelledError:
            self._tell(text, done)
            raise
        else:
            if total > 1:
                self._publisher.notify(f"{plain(text.title)}: {counted(total, 'line')} sent")

    def _ended(self, task: asyncio.Task[None]) -> None:
        # Not in the task: one that is cancelled before its first step runs nothing of it.
        self._task = None
        self._publisher.publish(replace(self._publisher.status, sending=None))

    def _tell(self, text: Text, done: int, why: str = "", severity: Severity = Severity.INFO) -> None:
        total = counted(len(text.lines), "line")
        self._stopped = f"{plain(text.title)}: stopped after {done:,} of {total}{why}"
        self._publisher.notify(self._stopped, severity)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    def _show(self, text: Text, done: int) -> None:
        total = len(text.lines)
        progress = Progress(plain(text.title), f"{done:,} of {counted(total, 'line')}", done, total)
        self._publisher.publish(replace(self._publisher.status, sending=progress))

    async def _line(self, text: Text, line: bytes, *, marked: bool) -> None:
        pacing = self._publisher.status.pacing
        await self._free()
        heard = HeardLines(self._pipeline.store, self._pipeline.demux.offset)
        data = line + text.eol
        if pacing.char_delay:
            for character in line.decode("utf-8", "surrogateescape"):
                await self._write(character.encode("utf-8", "surrogateescape"))
                await asyncio.sleep(pacing.char_delay)
                await self._free()
            await self._write(text.eol)
        else:
            await self._write(data)
        self._sender.sent(data, text.by, marked=marked)
        if pacing.prompt is not None:
            await self._prompt(pacing.prompt, pacing.prompt_seconds, heard)
        await asyncio.sleep(pacing.line_delay)

    async def _free(self) -> None:
        """Wait until the line is the user's. Raises `_Stopped` where somebody else has it."""
        self._check()
        while self._pipeline.demux.capture is not None:
            await asyncio.sleep(CAPTURE_POLL_SECONDS)
            self._check()

    def _check(self) -> None:
        status = self._publisher.status
        if status.state is State.LEASED:
            raise _Stopped(f"the port is used for {status.lease}")
        if status.state is not State.MONITORING:
            raise _Stopped("the port is not open")

    async def _write(self, data: bytes) -> None:
        if data and (error := await self._controls.send(data)) is not None:
            raise _Stopped(error.message)

    async def _prompt(self, pattern: UserPattern, seconds: float, heard: HeardLines) -> None:
        def found() -> bool:
            return any(finds(pattern, line.text) for line in heard.take())

        try:
            async with time_limit(seconds):
                while True:
                    self._heard.clear()
                    # The user's expression may be slow: never on the reading loop.
                    if await asyncio.to_thread(found):
                        return
                    self._check()
                    if pattern.off:
                        raise _Stopped(pattern.problem)
                    await self._heard.wait()
        except TimeoutError:
            raise _Stopped(f"the board did not say {pattern.name} within {seconds:g} s") from None
