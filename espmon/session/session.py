"""A session: one board, one handle, one state machine. The parts do the work; here they are put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.records.demux import Demultiplexer
from espmon.session.action import Action
from espmon.session.action_runner import ActionRunner
from espmon.session.announced_lines import screenshot_line
from espmon.session.archive.session_index import SessionIndexer
from espmon.session.board_watches import BoardWatches
from espmon.session.clock import SessionClock
from espmon.session.connection import Connection, PortAccess
from espmon.session.controls import Controls
from espmon.session.decoder import Decoder
from espmon.session.elf_choice import ElfChoice
from espmon.session.elves import ElfLibrary
from espmon.session.event_log import EventLog
from espmon.session.ide import Ide
from espmon.session.log_memory import LogMemory
from espmon.session.pace import Pace
from espmon.session.payload_saver import PayloadSaver
from espmon.session.pipeline import Pipeline, Sink
from espmon.session.publisher import Listener, Publisher
from espmon.session.recorder import Recorder
from espmon.session.replayed import Replayed
from espmon.session.reporter import Reporter
from espmon.session.reports import Reports
from espmon.session.sending.outgoing import Outgoing
from espmon.session.sending.sender import Sender
from espmon.session.sent import LocalEcho, SentBy
from espmon.session.session_events import SessionNote
from espmon.session.settings import Settings, data_folder, limits_of
from espmon.session.share_state import Grants, WritingTurn
from espmon.session.sharing.share_start import ShareStart
from espmon.session.state import Lifecycle, State, Transition, Trigger
from espmon.session.status import (
    Change,
    ElfState,
    EventAdded,
    EventEntry,
    LinesAppended,
    OpenRequest,
    Severity,
    Status,
)
from espmon.session.store import LogStore
from espmon.session.tasks import BackgroundTasks, stop_tasks
from espmon.session.telemetry.telemetry_start import end_telemetry, telemetry_of
from espmon.session.terminal_answers import TerminalAnswers
from espmon.session.ticker import Ticker
from espmon.session.watched_strings import WATCHED
from espmon.text import plain

if TYPE_CHECKING:
    from espmon.port import LineFormat, PortError
    from espmon.postmortem.panic_report import PanicReport
    from espmon.records.events.panic_record import Panic
    from espmon.rom import ProbeResult
    from espmon.session.debug_lease import DebugLease
    from espmon.session.flash_job import FlashJob
    from espmon.session.ide_link import IdeLink


class Session:
    """Owns the handle, the lifecycle, the pipeline and the records. Lives on one event loop, and needs no screen.

    `status`, `store`, `events` and `decoration` may be used from any thread; everything else belongs to the loop.

    Args:
        settings: the user's settings.
        folder: where session folders are made; the platform's data folder when None.
        access: how ports are reached.
        clock: in place of the computer's clocks.
        ide: told of crashes, debug stubs and core dumps.
        sinks: where everything that is received goes besides, as records.
        replayed: of a session that replays: nobody waits for an answer.
        builds: folder of a project whose build is used, unverified, while the board does not say what it runs.
        memory: what the log shares with those of other boards; None: it has all of what the settings say.
        scrolled: somebody may look back in the log and search it.
        shared: other programs of this user may look on, and write like this; None: they may not.

    Attributes:
        settings: the user's settings.
        clock: the session's time.
        store: the log.
        event_log: the inspector's entries, and the boots.
        pipeline: what bytes become, and where they go.
        connection: the port: opened once, opened again when it was lost.
        answers: what a board's console is told when it asks its terminal.
        outgoing: texts that are sent, and how.
        received: all of a payload that has just come, see `PayloadSaver.received`.
        turn, pace: who writes, of a session that several look at; how fast it is played, of a recording.
    """

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        folder: Path | None = None,
        access: PortAccess | None = None,
        clock: SessionClock | None = None,
        ide: Ide | None = None,
        sinks: Sequence[Sink] = (),
        replayed: Replayed | None = None,
        builds: Path | None = None,
        scrolled: bool = True,
        shared: Grants | None = None,
        memory: LogMemory | None = None,
    ) -> None:
        settings = self.settings = settings or Settings()
        self.clock = clock or SessionClock()
        self._publisher = Publisher()
        self._tasks = BackgroundTasks(self._publisher)
        limit = memory or settings.store_bytes
        wall, overwrites = self.clock.wall, settings.cr_overwrites
        self.store = replayed.store if replayed else LogStore(limit, wall, cr_overwrites=overwrites, paged=scrolled)
        self.event_log = EventLog(lambda entry: self._publisher.emit(EventAdded(entry)), self.clock.wall)
        demux = replayed.demux if replayed else Demultiplexer(limits_of(settings), watched=WATCHED)
        self.pipeline = Pipeline(demux, self.store, self.event_log, self._publisher.emit, settings=settings)
        reporter = self._reporter = Reporter(self._publisher, self.pipeline, self.clock)
        self._lifecycle = Lifecycle(self._transition)
        self._recorder = Recorder(settings, folder, self.pipeline, reporter)
        self.connection = Connection(
            access or PortAccess(),
            self.pipeline,
            self._recorder,
            self._lifecycle,
            reporter,
            self._tasks,
            reconnect=settings.reconnect,
        )
        link = self.connection.link
        self._controls = Controls(link, self.pipeline, reporter)
        echo, elsewhere = LocalEcho(settings.local_echo), replayed.send if replayed else None
        self._sender = Sender(self._controls, self.pipeline, self._recorder, reporter, echo, elsewhere)
        self.outgoing = Outgoing(
            self._controls, self._sender, self.pipeline, self._publisher, self._tasks, settings, self.clock
        )
        self.answers = TerminalAnswers(
            demux, self.store, self._publisher, self._controls.write, self._tasks, self.clock
        )
        if settings.answer_queries:
            self._publisher.subscribe(self.answers.listen)
        self._decoder = Decoder(self.store, self._publisher, settings.path_map)
        self.pipeline.log_writer = self._decoder.log_writer() if settings.log_locations else None
        self._publisher.subscribe(self._lines_came)
        library = ElfLibrary((folder.parent if folder else data_folder()) / "elves", settings.elf_library_bytes)
        self._reports = Reports(self._decoder, self.event_log, library, self._recorder, reporter, self._tasks)
        self._elf = ElfChoice(
            self._decoder, demux, self.event_log, self._reports, library, reporter, self._tasks, builds
        )
        self._runner = ActionRunner(link, self._lifecycle, reporter, self.connection)
        self._debugging: DebugLease | None = None
        watches = BoardWatches(
            settings,
            demux,
            self._publisher,
            reporter,
            self._tasks,
            enter=self,
            questions=self._sender,
            free=lambda: self.answers.on,
            replayed=replayed,
        )
        self._payloads = PayloadSaver(self._recorder, self.event_log, reporter, self._tasks)
        self.received = self._payloads.received
        self._indexer = SessionIndexer(self._recorder.index, self.clock)
        self.pipeline.sinks += [
            self._indexer.take,
            self._payloads.take,
            self._elf.take,
            *watches.sinks,
            self.outgoing.replies.take,
            self._reports.take,
        ]
        self._ide: IdeLink | None = None
        if ide is not None:
            from espmon.session.ide_link import IdeLink

            self._ide = IdeLink(ide, self.connection, self._lifecycle, reporter, self._tasks, settings.path_map)
            self._publisher.subscribe(self._ide.listen)
            self.pipeline.sinks.append(self._ide.take)
        self.pipeline.sinks += sinks
        self.turn: WritingTurn | None = None
        self.pace: Pace | None = None
        self._grants = shared
        self._share = ShareStart(self.pipeline, self._recorder, reporter, self._publisher, self._sender, self)
        self._telemetry = None if replayed else telemetry_of(settings, self.clock, self.pipeline, link, self._publisher)
        self._ticker: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    # -- what is there to see -----------------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """The newest snapshot of what a user may see."""
        return self._publisher.status

    @property
    def state(self) -> State:
        """The lifecycle's state."""
        return self._lifecycle.state

    @property
    def events(self) -> list[EventEntry]:
        """The inspector's entries, oldest first."""
        return self.event_log.entries

    @property
    def debugging(self) -> DebugLease:
        """The debug stub's lease: inspect here, or hand over to gdb. Made, and imported, when first asked for."""
        if self._debugging is None:
            from espmon.session.debug_lease import DebugLease

            link, scripts = self.connection.link, self.settings.gdb_init
            self._debugging = DebugLease(
                link, self._lifecycle, self._decoder, self._reporter, self.connection, startup_files=scripts
            )
        return self._debugging

    def decoration(self, line: int) -> tuple[str, ...]:
        """Locations shown under a line, never part of it."""
        return self._decoder.decoration(line)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for each change (on the session's thread). Returns the way to unsubscribe."""
        return self._publisher.subscribe(listener)

    def notify(self, text: str, severity: Severity = Severity.INFO) -> None:
        """Tell the user, on whatever screen is up."""
        self._publisher.notify(text, severity)

    def answer_queries(self, on: bool) -> None:
        """Answer a console's questions here, or leave them to somebody else: a terminal on the screen."""
        self.answers.on = on

    # -- open and close -----------------------------------------------------------------------------------------

    async def open(self, request: OpenRequest) -> None:
        """Open the port once. Errors end in state CLOSED with `status.reason` and `status.hint`; nothing is raised."""
        if self._closing is not None:
            await asyncio.shield(self._closing)
        self._elf.rom_elf = request.rom_elf
        handle = await self.connection.open(request)
        if handle is None:
            return
        name = request.name or request.url.rstrip("/").rsplit("/", 1)[-1]
        try:
            await self._recorder.start(name, request.log)
        except BaseException:  # cancelled: nobody has the port yet who would close it
            await handle.close()
            raise
        if request.elf:
            self._decoder.show_elf(ElfState.LOADING, request.elf[0])
        self.connection.begin(handle)
        if request.break_seconds:
            await self.send_break(request.break_seconds)
        if request.reset and not request.probe:
            await self.reset()
        self._tasks.spawn(self.set_elf(request.elf) if request.elf else self._elf.propose())
        ticker = Ticker(
            self.clock, self._publisher, self.pipeline, self.connection, self._recorder, self.event_log, self._reporter
        )
        self._ticker = asyncio.create_task(ticker.run())
        if self._grants is not None:
            self.turn = await self._share.begin(self._grants, handle.url)

    async def close(self) -> None:
        """Close the port; the store, the events and the recording stay. Who comes second waits with.

        Bounded, but for a disk that is slow: that is waited for as long as it takes something, or until `salvage`.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="espmon-close")
            self._closing.add_done_callback(self._closed)
        await asyncio.shield(self._closing)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closing = None

    def salvage(self) -> None:
        """Write what the recording still holds, and wait for the disk no longer. May be called from any thread."""
        self._recorder.salvage()

    async def _close(self) -> None:
        await asyncio.gather(self.connection.stop(), self._runner.stop(), stop_tasks(self._ticker))
        await self._share.end("the espmon that held the port has closed it")
        if self._debugging is not None:
            self._debugging.drop()
        await self.connection.close()
        await self._payloads.finish()
        await self._tasks.stop()
        self._indexer.end()
        await self._recorder.close()
        self._decoder.stop()
        await end_telemetry(self._telemetry)

    def _transition(self, transition: Transition) -> None:
        self._recorder.transition(transition)
        self._publisher.publish(replace(self.status, state=transition.new, reason=transition.reason))

    # -- actions that take the port -----------------------------------------------------------------------------

    async def run(self, action: Action) -> None:
        """Run an action over a lease of the port (the user agreed), then read the log on."""
        await self._runner.run(action)

    async def probe(self) -> None:
        """Probe again from MONITORING (the user agreed)."""
        await self._runner.run(self._probe_action())

    async def consent(self) -> None:
        """The user agreed to the probe: run it on the same handle, then monitor; failure ends in CLOSED."""
        await self._runner.run(self._probe_action(), consented=True)
        if self.state is State.CLOSED:
            await self.close()  # nobody may look on any more, and the recording has ended

    def _probe_action(self) -> Action:
        from espmon.session.probe_action import ProbeAction

        return ProbeAction(self._identified)

    def _identified(self, result: ProbeResult) -> None:
        self.connection.remember(result)
        self._elf.learn_chip(result.chip, result.revision)

    async def decline(self) -> None:
        """The user does not want the probe: monitor without touching the board."""
        self._lifecycle.fire(Trigger.DECLINE)

    async def flash(self, job: FlashJob) -> None:
        """Run a flash job (the user agreed)."""
        from espmon.session.flash_action import FlashAction

        await self.run(FlashAction(job))

    async def cancel(self) -> None:
        """Cancel the running probe or flash; the board is reset back where that is possible."""
        if self.state in (State.PROBING, State.LEASED):
            await self._runner.cancel()
        elif self.state is State.AWAITING_CONSENT:
            await self.close()

    # -- actions on the port as it is ---------------------------------------------------------------------------

    async def send(self, data: bytes, by: SentBy = SentBy.LINE) -> PortError | None:
        """Send bytes to the board as they are; the log (but for keys) and the recording say so.

        Returns why they were not sent, which the user was told.
        """
        return self._sender.refusal() or await self._sender.send(data, by)

    async def reset(self) -> PortError | None:
        """Hard-reset into the application (the user asked). Returns why it was not done, which the user was told."""
        if self._debugging is not None and self._debugging.active:
            await self._debugging.abandon()
        return await self._controls.reset()

    async def reset_to_loader(self) -> PortError | None:
        """Reset into the ROM loader (the user asked)."""
        return await self._controls.reset_to_loader()

    async def set_baud(self, baud: int) -> PortError | None:
        """Change the rate of the open port."""
        return await self._controls.set_baud(baud)

    async def set_format(self, line: LineFormat) -> PortError | None:
        """Change data bits, parity, stop bits and flow control of the open port."""
        return await self._controls.set_format(line)

    async def set_lines(self, dtr: bool | None = None, rts: bool | None = None) -> PortError | None:
        """Move DTR and RTS by hand (True asserts); None leaves a line as it is."""
        return await self._controls.set_lines(dtr, rts)

    async def send_break(self, seconds: float) -> PortError | None:
        """Hold the line in a break for so long."""
        return await self._controls.send_break(seconds)

    async def screenshot(self) -> PortError | None:
        """Send the trigger; the PNG that arrives becomes an event and a file. Returns why it was not sent."""
        return await self.send(screenshot_line(self.settings, self.status.capabilities))

    async def mark(self, text: str) -> None:
        """Put a line of the user's into the log, the events and the recording."""
        event = SessionNote(*self._reporter.here, plain(text))
        self._reporter.list_event(event, self._reporter.mark(event.text))

    def publish(self, status: Status) -> None:
        """Show what somebody else knows: another session's, or who debugs the board."""
        self._publisher.publish(status)

    async def abort_capture(self) -> None:
        """End the running capture; what came is kept, as a partial artifact."""
        await self._controls.abort_capture()

    # -- the log file, the ELF, the IDE -------------------------------------------------------------------------

    async def set_log(self, path: Path | None) -> None:
        """Start (or with None stop) writing the log text to a file."""
        await self._recorder.set_log(path)

    async def set_elf(self, paths: tuple[Path, ...]) -> None:
        """Use these ELF files (application first) for decoding, also for what was received before."""
        await self._elf.use(paths)

    async def crash_report(self, panic: Panic) -> PanicReport:
        """A panic decoded with the ELF that is used now.

        Raises `PostmortemError` for an ELF that cannot be read, TimeoutError when decoding takes too long.
        """
        return await self._reports.decoded(panic)

    async def decode_again(self, identity: int) -> None:
        """Decode a listed panic or core dump once more, with the ELF that is used now."""
        await self._reports.decode_again(identity)

    def _lines_came(self, change: Change) -> None:
        if isinstance(change, LinesAppended):
            self._decoder.lines_appended()

    @property
    def lends_to_ide(self) -> bool:
        """Whether an IDE is told of debug stubs and gets the port itself."""
        return self._ide is not None

    def stop_waiting_for_ide(self) -> None:
        """The user wants the port back from the IDE."""
        if self._ide is not None:
            self._ide.stop_waiting()
