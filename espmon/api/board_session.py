"""What both boards of the Python interface are: the session that the screen uses, on a thread of its own.

The methods are coroutines of that thread's loop: `Board` awaits them from another loop, `BlockingBoard` waits for them.
So the port is read whatever the caller's own loop does, and an expression that is slow slows nobody else.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from espmon.api.board_error import BoardError, BoardErrorKind
from espmon.api.board_options import BoardOptions
from espmon.api.log_search import LogSearch, Match, Position, shown_lines
from espmon.api.picture import Picture
from espmon.api.record_stream import RecordStream
from espmon.port.port_error import PortError
from espmon.postmortem.panic_report import PanicReport
from espmon.postmortem.postmortem_error import PostmortemError
from espmon.records.batch import Part
from espmon.records.events.panic_record import Panic
from espmon.records.record import PayloadRecord
from espmon.rom import ProbeResult
from espmon.session.action import ActionError
from espmon.session.picture_request import NoPicture, PictureRequest
from espmon.session.session import Session
from espmon.session.session_events import Failure, ProbeEvent
from espmon.session.session_feed import SessionFeed, Tail
from espmon.session.settings import LINE_ENDS, Settings
from espmon.session.settings_sources import effective_settings
from espmon.session.state import State
from espmon.session.status import ElfState, OpenRequest, Status
from espmon.text import plain
from espmon.time_limit import time_limit
from espmon.user_pattern import PatternError, UserPattern

STORE_BYTES = 32 << 20
"""Log kept in memory for searches; the recording has everything."""

MAX_PANICS = 256
"""Crashes remembered; the oldest go first."""

ELF_SECONDS = 30.0
"""For reading an ELF file."""

LEAVE_SECONDS = 1.0
"""For those who wait for something to hear that the board is closed."""

HINT_LINES = 5
"""Lines of the log that a timeout quotes."""

GONE = frozenset({State.CLOSED, State.LOST, State.REOPENING})
"""States without an open port."""


class BoardSession:
    """One board for a script. Make and use it on a loop that runs on a thread of its own.

    Args:
        port: device path, nickname, `rfc2217://`, `telnet://`, `socket://`, `labgrid:PLACE` (acquired where it is
            free, and released at the end) or any pyserial URL.
        options: how it is opened.
    """

    def __init__(self, port: str, options: BoardOptions) -> None:
        settings = effective_settings().settings
        self.options = options
        self._port = port
        self._settings = self._adapted(settings)
        self._eol = LINE_ENDS[settings.eol]
        folder = None if isinstance(options.record, bool) or options.record is None else Path(options.record)
        sessions = folder / "sessions" if folder is not None else None
        self.session = Session(settings=self._settings, folder=sessions, scrolled=False)
        self._feed = SessionFeed(self.session, self._take)
        self._start = Position(0, 0)
        self._panics: dict[int, Panic] = {}
        self._told: set[int] = set()
        self._streams: list[weakref.ref[RecordStream]] = []
        self._waiting: set[asyncio.Event] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self.session.subscribe(lambda change: self._wake())

    def _adapted(self, settings: Settings) -> Settings:
        options = self.options
        recording = settings.recording if options.record is None else options.record is not False
        return replace(settings, store_bytes=STORE_BYTES, reconnect=options.reconnect, recording=recording)

    # -- what the session says ------------------------------------------------------------------------------------

    def _take(self, item: Part | Tail) -> None:
        if isinstance(item, Panic) and item.fatal and not item.previous_boot:
            self._panics[item.offset] = item
            if len(self._panics) > MAX_PANICS:
                self._told.discard(oldest := next(iter(self._panics)))
                del self._panics[oldest]
        if not isinstance(item, Tail):
            for stream in self._listening():
                stream.take(self.session.received(item) if isinstance(item, PayloadRecord) else item)
        self._wake()

    def _listening(self) -> list[RecordStream]:
        """The streams that somebody still reads."""
        streams = [stream for known in self._streams if (stream := known()) is not None and not stream.ended]
        self._streams = [weakref.ref(stream) for stream in streams]
        return streams

    def _wake(self) -> None:
        for event in self._waiting:
            event.set()

    @contextmanager
    def _changes(self) -> Iterator[asyncio.Event]:
        """An event that is set by whatever happens."""
        event = asyncio.Event()
        self._waiting.add(event)
        self._idle.clear()
        try:
            yield event
        finally:
            self._waiting.discard(event)
            if not self._waiting:
                self._idle.set()

    @property
    def status(self) -> Status:
        """The session's newest snapshot. May be read from any thread."""
        return self.session.status

    @property
    def end(self) -> int:
        """Bytes of the stream so far: where the next line begins, or the unfinished one goes on."""
        return self.session.pipeline.demux.offset

    def log(self, offset: int, limit: int) -> list[str]:
        """What the board said from a stream offset on, at most `limit` lines. May be called from any thread."""
        return list(shown_lines(self.session.store, offset, limit))

    # -- open and close -------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the port and read the ELF. Raises `BoardError` PORT, or USAGE for an ELF that cannot be used."""
        elf = self.options.elf_files
        rom = None if self.options.rom_elf is None else Path(self.options.rom_elf)
        for path in (*elf, *([rom] if rom is not None else [])):
            if not path.is_file():
                raise BoardError(BoardErrorKind.USAGE, f"No such ELF file: {plain(str(path))}", "Is it built?")
        request = OpenRequest(
            url=self._port, baud=self.options.baud, no_reset=self.options.no_reset, acquire=True, elf=elf, rom_elf=rom
        )
        await self.session.open(request)
        self._require_port()
        if elf:
            await self._elf_read(elf[0])

    async def _elf_read(self, path: Path) -> None:
        def read() -> bool:
            return self.status.elf_state is not ElfState.LOADING

        if not await self._until(read, ELF_SECONDS) or self.status.elf_state is ElfState.FAILED:
            await self.close()
            raise BoardError(BoardErrorKind.USAGE, f"The ELF cannot be used: {plain(str(path))}")

    async def close(self) -> None:
        """Close the port; who waits for something gets an error."""
        await self.session.close()
        self._closed = True
        for stream in self._listening():
            stream.end()
        self._wake()
        try:
            async with time_limit(LEAVE_SECONDS):
                await self._idle.wait()
        except TimeoutError:
            return  # a search that is stuck in an expression; it is cancelled with its loop

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds. False when it does not within `seconds`."""
        with self._changes() as changed:
            try:
                async with time_limit(seconds):
                    while not condition():
                        changed.clear()
                        await changed.wait()
            except TimeoutError:
                return condition()
        return True

    def _require_port(self) -> None:
        """Raise `BoardError` PORT where there is no open port."""
        status = self.status
        if status.state in GONE:
            reason = status.reason or "it is closed"
            raise BoardError(BoardErrorKind.PORT, plain(f"{status.name or self._port}: {reason}"), plain(status.hint))

    # -- waiting --------------------------------------------------------------------------------------------------

    def skip(self) -> None:
        """What came until now is not looked at by `expect` any more."""
        unfinished = self.session.store.unfinished
        if unfinished is None:
            self._start = Position(self.end, 0)
        else:  # what comes behind a prompt stands in its line
            self._start = Position(unfinished.offset, len(unfinished.text(0)))

    async def expect(self, expression: str, seconds: float, *, through_panics: bool) -> Match:
        """Wait for a regular expression. See `Board.expect`."""
        try:
            pattern = UserPattern(expression, expression)
        except PatternError as error:
            raise BoardError(BoardErrorKind.USAGE, plain(f"{expression}: {error}")) from error
        start = self._start
        search = LogSearch(self.session.store, pattern, start)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        with self._changes() as changed:
            while True:
                changed.clear()
                state = self.status.state
                # Before the look: a crash that comes while it lasts may have the words that are waited for.
                panic = self._panic_before(start.offset, None)
                found = await loop.run_in_executor(None, search.look)
                if found is not None:
                    panic = self._panic_before(start.offset, found)
                if panic is not None and not through_panics:
                    raise await self._crashed(panic)
                if found is not None:
                    self._start = found.position
                    return found
                if pattern.off:
                    raise BoardError(BoardErrorKind.USAGE, plain(pattern.problem))
                if self._closed or (state in GONE and not self.options.reconnect):
                    self._require_port()
                try:
                    async with asyncio.timeout_at(deadline):
                        await changed.wait()
                except TimeoutError:
                    raise self._timed_out(expression, seconds, start) from None

    def _panic_before(self, offset: int, found: Match | None) -> Panic | None:
        """The first crash since `offset` that nobody was told of, unless what was found stands before its end."""
        for at, panic in self._panics.items():
            if at >= offset and at not in self._told and (found is None or at + panic.length <= found.offset):
                return panic
        return None

    async def _crashed(self, panic: Panic) -> BoardError:
        self._told.add(panic.offset)
        report = await self.report(panic)
        return BoardError(BoardErrorKind.PANIC, plain(report.sentence), "", report)

    def _timed_out(self, expression: str, seconds: float, start: Position) -> BoardError:
        last = self.log(start.offset, HINT_LINES)
        hint = "The last lines:\n" + "\n".join(f"  {line}" for line in last) if last else "Nothing came"
        status = self.status
        if status.state in GONE:
            hint = f"The port is lost: {plain(status.reason)}. {hint}"
        message = plain(f"Not seen within {seconds:g} s: {expression}")
        return BoardError(BoardErrorKind.TIMEOUT, message, hint)

    # -- crashes --------------------------------------------------------------------------------------------------

    async def crashes(self, offset: int, *, untold: bool) -> list[PanicReport]:
        """The crashes from a stream offset on. See `Board.crashes`."""
        panics = [panic for at, panic in sorted(self._panics.items()) if at >= offset]
        if untold:
            panics = [panic for panic in panics if panic.offset not in self._told]
            self._told.update(panic.offset for panic in panics)
        return [await self.report(panic) for panic in panics]

    async def report(self, panic: Panic) -> PanicReport:
        """A crash, decoded. Raises `BoardError` USAGE where the ELF cannot be read any more."""
        try:
            return await self.session.crash_report(panic)
        except (PostmortemError, TimeoutError) as error:
            raise BoardError(BoardErrorKind.USAGE, plain(f"{panic.title}; not decoded: {error}")) from error

    # -- doing ----------------------------------------------------------------------------------------------------

    def stream(self) -> RecordStream:
        """The records from now on."""
        stream = RecordStream()
        self._streams.append(weakref.ref(stream))
        return stream

    async def send(self, data: str | bytes) -> None:
        """Send a line, or bytes as they are. Raises `BoardError` PORT."""
        _check(await self.session.send(data if isinstance(data, bytes) else data.encode() + self._eol))

    async def reset(self) -> None:
        """Reset the board into its application. Raises `BoardError` PORT."""
        self._require_port()
        self.skip()
        _check(await self.session.reset())

    async def probe(self) -> ProbeResult:
        """Ask the chip who it is. Raises `BoardError` PORT or CHIP."""
        self._require_port()
        if self.status.state is not State.MONITORING:
            raise BoardError(BoardErrorKind.PORT, f"The port is used for {self.status.lease}")
        before = {entry.id for entry in self.session.events}
        self.skip()
        await self.session.probe()
        probes = [
            entry.record
            for entry in self.session.events
            if isinstance(entry.record, ProbeEvent) and entry.id not in before
        ]
        if not probes:
            self._require_port()
            raise BoardError(BoardErrorKind.CHIP, "The probe was called off")
        result = probes[-1].result
        if isinstance(result, Failure):
            raise BoardError(BoardErrorKind.CHIP, plain(result.sentence), plain(result.hint))
        return result

    async def screenshot(self, seconds: float) -> Picture:
        """Ask for a picture and wait for it. Raises `BoardError` TIMEOUT, PORT or CHIP."""
        self._require_port()
        try:
            return Picture((await PictureRequest(self.session).take(seconds)).data)
        except NoPicture as error:
            raise BoardError(BoardErrorKind.TIMEOUT, plain(error.message), plain(error.hint)) from error
        except ActionError as error:
            raise BoardError(BoardErrorKind.CHIP, plain(error.message), plain(error.hint)) from error
        except PortError as error:
            raise BoardError(BoardErrorKind.PORT, plain(error.message), plain(error.hint)) from error


def _check(error: PortError | None) -> None:
    if error is not None:
        raise BoardError(BoardErrorKind.PORT, plain(error.message), plain(error.hint)) from error
