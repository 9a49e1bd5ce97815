"""`espmon crashes`: the crashes of all sessions, the same ones together."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from espmon.cli.command_runner import Exit, clean, command_parser, print_json, run_command
from espmon.session.archive.crash_history import CrashGroup, crash_history
from espmon.session.archive.crash_names import LibraryNames
from espmon.session.archive.past_sessions import SessionError, find_session, sessions_in
from espmon.session.elves import ElfLibrary
from espmon.session.settings import data_folder
from espmon.text import counted


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser("crashes", "The crashes of all sessions, the same ones together, the latest last.")
    result.add_argument("session", nargs="*", help="only of these sessions; all when none is named")
    result.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    return run_command(parser(), arguments, crashes, {SessionError: int(Exit.USAGE)})


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
