"""One board, one handle, one state machine: opening, losing and finding the port, and lending it to an IDE."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from espmon.port import Handle, PortError, PortIdentity, identify, wait_for_port
from espmon.postmortem.source import map_path
from espmon.records.record import Record
from espmon.session.debug_lease import DebugLease
from espmon.session.event_log import LinkEvent
from espmon.session.ide import Ide, IdeError
from espmon.session.leased import LeasedActions
from espmon.session.port_link import stop_tasks
from espmon.session.port_lookup import looked_up, open_url, port_of, remember_chip
from espmon.session.settings import Settings
from espmon.session.state import State, Trigger
from espmon.session.status import LENT_TO_IDE, WAITS, ElfState, OpenRequest, Severity

if TYPE_CHECKING:
    from espmon.postmortem.panic_report import PanicReport

OPEN_STATES = (State.MONITORING, State.LEASED, State.PROBING, State.AWAITING_CONSENT)
"""States with an open port."""

DISK_SECONDS = 5.0
"""Longest wait for the disk when closing, unless the user wants to wait for all of it."""

REOPEN_FIRST, REOPEN_MOST = 0.05, 2.0
"""First and longest pause between tries to reopen."""


class Opener(Protocol):
    """How a port is opened; `open_url` unless a test brings its own."""

    def __call__(self, url: str, *, baud: int, no_reset: bool) -> Awaitable[Handle]:
        """Open `url`. Raises `PortError`."""
        ...


class Session(LeasedActions):
    """Owns the handle, the lifecycle, the pipeline and the records. Lives on one event loop.

    Args:
        opener: opens ports.
        waiter: returns the URL of a lost port when it is back.
        resolver: turns what the user typed (a nickname) into a URL; runs in a thread.
        ide: told of debug stubs and core dumps.
        others: see `LeasedActions`.
    """

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        folder: Path | None = None,
        opener: Opener = open_url,
        waiter: Callable[[PortIdentity], Awaitable[str]] = wait_for_port,
        identifier: Callable[[str], PortIdentity] = identify,
        resolver: Callable[[str], str] = port_of,
        clock: Callable[[], float] | None = None,
        remember: Callable[[PortIdentity, str, str], None] = remember_chip,
        ide: Ide | None = None,
    ) -> None:
        super().__init__(settings, folder, clock, remember)
        self._ide = ide
        self._opener = opener
        self._waiter = waiter
        self._identifier = identifier
        self._resolver = resolver
        self._losing = False
        self._opening: asyncio.Task[None] | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._request = OpenRequest("")
        self.debugging = DebugLease(
            self._link,
            self._lifecycle,
            self._decoder,
            lambda owner: self._set(lease=owner),
            lambda error: self._spawn(self._lost(error)),
            lambda reason: self.notify(reason, Severity.WARNING),
            lambda: self.status.chip,
        )
        self.opens = 0
        """How often a port was opened; one a session, unless it was lost."""

    # -- open and close -----------------------------------------------------------------------------------------

    async def open(self, request: OpenRequest) -> None:
        """Open the port once. Errors end in state CLOSED with `status.reason` and `status.hint`; nothing is raised."""
        self._lifecycle.fire(Trigger.OPEN)
        self._request = request
        self._rom_elf = request.rom_elf
        self._set(
            url=request.url,
            name=request.name or request.url,
            baud=request.baud,
            hint="",
            chip=None,
            probe=None,
            stuck="",
        )
        self._opening = asyncio.current_task()
        try:
            url = await looked_up(lambda: self._resolver(request.url))
            self._identity = await looked_up(lambda: self._identifier(url))
            handle = await self._opener(url, baud=request.baud, no_reset=request.no_reset)
        except PortError as error:
            self._set(hint=error.hint)
            self._lifecycle.fire(Trigger.OPEN_FAILED, error.message)
            return
        finally:
            self._opening = None
        await self._recorder.start(request.name or request.url.rstrip("/").rsplit("/", 1)[-1], request.log)
        if request.elf:
            self._set(elf=request.elf[0], elf_state=ElfState.LOADING)
        self._attach(handle)
        self._lifecycle.fire(Trigger.OPENED_ASK if request.probe else Trigger.OPENED)
        self._pipeline.list_event(LinkEvent(self._pipeline.demux.offset, self._clock(), "opened"), self._clock())
        if request.elf:
            self._spawn(self.set_elf(request.elf))
        self._ticker = asyncio.create_task(self._tick())

    def _attach(self, handle: Handle) -> None:
        self.opens += 1
        self._set(usb=handle.usb, has_modem_lines=handle.has_modem_lines, stuck="", waiting=False)
        self._tell_warnings(handle)
        self._pipeline.set_rate(handle.baud)
        self._link.attach(handle)

    async def close(self, *, wait_for_disk: bool = False) -> None:
        """Close the port (bounded); the store, the events and the recording stay. Who comes second waits with.

        Args:
            wait_for_disk: wait until everything is written, however long that takes, or until `salvage` is called.
        """
        if self._closing is None:
            disk_seconds = None if wait_for_disk else DISK_SECONDS
            self._closing = asyncio.create_task(self._close(disk_seconds), name="espmon-close")
            self._closing.add_done_callback(self._closed)
        await asyncio.shield(self._closing)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closing = None

    async def _close(self, disk_seconds: float | None) -> None:
        if self._opening is not None and self._opening is not asyncio.current_task():
            self._opening.cancel()
        await stop_tasks(self._action, self._reopening, self._ticker)
        self.debugging.drop()
        await self._link.detach()
        if self.state is not State.CLOSED:
            self._set(waiting=False, stuck="")
            self._lifecycle.fire(Trigger.CLOSE)
        await stop_tasks(*self._background)
        self._decoder.stop()
        await self._recorder.close(disk_seconds)

    # -- losing and finding again -------------------------------------------------------------------------------

    async def _lost(self, error: PortError) -> None:
        if self._losing or self.state not in OPEN_STATES:
            return
        now = self._clock()
        self._losing = True  # the reader and a lease may both find the port gone
        try:
            await self._link.detach()
        finally:
            self._losing = False
        if self.state not in OPEN_STATES:  # closed by the user meanwhile
            return
        self._lifecycle.fire(Trigger.LOSE, error.message)
        line = self._pipeline.mark(f"── port lost: {error.message} ──", now)
        self._pipeline.list_event(LinkEvent(self._pipeline.demux.offset, now, "lost", error.message), now, line)
        goes_on = f". {WAITS}" if self.settings.reconnect else ""
        self.notify(f"Port lost: {error.message}{goes_on}", Severity.WARNING)
        if self.settings.reconnect:
            self._set(waiting=True)
            self._reopening = asyncio.create_task(self._reopen(now), name="espmon-reopen")

    async def _reopen(self, since: float) -> None:
        pause = REOPEN_FIRST
        while True:
            url = await self._waiter(self._identity)
            self._lifecycle.fire(Trigger.REAPPEAR)
            try:
                handle = await self._opener(url, baud=self.status.baud, no_reset=self._request.no_reset)
            except PortError as error:
                self._set(hint=error.hint)
                self._lifecycle.fire(Trigger.REOPEN_FAILED, error.message)
                await asyncio.sleep(pause)
                pause = min(pause * 2, REOPEN_MOST)
                continue
            now = self._clock()
            line = self._pipeline.mark(
                f"── port reopened after {now - since:.2f} s; what was sent in between is not here ──", now
            )
            self._attach(handle)
            self._lifecycle.fire(Trigger.OPENED)
            event = LinkEvent(self._pipeline.demux.offset, now, "reopened", "", round(now - since, 3))
            self._pipeline.list_event(event, now, line)
            self.notify("Port is back")
            return

    # -- what records bring about -------------------------------------------------------------------------------

    def _on_record(self, record: Record, entry: int | None) -> None:
        super()._on_record(record, entry)
        if self._ide is not None and record.type == "gdb" and record.fields().get("checksum") == "ok":
            self._spawn(self._lend_to_ide(self._ide))
        waits = record.type == "note" and record.fields().get("action") == "enter"
        if waits and self.settings.answer_coredump_prompt and self.state is State.MONITORING:
            self._spawn(self.send(b"\r"))

    async def _saved(self, record: Record, path: Path) -> None:
        if self._ide is not None and record.type == "coredump":
            try:
                await self._ide.core_dump(path, self.status.elf)
            except IdeError as error:
                self.notify(str(error), Severity.WARNING)

    def _crashed(self, report: PanicReport) -> None:
        if self._ide is not None:
            self._spawn(self._show_crash(self._ide, report))

    async def _show_crash(self, ide: Ide, report: PanicReport) -> None:
        place = report.place
        file = map_path(place.file, self.settings.path_map) if place is not None and place.file else None
        try:
            await ide.crash(report.sentence, file, place.line if place is not None else None)
        except IdeError as error:
            self.notify(str(error), Severity.WARNING)

    async def _lend_to_ide(self, ide: Ide) -> None:
        """The board waits in its debug stub: the IDE gets the port itself, and the log goes on when it is done."""
        now = self._clock()

        async def let_go() -> None:
            await self._link.detach()
            self._lifecycle.fire(Trigger.LOSE, LENT_TO_IDE)
            self._pipeline.mark("── the IDE has the port ──", now)

        try:
            finished = await ide.gdb_stub(self._identity.url, self.status.elf, let_go)
            if not finished:
                self.notify("Not waiting for the IDE any longer", Severity.WARNING)
        except IdeError as error:
            self.notify(str(error), Severity.WARNING)
        if self.state is State.LOST:
            self._set(waiting=True)
            self._reopening = asyncio.create_task(self._reopen(now), name="espmon-reopen")

    @property
    def lends_to_ide(self) -> bool:
        """Whether an IDE is told of debug stubs and gets the port itself."""
        return self._ide is not None

    def stop_waiting_for_ide(self) -> None:
        """The user wants the port back."""
        if self._ide is not None:
            self._ide.stop_waiting()
