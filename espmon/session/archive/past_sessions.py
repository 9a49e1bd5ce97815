"""The sessions on this computer: which there are, what each was, and which one a word means."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from itertools import islice
from pathlib import Path

from espmon.records.record import JsonObject
from espmon.regular_file import open_regular
from espmon.session.archive.session_index import INDEX, Summary, json_lines, read_index, summarise
from espmon.session.session_folder import COMPRESSED, SIDECAR, STREAM, is_running, is_session, size_of
from espmon.text import plain

LAST = "last"
"""The word for the newest session."""

HEAD_LINES = 64
"""Lines of a sidecar in which a session says whose port it was."""


class SessionError(Exception):
    """A session cannot be found, read or removed. The message is for people."""


@dataclass(frozen=True, slots=True)
class PastSession:
    """One session."""

    folder: Path
    board: str
    """As it was called, "" where that is not known."""

    url: str
    started: float
    """Seconds since the epoch, 0.0 where nobody knows."""

    seconds: float
    """How long it was."""

    summary: Summary
    size: int
    """Bytes of all its files."""

    running: bool
    """Somebody writes it now."""

    compressed: bool
    indexed: bool = True
    """There is an index: without one, lines, boots and crashes were not counted."""

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name


def sessions_in(root: Path) -> list[Path]:
    """The folders of the sessions below `root`, oldest first; none where there is no such folder."""
    try:
        return sorted(path for path in root.iterdir() if is_session(path))
    except OSError:
        return []


def find_session(word: str, root: Path) -> Path:
    """The folder that a word means: a path, a session's name or the beginning of one, or `last`.

    Raises `SessionError`: none, or several.
    """
    if os.path.exists(word):
        return Path(word)
    there = sessions_in(root)
    if word == LAST and there:
        return there[-1]
    found = [path for path in there if path.name == word] or [path for path in there if word and word in path.name]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(path.name for path in found[-3:])
        raise SessionError(f"{len(found)} sessions have {plain(word)} in their name: {names}")
    raise SessionError(f"no file and no session {plain(word)}; `espmon sessions list` shows those there are")


def look_at(folder: Path) -> PastSession:
    """What a session was, from its index and the ends of its sidecar. Raises `SessionError`."""
    try:
        head = list(_head(folder))
    except OSError as error:
        raise SessionError(f"{folder}: {error.strerror or error}") from error
    first = next(iter(head), {})
    port = next((fields for fields in head if fields.get("event") == "port"), {})
    started = first.get("t")
    started = float(started) if isinstance(started, int | float) else 0.0
    try:
        index = read_index(folder / INDEX)
    except OSError:
        index = None
    ends = [0.0] if index is None else [index.closed, *(marks[-1].m for marks in (index.lines, index.events) if marks)]
    try:
        seconds = max(*ends, (folder / SIDECAR).stat().st_mtime - started if started else 0.0)
    except OSError:
        seconds = max(ends)
    return PastSession(
        folder,
        _text(port, "name") or folder.name.partition("-")[2].partition("-")[2],
        _text(port, "url"),
        started,
        max(ends) if any(ends) else seconds,
        Summary(bytes=_stream_size(folder)) if index is None else summarise(index),
        size_of(folder),
        is_running(folder),
        not (folder / STREAM).exists() and (folder / COMPRESSED).exists(),
        index is not None,
    )


def _head(folder: Path) -> Iterator[JsonObject]:
    with BufferedReader(open_regular(folder / SIDECAR)) as file:
        yield from (fields for fields, _ in islice(json_lines(file), HEAD_LINES) if fields is not None)


def _text(fields: JsonObject, name: str) -> str:
    value = fields.get(name)
    return plain(value[:200]) if isinstance(value, str) else ""


def _stream_size(folder: Path) -> int:
    try:
        return (folder / STREAM).stat().st_size
    except OSError:
        return 0
