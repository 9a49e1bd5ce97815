"""What every part of a session shares: the published state, the lifecycle, the pipeline and the recording."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espmon.port import TO_ACT_ON, Handle, PortError, PortWarning
from espmon.records.demux import Demultiplexer
from espmon.records.events.boot import Boot
from espmon.records.events.panic_record import Panic
from espmon.records.limits import Limits
from espmon.records.record import Record
from espmon.records.spans.coredump_capture import Coredump
from espmon.session.artifact_files import save_artifact
from espmon.session.binlog_strings import BinlogStrings
from espmon.session.clock import SessionClock
from espmon.session.decoder import Decoder
from espmon.session.elves import ElfLibrary, pick
from espmon.session.event_log import EventLog, SessionNote
from espmon.session.pipeline import Pipeline
from espmon.session.port_link import Link
from espmon.session.recorder import Recorder
from espmon.session.reports import Context, Reports
from espmon.session.rom_elves import find_rom_elf, revision_number
from espmon.session.settings import Settings, data_folder
from espmon.session.state import Lifecycle, State, Transition
from espmon.session.status import (
    Change,
    ElfState,
    EventAdded,
    EventEntry,
    LinesAppended,
    Notice,
    Severity,
    Status,
    StatusChanged,
)
from espmon.session.store import LogStore

if TYPE_CHECKING:
    from espmon.postmortem.panic_report import PanicReport

TICK_SECONDS = 0.25
"""How often counters, rate and capture progress are published."""

DECODED_AGAIN = 100
"""Latest events that are looked at for crashes to decode once more when another ELF is used."""


class SessionCore:
    """State that is published, and the places where received bytes end up.

    `status`, `store` and `events` may be read from any thread; everything else belongs to the session's loop.

    Args:
        settings: the user's settings.
        folder: where session folders are made; the platform's data folder when None.
        clock: in place of the computer's clocks, in seconds.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        folder: Path | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.status = Status()
        self.store = LogStore(self.settings.store_bytes)
        self._folder = folder
        self._clock = SessionClock() if clock is None else SessionClock(clock, clock)
        self._listeners: list[Callable[[Change], None]] = []
        self._lifecycle = Lifecycle(self._transition)
        self._log = EventLog(lambda entry: self._emit(EventAdded(entry)))
        limits = Limits(
            line=self.settings.line_bytes,
            frame=self.settings.frame_bytes,
            png=self.settings.frame_bytes,
            coredump=self.settings.coredump_bytes,
        )
        self._pipeline = Pipeline(
            Demultiplexer(limits), self.store, self._log, self._emit, settings=self.settings, on_record=self._on_record
        )
        self._recorder = Recorder(self.settings, folder, self._clock, self._pipeline, self._set, self.notify)
        self._link = Link(self._pipeline, self._recorder, self._clock, lambda error: self._spawn(self._lost(error)))
        self._decoder = Decoder(self.store, self._emit, self._elf_changed, self.settings.path_map)
        self._reports = Reports(
            Context(
                decoder=self._decoder,
                events=self._log,
                notify=self.notify,
                folder=lambda: self._recorder.folder,
                path_map=self.settings.path_map,
                library=self._library,
                crashed=lambda report: self._crashed(report),
            )
        )
        self._background: set[asyncio.Task[None]] = set()
        self._checked: set[str] = set()
        self._rom_elf: Path | None = None
        self._silicon: tuple[str, int | None] | None = None
        """The chip and its revision, as the boot log or a probe named them."""
        self._told: set[PortWarning] = set()
        """The port's warnings that the user has been told."""

    async def _lost(self, error: PortError) -> None:
        """The port is gone; the session says what happens then."""
        raise NotImplementedError

    @property
    def events(self) -> list[EventEntry]:
        """The inspector's entries, oldest first."""
        return self._log.entries

    @property
    def state(self) -> State:
        """The lifecycle's state."""
        return self._lifecycle.state

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` for each change (on the session's thread). Returns the way to unsubscribe."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _emit(self, change: Change) -> None:
        if isinstance(change, LinesAppended):
            self._decoder.lines_appended()
        for listener in tuple(self._listeners):
            listener(change)

    def _set(self, **changes: Any) -> None:
        status = replace(self.status, **changes)
        if status != self.status:
            self.status = status
            self._emit(StatusChanged(status))

    def _transition(self, transition: Transition) -> None:
        self._recorder.event(
            {
                "event": "state",
                "from": transition.old.value,
                "trigger": transition.trigger.value,
                "to": transition.new.value,
                "reason": transition.reason,
            }
        )
        self._set(state=transition.new, reason=transition.reason)

    def salvage(self) -> None:
        """Write what the recording still holds, and wait for the disk no longer. May be called from any thread."""
        self._recorder.salvage()

    def notify(self, text: str, severity: Severity = Severity.INFO) -> None:
        """Tell the user, on whatever screen is up."""
        self._emit(Notice(text, severity))

    def _tell_warnings(self, handle: Handle) -> None:
        """What the port warns of, once each: a line of the log and an event, and a toast where one can act on it."""
        for warning in handle.warnings:
            if warning in self._told:
                continue
            self._told.add(warning)
            now = self._clock()
            line = self._pipeline.mark(f"── {warning.text} ──", now)
            self._pipeline.list_event(SessionNote(self._pipeline.demux.offset, now, warning.text), now, line)
            if warning.kind in TO_ACT_ON:
                self.notify(warning.text, Severity.WARNING)

    # -- recording and artifacts ------------------------------------------------------------

    async def set_log(self, path: Path | None) -> None:
        """Start (or with None stop) writing the log text to a file."""
        await self._recorder.set_log(path)

    def _on_record(self, record: Record, entry: int | None) -> None:
        payload = getattr(record, "payload", None)
        if payload and (folder := self._recorder.folder) is not None:
            self._spawn(self._save(record, entry, bytes(payload), folder))
        printed = getattr(record, "elf_sha256", None)
        if printed:
            self._check_elf(printed)
        if self.status.stuck and (record.type == "boot" or _starts(record)):
            self._set(stuck="")
        if isinstance(record, Boot) and record.chip:
            self._spawn(self._use_rom(record.chip, revision_number(record.chip_revision)))
        if record.type == "boot" and self.status.probe is None:
            # The boot log names the chip ("esp32c3"): for a board that was not probed that is all that is known of it.
            self._set(chip=record.fields().get("chip") or self.status.chip)
        if entry is None:
            return
        if isinstance(record, Panic):
            self._spawn(self._reports.panic(record, entry))
        elif isinstance(record, Coredump) and payload:
            self._spawn(self._reports.core_dump(record, entry))

    def _elf_changed(self, state: ElfState, path: Path | None) -> None:
        self._set(elf_state=state, elf=path)

    def _check_elf(self, printed: str) -> None:
        """The board printed the SHA-256 of its application: does the ELF fit, or is there one that does?"""
        match = self._decoder.matches(printed)
        if match is None and self.status.elf_state is ElfState.LOADING:
            return  # the one that is chosen goes before others that fit; `set_elf` asks again
        if match is not None:
            self._set(elf_state=ElfState.MATCH if match else ElfState.MISMATCH)
        if printed not in self._checked:
            self._checked.add(printed)
            self._spawn(self._keep_elf() if match else self._pick_elf(printed))

    async def _keep_elf(self) -> None:
        """An ELF that matched is kept, so that yesterday's crash still decodes."""
        if self._decoder.loaded is not None:
            await asyncio.to_thread(self._library().add, self._decoder.loaded.paths[0])

    async def _pick_elf(self, printed: str) -> None:
        """Look for the ELF with this SHA-256 among the builds here and those that matched before."""
        found = await asyncio.to_thread(pick, printed, ".", self._library())
        if found is not None:
            self.notify(f"ELF that fits the board: {found.path}")
            await self.set_elf((found.path,))
        elif self._decoder.matches(printed) is False:
            self.notify(
                f"The ELF does not fit: the board runs {printed}, the ELF is "
                f"{self._decoder.sha256[: len(printed)]}. Names and lines may be wrong",
                Severity.WARNING,
            )

    async def _use_rom(self, chip: str, revision: int | None) -> None:
        """Names and frames in ROM, where a toolchain's ROM ELF for the chip is installed."""
        self._silicon = (chip, revision)
        if self._rom_elf is not None:
            return
        found = await asyncio.to_thread(find_rom_elf, chip, revision)
        if found is not None:
            await self._decoder.extend(found)

    def _library(self) -> ElfLibrary:
        folder = self._folder.parent if self._folder else data_folder()
        return ElfLibrary(folder / "elves", self.settings.elf_library_bytes)

    async def _use_strings(self, paths: tuple[Path, ...]) -> None:
        """Binary log frames take their strings from the same ELF files."""
        try:
            strings = await self._decoder.run(lambda symbolizer: BinlogStrings(paths))
        except (OSError, ValueError) as error:
            self.notify(f"No strings for a binary log: {error}", Severity.WARNING)
            return
        self._pipeline.demux.use_strings(strings)

    def decoration(self, line: int) -> tuple[str, ...]:
        """Locations shown under a line, never part of it. May be called from any thread."""
        return self._decoder.decoration(line)

    async def set_elf(self, paths: tuple[Path, ...]) -> None:
        """Use these ELF files (application first) for decoding, also for what was received before."""
        loaded = await self._decoder.load(paths)
        if loaded:
            await self._use_strings(paths)
            if self._rom_elf is not None:
                await self._decoder.extend(self._rom_elf)
            elif self._silicon is not None:
                await self._use_rom(*self._silicon)
        for printed in [getattr(entry.record, "elf_sha256", None) for entry in self.events][::-1]:
            if printed:
                self._check_elf(printed)
                break
        for entry in self.events[-DECODED_AGAIN:] if loaded else ():
            if entry.record.type == "panic" or entry.report is None or entry.report.get("elf") is None:
                await self.decode_again(entry.id)

    async def decode_again(self, identity: int) -> None:
        """Decode a listed panic or core dump once more, with the ELF that is used now. Other events are left alone."""
        entry = self._log.entry(identity)
        if entry is None:
            return
        if isinstance(entry.record, Panic):
            await self._reports.panic(entry.record, identity, again=True)
        elif isinstance(entry.record, Coredump) and entry.record.payload:
            self._log.update(identity, report=None)
            await self._reports.core_dump(entry.record, identity)

    async def _save(self, record: Record, entry: int | None, payload: bytes, folder: Path) -> None:
        try:
            if not self._recorder.room_for(len(payload)):
                raise OSError(errno.EFBIG, f"the recording has reached its limit ({len(payload):,} bytes more)")
            path = await asyncio.to_thread(save_artifact, folder, record, payload, self._recorder.files)
        except OSError as error:
            self.notify(f"Not saved: {error.strerror or error}", Severity.ERROR)
            return
        if entry is not None:
            self._log.update(entry, path=path)
        await self._saved(record, path)

    async def _saved(self, record: Record, path: Path) -> None:
        """A payload is on disk."""

    def _crashed(self, report: PanicReport) -> None:
        """A new crash was decoded."""

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.notify(f"Internal error: {error!r}", Severity.ERROR)
            asyncio.get_running_loop().call_exception_handler({"message": "session task failed", "exception": error})

    async def _tick(self) -> None:
        before, since = self._link.received, self._clock()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = self._clock()
            elapsed = max(now - since, 1e-3)
            rate = self.status.rate
            if elapsed >= 1.0:
                rate = round((self._link.received - before) / elapsed, 1)
                before, since = self._link.received, now
            if self._link.attached is not None:
                self._tell_warnings(self._link.attached)
            self._recorder.follow()
            await self._recorder.try_again()
            self._set(
                bytes_in=self._link.received,
                rate=rate,
                capture=self._pipeline.capture(now),
                boot=self._log.boot,
                loop=self._log.loop(now),
                wrong_rate=self._pipeline.wrong_rate,
            )


def _starts(record: Record) -> bool:
    """Whether a reset record says that the chip starts from flash, not into its loader."""
    return record.type == "reset" and "DOWNLOAD" not in str(record.fields().get("boot_mode") or "").upper()
