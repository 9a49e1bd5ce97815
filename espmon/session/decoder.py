"""Decoding beside the log: ELF files are read and addresses resolved on one thread of the decoder's own.

There is no queue of lines. The worker scans the store from where it stopped; a new ELF only sets that point back to
the oldest line, so lines received before the ELF was known are decoded the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from espmon.postmortem.postmortem_error import PostmortemError
from espmon.session.pipeline import LogWriter
from espmon.session.publisher import Publisher
from espmon.session.status import DecorationsChanged, ElfState, Severity
from espmon.session.store import LogStore

SCAN_LINES = 20_000
"""Lines of one step of the worker: short enough that a new ELF is not kept waiting."""

SCAN_PAUSE_SECONDS = 0.02
"""Seconds between two steps of the worker that has caught up."""

if TYPE_CHECKING:
    from espmon.postmortem import Symbolizer
    from espmon.session.addresses import Decorator

Result = TypeVar("Result")

Scan = tuple[int, dict[int, tuple[str, ...]], str | None]
"""What a step found: the line after the last one looked at, decorations by line, a problem in words."""

MAX_DECORATED_LINES = 200_000
"""Decorated lines kept; the oldest go first."""


class Loaded(NamedTuple):
    """ELF files that are ready."""

    symbolizer: Symbolizer
    decorator: Decorator
    paths: tuple[Path, ...]
    sha256: str


class Decoder:
    """Owns the decoding thread and what it found.

    Args:
        store: the lines to decorate.
        publisher: told of the ELF's state, of what was found, and of problems.
        path_map: prefix of a source path in the ELF -> local folder.
    """

    def __init__(self, store: LogStore, publisher: Publisher, path_map: Mapping[str, str]) -> None:
        self._store = store
        self._publisher = publisher
        self._path_map = path_map
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="espmon-decoder")
        self._generation = 0
        self._next = 0
        self._busy = False
        self._announced = ""
        self._decorations: dict[int, tuple[str, ...]] = {}
        self.loaded: Loaded | None = None

    def show_elf(self, state: ElfState, path: Path | None) -> None:
        """Publish which ELF is used, or going to be."""
        self._publisher.publish(replace(self._publisher.status, elf_state=state, elf=path))

    def decoration(self, line: int) -> tuple[str, ...]:
        """What is shown under a line. May be called from any thread."""
        return self._decorations.get(line, ())

    @property
    def behind(self) -> int:
        """Lines received that were not looked at yet; 0 without an ELF."""
        return len(self._store) - self._next if self.loaded is not None else 0

    @property
    def sha256(self) -> str:
        """SHA-256 of the loaded application ELF, "" without one."""
        return self.loaded.sha256 if self.loaded else ""

    async def load(self, paths: tuple[Path, ...]) -> bool:
        """Use these ELF files, application first. False (and a notice) when they cannot be read."""
        self._generation += 1
        generation = self._generation
        self.loaded = None
        self._decorations = {}
        if not paths:
            self.show_elf(ElfState.NONE, None)
            return False
        self.show_elf(ElfState.LOADING, paths[0])
        try:
            loaded = await asyncio.get_running_loop().run_in_executor(self._pool, _load, paths, self._path_map)
        except (PostmortemError, OSError) as error:
            if generation == self._generation:
                self.show_elf(ElfState.FAILED, paths[0])
                self._publisher.notify(f"ELF not usable: {error}", Severity.ERROR, "elf")
            return False
        if generation != self._generation:
            return False
        self.loaded = loaded
        self._next = self._store.first
        self.show_elf(ElfState.UNVERIFIED, paths[0])
        self.lines_appended()
        return True

    async def extend(self, path: Path) -> None:
        """Use one more ELF behind those that are used, also for what was received before: the ROM's.

        One that cannot be read is said, and left out.
        """
        loaded, generation = self.loaded, self._generation
        if loaded is None or path in loaded.paths:
            return
        try:
            more = await asyncio.get_running_loop().run_in_executor(self._pool, _extend, loaded, path, self._path_map)
        except (PostmortemError, OSError) as error:
            self._publisher.notify(f"No names in ROM: {error}", Severity.WARNING)
            return
        if generation == self._generation:
            self.loaded = more
            self._next = self._store.first
            self.lines_appended()

    def matches(self, printed_sha256: str) -> bool | None:
        """Whether the board's `ELF file SHA256` (a prefix in hex) is that of the loaded ELF; None without one."""
        if self.loaded is None or len(printed_sha256) < 7:
            return None
        return self.loaded.sha256.startswith(printed_sha256.lower())

    def lines_appended(self) -> None:
        """The store grew; the worker will look at it."""
        if self._busy or self.loaded is None or self._next >= len(self._store):
            return
        self._busy = True
        loop = asyncio.get_running_loop()
        future = self._pool.submit(self._scan, self.loaded.decorator, self._next)
        generation = self._generation

        def done(finished: Future[Scan]) -> None:
            if finished.cancelled():
                return
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is there to be told
                loop.call_soon_threadsafe(self._scanned, generation, finished)

        future.add_done_callback(done)

    def _scan(self, decorator: Decorator, start: int) -> Scan:
        from espmon.session.addresses import candidate_lines

        found: dict[int, tuple[str, ...]] = {}
        line = start
        problem = None
        for segment in self._store.segments(start):
            for index, raw in candidate_lines(segment.block):
                identity = segment.first + index
                if identity < start:
                    continue
                try:
                    rows = decorator.rows(raw)
                except PostmortemError as error:
                    problem = str(error)
                    continue
                if rows:
                    found[identity] = rows
            line = segment.first + len(segment.block)
            if line - start >= SCAN_LINES:
                break
        return line, found, problem

    def _scanned(self, generation: int, finished: Future[Scan]) -> None:
        self._busy = False
        error = finished.exception()
        if error is not None:
            # A defect of espmon: say so, and do not meet the same lines again.
            self._next = len(self._store)
            self._publisher.notify(f"Internal error while decoding addresses: {error!r}", Severity.ERROR)
            return
        line, found, problem = finished.result()
        if generation == self._generation:
            self._next = max(self._next, line)
            if found:
                self._decorations.update(found)
                for old in list(islice(self._decorations, max(0, len(self._decorations) - MAX_DECORATED_LINES))):
                    del self._decorations[old]
                self._publisher.emit(DecorationsChanged(tuple(found)))
            if problem and problem != self._announced:
                self._announced = problem
                self._publisher.notify(f"Some addresses could not be decoded: {problem}", Severity.WARNING)
        if self.loaded is not None and len(self._store) - self._next < SCAN_LINES:
            # A flood comes in many small reads: changing threads for each of them costs more than the work.
            self._busy = True
            asyncio.get_running_loop().call_later(SCAN_PAUSE_SECONDS, self._rested)
        else:
            self.lines_appended()

    def _rested(self) -> None:
        self._busy = False
        self.lines_appended()

    def log_writer(self) -> LogWriter:
        """Writes a log file with locations."""
        from espmon.session.located_log import LocatedLog

        return LocatedLog(self)

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Run `work` on the decoding thread, after all that it was given before."""
        return self._pool.submit(work)

    async def run(self, work: Callable[[Symbolizer | None], Result]) -> Result:
        """Run `work` on the decoding thread with the loaded symbolizer (None without an ELF)."""
        symbolizer = self.loaded.symbolizer if self.loaded else None
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, symbolizer)

    def stop(self) -> None:
        """Forget the ELF; the thread ends when it has finished its step."""
        self._generation += 1
        self.loaded = None
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="espmon-decoder")


def _extend(loaded: Loaded, path: Path, path_map: Mapping[str, str]) -> Loaded:
    from espmon.session.addresses import Decorator

    symbolizer = loaded.symbolizer.extended(path)
    return Loaded(symbolizer, Decorator(symbolizer, path_map), (*loaded.paths, path), loaded.sha256)


def _load(paths: tuple[Path, ...], path_map: Mapping[str, str]) -> Loaded:
    # On the decoder's thread, and only where there is an ELF: the start does not wait for it.
    from espmon.postmortem import Symbolizer
    from espmon.session.addresses import Decorator

    symbolizer = Symbolizer(paths)
    return Loaded(symbolizer, Decorator(symbolizer, path_map), paths, symbolizer.sha256)
