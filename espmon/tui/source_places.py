"""Source lines that stand in texts, and the editor that opens them: the user's own, by words, without a shell."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from espmon.programs import find_program

_PLACE = re.compile(
    r"(?<![\w./\\+-])((?:[A-Za-z]:)?[\w./\\+-]{1,400}\.(?:c|cc|cpp|cxx|h|hh|hpp|ino|rs|S|s|py|zig|swift)):(\d{1,7})\b"
)
"""A source file and a line in it, in a board's words."""

_OWN = re.compile(r" at (.{1,1000}):(\d{1,7})(?: \(\w+\))?$")
"""The same in a location that espmon says."""

MAX_TEXT = 4096
"""Characters of a line that are looked through."""

EDITORS: Mapping[str, tuple[str, ...]] = {
    "code": ("--goto", "{file}:{line}"),
    "code-insiders": ("--goto", "{file}:{line}"),
    "codium": ("--goto", "{file}:{line}"),
    "cursor": ("--goto", "{file}:{line}"),
    "subl": ("{file}:{line}",),
    "zed": ("{file}:{line}",),
    "hx": ("{file}:{line}",),
    "helix": ("{file}:{line}",),
    "clion": ("--line", "{line}", "{file}"),
    "kate": ("--line", "{line}", "{file}"),
    "gedit": ("+{line}", "{file}"),
}
"""Editor -> words that open a file at a line; any other takes `+LINE FILE`, as vi, nano, emacs and most others do."""

USUAL = ("+{line}", "{file}")
WINDOWED = frozenset({"code", "code-insiders", "codium", "cursor", "subl", "zed", "clion", "kate", "gedit", "gvim"})
"""Editors with a window of their own: the terminal stays with the log."""


@dataclass(frozen=True, slots=True)
class SourcePlace:
    """A line of a source file."""

    file: str
    line: int

    @property
    def text(self) -> str:
        """`file:line`."""
        return f"{self.file}:{self.line}"


def places_in(text: str) -> list[SourcePlace]:
    """The source lines that a board's text names, from the left."""
    return [SourcePlace(match[1], int(match[2])) for match in _PLACE.finditer(text[:MAX_TEXT])]


def place_said(decoration: str) -> SourcePlace | None:
    """The source line of a location as it stands below a line; None where it has none."""
    match = _OWN.search(decoration[-MAX_TEXT:])
    return None if match is None else SourcePlace(match[1], int(match[2]))


@dataclass(frozen=True, slots=True)
class EditorCommand:
    """An editor, ready to be started."""

    words: list[str]
    windowed: bool
    """It has a window of its own."""


def editor_command(place: SourcePlace, environment: Mapping[str, str] = os.environ) -> EditorCommand | str:
    """What opens a file at its line, or why nothing does.

    `$VISUAL` comes first, then VS Code in its own terminal, then `$EDITOR`.
    """
    path = Path(place.file)
    if not path.is_absolute() or not path.is_file():
        return f"{place.file} is not on this computer"
    wanted = environment.get("VISUAL") or ("code" if environment.get("TERM_PROGRAM") == "vscode" else "")
    wanted = wanted or environment.get("EDITOR") or ""
    try:
        words = shlex.split(wanted)
    except ValueError:
        return f"VISUAL or EDITOR cannot be read: {wanted}"
    if not words:
        return "Set VISUAL or EDITOR to the editor that opens source files"
    program = find_program(words[0], environment)
    if program is None:
        return f"There is no editor {words[0]}"
    name = Path(program).stem.lower()
    opening = [word.format(file=path, line=place.line) for word in EDITORS.get(name, USUAL)]
    return EditorCommand([program, *words[1:], *opening], name in WINDOWED)
