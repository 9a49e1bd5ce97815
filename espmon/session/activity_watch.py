"""What the board is doing, read from what it says: it waits in its debug stub, for Enter, in its loader."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from espmon.records.batch import Part
from espmon.records.events.boot import Boot
from espmon.records.events.reset_record import Reset
from espmon.records.notes import Note
from espmon.records.record import Record
from espmon.records.spans.coredump_capture import Coredump
from espmon.records.spans.gdb_packets import Gdb
from espmon.session.publisher import Publisher
from espmon.session.state import State
from espmon.session.status import Activity
from espmon.session.tasks import BackgroundTasks

ENTER = b"\r"
"""What makes a board print its core dump."""


class Sender(Protocol):
    """Who sends bytes to the board."""

    async def send(self, data: bytes) -> object:
        """Send bytes as they are."""


class ActivityWatch:
    """Keeps `Status.activity` and, until a probe tells more, `Status.chip`.

    Args:
        publisher: holds the status.
        sender: sends bytes to the board.
        tasks: where that runs.
        answer_prompt: send Enter to a board that waits for it.
    """

    def __init__(
        self,
        publisher: Publisher,
        sender: Sender,
        tasks: BackgroundTasks,
        *,
        answer_prompt: bool,
    ) -> None:
        self._publisher = publisher
        self._sender = sender
        self._tasks = tasks
        self._answer_prompt = answer_prompt

    def take(self, part: Part, entry: int | None) -> None:
        """See `Sink`."""
        status = self._publisher.status
        if not isinstance(part, Record):
            if status.activity is Activity.IN_LOADER and part.source == "text" and any(part.levels):
                # A loader logs nothing: the board was started while nobody looked.
                self._publisher.publish(replace(status, activity=Activity.RUNNING, unfinished=()))
            return
        if isinstance(part, Boot):
            # "esp32c3": for a board that was not probed that is all that is known of it.
            if status.probe is None and part.chip:
                status = replace(status, chip=part.chip, chip_key=part.chip)
            self._publisher.publish(replace(status, activity=Activity.RUNNING, unfinished=()))
        elif isinstance(part, Reset) and part.stays_in_loader:
            self._now(Activity.IN_LOADER)
        elif isinstance(part, Reset):
            self._publisher.publish(replace(status, activity=Activity.RUNNING, unfinished=()))
        elif isinstance(part, Gdb) and part.checksum == "ok":
            self._now(Activity.HALTED)
        elif isinstance(part, Coredump) and status.activity is Activity.AWAITING_ENTER:
            self._now(Activity.RUNNING)
        elif isinstance(part, Note) and part.action == "enter":
            self._prompted()

    def _now(self, activity: Activity) -> None:
        self._publisher.publish(replace(self._publisher.status, activity=activity))

    def _prompted(self) -> None:
        if not self._answer_prompt:
            self._now(Activity.AWAITING_ENTER)
        elif self._publisher.status.state is State.MONITORING:
            self._tasks.spawn(self._answer())

    async def _answer(self) -> None:
        await self._sender.send(ENTER)
