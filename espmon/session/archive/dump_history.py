"""The core dumps of a recorded session, read from the reports that were saved beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from espmon.model.architecture import is_code_address
from espmon.records.record import JsonObject
from espmon.regular_file import read_regular
from espmon.text import plain

REPORT = re.compile(r"coredump-\d{1,12}\.json")
"""The report that was made when the dump came; those that the user saved have other names."""

MAX_REPORT = 8 << 20
MAX_DUMPS = 1_000
"""Reports of one session that are looked at, and bytes of each."""

TOP_FRAMES = 4
"""Frames by which crashes are told apart."""

MAX_TEXT = 200


class RecordedDump(NamedTuple):
    """A core dump of a session: where the crashed task was, innermost first, one for each address."""

    title: str
    kind: str
    build: str
    """SHA-256 of the application's ELF as far as the dump has it."""
    functions: tuple[str, ...]
    """Empty where one of them had no name."""
    addresses: tuple[int, ...]
    offset: int | None
    """Where it begins in the recording, None where the report does not say."""
    written: float
    """When the report was written, in seconds since the epoch."""


def recorded_dumps(folder: Path) -> Iterator[RecordedDump]:
    """The dumps of a session whose reports can be read. Raises `OSError` for a folder that cannot."""
    paths = sorted(path for path in folder.iterdir() if REPORT.fullmatch(path.name))
    for path in paths[:MAX_DUMPS]:
        try:
            fields = json.loads(read_regular(path, MAX_REPORT))
            written = path.stat().st_mtime
        except (OSError, ValueError, RecursionError):
            continue  # what is no report costs this one dump
        if isinstance(fields, dict) and (found := _dump(fields, written)) is not None:
            yield found


def _dump(fields: JsonObject, written: float) -> RecordedDump | None:
    tasks = [task for task in _list(fields.get("tasks")) if isinstance(task, dict)]
    crashed = next((task for task in tasks if task.get("crashed") is True), None)
    kind = _text(fields.get("kind"))
    if crashed is None or not kind:
        return None
    names: dict[int, str] = {}  # inlined functions share an address: the innermost stands for all
    for frame in _list(crashed.get("frames")):
        if isinstance(frame, dict) and (address := _address(frame.get("pc"))) is not None and is_code_address(address):
            names.setdefault(address, _text(frame.get("function")))
    addresses = tuple(names)[:TOP_FRAMES]
    functions = tuple(names[address] for address in addresses)
    offset = fields.get("offset")
    title = _text(fields.get("sentence")) or "core dump"
    return RecordedDump(
        title, kind, _text(fields.get("app_sha256")),
        functions if all(functions) else (), addresses, offset if isinstance(offset, int) else None, written,
    )  # fmt: skip


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return plain(value[:MAX_TEXT]) if isinstance(value, str) else ""


def _address(value: object) -> int | None:
    try:
        return int(value, 16) if isinstance(value, str) else None
    except ValueError:
        return None
