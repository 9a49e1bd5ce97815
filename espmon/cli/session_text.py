"""A session as text or as JSON lines, without its secrets."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TextIO

from espmon.records.batch import Part
from espmon.records.lines import LineBlock
from espmon.records.record import JsonObject, PayloadRecord
from espmon.regular_file import open_regular
from espmon.session.archive.blanking import Secrets
from espmon.session.archive.session_export import record_without
from espmon.session.archive.session_index import json_lines
from espmon.session.log_text import host_time, log_text
from espmon.session.replay.opened_source import open_source
from espmon.session.replay.replay import Replay, ReplayWish, request_of
from espmon.session.sent import ARROW, SentBy, shown_lines
from espmon.session.session_feed import SessionFeed, Tail
from espmon.session.session_folder import SIDECAR
from espmon.session.settings import Settings


def export_text(
    folder: Path, target: Path, secrets: Secrets | None, settings: Settings, *, as_json: bool
) -> JsonObject:
    """Write a session's log, with its times, into a new file; returns what `--json` prints.

    Raises:
        OSError: something cannot be read or written. FileExistsError: the file is there.
        SourceError: the session cannot be opened.
    """
    beside = beside_stream(folder)
    with target.open("x", encoding="utf-8", newline="\n") as out:
        try:
            asyncio.run(_write(folder, TextWriter(out, secrets, settings, beside, as_json=as_json)))
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    return {
        "path": str(target),
        "files": [target.name],
        "left_out": [],
        "unread": [],
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
    writer.end()


@dataclass(frozen=True, slots=True)
class Beside:
    """What a session's sidecar has and its stream has not."""

    sent: deque[JsonObject]
    """What was sent to the board, in its order."""

    paths: Mapping[tuple[str, int], str]
    """(type, offset) of a payload -> name of the file that holds it."""


def beside_stream(folder: Path) -> Beside:
    """Read a sidecar; there is nothing beside a stream without one, or a plain file."""
    beside = Beside(deque(), paths := {})
    try:
        with BufferedReader(open_regular(folder / SIDECAR)) as file:
            for fields, _ in json_lines(file):
                kind, offset = ("", None) if fields is None else (fields.get("type"), fields.get("offset"))
                if fields is None or not isinstance(kind, str) or not isinstance(offset, int):
                    continue
                if kind == "sent" and isinstance(fields.get("time"), int | float):
                    beside.sent.append({name: value for name, value in fields.items() if name not in ("t", "m")})
                elif isinstance(path := fields.get("path"), str):
                    paths[kind, offset] = Path(path).name
    except OSError:
        return Beside(deque(), {})
    return beside


class TextWriter:
    """Takes what a session says, and writes it.

    Args:
        out: the file.
        secrets: takes secrets out; None leaves all as it is.
        settings: how times are written.
        beside: what was sent, and where payloads are.
        as_json: a JSON object a record, as `espmon decode --json` prints them.
    """

    def __init__(
        self, out: TextIO, secrets: Secrets | None, settings: Settings, beside: Beside, *, as_json: bool
    ) -> None:
        self._out = out
        self._beside = beside
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
                    self._sent_until(fields["time"])
                if path := self._beside.paths.get((record.type, record.offset)):
                    fields["path"] = path
                self._record(fields)
        elif isinstance(part, LineBlock):
            lines = log_text(part).decode("utf-8", "replace").split("\n")
            for index in range(len(part)):
                text = lines[index] if index < len(lines) else ""
                self._line(text, part.host_time(index))
        else:
            self._line(f"── {part.title}", part.time)

    def end(self) -> None:
        """Nothing more comes from the board."""
        self._sent_until(float("inf"))

    def _sent_until(self, when: float) -> None:
        """What was sent up to a wall time."""
        sent = self._beside.sent
        while sent and float(sent[0]["time"]) <= when:
            fields = sent.popleft()
            if self._as_json:
                self._record(fields)
                continue
            try:
                by, data = SentBy(str(fields.get("by"))), base64.b64decode(str(fields.get("data", "")))
            except ValueError:
                continue
            if by is not SentBy.KEYS:  # the board's echo shows these
                for text in shown_lines(data, by):
                    self._write(f"{ARROW} {text}", float(fields["time"]))

    def _record(self, fields: JsonObject) -> None:
        kept = fields if self._secrets is None else record_without(fields, self._secrets)
        self._out.write(json.dumps(kept) + "\n")

    def _line(self, text: str, when: float | None) -> None:
        if when is not None:
            when = self.wall(when)
            self._sent_until(when)
        self._write(text, when)

    def _write(self, text: str, when: float | None) -> None:
        kept = text if self._secrets is None else self._secrets.blank_line(text)
        stamp = "" if when is None else f"{host_time(when, '%Y-%m-%d %H:%M:%S.%f')} "
        self._out.write(f"{stamp}{kept}\n")
