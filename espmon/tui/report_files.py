"""Reports as files: in the session's folder, beside what they report on. Runs in threads."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path

from espmon.text import plain_lines

MAX_NAMES = 1000
"""Numbers tried behind a name that exists already."""


def saver(folder: Path | None, name: str, make: Callable[[], str]) -> Callable[[], Path]:
    """A function that writes what `make` gives to `name` in `folder` (None: the current one) and returns the path.

    A file of that name stays: the new one gets a number.
    """

    def save() -> Path:
        from espmon.session.file_system import write_atomically

        path = unused((folder or Path.cwd()) / name)
        write_atomically(path, plain_lines(make()).encode())
        return path

    return save


def unused(path: Path) -> Path:
    """`path`, or the first of `name-2.ext`, `name-3.ext`, ... that is not there. Raises `FileExistsError`."""
    if not path.exists():
        return path
    for number in count(2):
        other = path.with_name(f"{path.stem}-{number}{path.suffix}")
        if not other.exists():
            return other
        if number > MAX_NAMES:
            break
    raise FileExistsError(f"{path} and {MAX_NAMES} others exist")


def as_text(parts: Sequence[tuple[str, str]]) -> str:
    """(title, text) parts as one text."""
    return "\n\n".join(f"{title}\n{text}" for title, text in parts if text) + "\n"


def as_json(report: Mapping[str, object]) -> str:
    """A report as JSON."""
    return json.dumps(report, indent=1, default=str) + "\n"
