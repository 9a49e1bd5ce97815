"""The crashes of all sessions, the same ones together: by the functions where they happened, else by addresses."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

from espmon.model.architecture import is_code_address
from espmon.records.record import JsonObject
from espmon.regular_file import open_regular
from espmon.session.archive.session_index import MAX_LINE, read_json
from espmon.session.session_folder import SIDECAR
from espmon.text import plain

TOP_FRAMES = 4
"""Frames by which crashes are told apart."""

MAX_CRASHES = 200_000
"""Crashes of all sessions that are looked at."""

MAX_TITLE = 200

Names = Callable[[str, Sequence[int]], tuple[str, ...] | None]
"""Names the functions at addresses of the build with this SHA-256; None where its ELF is not there."""


@dataclass(slots=True)
class CrashGroup:
    """One crash, as often as it happened."""

    title: str
    kind: str
    frames: tuple[str, ...]
    """Where it happened, innermost first: functions, else addresses."""

    first: float
    last: float
    """Wall time, in seconds since the epoch."""

    count: int = 0
    builds: set[str] = field(default_factory=set)
    """SHA-256 of the ELFs, as far as they were printed, or versions."""

    sessions: set[str] = field(default_factory=set)

    def to_json(self) -> JsonObject:
        """The group as `espmon crashes --json` prints it."""
        return {
            "title": self.title,
            "kind": self.kind,
            "frames": list(self.frames),
            "first": self.first,
            "last": self.last,
            "count": self.count,
            "builds": sorted(self.builds),
            "sessions": sorted(self.sessions),
        }


def crash_history(folders: Sequence[Path], names: Names = lambda build, addresses: None) -> list[CrashGroup]:
    """The crashes of these sessions, the latest last. Sessions that cannot be read have none."""
    groups: dict[Hashable, CrashGroup] = {}
    seen = 0
    for folder in folders:
        try:
            crashes = list(_crashes(folder / SIDECAR))
        except OSError:
            continue
        for fields, build in crashes:
            seen += 1
            if seen > MAX_CRASHES:
                break
            _count(groups, fields, build, folder.name, names)
    return sorted(groups.values(), key=lambda group: group.last)


def _crashes(path: Path) -> Iterator[tuple[JsonObject, str]]:
    """The panics of a sidecar as they were told last, each with the build that ran."""
    panics: dict[int, tuple[JsonObject, str]] = {}
    build = ""
    with BufferedReader(open_regular(path)) as file:
        while line := file.readline(MAX_LINE):
            if b'"panic"' not in line and b'"boot"' not in line:
                continue  # nearly all lines tell times
            fields = read_json(line)
            if fields is None:
                continue
            if fields.get("type") == "boot":
                build = _text(fields, "elf_sha256") or _text(fields, "app_version") or build
            elif fields.get("type") == "panic" and isinstance(offset := fields.get("offset"), int):
                panics[offset] = fields, _text(fields, "elf_sha256") or build
    yield from panics.values()


def _text(fields: JsonObject, name: str) -> str:
    value = fields.get(name)
    return plain(value[:MAX_TITLE]) if isinstance(value, str) else ""


def _number(fields: JsonObject, name: str) -> float:
    value = fields.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _address(value: object) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        return int(value, 16)
    except ValueError:
        return None


def _count(groups: dict[Hashable, CrashGroup], fields: JsonObject, build: str, session: str, names: Names) -> None:
    backtrace = fields.get("backtrace")
    frames = backtrace if isinstance(backtrace, list) else []
    found = [_address(frame.get("pc")) for frame in frames if isinstance(frame, dict)]
    addresses = [address for address in found if address is not None and is_code_address(address)][:TOP_FRAMES]
    if not addresses and (pc := _address(fields.get("pc"))) is not None:
        addresses = [pc]
    kind, cause = _text(fields, "kind"), _text(fields, "cause")
    functions = names(build, addresses) if build and addresses else None
    where = functions or tuple(f"0x{address:08x}" for address in addresses)
    key = (kind, cause, where) if functions else (kind, cause, where, build)
    when = _number(fields, "t")
    group = groups.get(key)
    if group is None:
        title = cause or _text(fields, "message") or kind
        group = groups[key] = CrashGroup(title, kind, where, when, when)
    group.count += max(1, int(_number(fields, "count")))
    group.first, group.last = min(group.first, when), max(group.last, when)
    group.sessions.add(session)
    if build:
        group.builds.add(build)
