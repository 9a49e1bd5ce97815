"""From crash records to reports: panics and core dumps are decoded beside the log, never on the way of its bytes."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.postmortem.postmortem_error import PostmortemError
from espmon.records.batch import Part
from espmon.records.details import field_rows, frame_rows
from espmon.records.events.crash_title import crash_heading
from espmon.records.events.panic_record import Panic
from espmon.records.spans.coredump_capture import Coredump
from espmon.regular_file import read_regular
from espmon.session.decoder import Decoder
from espmon.session.elves import ElfLibrary
from espmon.session.event_log import FIRST_SEEN, EventLog
from espmon.session.file_system import write_atomically
from espmon.session.recorder import Recorder
from espmon.session.reporter import Reporter
from espmon.session.status import CrashDecoded, Report, Severity, Undecoded
from espmon.session.tasks import BackgroundTasks
from espmon.text import plain, plain_lines
from espmon.time_limit import time_limit

if TYPE_CHECKING:
    from espmon.postmortem import CoreReport, Symbolizer
    from espmon.postmortem.panic_report import PanicReport

MAX_DECODED_AGAIN = 100
"""Latest events that are looked at for crashes to decode once more when another ELF is used."""

MAX_ANNOUNCED = 10_000
"""Entries remembered as told."""

STORM_SECONDS = 0.5
"""Pause between two decodings of one entry: a storm is not worth all of the thread that decodes."""

MAX_DECODED = 256
"""Crashes whose last decoded one is remembered, to tell whether the next is the same in everything."""

MAX_WAITING = 32
"""Different crashes that wait for the thread that decodes; one that finds no room is decoded when it is opened."""

MAX_REPORTS = 256
"""Entries that keep their report; an older one is made again when it is opened."""

DECODE_SECONDS = 20.0
"""Longest time for one report; the raw data is kept whatever happens."""


class Reports:
    """Decodes crash records of one session and hangs the result on their entries.

    Args:
        decoder: the ELF, and the thread that decodes.
        events: whose entries get the reports.
        library: ELFs that matched before: one may have made a dump.
        recorder: where core dump reports are saved.
        reporter: the session's voice.
        tasks: where decoding is waited for.
    """

    def __init__(
        self,
        decoder: Decoder,
        events: EventLog,
        library: ElfLibrary,
        recorder: Recorder,
        reporter: Reporter,
        tasks: BackgroundTasks,
    ) -> None:
        self._decoder = decoder
        self._events = events
        self._library = library
        self._recorder = recorder
        self._reporter = reporter
        self._tasks = tasks
        self._announced: set[int] = set()
        self._newest: dict[int, Panic] = {}
        """Entry -> the newest panic of those that are being decoded."""

        self._decoded: OrderedDict[int, Panic] = OrderedDict()
        self._reported: OrderedDict[int, None] = OrderedDict()

    def take(self, part: Part, entry: int | None) -> None:
        """See `Sink`: crashes are decoded."""
        if entry is not None and isinstance(part, Panic):
            if entry in self._newest or len(self._newest) < MAX_WAITING:
                self._tasks.spawn(self.panic(part, entry))
        elif entry is not None and isinstance(part, Coredump) and part.payload:
            self._tasks.spawn(self.core_dump(part, entry))

    async def all_again(self) -> None:
        """Decode the latest crashes once more: there is another ELF."""
        from espmon.postmortem import CoreReport

        for entry in self._events.entries[-MAX_DECODED_AGAIN:]:
            report = entry.report
            if isinstance(entry.record, Panic) or not (isinstance(report, CoreReport) and report.elf):
                await self.decode_again(entry.id)

    async def decode_again(self, identity: int) -> None:
        """Decode a listed panic or core dump once more, with the ELF that is used now. Other events are left alone."""
        entry = self._events.entry(identity)
        if entry is None:
            return
        if isinstance(entry.record, Panic):
            await self.panic(entry.record, identity, again=True)
        elif isinstance(entry.record, Coredump) and entry.record.size:
            self._put(identity, None)
            await self.core_dump(entry.record, identity)

    def _keep(self, entry: int) -> None:
        """An entry has a report now; of those that have one, only the latest keep it."""
        self._reported.pop(entry, None)
        self._reported[entry] = None
        if len(self._reported) > MAX_REPORTS:
            self._put(self._reported.popitem(last=False)[0], None)

    async def panic(self, panic: Panic, entry: int, *, again: bool = False) -> None:
        """Decode a panic and put the report on its entry; `again` says nothing of a crash that was told before.

        Of a storm, the newest is decoded when the one before is done, and only if they are not the same in everything.
        """
        if again:
            await self._decode(panic, entry, again=True)
            return
        if entry in self._newest:
            self._newest[entry] = panic
            return
        self._newest[entry] = panic
        try:
            if entry in self._decoded:
                if self._repeated(panic, entry):
                    return
                await asyncio.sleep(STORM_SECONDS)
            while True:
                newest = self._newest[entry]
                await self._decode(newest, entry, again=False)
                if self._newest[entry] is newest or self._repeated(self._newest[entry], entry):
                    return
                await asyncio.sleep(STORM_SECONDS)
        finally:
            del self._newest[entry]

    async def decoded(self, panic: Panic) -> PanicReport:
        """The report on a panic. Raises `PostmortemError` and TimeoutError."""
        async with time_limit(DECODE_SECONDS):
            return await self._decoder.run(lambda symbolizer: _decode_panic(panic, symbolizer))

    async def _decode(self, panic: Panic, entry: int, *, again: bool) -> None:
        try:
            report = await self.decoded(panic)
        except TimeoutError:
            self._reporter.notify(f"The panic was not decoded within {DECODE_SECONDS:g} s", Severity.WARNING)
            return
        except PostmortemError as error:
            self._reporter.notify(f"The panic was not decoded: {error}", Severity.WARNING)
            return
        panic.elf_match = report.elf_match
        self._decoded[entry] = panic
        if len(self._decoded) > MAX_DECODED:
            self._decoded.popitem(last=False)
        # Not by its count: the same crash may have come again before the first one was decoded.
        if not again and entry not in self._announced:
            if len(self._announced) >= MAX_ANNOUNCED:
                self._announced.clear()
            self._announced.add(entry)
            self._reporter.notify(report.sentence, Severity.ERROR if panic.fatal else Severity.WARNING, panic.type)
            if panic.fatal:
                self._reporter.emit(CrashDecoded(report))
        listed = self._events.entry(entry)
        first = tuple(row for row in (listed.details if listed else ()) if row[0] in FIRST_SEEN)
        doubts = (("warning", plain(warning)) for warning in report.warnings)
        details = (*field_rows(panic), *first, *frame_rows(report.frames), *doubts)
        title = plain(f"{crash_heading(panic)}: {report.sentence}")
        self._events.update(entry, lambda listed: replace(listed, title=title, report=report, details=details))
        self._keep(entry)

    def _repeated(self, panic: Panic, entry: int) -> bool:
        """Count a crash that is, with its registers and all, the one that was decoded last; False when it is not."""
        listed = self._events.entry(entry)
        decoded = self._decoded.get(entry)
        if decoded is None or listed is None:
            return False
        from espmon.postmortem.panic_report import PanicReport

        if not isinstance(listed.report, PanicReport):
            return False
        if not decoded.same_as(panic):
            return False
        panic.elf_match = listed.report.elf_match
        return True

    async def core_dump(self, record: Coredump, entry: int) -> None:
        """Decode a captured core dump, save the report beside it, put it on its entry."""
        try:
            data = record.payload or await asyncio.to_thread(_saved, record)
            async with time_limit(DECODE_SECONDS):
                report = await self._decoder.run(lambda symbolizer: _decode_core(data, symbolizer, self._library))
        except TimeoutError:
            self._not_decoded(entry, f"it took more than {DECODE_SECONDS:g} s")
            return
        except (PostmortemError, OSError) as error:
            self._not_decoded(entry, str(error))
            return
        self._put(entry, report)
        self._keep(entry)
        folder = self._recorder.folder
        if folder is not None:
            await asyncio.to_thread(_save, folder, f"coredump-{entry}", report, record.offset - self._recorder.begin)

    def _put(self, entry: int, report: Report | None) -> None:
        self._events.update(entry, lambda listed: replace(listed, report=report))

    def _not_decoded(self, entry: int, reason: str) -> None:
        self._put(entry, Undecoded(reason))
        self._reporter.notify(f"The core dump is saved, but not decoded: {reason}", Severity.WARNING, "coredump")


def _saved(record: Coredump) -> bytes:
    """The bytes of a dump that are no longer in memory. Raises OSError."""
    if record.path is None:
        raise OSError("it is no longer in memory, and was not saved")
    from espmon.postmortem.core_input import MAX_DUMP

    return read_regular(record.path, MAX_DUMP)


def _decode_panic(panic: Panic, symbolizer: Symbolizer | None) -> PanicReport:
    from espmon.postmortem.panic_report import decode_panic

    return decode_panic(panic, symbolizer)


def _decode_core(data: bytes, symbolizer: Symbolizer | None, library: ElfLibrary) -> CoreReport:
    from espmon.session.core_decoding import decode_dump

    return decode_dump(data, symbolizer, library)


def _save(folder: Path, name: str, report: CoreReport, offset: int) -> None:
    told = report.to_json() | {"kind": report.facts.kind, "offset": offset}  # by which the same crash is found again
    write_atomically(folder / f"{name}.json", json.dumps(told, indent=1).encode())
    write_atomically(folder / f"{name}.txt", plain_lines(report.to_text()).encode())
