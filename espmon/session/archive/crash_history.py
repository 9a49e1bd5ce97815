"""The crashes of all sessions, the same ones together: by the functions where they happened, else by addresses.

A crash is a panic that was printed, or a core dump. A dump of a panic that the same session has is that crash.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

from espmon.model.architecture import is_code_address
from espmon.records.record import JsonObject
from espmon.regular_file import open_regular
from espmon.session.archive.dump_history import TOP_FRAMES, RecordedDump, recorded_dumps
from espmon.session.archive.session_index import MAX_LINE, read_json
from espmon.session.session_folder import SIDECAR
from espmon.text import plain

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
            crashes, times = _crashes(folder / SIDECAR)
            dumps = list(recorded_dumps(folder))
        except OSError:
            continue
        here = []
        for fields, build in crashes:
            seen += 1
            if seen > MAX_CRASHES:
                break
            here.append(_count(groups, fields, build, folder.name, names))
        for dump in dumps:
            seen += 1
            if seen > MAX_CRASHES:
                break
            if not any(_is_of(dump, panic) for panic in here):
                _count_dump(groups, dump, folder.name, times.get(dump.offset, dump.written))
    return sorted(groups.values(), key=lambda group: group.last)


def _crashes(path: Path) -> tuple[list[tuple[JsonObject, str]], dict[int | None, float]]:
    """The panics of a sidecar as they were told last, each with the build that ran; and when each core dump came."""
    panics: dict[int, tuple[JsonObject, str]] = {}
    dumps: dict[int | None, float] = {}
    build = ""
    with BufferedReader(open_regular(path)) as file:
        while line := file.readline(MAX_LINE):
            if b'"panic"' not in line and b'"boot"' not in line and b'"coredump"' not in line:
                continue  # nearly all lines tell times
            fields = read_json(line)
            if fields is None:
                continue
            kind, offset = fields.get("type"), fields.get("offset")
            if kind == "boot":
                build = _text(fields, "elf_sha256") or _text(fields, "app_version") or build
            elif kind == "panic" and isinstance(offset, int):
                panics[offset] = fields, _text(fields, "elf_sha256") or build
            elif kind == "coredump" and isinstance(offset, int):
                dumps[offset] = _number(fields, "t")
    return list(panics.values()), dumps


def _is_of(dump: RecordedDump, panic: CrashGroup) -> bool:
    """Whether a dump was made at a panic of its session: by its frames, of which a panic may have fewer."""
    addresses = tuple(f"0x{address:08x}" for address in dump.addresses)
    wanted = dump.functions if panic.frames and not panic.frames[0].startswith("0x") else addresses
    count = min(len(wanted), len(panic.frames))
    return count > 0 and wanted[:count] == panic.frames[:count]


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


def _count(
    groups: dict[Hashable, CrashGroup], fields: JsonObject, build: str, session: str, names: Names
) -> CrashGroup:
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
    title = cause or _text(fields, "message") or kind
    times = max(1, int(_number(fields, "count")))
    return _add(groups, key, CrashGroup(title, kind, where, when, when), times, session, build)


def _count_dump(groups: dict[Hashable, CrashGroup], dump: RecordedDump, session: str, when: float) -> None:
    where = dump.functions or tuple(f"0x{address:08x}" for address in dump.addresses)
    key = ("dump", dump.kind, where, "" if dump.functions else dump.build)
    _add(groups, key, CrashGroup(dump.title, dump.kind, where, when, when), 1, session, dump.build)


def _add(
    groups: dict[Hashable, CrashGroup], key: Hashable, found: CrashGroup, times: int, session: str, build: str
) -> CrashGroup:
    group = groups.setdefault(key, found)
    group.count += times
    group.first, group.last = min(group.first, found.first), max(group.last, found.last)
    group.sessions.add(session)
    if build:
        group.builds.add(build)
    return group
