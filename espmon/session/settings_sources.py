"""Where settings come from: the defaults, the user's file, and the file of the project that espmon is started in.

A project's file is read after the user's, and it comes with the project: from whoever wrote that. So it may say how
things look and where they are, and nothing else: never what is sent to a board, starts a program or leaves the machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.records.record import JsonObject
from espmon.session.settings import Settings, chosen_from, read_table, user_file

if TYPE_CHECKING:
    from espmon.session.line_rules import HighlightRule, LevelRule, ReplyRule

PROJECT_FILE = "espmon.toml"

MAX_LEVELS = 16
"""Folders above the current one in which a project's file is looked for, up to the one that holds `.git`."""

DEFAULT = "default"
"""Where a setting comes from that no file has."""

PROJECT_KEYS: Mapping[str, str] = {
    "theme": "display",
    "timestamp_format": "display",
    "cr_overwrites": "display",
    "local_echo": "display",
    "highlights": "display",
    "print_filter": "filter",
    "levels": "levels",
    "elf": "ELF",
    "path_map": "paths",
}
"""What a project's file may set -> what that is. Any other setting is the user's alone, new ones too."""


IGNORED = "it is ignored"
"""What becomes of a project's file, or a value in it, that means nothing: what the user has set counts."""

Judge = Callable[[JsonObject, str], tuple[JsonObject, list[str]]]
"""Gives what of a file's settings means something, and a line for each that does not; called with the file's name."""


def take_all(layer: JsonObject, source: str) -> tuple[JsonObject, list[str]]:
    """A `Judge` that minds nothing."""
    return layer, []


@dataclass(frozen=True, slots=True)
class EffectiveSettings:
    """The settings that count, and where each came from.

    Args:
        settings: what counts.
        origins: setting -> the files that it came from, or `DEFAULT`.
        problems: one line each: what was wrong in which file, and what is used instead.
        files: the files that were looked for and are there.
    """

    settings: Settings
    origins: Mapping[str, str]
    problems: tuple[str, ...]
    files: tuple[Path, ...]


def project_file(folder: Path) -> Path | None:
    """The project's file that counts in `folder`: there, or above it within the same repository; None without one."""
    folders = [folder, *folder.parents][:MAX_LEVELS]
    roots = [place for place, known in enumerate(folders) if os.path.exists(known / ".git")]
    within = folders[: roots[0] + 1] if roots else folders[:1]
    return next((known / PROJECT_FILE for known in within if os.path.isfile(known / PROJECT_FILE)), None)


def effective_settings(
    folder: Path | None = None, user: Path | None = None, judge: Judge = take_all
) -> EffectiveSettings:
    """Read the user's settings, and then those of the project in `folder` (the current one when None).

    Args:
        folder: where espmon was started.
        user: the user's file; the usual one when None.
        judge: knows more of what settings mean.
    """
    user = user_file() if user is None else user
    project = project_file((folder or Path()).absolute())
    chosen: JsonObject = {}
    origins = {item.name: DEFAULT for item in fields(Settings)}
    problems: list[str] = []
    for path in (user, project):
        if path is None:
            continue
        theirs = path == project
        table, found = read_table(path, IGNORED) if theirs else read_table(path)
        problems += found
        if theirs:
            acting = [name for name in table if name in origins and name not in PROJECT_KEYS]
            problems += [f"{path}: {name} is for the user's own settings ({user}); {IGNORED} here" for name in acting]
            table = {name: value for name, value in table.items() if name not in acting}
        layer, found = chosen_from(table, str(path), IGNORED) if theirs else chosen_from(table, str(path))
        problems += found
        layer, found = judge(layer, str(path))
        problems += found
        for name, value in layer.items():
            if value == ():
                continue  # rules, none of which means anything
            before = chosen.get(name)
            chosen[name] = _together(before, _placed(name, value, path.parent))
            several = before is not None and isinstance(value, Mapping | tuple)
            origins[name] = f"{origins[name]}, {path}" if several else str(path)
    files = tuple(path for path in (user, project) if path is not None and os.path.isfile(path))
    return EffectiveSettings(Settings(**chosen), origins, tuple(problems), files)


def _placed(name: str, value: object, folder: Path) -> object:
    """Paths as they are meant from here."""
    if name == "path_map" and isinstance(value, Mapping):
        return {prefix: _path(local, folder) for prefix, local in value.items()}
    return _path(value, folder) if name == "elf" and isinstance(value, str) else value


def _path(text: str, folder: Path) -> str:
    known = os.path.expanduser(text)
    # One that begins with a user's name nobody has stays as it is.
    return known if not known or known.startswith("~") else str(folder / known)


def _together(before: object, value: object) -> object:
    """Tables of two files are one; a name that both have means what the later one says."""
    if isinstance(before, Mapping) and isinstance(value, Mapping):
        return {**before, **value}
    if isinstance(before, tuple) and isinstance(value, tuple):
        return tuple({_name(rule): rule for rule in (*before, *value)}.values())
    return value


def _name(rule: LevelRule | HighlightRule | ReplyRule) -> str:
    return rule.name
