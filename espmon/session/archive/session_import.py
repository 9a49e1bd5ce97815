"""A session that somebody exported, put among one's own. The zip is hostile until proven otherwise."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from espmon.session.archive.past_sessions import SessionError
from espmon.session.archive.session_export import FORMAT, MANIFEST, PORTION
from espmon.session.file_system import PRIVATE_FILE, PRIVATE_FOLDER
from espmon.session.session_folder import SESSION, SIDECAR, STREAM, safe_name

MAX_FILES = 5000
"""Files in a zip."""

MAX_BYTES = 16 << 30
"""Bytes that they unpack to."""

MAX_RATIO = 2000
"""Times as large as packed that a file may be: deflate reaches half of it."""

SPARE_BYTES = 512 << 20
"""Room that the disk keeps."""

MAX_MANIFEST = 64 << 20
MAX_LINE = 64 << 10

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")
"""What a file of a session is called."""

STAMP = re.compile(r"\d{8}-\d{6}")
"""How a session's name begins."""


def import_zip(source: Path, root: Path) -> tuple[Path, Path | None]:
    """Unpack an exported session into a new folder below `root`.

    Returns:
        The folder; and the ELF that came along, in it, None when there was none.

    Raises:
        SessionError: it is no exported session, or too large.
        OSError: it cannot be read, or the folder not be written; nothing is left of it.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            entries = _checked(archive)
            there = next(path for path in (root, *root.parents) if path.exists())
            free = shutil.disk_usage(there).free
            if sum(entry.file_size for entry in entries) + SPARE_BYTES > free:
                raise SessionError(f"{source.name} does not fit on the disk")
            folder = _new_folder(root, archive)
            try:
                elf = _unpack(archive, entries, folder)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise SessionError(f"{source.name} is no session that espmon exported, or is damaged: {error}") from error
    return folder, elf


def _checked(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The entries, once they are known to be harmless."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    names = [entry.filename for entry in entries]
    if STREAM not in names or SIDECAR not in names or MANIFEST not in names:
        raise SessionError(f"it is no exported session: {STREAM}, {SIDECAR} or {MANIFEST} is missing in it")
    if len(entries) > MAX_FILES or len(set(names)) != len(names):
        raise SessionError("it has too many files, or two of one name")
    for entry in entries:
        leaf = entry.filename.removeprefix("elf/")
        if not NAME.fullmatch(leaf) or leaf.endswith((".", " ")):
            raise SessionError(f"it has a file with a name that no session has: {entry.filename[:80]!r}")
        if entry.file_size > max(1 << 20, entry.compress_size * MAX_RATIO):
            raise SessionError(f"{leaf} would unpack to {entry.file_size:,} bytes")
    if sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise SessionError(f"it unpacks to more than {MAX_BYTES:,} bytes")
    return entries


def _new_folder(root: Path, archive: zipfile.ZipFile) -> Path:
    manifest = json.loads(_limited(archive, MANIFEST, MAX_MANIFEST))
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise SessionError("it was exported by another version of espmon, in a format that is not known here")
    told = str(manifest.get("session", ""))
    stamp = STAMP.match(told)
    start = stamp[0] if stamp else "00000000-000000"
    base = f"{start}-{safe_name(told[len(start) + 1 :] if stamp else told)}"
    root.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    for suffix in ["", *(f"-{count}" for count in range(2, 1000))]:
        try:
            (root / (base + suffix)).mkdir(mode=PRIVATE_FOLDER)
        except FileExistsError:
            continue
        return root / (base + suffix)
    raise SessionError(f"there are too many sessions named {base}")


def _limited(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    with archive.open(name) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise SessionError(f"{name} is larger than {limit:,} bytes")
    return data


def _unpack(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], folder: Path) -> Path | None:
    elf = None
    for entry in entries:
        leaf = entry.filename.removeprefix("elf/")
        path = folder / leaf
        with archive.open(entry) as packed, path.open("xb") as file:
            left = entry.file_size
            for data in _renamed(packed, folder.name) if leaf == SIDECAR else _portions(packed):
                left -= len(data)
                if left < -MAX_LINE:
                    raise SessionError(f"{leaf} is larger than the zip says")
                file.write(data)
        path.chmod(PRIVATE_FILE)
        if entry.filename.startswith("elf/"):
            elf = path
    return elf


def _portions(packed: IO[bytes]) -> Iterator[bytes]:
    while data := packed.read(PORTION):
        yield data


def _renamed(packed: IO[bytes], name: str) -> Iterator[bytes]:
    """A sidecar whose first line says that it is the session of this folder."""
    first = json.loads(packed.readline(MAX_LINE))
    if not isinstance(first, dict) or first.get("event") != SESSION:
        raise SessionError(f"{SIDECAR} does not begin as that of a session")
    yield json.dumps({**first, "folder": name}).encode() + b"\n"
    yield from _portions(packed)
