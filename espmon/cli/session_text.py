"""A session as text or as JSON lines, without its secrets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from espmon.records.batch import Part
from espmon.records.lines import LineBlock
from espmon.records.record import JsonObject, PayloadRecord
from espmon.session.archive.blanking import Secrets
from espmon.session.archive.session_export import record_without
from espmon.session.log_text import host_time, log_text
from espmon.session.replay.opened_source import open_source
from espmon.session.replay.replay import Replay, ReplayWish, request_of
from espmon.session.session_feed import SessionFeed, Tail
from espmon.session.settings import Settings


def export_text(
    folder: Path, target: Path, secrets: Secrets | None, settings: Settings, *, as_json: bool
) -> JsonObject:
    """Write a session's log, with its times, into a new file; returns what `--json` prints.

    Raises:
        OSError: something cannot be read or written. FileExistsError: the file is there.
        SourceError: the session cannot be opened.
    """
    with target.open("x", encoding="utf-8", newline="\n") as out:
        try:
            asyncio.run(_write(folder, TextWriter(out, secrets, settings, as_json=as_json)))
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    return {
        "path": str(target),
        "files": [target.name],
        "left_out": [],
        "damaged": [],
        "blanked": None if secrets is None else secrets.to_json(),
    }


async def _write(folder: Path, writer: TextWriter) -> None:
    source = open_source(folder)
    replay = Replay(source, ReplayWish(start=True))
    session = replay.begin(writer.settings)
    writer.wall = session.clock.wall
    SessionFeed(session, writer.take)
    await session.open(request_of(folder, source))
    await replay.read()
    await session.close()


class TextWriter:
    """Takes what a session says, and writes it.

    Args:
        out: the file.
        secrets: takes secrets out; None leaves all as it is.
        settings: how times are written.
        as_json: a JSON object a record, as `espmon decode --json` prints them.
    """

    def __init__(self, out: TextIO, secrets: Secrets | None, settings: Settings, *, as_json: bool) -> None:
        self._out = out
        self._secrets = secrets
        self.settings = settings
        self._as_json = as_json
        self.wall: Callable[[float], float] = float

    def take(self, part: Part | Tail) -> None:
        """A block of lines, or a record."""
        if isinstance(part, Tail):
            return
        if self._as_json:
            for record in part if isinstance(part, LineBlock) else (part,):
                if isinstance(record, PayloadRecord):
                    record.release()
                fields = record.to_json()
                if isinstance(when := fields.get("time"), float):
                    fields["time"] = self.wall(when)
                kept = fields if self._secrets is None else record_without(fields, self._secrets)
                self._out.write(json.dumps(kept) + "\n")
        elif isinstance(part, LineBlock):
            lines = log_text(part).decode("utf-8", "replace").split("\n")
            for index in range(len(part)):
                text = lines[index] if index < len(lines) else ""
                self._line(text, part.host_time(index))
        else:
            self._line(f"── {part.title}", part.time)

    def _line(self, text: str, when: float | None) -> None:
        kept = text if self._secrets is None else self._secrets.blank_line(text)
        stamp = "" if when is None else f"{host_time(self.wall(when), '%Y-%m-%d %H:%M:%S.%f')} "
        self._out.write(f"{stamp}{kept}\n")
