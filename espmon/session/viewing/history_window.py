"""A part of a session that is still being recorded: from one position of its stream and its sidecar to another.

Other than a whole recording it is not torn: who writes it has said that all of it is on the disk. Which of its bytes
are no log text is told by the `raw` records, which are read first.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from espmon.records.record import JsonObject
from espmon.regular_file import open_regular
from espmon.session.archive.session_index import MAX_LINE, read_json
from espmon.session.replay.moment import Moment
from espmon.session.replay.recorded_session import OWN_EVENTS, PIPELINE
from espmon.session.replay.replay_source import PORTION
from espmon.session.session_folder import SIDECAR, STREAM
from espmon.session.sharing.share_protocol import MAX_NUMBER, Position
from espmon.session.status import TRANSFER_LEASE

KNOWN_LEASES = frozenset({"flash", "gdb", "probe", TRANSFER_LEASE})
"""Owners of leases; the sidecar names others."""

MAX_OWNER = 40
"""Characters of an owner's name."""

MAX_SPANS = 1_000_000
"""Parts of the stream that are no log text, kept while the window is read."""


def window_moments(folder: Path, begin: Position, end: Position) -> Iterator[Moment]:
    """What came between two positions. Raises OSError.

    Args:
        folder: the session's.
        begin: where it begins.
        end: where it ends.
    """
    with (
        BufferedReader(open_regular(folder / STREAM)) as stream,
        BufferedReader(open_regular(folder / SIDECAR)) as sidecar,
    ):
        spans = _leased(_lines(sidecar, begin.sidecar, end.sidecar))
        yield from _Window(stream, spans, begin, end).moments(_lines(sidecar, begin.sidecar, end.sidecar))


def _leased(lines: Iterator[JsonObject]) -> list[tuple[int, int, str]]:
    """(offset, length, owner) of what leases read: a `raw` says it, but so it does of payloads that were rejected."""
    owners = set(KNOWN_LEASES)
    spans: list[tuple[int, int, str]] = []
    for fields in lines:
        if fields.get("event") == "bytes" and isinstance(owner := fields.get("lease"), str) and owner != PIPELINE:
            owners.add(owner[:MAX_OWNER])
        elif fields.get("type") == "raw" and len(spans) < MAX_SPANS:
            reason, offset = str(fields.get("reason"))[:MAX_OWNER], _natural(fields, "offset")
            spans.append((offset, _natural(fields, "length"), reason))
    return [span for span in spans if span[2] in owners and span[0] >= 0]


class _Window:
    """Walks the stream and the sidecar together."""

    def __init__(self, stream: BinaryIO, spans: list[tuple[int, int, str]], begin: Position, end: Position) -> None:
        self._stream = stream
        self._spans = iter([span for span in spans if span[1] and span[0] + span[1] > begin.offset])
        self._span = next(self._spans, None)
        self._at = begin.offset
        self._end = end.offset
        self._shift = begin.offset - begin.file
        self._m = 0.0
        stream.seek(begin.file)

    def moments(self, lines: Iterator[JsonObject]) -> Iterator[Moment]:
        """All of it, in its order."""
        for fields in lines:
            event, offset = fields.get("event"), fields.get("offset")
            at = offset if isinstance(offset, int) and 0 <= offset < MAX_NUMBER else None
            m, wall = fields.get("m"), fields.get("t")
            if event in ("session", "clock") and isinstance(m, int | float) and isinstance(wall, int | float):
                self._time(fields)
                yield Moment(self._m, wall=float(wall))
            if event in ("bytes", "gap") and at is not None:
                yield from self._until(at)
                self._time(fields)
                if event == "gap":
                    length = _natural(fields, "length")
                    self._shift += length
                    self._at += length
                    yield Moment(self._m, event=fields)
            elif fields.get("type") in OWN_EVENTS:
                if at is not None and fields.get("derived"):
                    yield from self._until(at)
                self._time(fields)
                yield Moment(self._m, event=fields)
        yield from self._until(self._end)

    def _time(self, fields: JsonObject) -> None:
        m = fields.get("m")
        if isinstance(m, int | float) and 0 <= m < 1e10:
            self._m = max(self._m, float(m))

    def _until(self, end: int) -> Iterator[Moment]:
        """The stream up to offset `end`."""
        end = min(end, self._end)
        while self._at < end:
            span = self._span
            if span is not None and span[0] + span[1] <= self._at:
                self._span = next(self._spans, None)
                continue
            lease, stop = "", end
            if span is not None and span[0] <= self._at:
                lease, stop = span[2], min(span[0] + span[1], self._end)
            elif span is not None:
                stop = min(end, span[0])
            data = self._stream.read(min(PORTION, stop - self._at))
            if not data:
                self._at = stop
                continue
            self._at += len(data)
            yield Moment(self._m, data, lease)


def _lines(sidecar: BinaryIO, begin: int, end: int) -> Iterator[JsonObject]:
    """The objects of the sidecar's lines from byte `begin` up to byte `end`."""
    sidecar.seek(begin)
    while begin < end and (line := sidecar.readline(min(MAX_LINE, end - begin))):
        begin += len(line)
        if (fields := read_json(line)) is not None:
            yield fields


def _natural(fields: JsonObject, name: str) -> int:
    value = fields.get(name)
    return value if type(value) is int and 0 <= value < MAX_NUMBER else 0
