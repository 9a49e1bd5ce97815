"""From bytes to records to the places that keep them: one pipeline for the screen, for scripts and for files.

Everything here is synchronous and runs where the bytes arrive. It never waits: files are written by the recording's
thread, artifacts are handed out for somebody else to save.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from espmon.records.batch import Part
from espmon.records.baud_detector import BaudDetector, BaudFinding
from espmon.records.demux import LATE_END, Demultiplexer
from espmon.records.events.boot_loop import LOOP_AT
from espmon.records.events.panic_record import Panic
from espmon.records.events.reset_record import Reset
from espmon.records.lines import LineBlock
from espmon.records.record import PayloadRecord, Raw, Record
from espmon.session.event_log import EventLog
from espmon.session.held_text import REASON, HeldText
from espmon.session.log_text import host_time, log_text
from espmon.session.mark_block import MarkBlock, SentBlock
from espmon.session.recording import Recording
from espmon.session.session_events import SessionNote
from espmon.session.settings import Settings
from espmon.session.status import Capture, Change, EventEntry, LinesAppended, Notice, Severity, TailChanged
from espmon.session.store import LogStore
from espmon.session.stream_tap import StreamTap

Sink = Callable[[Part, int | None], None]
"""Receives what the stream becomes, in its order, where the bytes arrive: put it away and return. With a block of lines
comes the id of its first line, with a record the id of its entry in the inspector (None where it has none)."""

MAX_NOTICES_A_READ = 4
"""Toasts raised by one read of the port; the rest is in the inspector."""


READABLE_BYTES = 512
"""Readable bytes in a row after which the rate counts as right again."""

SETTLE_SECONDS = 1.0
"""A crash report that nothing follows for this long is complete."""


class LogWriter(Protocol):
    """Writes lines into a log file, with what is known of them."""

    def write(self, block: LineBlock, text: bytes, recording: Recording) -> None:
        """Write a block, whose lines as they go into the file are those of `text`, now or soon."""

    async def finish(self) -> None:
        """Wait until what waits is handed on; bounded."""


def _unstamped(time: float | None) -> str:
    """Nothing in front of a line, which has an end then."""
    return ""


class Pipeline:
    """Feeds the demultiplexer and spreads what comes out.

    Args:
        demux: the demultiplexer of this session.
        store: where lines go.
        events: where everything else goes.
        emit: called with each change, on the thread that feeds.
        settings: limits, and how long a pause ends a payload.
        sinks: where everything goes besides. May be added to while it runs.
    """

    def __init__(
        self,
        demux: Demultiplexer,
        store: LogStore,
        events: EventLog,
        emit: Callable[[Change], None],
        *,
        settings: Settings,
        sinks: Sequence[Sink] = (),
    ) -> None:
        self.demux = demux
        self.store = store
        self.events = events
        self.recording: Recording | None = None
        self.tap: StreamTap | None = None
        self.log_writer: LogWriter | None = None
        """Writes lines into the log file, with what is known of them; None: the text alone is written."""

        self._emit = emit
        self._settings = settings
        self.sinks = [*sinks]
        self.baud = BaudDetector(115200)
        """Watches for a wrong rate; the session tells it when the port's rate changes, see `set_rate`."""

        self.wrong_rate: int | None = None
        """What the board most likely sends at, while that is not what the port is set to."""

        self.timed = True
        """Whether it is known when the bytes came; else records have no times, and the clock only tells pauses."""

        self.watches_rate = True
        """Look for signs of a wrong rate."""

        self.quiet = False
        """Raise no toasts: what comes happened long ago."""

        self._held = HeldText()
        self._readable = 0
        self._capture_since: float | None = None
        self._last_byte = 0.0
        self._idled = self._settled = self._stalled = True

    # -- bytes ---------------------------------------------------------------------------------------------------

    def set_rate(self, rate: int) -> None:
        """The port was opened, or set to another rate, in baud."""
        self.baud.set_rate(rate)
        self.wrong_rate = None

    def time(self, now: float) -> float | None:
        """The time of records that come at `now`."""
        return now if self.timed else None

    def feed(self, data: bytes, now: float) -> None:
        """Bytes from the board."""
        if self.tap is not None:
            self.tap.text(data, now)
        self._last_byte = now
        if self.wrong_rate is not None:
            self._readable = self._readable + len(data) if data.isascii() and b"\x00" not in data else 0
            if self._readable >= READABLE_BYTES:
                self.wrong_rate = None
        watched = self.watches_rate and self.demux.capture is None
        if watched and (finding := self.baud.feed(data)) is not None:
            self._wrong_baud(finding, now)
        self._idled = self._settled = self._stalled = False
        self._spread(self.demux.feed(data, self.time(now)).parts, now)
        if self._held.is_log(self.demux.capture, data, now):
            self._spread(self.demux.stall(REASON, self.time(now)).parts, now)

    def _wrong_baud(self, finding: BaudFinding, now: float) -> None:
        self.wrong_rate, self._readable = finding.rate, 0
        text = f"Wrong rate? {str(finding).capitalize()}"
        self.list_event(SessionNote(self.demux.offset, self.time(now), text, finding.evidence, Severity.WARNING), now)
        if not self.quiet:
            self._emit(Notice(text, Severity.WARNING, about="rate"))

    def wait(self, now: float) -> float | None:
        """Seconds until `tick` has something to do, None when only bytes can change anything."""
        if not self._idled:
            return max(0.0, self._last_byte + self._settings.idle_seconds - now)
        if not self._settled:
            return max(0.0, self._last_byte + SETTLE_SECONDS - now)
        if not self._stalled and self.demux.capture is not None:
            return max(0.0, self._last_byte + self._stall_limit() - now)
        return None

    def tick(self, now: float) -> None:
        """Time passed without bytes: say what a quiet line tells, give up a stalled payload. No line ends by it."""
        quiet = now - self._last_byte
        if not self._idled and quiet >= self._settings.idle_seconds:
            self._idled = True
            self._spread(self.demux.idle(self.time(now)).parts, now)
        if not self._settled and quiet >= SETTLE_SECONDS:
            self._settled = True
            self._spread(self.demux.settle(self.time(now)).parts, now)
        if not self._stalled and self.demux.capture is not None and quiet >= self._stall_limit():
            self._stalled = True
            self._spread(self.demux.stall(time=self.time(now)).parts, now)

    def _stall_limit(self) -> float:
        capture = self.demux.capture
        slow = capture is not None and capture.kind == "coredump"
        return self._settings.coredump_stall_seconds if slow else self._settings.stall_seconds

    def abort_capture(self, now: float) -> None:
        """End the running capture at the user's wish; what came is kept."""
        self._spread(self.demux.abort_capture(time=self.time(now)).parts, now)

    def flush(self, now: float) -> None:
        """The stream ended here (unplug, close): end every capture and the unfinished line."""
        self._spread(self.demux.flush(self.time(now)).parts, now)
        self._idled = self._settled = self._stalled = True

    def restarted(self) -> None:
        """The session restarts the board, or has opened or regained its port: what comes is no boot loop yet."""
        self.demux.restarted()
        self.events.restarted()

    def raw(self, data: bytes, owner: str, now: float) -> None:
        """Bytes received by a lease: part of the stream, and not log text. Without any, the log only ends its line."""
        if self.tap is not None:
            self.tap.leased(data, owner, now)
        self._spread(self.demux.raw(data, owner, self.time(now)).parts, now)

    # -- records -------------------------------------------------------------------------------------------------

    def mark(self, text: str, now: float) -> int:
        """Put a line of the session's own into the log; returns its id."""
        return self._put_mark(MarkBlock(text, self._mark_offset, self.time(now)))

    def sent(self, text: str, now: float) -> int:
        """Put a line that was sent to the board into the log; returns its id."""
        return self._put_mark(SentBlock(text, self._mark_offset, self.time(now)))

    @property
    def _mark_offset(self) -> int:
        """Where a line of the session's own stands in the stream: above the line that is still being received."""
        unfinished = self.demux.unfinished
        return self.demux.offset if unfinished is None else unfinished.offset

    def _put_mark(self, block: MarkBlock) -> int:
        line = len(self.store)
        self._append(block)
        self.store.grow(self.demux.unfinished)
        self._emit(LinesAppended(len(self.store)))
        return line

    def list_event(self, record: Record, now: float, line: int | None = None) -> int | None:
        """Enter an event of the session's own; returns the entry's id."""
        entry = self.events.add(record, line)
        self.record_event(record, now, marked=line is not None)
        return entry.id if entry else None

    def record_event(self, record: Record, now: float, *, marked: bool = False) -> None:
        """Keep an event in the recording; `marked`: the log has a line for it."""
        if self.recording is None and self.tap is None:
            return
        fields = {**record.to_json(), "marked": marked}
        if self.tap is not None:
            self.tap.event(fields, now)
        if self.recording is not None:
            self.recording.event(fields, now)

    def _append(self, block: LineBlock) -> None:
        line = len(self.store)
        self.store.append(block)
        for sink in self.sinks:
            sink(block, line)
        if self.recording is not None and self.recording.logging:
            settings = self._settings
            stamp = self._stamp if settings.log_times else _unstamped if self.log_writer else None
            text = log_text(block, raw_escapes=settings.raw_escapes, stamp=stamp)
            if self.log_writer is not None:
                self.log_writer.write(block, text, self.recording)
            else:
                self.recording.log_text(text)

    def _stamp(self, time: float | None) -> str:
        """The time in front of a line of a log file."""
        return "" if time is None else f"{host_time(self.store.wall(time), self._settings.timestamp_format)} "

    def _spread(self, parts: Iterable[LineBlock | Record], now: float) -> None:
        before = len(self.store)
        notices = 0
        for part in parts:
            if isinstance(part, LineBlock):
                self._append(part)
                continue
            entry = self._record(part, now)
            if entry is not None and not self.quiet and self._worth_telling(entry) and notices < MAX_NOTICES_A_READ:
                notices += 1
                self._emit(Notice(entry.title, entry.severity, about=entry.record.type))
        capture = self.demux.capture
        if capture is None:
            self._capture_since = None
        elif self._capture_since is None:
            self._capture_since = now
        grown = self.store.grow(self.demux.unfinished)
        if len(self.store) != before:
            self._emit(LinesAppended(len(self.store)))
        elif grown:
            self._emit(TailChanged())

    @staticmethod
    def _worth_telling(entry: EventEntry) -> bool:
        """A toast for what is new and loud; a panic's comes with its report, and a reset after one says nothing new
        until it begins a loop.
        """
        if isinstance(entry.record, Reset) and entry.record.repeats == LOOP_AT:
            return True
        if entry.count > 1 or entry.severity is Severity.INFO or isinstance(entry.record, Panic):
            return False
        return not (isinstance(entry.record, Reset) and entry.record.after_panic)

    def _record(self, record: Record, now: float) -> EventEntry | None:
        """List a record, keep it and pass it on. Returns its entry, None for what is not listed or was told before."""
        revised = record.derived and self.events.lists(record)
        if record.derived:
            line = self._line_of(record)
            entry = self.events.add(record, line)
        else:
            line = len(self.store)
            entry = self.events.add(record, line)
            title = entry.title if entry else self._set_aside(record)
            if not (isinstance(record, Raw) and record.reason == LATE_END):
                self._append(MarkBlock(f"▣ {title}", record.offset, record.time))
        if self.recording is not None and not isinstance(record, PayloadRecord):  # those are hashed first, elsewhere
            # The bytes of a `raw` are in the raw file, at its offset.
            fields = {**record.common(), **(record.about() if isinstance(record, Raw) else record.fields())}
            if revised:
                fields["revised"] = True  # the event of this type at this offset holds no longer
            self.recording.event(fields, now)
        for sink in self.sinks:
            sink(record, entry.id if entry else None)
        return None if revised else entry

    def _line_of(self, record: Record) -> int | None:
        """Id of the log line that an event points at: perhaps the one that is still being received."""
        unfinished = self.demux.unfinished
        if unfinished is not None and record.offset >= unfinished.offset:
            return len(self.store)
        return self.store.line_at(record.offset)

    def _set_aside(self, record: Record) -> str:
        """What is said of bytes that are neither text nor a payload: most often those that a lease exchanged."""
        kept = "; the recording has them" if self.recording is not None else ""
        return f"{record.length:,} bytes of {getattr(record, 'reason', record.type)}, no log text{kept}"

    def capture(self, now: float) -> Capture | None:
        """The payload being received, for the screen."""
        running = self.demux.capture
        if running is None:
            return None
        since = self._capture_since if self._capture_since is not None else now
        return Capture(running.kind, running.received, running.expected, running.lines, now - since)
