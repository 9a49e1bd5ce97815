"""What the board announces of itself, and the one question about it: `@ESPCAPS?`, where that is allowed.

It is asked once a boot, where the settings wish it or the board has announced itself before, behind a console's prompt
that has stood for a moment: never while it boots, in the middle of a payload, or while somebody else has the port.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from espmon.records.batch import Part
from espmon.records.capabilities import Capabilities, capabilities_of
from espmon.records.console_events import CAPS_QUERY
from espmon.records.demux import Demultiplexer
from espmon.records.events.boot import Boot
from espmon.records.events.reset_record import Reset
from espmon.records.notes import Caps
from espmon.records.record import PayloadRecord
from espmon.records.span import PROMPT, SGR_RUN
from espmon.session.publisher import Publisher
from espmon.session.state import State
from espmon.session.status import Change, LinesAppended, TailChanged
from espmon.session.tasks import BackgroundTasks

PROMPT_SECONDS = 0.5
"""A prompt that has stood unchanged for so long waits for a line."""

NO_PROMPT = b"%"
"""What ends a progress bar as often as a prompt."""


class CapabilityWatch:
    """Keeps `Status.capabilities`.

    Args:
        demux: says what is being received.
        publisher: holds the status.
        send: sends bytes to the board, and says so.
        free: False while the user's keys go to the board one by one.
        tasks: where sending runs.
        ask: ask a board that has not announced itself yet, too.
    """

    def __init__(
        self,
        demux: Demultiplexer,
        publisher: Publisher,
        send: Callable[[bytes], Awaitable[object]],
        free: Callable[[], bool],
        tasks: BackgroundTasks,
        *,
        ask: bool,
    ) -> None:
        self._demux = demux
        self._publisher = publisher
        self._send = send
        self._free = free
        self._tasks = tasks
        self._allowed = ask
        self._asked = False
        self._announced = -1
        self._program: tuple[str | None, str | None] | None = None

    def take(self, part: Part, entry: int | None) -> None:
        """See `Sink`."""
        if isinstance(part, Caps) and part.value is not None:
            self._allowed = self._asked = True
            self._announced = part.offset
            self._publish(capabilities_of(part.value))
        elif isinstance(part, Reset) and part.offset > self._announced:
            # One that is told late, after the board has announced itself in that very boot, asks for nothing.
            self._asked = False
            self._look()  # what tells of it may have come behind the prompt
        elif isinstance(part, Boot):
            program = part.app, part.elf_sha256
            if self._program is not None and program != self._program:
                self._publish(None)  # another program runs there now
            self._program = program
        elif isinstance(part, PayloadRecord) and part.pixels is not None and not self._publisher.status.pictured:
            self._publisher.publish(replace(self._publisher.status, pictured=True))

    def listen(self, change: Change) -> None:
        """Receives the session's changes: a line that grows may be a prompt."""
        if isinstance(change, TailChanged | LinesAppended):
            self._look()

    def _look(self) -> None:
        if self._allowed and not self._asked and self._prompt() is not None:
            self._asked = True
            self._tasks.spawn(self._ask())

    def _publish(self, capabilities: Capabilities | None) -> None:
        status = self._publisher.status
        if status.capabilities != capabilities:
            self._publisher.publish(replace(status, capabilities=capabilities))

    def _prompt(self) -> tuple[int, bytes] | None:
        """Where a prompt waits, and its text; None where none does."""
        line = self._demux.unfinished
        monitoring = self._publisher.status.state is State.MONITORING
        if line is None or self._demux.capture is not None or not monitoring or not self._free():
            return None
        bare = SGR_RUN.sub(b"", line.data)
        waits = PROMPT.fullmatch(bare) is not None and not bare.rstrip().endswith(NO_PROMPT)
        return (line.offset, line.data) if waits else None

    async def _ask(self) -> None:
        before, announced = self._prompt(), self._announced
        await asyncio.sleep(PROMPT_SECONDS)
        if announced != self._announced:
            return  # it has told by itself meanwhile
        if before is not None and self._prompt() == before:
            await self._send(CAPS_QUERY)
        else:
            self._asked = False
