"""Which ELF decodes a session: the one the user chose, or one that fits what the board says it runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from espmon.postmortem.postmortem_error import PostmortemError
from espmon.records.batch import Part
from espmon.records.demux import Demultiplexer
from espmon.records.events.boot import Boot
from espmon.records.events.panic_record import Panic
from espmon.session.binlog_strings import BinlogStrings
from espmon.session.decoder import Decoder
from espmon.session.elves import Digests, ElfLibrary, build_of, pick
from espmon.session.event_log import EventLog
from espmon.session.reporter import Reporter
from espmon.session.reports import Reports
from espmon.session.rom_elves import find_rom_elf, revision_number
from espmon.session.status import ElfState, Severity
from espmon.session.tasks import BackgroundTasks, Newest

Silicon = tuple[str, int | None]
"""A chip, and its revision as 100 * major + minor."""

MAX_CHECKED = 1024
"""Digests remembered as looked for."""

PROPOSE_SECONDS = 3.0
"""Time for the board to say what it runs, before the build at hand is proposed."""

FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.5, 60.0
"""From a search for an ELF that found none to the next."""


class ElfChoice:
    """Loads ELF files, compares them with what the board prints, and looks for one that fits.

    Args:
        decoder: what uses them.
        demux: takes a binary log's strings from them.
        events: the crashes that are decoded again.
        reports: decodes crashes.
        library: ELFs that matched before.
        reporter: the session's voice.
        tasks: where looking for files runs.
        builds: folder of the project whose build is proposed; None proposes none.
    """

    def __init__(
        self,
        decoder: Decoder,
        demux: Demultiplexer,
        events: EventLog,
        reports: Reports,
        library: ElfLibrary,
        reporter: Reporter,
        tasks: BackgroundTasks,
        builds: Path | None = None,
    ) -> None:
        self._decoder = decoder
        self._demux = demux
        self._events = events
        self._reports = reports
        self._library = library
        self._reporter = reporter
        self._tasks = tasks
        self._builds = builds
        self._checked: set[str] = set()
        self._digests = Digests()
        self._searched = self._pause = 0.0
        self._lookups = Newest(tasks, self._pick)
        self._roms = Newest(tasks, self._use_rom)
        self._silicon: Silicon | None = None
        """The chip and its revision, as the boot log or a probe named them."""

        self._proposed: Path | None = None
        """A build that is used although nothing has said that the board runs it."""

        self.rom_elf: Path | None = None
        """The chip's ROM ELF as the user gave it; that of an installed toolchain when None."""

    def take(self, part: Part, entry: int | None) -> None:
        """See `Sink`: a boot or a panic may name the application."""
        if isinstance(part, Boot | Panic) and part.elf_sha256:
            self._check(part.elf_sha256)
        if isinstance(part, Boot) and part.chip:
            self.learn_chip(part.chip, part.chip_revision)

    def learn_chip(self, chip: str, revision: str | None) -> None:
        """The board's chip is known: names and frames in its ROM, where a toolchain's ROM ELF is installed."""
        silicon = (chip, revision_number(revision))
        if silicon != self._silicon:
            self._silicon = silicon
            if self.rom_elf is None:
                self._roms.ask(silicon)

    async def _use_rom(self, silicon: Silicon | None) -> None:
        path = self.rom_elf
        if path is None and silicon is not None:
            path = await asyncio.to_thread(find_rom_elf, *silicon)
        if path is not None:
            await self._decoder.extend(path)

    def _check(self, printed: str) -> None:
        """The board printed the SHA-256 of its application: does the ELF fit, or is there one that does?"""
        match, status = self._decoder.matches(printed), self._reporter.status
        if match is None and status.elf_state is ElfState.LOADING:
            return  # the one that is chosen goes before others that fit; `use` asks again
        if match is False and status.elf == self._proposed:
            self._proposed = match = None
            self._tasks.spawn(self._withdraw())
        elif match:
            self._proposed = None
        if match is not None:
            self._reporter.publish(replace(status, elf_state=ElfState.MATCH if match else ElfState.MISMATCH))
        if printed not in self._checked:
            if len(self._checked) >= MAX_CHECKED:
                self._checked.clear()
            self._checked.add(printed)
            if match:
                self._tasks.spawn(self._keep())
            else:
                self._lookups.ask(printed)

    async def propose(self) -> None:
        """Use the build of the project at hand, unverified, while the board does not say what it runs."""
        if self._builds is None:
            return
        await asyncio.sleep(PROPOSE_SECONDS)
        found = await asyncio.to_thread(build_of, self._builds)
        if found is None or self._checked or self._reporter.status.elf_state is not ElfState.NONE:
            return
        self._proposed = found.path
        text = f"{found.path.name} of this folder is used, unverified: the board has not said what it runs"
        self._reporter.notify(text, Severity.INFO, "elf")
        await self._load((found.path,))

    async def _withdraw(self) -> None:
        """The board runs another application than the one that was proposed."""
        self._demux.use_strings(None)
        await self._decoder.load(())
        await self._reports.all_again()

    async def _keep(self) -> None:
        """An ELF that matched is kept, so that yesterday's crash still decodes."""
        if self._decoder.loaded is not None:
            await asyncio.to_thread(self._library.add, self._decoder.loaded.paths[0])

    async def _pick(self, printed: str) -> None:
        """Look for the ELF with this SHA-256 among the builds here and those that matched before.

        After each search in vain the next one keeps a longer distance: a board may name another application every
        time it starts.
        """
        now = asyncio.get_running_loop().time
        await asyncio.sleep(self._searched + self._pause - now())
        found = await asyncio.to_thread(pick, printed, ".", self._library, self._digests)
        self._searched = now()
        self._pause = 0.0 if found is not None else min(max(FIRST_PAUSE_SECONDS, 2 * self._pause), MAX_PAUSE_SECONDS)
        if found is not None:
            self._reporter.notify(f"ELF that fits the board: {found.path}", about="elf")
            await self.use((found.path,))
        elif self._decoder.matches(printed) is False:
            self._reporter.notify(
                f"The ELF does not fit: the board runs {printed}, the ELF is "
                f"{self._decoder.sha256[: len(printed)]}. Names and lines may be wrong",
                Severity.WARNING,
                "elf",
            )

    async def use(self, paths: tuple[Path, ...]) -> None:
        """Use these ELF files (application first) for decoding, also for what was received before."""
        self._proposed = None
        await self._load(paths)

    async def _load(self, paths: tuple[Path, ...]) -> None:
        loaded = await self._decoder.load(paths)
        if loaded:
            await self._use_strings(paths)
            await self._use_rom(self._silicon)
        entries = self._events.entries
        printed = [entry.record.elf_sha256 for entry in entries if isinstance(entry.record, Boot | Panic)]
        if newest := next(filter(None, reversed(printed)), None):
            self._check(newest)
        if loaded:
            await self._reports.all_again()

    async def _use_strings(self, paths: tuple[Path, ...]) -> None:
        """Frames of the binary log and of defmt take their strings from the same ELF files."""
        from espmon.session.defmt_strings import defmt_table  # few boards log in frames of it

        strings = table = None
        try:
            strings = await self._decoder.run(lambda symbolizer: BinlogStrings(paths))
        except (OSError, ValueError) as error:
            self._reporter.notify(f"No strings for a binary log: {error}", Severity.WARNING)
        try:
            table = await self._decoder.run(lambda symbolizer: defmt_table(paths))
        except (PostmortemError, ValueError) as error:
            self._reporter.notify(f"No strings for defmt frames: {error}", Severity.WARNING)
        self._demux.use_strings(strings, table)
