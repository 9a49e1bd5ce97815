"""Source files of the build on this machine: paths mapped, a few lines around the one that matters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from espmon.regular_file import read_regular

MAX_FILE_BYTES = 4 << 20
MAX_LINE = 400
CONTEXT = 5


class SourceLine(NamedTuple):
    """A line of source: number from 1, text without its line end (as it is in the file), whether it is the one asked
    for.
    """

    number: int
    text: str
    current: bool


def map_path(file: str, mapping: Mapping[str, str] | None) -> str:
    """Return the path with the longest prefix in `mapping` replaced; a prefix ends at a path separator."""
    best = ""
    for prefix in mapping or {}:
        bare = prefix.rstrip("/")
        if len(bare) >= len(best) and (file == bare or file.startswith(bare + "/")) and bare:
            best = prefix
    if not best or mapping is None:
        return file
    return mapping[best].rstrip("/") + file[len(best.rstrip("/")) :]


def source_excerpt(
    file: str | None, line: int | None, mapping: Mapping[str, str] | None = None, context: int = CONTEXT
) -> list[SourceLine]:
    """Return the lines around a line of a source file; empty when the file is not on this machine, too large or
    shorter.

    The text is as it is in the file: whoever shows it has to make it safe for a terminal.
    """
    if not file or not line or line < 1:
        return []
    path = Path(map_path(file, mapping))
    try:
        lines = read_regular(path, MAX_FILE_BYTES).split(b"\n")
    except OSError:
        return []
    if line > len(lines):
        return []
    first, last = max(1, line - context), min(len(lines), line + context)
    return [
        SourceLine(number, lines[number - 1].rstrip(b"\r").decode("utf-8", "replace")[:MAX_LINE], number == line)
        for number in range(first, last + 1)
    ]
