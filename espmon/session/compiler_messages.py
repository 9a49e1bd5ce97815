"""What compilers, linkers and CMake say, line by line: the file, the line, and what is wrong. Pure functions."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_LINE = 4096
"""Characters of a line that are looked at."""

_COMPILER = re.compile(
    r"((?:[A-Za-z]:)?[^:\s][^:]{0,999}):(\d{1,7}):(?:(\d{1,5}):)? (fatal error|error|warning|note): (.*)"
)
"""gcc and clang: `main.c:12:5: error: expected ';'`."""

_LINKER = re.compile(
    r"((?:[A-Za-z]:)?[^:\s][^:]{0,999}):(\d{1,7}): (undefined reference to .*|multiple definition of .*)"
)
"""ld, with debug information: `main.c:12: undefined reference to 'x'`."""

_CMAKE = re.compile(r"CMake (Error|Warning) at ([^:]{1,999}):(\d{1,7})(.{0,200})")
ERRORS = frozenset({"fatal error", "error"})


@dataclass(frozen=True, slots=True)
class CompilerMessage:
    """One message.

    Args:
        file: as it is printed.
        line: from 1.
        column: from 1; None where it is not said.
        kind: "fatal error", "error", "warning" or "note".
        text: what is wrong.
    """

    file: str
    line: int
    column: int | None
    kind: str
    text: str

    @property
    def is_error(self) -> bool:
        """Whether the build fails for it."""
        return self.kind in ERRORS


def message_in(line: str) -> CompilerMessage | None:
    """The message that a line of a build's output is, None for any other line."""
    line = line[:MAX_LINE].strip()
    if match := _COMPILER.match(line):
        column = int(match[3]) if match[3] else None
        return CompilerMessage(match[1], int(match[2]), column, match[4], match[5])
    if match := _LINKER.match(line.rpartition("ld: ")[2]):
        return CompilerMessage(match[1], int(match[2]), None, "error", match[3])
    if match := _CMAKE.match(line):
        return CompilerMessage(match[2], int(match[3]), None, match[1].lower(), f"CMake{match[4].rstrip(':')}")
    return None


def find_source(file: str, folders: Sequence[Path]) -> Path | None:
    """The file that a message names, absolute or relative to one of `folders`; None where there is none."""
    if os.path.isabs(file):
        return Path(file) if os.path.isfile(file) else None
    return next((folder / file for folder in folders if os.path.isfile(folder / file)), None)
