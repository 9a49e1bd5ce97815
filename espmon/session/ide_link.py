"""Between a session and an IDE: it is told of crashes and core dumps, and gets the port of a board that halted."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from espmon.postmortem.core_input import MAX_DUMP, uart_text
from espmon.postmortem.panic_report import PanicReport
from espmon.postmortem.source import map_path
from espmon.records.batch import Part
from espmon.records.spans.coredump_capture import Coredump
from espmon.records.spans.frame import Frame
from espmon.records.spans.gdb_packets import Gdb
from espmon.records.spans.png import Png
from espmon.regular_file import read_regular
from espmon.session.connection import Connection
from espmon.session.file_system import write_atomically
from espmon.session.ide import Ide, IdeError
from espmon.session.reporter import Reporter
from espmon.session.state import Lifecycle, State, Trigger
from espmon.session.status import Activity, Change, CrashDecoded, EventAdded, Severity
from espmon.session.tasks import BackgroundTasks

IDE_HAS_PORT = "The IDE has the port"
"""`Status.reason` while `Status.activity` is LENT_TO_IDE."""


MAX_PAYLOADS_WAITING = 64
"""Payloads that wait for the IDE."""


class IdeLink:
    """Between a session and one IDE.

    Args:
        ide: the IDE.
        connection: the port, which the IDE gets for a while.
        lifecycle: the session's state.
        reporter: the session's voice.
        tasks: where the IDE is waited for.
        path_map: prefix of a source path in the ELF -> local folder.
    """

    def __init__(
        self,
        ide: Ide,
        connection: Connection,
        lifecycle: Lifecycle,
        reporter: Reporter,
        tasks: BackgroundTasks,
        path_map: Mapping[str, str],
    ) -> None:
        self._ide = ide
        self._connection = connection
        self._lifecycle = lifecycle
        self._reporter = reporter
        self._tasks = tasks
        self._path_map = path_map
        self._announced: set[int] = set()
        self._payloads: deque[Frame | Png] = deque()
        self._deaf = False  # it could not be told of a payload: of others it is not

    def stop_waiting(self) -> None:
        """The user wants the port back."""
        self._ide.stop_waiting()

    def take(self, part: Part, entry: int | None) -> None:
        """See `Sink`: a board that waits in its debug stub is the IDE's."""
        if isinstance(part, Gdb) and part.checksum == "ok":
            self._tasks.spawn(self._lend())

    def listen(self, change: Change) -> None:
        """What the session published."""
        if isinstance(change, CrashDecoded):
            self._tasks.spawn(self._crash(change.report))
        elif isinstance(change, EventAdded) and isinstance(change.entry.record, Frame | Png):
            self._payload(change.entry.id, change.entry.record, change.entry.path)
        elif isinstance(change, EventAdded) and isinstance(change.entry.record, Coredump):
            entry = change.entry
            if entry.path is not None and entry.id not in self._announced:
                self._announced.add(entry.id)
                self._tasks.spawn(self._core_dump(entry.path))

    def _payload(self, entry: int, record: Frame | Png, path: Path | None) -> None:
        """A payload is told of once it is saved, one after the other; of too many at once the newest are left out."""
        kept = path is not None or self._reporter.status.recording is None
        if self._deaf or not record.complete or not kept or entry in self._announced:
            return
        if len(self._payloads) == MAX_PAYLOADS_WAITING:
            self._reporter.notify("The board sends payloads faster than the IDE takes them", Severity.WARNING)
            return
        self._announced.add(entry)
        self._payloads.append(record)
        if len(self._payloads) == 1:
            self._tasks.spawn(self._tell_payloads())

    async def _tell_payloads(self) -> None:
        while self._payloads:
            try:
                await self._ide.frame(self._payloads[0].to_json())
            except IdeError as error:
                self._payloads.clear()
                self._deaf = True
                self._reporter.notify(str(error), Severity.WARNING)
            else:
                self._payloads.popleft()

    async def _core_dump(self, path: Path) -> None:
        # IDEs give the file to `esp_coredump info_corefile -t b64`: what idf.py monitor hands over is the text.
        text = path.with_suffix(".b64")
        try:
            await asyncio.to_thread(lambda: write_atomically(text, uart_text(read_regular(path, MAX_DUMP))))
            await self._ide.core_dump(text, self._reporter.status.elf)
        except OSError as error:
            self._reporter.notify(f"No core dump for the IDE: {text}: {error.strerror or error}", Severity.WARNING)
        except IdeError as error:
            self._reporter.notify(str(error), Severity.WARNING)

    async def _crash(self, report: PanicReport) -> None:
        place = report.place
        file = map_path(place.file, self._path_map) if place is not None and place.file else None
        try:
            await self._ide.crash(report.sentence, file, place.line if place is not None else None)
        except IdeError as error:
            self._reporter.notify(str(error), Severity.WARNING)

    async def _lend(self) -> None:
        reporter, since = self._reporter, self._reporter.clock()

        async def let_go() -> None:
            await self._connection.link.detach()
            reporter.publish(replace(reporter.status, activity=Activity.LENT_TO_IDE))
            self._lifecycle.fire(Trigger.LOSE, IDE_HAS_PORT)
            reporter.mark("the IDE has the port")

        try:
            if not await self._ide.gdb_stub(self._connection.identity.url, reporter.status.elf, let_go):
                reporter.notify("Not waiting for the IDE any longer", Severity.WARNING)
        except IdeError as error:
            reporter.notify(str(error), Severity.WARNING)
        if self._lifecycle.state is State.LOST:
            reporter.publish(replace(reporter.status, activity=Activity.RUNNING))
            self._connection.wait_for_return(since)
