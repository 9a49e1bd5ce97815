"""`espmon crashes`: the crashes of all sessions, the same ones together."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from espmon.cli.command_runner import Exit, clean, command_parser, print_json, run_command
from espmon.postmortem import PostmortemError, Symbolizer
from espmon.session.archive.crash_history import CrashGroup, crash_history
from espmon.session.archive.past_sessions import SessionError, find_session, sessions_in
from espmon.session.elves import ElfLibrary
from espmon.session.settings import data_folder
from espmon.text import counted

MIN_DIGITS = 7
"""Digits of a SHA-256 below which it names no build."""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser("crashes", "The crashes of all sessions, the same ones together, the latest last.")
    result.add_argument("session", nargs="*", help="only of these sessions; all when none is named")
    result.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    return run_command(parser(), arguments, crashes, {SessionError: int(Exit.USAGE)})


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


def crashes(options: argparse.Namespace) -> int:
    """Look through the sessions."""
    root = data_folder() / "sessions"
    folders = [find_session(word, root) for word in options.session] or sessions_in(root)
    groups = crash_history(folders, LibraryNames(ElfLibrary(data_folder() / "elves")))
    if options.json:
        print_json({"sessions": len(folders), "crashes": [group.to_json() for group in groups]})
        return Exit.DONE
    if not groups:
        print(f"No crashes in {counted(len(folders), 'session')}")
    for group in groups:
        _print(group)
    return Exit.DONE


def _print(group: CrashGroup) -> None:
    first, last = (time.strftime("%Y-%m-%d %H:%M", time.localtime(when)) for when in (group.first, group.last))
    when = first if first == last else f"{first} to {last}"
    print(f"{group.count:>5} x  {clean(group.title)}  {clean(' < '.join(group.frames))}")
    where = f"{counted(len(group.sessions), 'session')}, builds {clean(', '.join(sorted(group.builds)) or '-')}"
    print(f"         {when}; {where}")
