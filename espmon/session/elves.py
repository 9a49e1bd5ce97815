"""Finding the ELF that belongs to a board: builds below a folder, and a library of those that matched before."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from espmon.regular_file import open_regular, read_regular
from espmon.session.settings import data_folder

MAX_FOLDERS = 20_000
"""Folders that one search looks into at most."""

MAX_DEPTH = 6
"""Levels below the start that are searched."""

MAX_FOUND = 200
"""ELF files found at most, and files of one folder looked at."""

MAX_DIGESTS = 1024
"""Files whose SHA-256 is remembered."""

MIN_PREFIX = 7
"""Digits of a SHA-256 below which a prefix could fit a file by chance."""

MAX_ELF_BYTES = 512 << 20
"""Larger files are left out: no application is."""

MAX_DESCRIPTION_BYTES = 8 << 20
"""Largest `project_description.json` that is read."""

LIBRARY_BYTES = 1 << 30
"""Bytes of the library where nothing else is set."""

SKIPPED = frozenset({".git", "node_modules", "__pycache__", ".venv", "venv", "managed_components", "site-packages"})
"""Folders that are never entered."""

PROJECT_MARKS = ("CMakeLists.txt", "platformio.ini", "Cargo.toml", "sdkconfig", "prj.conf")
"""Files by which the folder of a firmware project is known; Arduino's sketches besides."""

CARGO_PROFILES = ("release", "debug")
"""Output folders of cargo, below `target`."""


class FoundElf(NamedTuple):
    """An ELF file of a build: where, when it was built (seconds since the epoch), which tool's layout it stands in."""

    path: Path
    modified: float
    layout: str

    @property
    def sha256(self) -> str | None:
        """SHA-256 of the file in hex, None when it cannot be read."""
        return file_sha256(self.path)


def file_sha256(path: Path) -> str | None:
    """SHA-256 of a file in hex, None when it cannot be read."""
    import hashlib  # few sessions have an ELF

    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


class Digests:
    """SHA-256 of files, worked out again only for those that have changed. Not for several threads at once."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, int, str]] = {}

    def of(self, path: Path) -> str | None:
        """In hex; None when the file cannot be read."""
        try:
            status = path.stat()
        except OSError:
            return None
        changed, size, digest = self._known.get(path, (None, None, None))
        if (changed, size) != (status.st_mtime_ns, status.st_size):
            digest = file_sha256(path)
            if digest is not None:
                if len(self._known) >= MAX_DIGESTS:
                    self._known.clear()
                self._known[path] = (status.st_mtime_ns, status.st_size, digest)
        return digest


def discover(start: str | Path = ".") -> list[FoundElf]:
    """Return the application ELFs of the builds below a folder, newest first.

    ESP-IDF (`project_description.json`), PlatformIO, Arduino, Zephyr and cargo layouts. The walk is bounded in depth
    and folders.
    """
    found: dict[Path, FoundElf] = {}
    for folder in folders_below(Path(start)):
        for path, layout in _elves_of(folder):
            if path not in found and (item := _found(path, layout)):
                found[path] = item
        if len(found) >= MAX_FOUND:
            break
    return sorted(found.values(), key=lambda item: item.modified, reverse=True)


def pick(
    prefix: str, start: str | Path = ".", library: ElfLibrary | None = None, digests: Digests | None = None
) -> FoundElf | None:
    """Return the ELF whose SHA-256 begins with what a boot log or a dump says, None when none fits.

    Builds below the folder come first, then the library. Prefixes under 7 digits match nothing. `digests` are those
    that earlier calls worked out.
    """
    digests = digests or Digests()
    wanted = prefix.strip().lower()
    if len(wanted) < MIN_PREFIX:
        return None
    for item in discover(start):
        if (digests.of(item.path) or "").startswith(wanted):
            return item
    return library.find(wanted) if library is not None else None


def build_of(folder: Path) -> FoundElf | None:
    """The newest ELF of the project in a folder; None where the folder is no project, or was not built.

    A folder that only has projects below it is none: theirs say nothing about the board at hand.
    """
    project = any(os.path.isfile(folder / mark) for mark in PROJECT_MARKS) or any(folder.glob("*.ino"))
    return next(iter(discover(folder)), None) if project else None


def _found(path: Path, layout: str) -> FoundElf | None:
    try:
        status = path.stat()
        with open_regular(path) as file:
            if file.read(4) != b"\x7fELF" or status.st_size > MAX_ELF_BYTES:
                return None
    except OSError:
        return None
    return FoundElf(path, status.st_mtime, layout)


def folders_below(start: Path) -> Iterator[Path]:
    """`start` and the folders below it that may hold a build, nearest first; at most `MAX_FOLDERS`, `MAX_DEPTH` deep.

    Folders that may not be read are left out.
    """
    waiting = [(start, 0)]
    for _ in range(MAX_FOLDERS):
        if not waiting:
            return
        folder, depth = waiting.pop(0)
        yield folder
        if depth >= MAX_DEPTH:
            continue
        try:
            with os.scandir(folder) as entries:
                below = sorted(
                    entry.path for entry in entries if entry.is_dir(follow_symlinks=False) and _enter(entry.name, depth)
                )
        except OSError:
            continue
        waiting.extend((Path(path), depth + 1) for path in below)


def _enter(name: str, depth: int) -> bool:
    if name in SKIPPED or (name.startswith(".") and name != ".pio"):
        return False
    # CMake's own folders hold thousands of entries and no application.
    return name not in ("CMakeFiles", "esp-idf", "deps", "incremental", "libdeps") or depth == 0


def _elves_of(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the ELF files a folder holds when it is the output folder of a build."""
    description = folder / "project_description.json"
    if os.path.isfile(description):  # Path.is_file raises where the folder may not be searched
        name = _idf_elf(description)
        if name:
            yield folder / name, "ESP-IDF"
        return
    parent = folder.parent.name
    if parent == "build" and folder.parent.parent.name == ".pio":
        yield folder / "firmware.elf", "PlatformIO"
    elif folder.name == "zephyr":
        yield folder / "zephyr.elf", "Zephyr"
    elif folder.name in CARGO_PROFILES and "target" in folder.parts[-4:]:
        yield from ((path, "cargo") for path in _files(folder, ""))
    elif "build" in folder.name.lower() or parent == "build" or folder.name.startswith("arduino"):
        yield from ((path, "Arduino") for path in _files(folder, ".elf") if path.name.endswith(".ino.elf"))
        yield from ((path, "build") for path in _files(folder, ".elf") if not path.name.endswith(".ino.elf"))


def _files(folder: Path, suffix: str) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.path for entry in entries if entry.is_file() and Path(entry.name).suffix == suffix]
    except OSError:
        return []
    return [Path(name) for name in sorted(names)[:MAX_FOUND]]


def _idf_elf(description: Path) -> str | None:
    try:
        content = json.loads(read_regular(description, MAX_DESCRIPTION_BYTES).decode("utf-8", "replace"))
    except (OSError, ValueError, RecursionError):
        return None
    name = content.get("app_elf") if isinstance(content, dict) else None
    return name if isinstance(name, str) and name and Path(name).name == name else None


class ElfLibrary:
    """Copies of ELFs that matched a board once, named by their SHA-256; the least recently used go when it grows too
    large.

    Args:
        folder: where the copies are; the platform's data folder by default.
        limit: bytes of all copies together.
    """

    def __init__(self, folder: str | Path | None = None, limit: int = LIBRARY_BYTES) -> None:
        self.folder = data_folder() / "elves" if folder is None else Path(folder)
        self.limit = limit

    def add(self, path: str | Path) -> Path | None:
        """Keep a copy of an ELF; returns it, None when it cannot be kept (unreadable, too large, no room to write)."""
        source = Path(path)
        digest = file_sha256(source)
        if digest is None:
            return None
        kept = self.folder / f"{digest}.elf"
        try:
            if source.stat().st_size > self.limit:
                return None
            if not kept.is_file():
                self.folder.mkdir(parents=True, exist_ok=True)
                partial = self.folder / f".{digest}.{os.getpid()}.tmp"
                import shutil

                shutil.copyfile(source, partial)
                if file_sha256(partial) != digest:
                    partial.unlink()
                    return None
                partial.replace(kept)
            os.utime(kept)
            self._trim(kept)
        except OSError:
            return None
        return kept

    def find(self, prefix: str) -> FoundElf | None:
        """Return the kept ELF whose SHA-256 begins with a prefix (7 digits at least), None when there is none."""
        wanted = prefix.strip().lower()
        if len(wanted) < MIN_PREFIX or not all(digit in "0123456789abcdef" for digit in wanted):
            return None
        for path, _, modified in self._entries():
            if path.stem.startswith(wanted):
                return FoundElf(path, modified, "library")
        return None

    def _entries(self) -> list[tuple[Path, int, float]]:
        entries = []
        try:
            for path in self.folder.glob("*.elf"):
                status = path.stat()
                entries.append((path, status.st_size, status.st_mtime))
        except OSError:
            return entries
        return entries

    def _trim(self, newest: Path) -> None:
        entries = sorted(self._entries(), key=lambda entry: entry[2])
        total = sum(size for _, size, _ in entries)
        for path, size, _ in entries:
            if total <= self.limit:
                return
            if path != newest:
                path.unlink(missing_ok=True)
                total -= size
