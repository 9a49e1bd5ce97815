"""A session in memory: real store, real line blocks, no port. It records what the screen asked for."""

from __future__ import annotations

import asyncio
import re
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from espmon.port import LineFormat
from espmon.postmortem import StackFrame
from espmon.records.events.boot import Boot
from espmon.records.events.panic_record import Panic
from espmon.records.events.reset_record import Reset
from espmon.records.lines import LineBlock
from espmon.records.record import Record
from espmon.records.spans.coredump_capture import Coredump
from espmon.records.spans.gdb_packets import Gdb
from espmon.records.spans.png import Png
from espmon.session.action import Action
from espmon.session.activity_watch import ActivityWatch
from espmon.session.describe import describe
from espmon.session.gdb_client import Thread
from espmon.session.log_memory import STORE_BYTES
from espmon.session.pace import Pace
from espmon.session.pacing import Pacing, Text
from espmon.session.publisher import Publisher
from espmon.session.sent import LocalEcho, SentBy
from espmon.session.session_events import LinkEvent, LinkState, SessionNote
from espmon.session.share_state import WritingTurn
from espmon.session.state import State
from espmon.session.status import (
    Change,
    DecorationsChanged,
    EventAdded,
    EventEntry,
    LinesAppended,
    Notice,
    OpenRequest,
    Progress,
    Severity,
    Status,
    TailChanged,
)
from espmon.session.stopped import Snapshot
from espmon.session.store import LogStore
from espmon.session.tasks import BackgroundTasks

LINE = re.compile(rb"[^\r\n]*(?:\r\r\n|\r\n|\n|\r|$)")


def block_of(data: bytes, offset: int = 0, time: float | None = 1_700_000_000.0) -> LineBlock:
    """Lines of `data` as a block; a rest without a line end is a partial line."""
    starts = array("I", [0])
    for match in LINE.finditer(data):
        if match.end() > match.start():
            starts.append(match.end())
    return LineBlock(data, offset, starts, time=time, partial=not data.endswith((b"\n", b"\r")))


def record_of(type: str, offset: int, time: float) -> Record:
    """A record of a type, with nothing special in it."""
    records: dict[str, Callable[[], Record]] = {
        "panic": lambda: Panic(offset, time=time),
        "boot": lambda: Boot(offset, 0, time),
        "reset": lambda: Reset(offset, 0, time, code=1, reason="POWERON", chip="esp32c3"),
        "png": lambda: Png(offset, 10, time, payload=b"a picture", width=320, height=240),
        "coredump": lambda: Coredump(
            offset, 10, time, payload=b"a dump", lines=1, checksum="ok", complete=True, error=None
        ),
        "gdb": lambda: Gdb(offset, 7, time, payload=b"T05", checksum="ok"),
        "note": lambda: SessionNote(offset, time, "a note"),
        "link": lambda: LinkEvent(offset, time, LinkState.OPENED),
    }
    return records[type]()


class FakeDebugging:
    """The debug stub of a board that stands still; what is asked is remembered in the session's calls."""

    def __init__(self, session: FakeSession) -> None:
        self.session = session
        self.fail: Exception | None = None
        self.snapshot = Snapshot(
            reason="signal 5 (trap)",
            signal=5,
            thread="1",
            threads=(Thread("1", "main"), Thread("2", "IDLE")),
            registers={"PC": 0x42001234, "SP": 0x3FC90000},
            notes={},
            frames=(StackFrame(0x42001234, 0x3FC90000, "app_main", "main.c", 12),),
            stack_address=0x3FC90000,
            stack=bytes.fromhex("00112233"),
            warnings=(),
        )

    async def start(self) -> Snapshot:
        self.session.calls.append("debug start")
        if self.fail is not None:
            raise self.fail
        self.session.set(state=State.LEASED, lease="gdb")
        return self.snapshot

    async def select(self, thread: str) -> Snapshot:
        self.session.calls.append(f"debug select {thread}")
        return replace(self.snapshot, thread=thread, frames=())

    async def step(self) -> Snapshot:
        self.session.calls.append("debug step")
        return replace(self.snapshot, registers={"PC": 0x42001236, "SP": 0x3FC90000})

    async def memory(self, address: int, length: int) -> bytes:
        self.session.calls.append(f"debug memory {address:#x} {length}")
        return bytes(range(length % 256))

    async def resume(self, *, detach: bool = False) -> None:
        self.session.calls.append("debug detach" if detach else "debug continue")
        self.release()

    async def abandon(self) -> None:
        self.session.calls.append("debug abandon")
        self.release()

    async def let_go(self) -> str:
        self.session.calls.append("debug let go")
        self.release()
        return "The board was let go from its debug stub"

    async def hand_over(self) -> list[str]:
        self.session.calls.append("debug hand over")
        if self.fail is not None:
            raise self.fail
        self.session.set(state=State.LEASED, lease="gdb")
        return ["true"]

    async def take_back(self) -> None:
        self.session.calls.append("debug take back")
        self.release()

    def release(self) -> None:
        """The lease is back."""
        self.session.set(state=State.MONITORING, lease=None)


class FakeOutgoing:
    """Remembers the texts in the session's calls; a test says how far they are."""

    def __init__(self, session: FakeSession) -> None:
        self._session = session
        self.texts: list[Text] = []
        self.slow = False

    def set_local_echo(self, echo: LocalEcho) -> None:
        self._session.set(local_echo=echo)

    def set_replies(self, on: bool) -> None:
        self._session.set(replies=on)

    def set_pacing(self, pacing: Pacing) -> None:
        self._session.set(pacing=pacing)

    def send_text(self, text: Text) -> None:
        self.texts.append(text)
        self._session.sent.append(b"".join(line + text.eol for line in text.lines))
        if self.slow:
            self._session.set(sending=Progress(text.title, f"0 of {len(text.lines)} lines", 0, len(text.lines)))

    async def send_file(self, path: Path, eol: bytes) -> None:
        self._session.calls.append(f"send_file {path.name} {eol!r}")

    def stop(self) -> None:
        self._session.calls.append("stop")
        self._session.set(sending=None)

    async def end(self) -> str:
        progress = self._session.status.sending
        self.stop()
        return "" if progress is None else f"{progress.action}: stopped after {progress.step}"


class FakeSession:
    """Does at once what it is told, and tells its listeners."""

    def __init__(self, *, limit: int = STORE_BYTES) -> None:
        self._publisher = Publisher()
        self._publisher.publish(replace(self._publisher.status, pictured=True))  # a board that sends its screen
        self._activity = ActivityWatch(self._publisher, self, BackgroundTasks(self._publisher), answer_prompt=False)
        self.store = LogStore(limit, cr_overwrites=True)
        self.events: list[EventEntry] = []
        self.calls: list[str] = []
        self.sent: list[bytes] = []
        self.opened: list[OpenRequest] = []
        self.decorations: dict[int, tuple[str, ...]] = {}
        self.flashed: list[Any] = []
        self.fail_open: tuple[str, str] | None = None
        self.fail_probe: tuple[str, str] | None = None
        self.offset = 0
        self.clock = 1_700_000_000.0
        self.debugging = FakeDebugging(self)
        self.outgoing = FakeOutgoing(self)
        self._probe_gate: asyncio.Event | None = None

    @property
    def status(self) -> Status:
        return self._publisher.status

    # -- what a test does ---------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """These bytes arrived."""
        block = block_of(data, self.offset, self.clock)
        self.offset += len(data)
        self.clock += 0.01
        self.store.append(block)
        self.store.grow(None)
        self.tell(LinesAppended(len(block)))

    def grow(self, data: bytes) -> None:
        """The line that is still being received has these bytes now."""
        self.store.grow(LineBlock(data, self.offset, (0, len(data)), self.clock, partial=True))
        self.tell(TailChanged())

    def tell(self, change: Change) -> None:
        """Tell the listeners."""
        self._publisher.emit(change)

    def set(self, **changes: Any) -> None:
        """Replace the status."""
        self._publisher.publish(replace(self.status, **changes))

    def add_event(
        self, type: str, title: str, *, severity: Severity = Severity.INFO, line: int | None = None, **extra: Any
    ) -> EventEntry:
        """An event happened."""
        record = extra.pop("record", None) or record_of(type, self.offset, self.clock)
        entry = EventEntry(
            id=len(self.events),
            record=record,
            title=title,
            severity=severity,
            time=self.clock,
            line=line,
            boot=extra.pop("boot", self.status.boot),
            **extra,
        )
        self.events.append(entry)
        self.tell(EventAdded(entry))
        return entry

    def happen(self, record: Record, title: str = "", **extra: Any) -> EventEntry:
        """A record came, as the pipeline gives it to the session's parts."""
        self._activity.take(record, len(self.events))
        described = describe(record)
        assert described is not None
        said, severity, details = described
        extra = {"severity": severity, "details": details, **extra}
        entry = self.add_event(record.type, title or said, record=record, **extra)
        return entry

    def replace_event(self, identity: int, **changes: Any) -> None:
        """An event got more in it."""
        self.events[identity] = replace(self.events[identity], **changes)
        self.tell(EventAdded(self.events[identity]))

    def decorate(self, line: int, *texts: str) -> None:
        """Locations were found."""
        self.decorations[line] = texts
        self.tell(DecorationsChanged((line,)))

    def notify(self, text: str, severity: Severity = Severity.INFO, title: str = "") -> None:
        """A toast."""
        self.tell(Notice(text, severity, title))

    # -- what the screen calls ----------------------------------------------------------------------------------

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        return self._publisher.subscribe(listener)

    def decoration(self, line: int) -> tuple[str, ...]:
        return self.decorations.get(line, ())

    async def open(self, request: OpenRequest) -> None:
        self.calls.append("open")
        self.opened.append(request)
        self.set(
            state=State.OPENING,
            reason="",
            hint="",
            url=request.url,
            name=request.name or request.url,
            baud=request.baud,
            device=request.url,
        )
        if self.fail_open is not None:
            reason, hint = self.fail_open
            self.set(state=State.CLOSED, reason=reason, hint=hint)
        else:
            self.set(state=State.AWAITING_CONSENT if request.probe else State.MONITORING)

    async def consent(self) -> None:
        self.calls.append("consent")
        self.set(state=State.PROBING)
        self._probe_gate = asyncio.Event()
        await self._probe_gate.wait()
        if self.fail_probe is not None:
            self.set(state=State.CLOSED, reason=self.fail_probe[0], hint=self.fail_probe[1])
        else:
            self.set(state=State.MONITORING, chip="ESP32-S3 (revision v0.2)")

    def finish_probe(self) -> None:
        """Let the probe end (on the session's thread)."""
        assert self._probe_gate is not None
        self._probe_gate.set()

    async def decline(self) -> None:
        self.calls.append("decline")
        self.set(state=State.MONITORING)

    async def cancel(self) -> None:
        self.calls.append("cancel")
        self.fail_probe = ("The probe was cancelled", "")
        self.finish_probe()

    def salvage(self) -> None:
        self.calls.append("salvage")

    async def close(self) -> None:
        self.calls.append("close")
        self.set(state=State.CLOSED, reason="")

    async def send(self, data: bytes, by: SentBy = SentBy.LINE) -> None:
        self.sent.append(data)
        self._publisher.publish(self.status.after_sending(data))

    async def reset(self) -> None:
        self.calls.append("reset")

    async def reset_to_loader(self) -> None:
        self.calls.append("reset_to_loader")

    async def probe(self) -> None:
        self.calls.append("probe")

    async def screenshot(self) -> None:
        self.calls.append("screenshot")

    async def abort_capture(self) -> None:
        self.calls.append("abort_capture")
        self.set(capture=None)

    async def run(self, action: Action) -> None:
        self.calls.append(action.name)
        held = getattr(action, "held", None)
        if held is not None:
            self.set(state=State.LEASED, lease=action.name)
            await held.wait()
            self.set(state=State.MONITORING, lease=None, progress=None)

    async def flash(self, job: Any) -> None:
        self.calls.append("flash")
        self.flashed.append(job)
        self.set(state=State.LEASED, lease="flash", progress=Progress("flash", "writing", 10, 100))

    turn: WritingTurn | None = None
    pace: Pace | None = None
    lends_to_ide = False

    def stop_waiting_for_ide(self) -> None:
        self.calls.append("stop_waiting_for_ide")

    async def decode_again(self, identity: int) -> None:
        self.calls.append(f"decode_again {identity}")

    async def set_baud(self, baud: int) -> None:
        self.calls.append(f"set_baud {baud}")
        self.set(baud=baud)

    async def set_format(self, line: LineFormat) -> None:
        self.set(line=line)

    async def set_lines(self, dtr: bool | None = None, rts: bool | None = None) -> None:
        self.calls.append(f"set_lines dtr={dtr} rts={rts}")

    async def send_break(self, seconds: float) -> None:
        self.calls.append(f"send_break {seconds:g}")

    async def set_elf(self, paths: tuple[Path, ...]) -> None:
        self.calls.append("set_elf")
        self.set(elf=paths[0])

    async def set_log(self, path: Path | None) -> None:
        self.calls.append("set_log" if path else "set_log off")
        self.set(log=path)
