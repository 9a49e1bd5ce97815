"""What a user can do about what goes to the board: texts, files, pauses, echo, replies. Belongs to the session."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

from espmon.regular_file import read_regular
from espmon.session.controls import Controls
from espmon.session.pacing import Pacing, Text
from espmon.session.pipeline import Pipeline
from espmon.session.publisher import Publisher
from espmon.session.sending.replies import Replies
from espmon.session.sending.sender import Sender
from espmon.session.sending.text_job import TextSender
from espmon.session.sent import LocalEcho
from espmon.session.settings import Settings
from espmon.session.status import Severity
from espmon.session.tasks import BackgroundTasks
from espmon.text import plain

MAX_TEXT_FILE = 16 << 20
"""Bytes of a file that is sent as text."""

_LINE_END = re.compile(rb"\r\n|\r|\n")


class Outgoing:
    """Sends texts, and sets how.

    Args:
        controls: writes to the port.
        sender: says what was sent.
        pipeline: what the board says.
        publisher: the session's status, and whom to tell.
        tasks: where texts are sent.
        settings: the pauses to begin with, and the replies.
        clock: session time in seconds.

    Attributes:
        replies: what is sent because of what the board says.
    """

    def __init__(
        self,
        controls: Controls,
        sender: Sender,
        pipeline: Pipeline,
        publisher: Publisher,
        tasks: BackgroundTasks,
        settings: Settings,
        clock: Callable[[], float],
    ) -> None:
        self._sender = sender
        self._publisher = publisher
        self._texts = TextSender(controls, sender, pipeline, publisher, tasks, settings.pacing)
        self.replies = Replies(settings, pipeline.demux, pipeline.store, sender, publisher, tasks, clock)

    def set_local_echo(self, echo: LocalEcho) -> None:
        """Show this of what is sent from now on."""
        self._sender.set_echo(echo)

    def set_replies(self, on: bool) -> None:
        """Reply to what the board says as the settings wish, or no more."""
        self.replies.switch(on)

    def set_pacing(self, pacing: Pacing) -> None:
        """Pause like this in texts, from the next line on."""
        self._texts.set_pacing(pacing)

    def send_text(self, text: Text) -> None:
        """Begin to send several lines; `Status.sending` tells how far it is."""
        self._texts.start(text)

    async def send_file(self, path: Path, eol: bytes) -> None:
        """Begin to send a file as text, each of its lines with the line end `eol`. What goes wrong is told."""
        try:
            data = await asyncio.to_thread(read_regular, path, MAX_TEXT_FILE + 1)
        except OSError as error:
            self._refuse(path, error.strerror or str(error))
            return
        if len(data) > MAX_TEXT_FILE:
            self._refuse(path, f"a text may have {MAX_TEXT_FILE:,} bytes")
            return
        lines = _LINE_END.split(data)
        if not lines[-1]:
            lines.pop()
        if lines:
            self.send_text(Text(path.name, lines, eol))
        else:
            self._refuse(path, "it is empty")

    def _refuse(self, path: Path, why: str) -> None:
        self._publisher.notify(f"{plain(str(path))} is not sent: {why}", Severity.ERROR)

    def stop(self) -> None:
        """Send no more of the text that is on its way."""
        self._texts.stop()

    async def end(self) -> str:
        """The user leaves: send no more of it. Returns how far it came, "" where nothing was on its way."""
        return await self._texts.end()
