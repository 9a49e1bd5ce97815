"""Which kind of recording a path is: told by what is in it, never by its name."""

from __future__ import annotations

import json
from io import BufferedReader
from pathlib import Path

from espmon.regular_file import open_regular
from espmon.session.file_system import reason
from espmon.session.replay.moment import SourceError
from espmon.session.replay.plain_file import PlainFile
from espmon.session.replay.recorded_session import RecordedSession
from espmon.session.replay.replay_source import Source
from espmon.session.replay.timed_script import HEAD as SCRIPT_HEAD
from espmon.session.replay.timed_script import TimedScript, timing_beside
from espmon.session.replay.unpacked_files import AsciinemaFile, GzipFile
from espmon.session.session_folder import COMPRESSED, SIDECAR, STREAM

HEAD_BYTES = 4096
"""Bytes in which a file says what it is."""

HEADS = ((SCRIPT_HEAD, "script"), (b"=~=~=~=~=~=~=~=~=~=~=~= PuTTY log ", "PuTTY log"))
"""How the logs of other tools begin -> what they are. All else of them is log."""


def open_source(path: Path, *, follow: bool = False) -> Source:
    """Open a session's folder, a file of one, or any log file.

    Raises:
        SourceError: it cannot be read, or what is wished cannot be done with it.
    """
    try:
        source = _opened(path, follow)
    except OSError as error:
        raise SourceError(f"cannot open {path}: {reason(error)}") from error
    if follow and not isinstance(source, PlainFile):
        source.close()
        raise SourceError(f"{path} is of a kind that cannot be followed ({source.kind}): only plain log files can")
    return source


def _opened(path: Path, follow: bool) -> Source:
    if path.is_dir():
        if not any((path / name).is_file() for name in (STREAM, COMPRESSED)):
            raise SourceError(f"{path} is no session: there is no {STREAM} in it")
        return RecordedSession(path)
    if path.name in (STREAM, COMPRESSED) and (path.parent / SIDECAR).is_file() and not follow:
        return RecordedSession(path.parent)
    with BufferedReader(open_regular(path)) as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(b"\x1f\x8b"):
        return GzipFile(path)
    if head.lstrip().startswith(b"{") and _is_cast(head):
        return AsciinemaFile(path)
    if head.startswith(SCRIPT_HEAD) and not follow and (timing := timing_beside(path)) is not None:
        return TimedScript(path, timing)
    kind = next((kind for start, kind in HEADS if head.startswith(start)), "log file")
    return PlainFile(path, kind=kind, follow=follow)


def _is_cast(head: bytes) -> bool:
    """Whether a file that begins with a JSON object is a recording of asciinema."""
    first, _, rest = head.partition(b"\n")
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return b'"version": 1' in head and b'"stdout"' in head
    if not isinstance(value, dict):
        return False
    if value.get("version") == 1:
        return "stdout" in value
    return value.get("version") in (2, 3) and ("width" in value or "term" in value) and rest.lstrip()[:1] in (b"[", b"")
