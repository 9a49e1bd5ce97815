"""Names of functions for the crashes of past sessions, and the crash of a core dump among them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from espmon.postmortem import CoreReport, PostmortemError, Symbolizer
from espmon.postmortem.dump_compare import crash_functions
from espmon.session.archive.crash_history import CrashGroup, crash_history
from espmon.session.archive.past_sessions import sessions_in
from espmon.session.elves import ElfLibrary
from espmon.text import counted, plain

MIN_DIGITS = 7
"""Digits of a SHA-256 below which it names no build."""


class LibraryNames:
    """Names functions from the ELFs that are kept, each loaded once."""

    def __init__(self, library: ElfLibrary) -> None:
        self._library = library
        self._loaded: dict[str, Symbolizer | None] = {}

    def __call__(self, build: str, addresses: Sequence[int]) -> tuple[str, ...] | None:
        """The innermost functions at these addresses; None without the ELF, or where one has no name."""
        if build not in self._loaded:
            self._loaded[build] = self._load(build)
        symbolizer = self._loaded[build]
        if symbolizer is None:
            return None
        frames = [symbolizer.lookup(address) for address in addresses]
        names = [found[0].function if found else None for found in frames]
        return tuple(name for name in names if name) if all(names) else None

    def _load(self, build: str) -> Symbolizer | None:
        found = self._library.find(build) if len(build) >= MIN_DIGITS else None
        if found is None:
            return None
        try:
            return Symbolizer(found.path)
        except PostmortemError:
            return None  # it is told by its addresses then


def seen_before(report: CoreReport, data: Path) -> list[CrashGroup]:
    """The crashes of past sessions that are a core dump's: of its kind, in the same functions or at the same addresses.

    Args:
        report: the decoded dump.
        data: the folder with the sessions and the ELFs that are kept.
    """
    functions = crash_functions(report.frames)
    addresses = tuple(dict.fromkeys(f"0x{frame.pc:08x}" for frame in report.frames))
    groups = crash_history(sessions_in(data / "sessions"), LibraryNames(ElfLibrary(data / "elves")))
    found = []
    for group in groups:
        same_build = not report.app_sha256 or any(report.app_sha256.startswith(build[:8]) for build in group.builds)
        wanted = functions if group.frames and not group.frames[0].startswith("0x") else addresses if same_build else ()
        count = min(len(wanted), len(group.frames))
        if group.kind == report.facts.kind and count and group.frames[:count] == wanted[:count]:
            found.append(group)
    return found


def sighting_lines(groups: Sequence[CrashGroup]) -> list[str]:
    """Where the same crash was met before, for reading."""
    if not groups:
        return ["not seen in the sessions that are kept"]
    lines = []
    for group in groups:
        first, last = (time.strftime("%Y-%m-%d %H:%M", time.localtime(when)) for when in (group.first, group.last))
        when = first if first == last else f"{first} to {last}"
        builds = ", ".join(sorted(group.builds)) or "not known"
        lines.append(f"{group.count} x in {counted(len(group.sessions), 'session')}, {when}; builds: {plain(builds)}")
    return lines
