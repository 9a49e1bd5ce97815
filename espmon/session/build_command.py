"""The command that builds a project: proposed by what the folder holds, decided by the user, kept for each project.

Apart from the settings, and never read from the project's own folder: a project must not choose what is started.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from espmon.programs import find_program
from espmon.regular_file import read_regular
from espmon.session.file_system import write_atomically

MAX_FILE = 256 << 10
"""Bytes of the file of commands, and of a CMakeLists.txt, that are read."""

MAX_PROJECTS = 500
"""Projects whose commands are kept; the oldest go first."""

LEVELS = 4
"""Folders from a build upwards in which its project is looked for."""

IDF_BUILD = ("idf.py", "build")
PLATFORMIO_BUILD = ("pio", "run")


def project_root(*starts: Path) -> Path:
    """The project that a build or a folder belongs to: the nearest with a CMake project or a platformio.ini.

    Args:
        starts: folders to begin at, the likeliest first; the last one is the answer where none is in a project.
    """
    for start in starts:
        folder = start.absolute()
        for candidate in [folder, *folder.parents][:LEVELS]:
            if proposed_words(candidate):
                return candidate
    return starts[-1].absolute()


def proposed_words(folder: Path) -> tuple[str, ...]:
    """What builds the project in `folder`, by the files that stand there; empty where they do not say."""
    if os.path.isfile(folder / "platformio.ini"):
        return PLATFORMIO_BUILD
    try:
        text = read_regular(folder / "CMakeLists.txt", MAX_FILE)
    except OSError:
        return ()
    return IDF_BUILD if b"project.cmake" in text else ()


def words_of(text: str, folder: Path) -> tuple[str, ...]:
    """The words of a command as it is typed for the project in `folder`.

    A program named by a path (`./build.sh`) is meant from that folder, as in a shell that stands there.
    Raises ValueError, for people, where the words cannot be told.
    """
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"The words cannot be told apart: {error}") from error
    if not words:
        raise ValueError("Enter the command that builds the project")
    program = os.path.expanduser(words[0])
    if os.path.dirname(program):
        program = os.path.normpath(folder.absolute() / program)
    return program, *words[1:]


def command_problem(text: str, folder: Path) -> str:
    """Why a command cannot be started for the project in `folder`, "" when it can. Looks at files."""
    try:
        words = words_of(text, folder)
    except ValueError as error:
        return str(error)
    if find_program(words[0]) is None:
        named = os.path.isabs(words[0])
        return f"{words[0]} is no program" if named else f"There is no program {words[0]} on PATH (or give its path)"
    return ""


class BuildCommands:
    """The commands that the user has chosen, a project each.

    Args:
        path: the file that keeps them; None keeps them as long as this object lives. Its methods block.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, tuple[str, ...]] = {}
        self._read = False

    def of(self, project: Path) -> tuple[str, ...]:
        """The words of the project's command; empty where none was chosen."""
        return self._commands().get(str(project), ())

    def choose(self, project: Path, words: Sequence[str]) -> None:
        """Keep the words of the project's command. Raises OSError where they cannot be kept for the next time."""
        # What another espmon has written since stays.
        known = {**self._commands(), **self._on_disk()}
        known.pop(str(project), None)
        known[str(project)] = tuple(words)
        self._known = dict(list(known.items())[-MAX_PROJECTS:])
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, json.dumps(self._known, indent=1).encode())

    def _commands(self) -> dict[str, tuple[str, ...]]:
        if not self._read:
            self._known, self._read = self._on_disk(), True
        return self._known

    def _on_disk(self) -> dict[str, tuple[str, ...]]:
        """What the file has; nothing where it is missing or damaged: the user is asked again."""
        if self._path is None:
            return {}
        try:
            table = json.loads(read_regular(self._path, MAX_FILE))
        except (OSError, ValueError, RecursionError):
            return {}
        return {
            project: tuple(words)
            for project, words in (table.items() if isinstance(table, dict) else ())
            if isinstance(words, list) and words and all(isinstance(word, str) for word in words)
        }
