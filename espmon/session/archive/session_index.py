"""The index beside a recording: where in the stream which time, which line and which event is.

JSON lines, appended while the session runs. Each has `t` (wall time, seconds since the epoch), `m` (seconds of the
session's own clock), `offset` (in the stream) and either `line` (lines of the board before that offset) or `event` with
`title` and `severity`. The last line is the summary. An event of the same type at the same offset as an earlier one
replaces it.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from espmon.records.batch import Part
from espmon.records.events.boot import Boot
from espmon.records.events.reset_record import Reset
from espmon.records.lines import LineBlock
from espmon.records.record import JsonObject, Record
from espmon.regular_file import open_regular
from espmon.text import plain

INDEX = "index.jsonl"
"""The file's name in the session's folder."""

MARK_BYTES = 64 << 10
"""Bytes of the stream after which there is another mark at the latest."""

MARK_SECONDS = 1.0
"""The same in time, while something comes."""

MAX_TITLE = 300
"""Characters of an event's title."""

MAX_LINE = 64 << 10
"""Bytes of one line of the files beside a stream; a longer one is not espmon's."""

MAX_MARKS = 4_000_000
"""Marks that are read: those of a recording of 256 GB."""

END = "end"
"""`event` of the summary."""

MAX_REVISED = 64
"""Latest resets and crashes that may be told again, and are counted once."""

NOT_INDEXED = frozenset({"raw", "gdb", "frame"})
"""Types of records that are too many, and nothing to walk to."""


@dataclass(frozen=True, slots=True)
class IndexMark:
    """One place of a stream."""

    t: float
    """Wall time, in seconds since the epoch."""

    m: float
    """The session's own time, in seconds since its start."""

    offset: int
    line: int | None = None
    """Lines of the board before `offset`; None in the mark of an event."""

    event: str = ""
    """Type of the event that is there, "" where it is a mark of time and line."""

    title: str = ""
    severity: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """A session in a few figures."""

    bytes: int = 0
    lines: int = 0
    boots: int = 0
    crashes: int = 0
    chip: str = ""
    app: str = ""
    app_version: str = ""
    elf_sha256: str = ""


@dataclass(slots=True)
class SessionIndex:
    """What an index says."""

    lines: list[IndexMark] = field(default_factory=list)
    """Marks of time and line, in order of their offsets."""

    events: list[IndexMark] = field(default_factory=list)
    """Marks of events, each type once at an offset, in the order in which they were told."""

    summary: Summary | None = None
    """None where the session runs, or ended without a word."""

    closed: float = 0.0
    """Seconds of the session's own time at which it was closed, 0.0 where it was not."""

    torn: bool = False
    """It ends in the middle of a line."""


class SessionIndexer:
    """A sink that notes where the stream is, as it goes by.

    Args:
        write: takes the fields of a mark and its time by the session's clock.
        clock: the session's time.
    """

    def __init__(self, write: Callable[[JsonObject, float], None], clock: Callable[[], float]) -> None:
        self._write = write
        self._clock = clock
        self._next_offset = 0
        self._next_time = float("-inf")
        self._seen: deque[tuple[str, int]] = deque(maxlen=MAX_REVISED)
        self._begin = self._reached = 0  # stream offsets of the recording's first byte, and behind its last
        self.summary = Summary()

    def take(self, part: Part, entry: int | None) -> None:
        """See `Sink`."""
        if isinstance(part, LineBlock):
            if part.source != "mark":
                self._lines(part)
        elif part.type not in NOT_INDEXED:
            self._event(part)

    def _lines(self, block: LineBlock) -> None:
        summary = self.summary
        time = self._clock() if block.began is None else block.began
        if block.offset >= self._next_offset or time >= self._next_time:
            self._next_offset, self._next_time = block.offset + MARK_BYTES, time + MARK_SECONDS
            self._write({"offset": block.offset, "line": summary.lines}, time)
        self.summary = self._reach(replace(summary, lines=summary.lines + len(block)), block.offset + block.length)

    def _event(self, record: Record) -> None:
        time = self._clock() if record.time is None else record.time
        title = plain(record.title[:MAX_TITLE])
        fields = {"offset": record.offset, "event": record.type, "title": title, "severity": record.severity.value}
        self._write(fields, time)
        summary = self.summary
        new = (record.type, record.offset) not in self._seen
        if new and record.type in ("reset", "panic"):
            self._seen.append((record.type, record.offset))
            boots, crashes = int(record.type == "reset"), int(record.type == "panic")
            summary = replace(summary, boots=summary.boots + boots, crashes=summary.crashes + crashes)
        if isinstance(record, Reset):
            summary = replace(summary, chip=record.chip or summary.chip)
        elif isinstance(record, Boot):
            summary = replace(
                summary,
                chip=record.chip or summary.chip,
                app=record.app or summary.app,
                app_version=record.app_version or summary.app_version,
                elf_sha256=record.elf_sha256 or summary.elf_sha256,
            )
        self.summary = self._reach(summary, record.offset + (0 if record.derived else record.length))

    def _reach(self, summary: Summary, offset: int) -> Summary:
        self._reached = max(self._reached, offset)
        return replace(summary, bytes=self._reached - self._begin)

    def end(self) -> None:
        """The session ends: write the summary. What comes after it is another recording's."""
        fields = {key: plain(value) if isinstance(value, str) else value for key, value in asdict(self.summary).items()}
        self._write({"offset": self._reached, "event": END, **fields}, self._clock())
        self._begin, self.summary = self._reached, Summary()
        self._next_offset, self._next_time = 0, float("-inf")


def json_lines(file: BinaryIO) -> Iterator[tuple[JsonObject | None, bool]]:
    """The JSON objects of a file of lines, each with whether its line is whole; None for a line that is no object."""
    while line := file.readline(MAX_LINE):
        yield read_json(line), line.endswith(b"\n")


def read_json(line: bytes) -> JsonObject | None:
    """The JSON object that a line is, None where it is none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _number(fields: JsonObject, name: str) -> float:
    value = fields.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _text(fields: JsonObject, name: str) -> str:
    value = fields.get(name)
    return plain(value[:MAX_TITLE]) if isinstance(value, str) else ""


def read_index(path: Path) -> SessionIndex:
    """Read an index; what is damaged in it is left out. Raises OSError."""
    index = SessionIndex()
    events: dict[tuple[str, int], IndexMark] = {}
    with BufferedReader(open_regular(path)) as file:
        for count, (fields, whole) in enumerate(json_lines(file)):
            index.torn = not whole
            if count >= MAX_MARKS:
                break
            offset = None if fields is None else fields.get("offset")
            if fields is None or not isinstance(offset, int):
                continue
            t, m, event, line = _number(fields, "t"), _number(fields, "m"), _text(fields, "event"), fields.get("line")
            if event == END:
                index.summary, index.closed = read_summary(fields), m
            elif event:
                mark = IndexMark(t, m, offset, None, event, _text(fields, "title"), _text(fields, "severity"))
                events[event, offset] = mark
            elif isinstance(line, int):
                index.lines.append(IndexMark(t, m, offset, line))
    index.events = list(events.values())
    return index


def read_end(path: Path) -> Summary | None:
    """The summary at the end of an index; None where it, or the index, is missing."""
    try:
        with BufferedReader(open_regular(path)) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - MAX_LINE))
            last = [fields for fields, _ in json_lines(file) if fields is not None and fields.get("event") == END]
    except OSError:
        return None
    return read_summary(last[-1]) if last else None


def read_summary(fields: JsonObject) -> Summary:
    """The summary that a line holds."""

    def number(name: str) -> int:
        return max(0, int(_number(fields, name)))

    def text(name: str) -> str:
        return _text(fields, name)

    return Summary(
        bytes=number("bytes"),
        lines=number("lines"),
        boots=number("boots"),
        crashes=number("crashes"),
        chip=text("chip"),
        app=text("app"),
        app_version=text("app_version"),
        elf_sha256=text("elf_sha256"),
    )


def summarise(index: SessionIndex) -> Summary:
    """The summary of an index, counted where the session did not come to write it."""
    if index.summary is not None:
        return index.summary
    last = index.lines[-1] if index.lines else None
    return Summary(
        bytes=last.offset if last else 0,
        lines=(last.line or 0) if last else 0,
        boots=count_of("reset", index.events),
        crashes=count_of("panic", index.events),
    )


def count_of(event: str, marks: Sequence[IndexMark]) -> int:
    """How many events of a type there are."""
    return sum(mark.event == event for mark in marks)
