"""Learns the console's commands where the user asks the board for `help`: they complete in the input line then."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from espmon.records.batch import Part
from espmon.records.console_help import MAX_HELP_LINES, help_commands
from espmon.records.demux import Demultiplexer
from espmon.records.events.boot import Boot
from espmon.records.events.reset_record import Reset
from espmon.records.lines import LineBlock
from espmon.records.span import PROMPT, SGR_RUN
from espmon.session.publisher import Publisher
from espmon.session.sent import SentBy
from espmon.session.status import Change, LinesAppended, SentToBoard, TailChanged
from espmon.session.tasks import BackgroundTasks

ANSWER_SECONDS = 3.0
"""An answer that no prompt ends is over so long after it was asked for."""

MAX_LINE_BYTES = 512
"""Of a line of an answer that are looked at."""

QUESTIONS = frozenset({b"help", b"help -v 0", b"help -v 1", b"?"})
"""Lines that are answered with the list of commands."""


class HelpWatch:
    """Keeps `Status.console_commands`.

    Args:
        demux: the line that is being received, which may be a prompt.
        publisher: the status.
        tasks: where waiting runs.
    """

    def __init__(self, demux: Demultiplexer, publisher: Publisher, tasks: BackgroundTasks) -> None:
        self._demux = demux
        self._publisher = publisher
        self._tasks = tasks
        self._lines: list[str] | None = None
        self._question = b""
        self._asked = 0
        self._program: str | None = None

    def take(self, part: Part, entry: int | None) -> None:
        """See `Sink`."""
        if isinstance(part, LineBlock):
            if self._lines is not None and part.source == "text":
                self._read(part, self._lines)
        elif isinstance(part, Reset):
            self._lines = None
        elif isinstance(part, Boot) and part.app is not None:
            if self._program not in (None, part.app):
                self._publish_none()
            self._program = part.app

    def listen(self, change: Change) -> None:
        """Receives the session's changes: a question, and the prompt behind its answer."""
        if isinstance(change, SentToBoard):
            self._finish()
            if change.event.by is not SentBy.KEYS and change.event.data.strip() in QUESTIONS:
                self._lines, self._question = [], change.event.data.strip()
                self._asked += 1
                self._tasks.spawn(self._end(self._asked))
        elif isinstance(change, LinesAppended | TailChanged) and self._lines and self._prompts():
            self._finish()

    async def _end(self, asked: int) -> None:
        await asyncio.sleep(ANSWER_SECONDS)
        if asked == self._asked:
            self._finish()

    def _prompts(self) -> bool:
        line = self._demux.unfinished
        return line is not None and PROMPT.fullmatch(SGR_RUN.sub(b"", line.data)) is not None

    def _read(self, block: LineBlock, lines: list[str]) -> None:
        """Keep an answer's lines: neither the echo of the question nor another task's log lines."""
        for index in range(min(len(block), MAX_HELP_LINES - len(lines))):
            body = block.body(index)
            if not block.levels[index] and len(body) <= MAX_LINE_BYTES and not self._echoes(SGR_RUN.sub(b"", body)):
                lines.append(block.text(index))

    def _echoes(self, body: bytes) -> bool:
        """Whether this is the line in which the question was typed, with the prompt or without."""
        return body.endswith(self._question) and PROMPT.fullmatch(body.removesuffix(self._question)) is not None

    def _finish(self) -> None:
        lines, self._lines = self._lines, None
        status = self._publisher.status
        if lines and (commands := help_commands(lines)) and commands != status.console_commands:
            self._publisher.publish(replace(status, console_commands=commands))

    def _publish_none(self) -> None:
        """Another program runs on the board now."""
        if self._publisher.status.console_commands:
            self._publisher.publish(replace(self._publisher.status, console_commands=()))
