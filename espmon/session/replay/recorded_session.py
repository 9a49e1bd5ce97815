"""The folder of a session: stream and sidecar, put together again. Torn ones give what they have."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from espmon.records.record import JsonObject
from espmon.regular_file import open_regular
from espmon.session.archive.session_index import INDEX, json_lines, read_end
from espmon.session.replay.moment import Moment
from espmon.session.replay.plain_file import line_start
from espmon.session.replay.replay_source import PORTION, Source
from espmon.session.replay.unpacked_files import GzipFile
from espmon.session.session_folder import COMPRESSED, SESSION, SIDECAR, STREAM, is_running

PIPELINE = "pipeline"
"""Who reads what is log text."""

OWN_EVENTS = frozenset({"sent", "link", "note", "probe", "flash"})
"""Types of events that the session made itself; all others are read from the stream anew."""

MAX_LEASED = 64 << 20
"""Bytes of a lease that are held until it is known which of them are log text."""


class RecordedSession(Source):
    """A session's folder.

    Args:
        path: the folder.
        begin: offset in the stream file from which on it is read.
    """

    kind = "session"
    timed = True

    def __init__(self, path: Path, begin: int = 0) -> None:
        super().__init__(path)
        self._begin = begin
        self._packed: GzipFile | None = None
        self._stream: BinaryIO | None = None
        if (path / STREAM).exists() or not (path / COMPRESSED).exists():
            self._stream = BufferedReader(open_regular(path / STREAM))
            self.size = os.fstat(self._stream.fileno()).st_size
            self.backing.add(begin, BufferedReader(open_regular(path / STREAM)), begin)
        else:
            self._packed = GzipFile(path / COMPRESSED)
            self.size = self._packed.size
            self.backing = self._packed.backing
        self.done = begin
        self._at = begin  # how much of the stream file was given out
        self._shift = 0  # bytes of the stream before here that are not in the file
        self._m = 0.0
        self._rest: Iterator[Moment] = iter(()) if self._packed is None else self._packed.moments()
        self._held = b""
        self._damage: list[str] = []
        self._dated = False

    @property
    def begin(self) -> int:
        """Offset of its first byte in the stream file."""
        return self._begin

    @property
    def without_index(self) -> bool:
        """Whether its index is missing or damaged, and nobody is about to write it."""
        return read_end(self.path / INDEX) is None and not is_running(self.path)

    def tail(self, size: int) -> Source | None:
        """The last lines of it."""
        if self._stream is None or self._begin or self.size <= size:
            return None
        return RecordedSession(self.path, line_start(self._stream, self.size - size))

    def close(self) -> None:
        """Let go of the files."""
        if self._stream is not None:
            self._stream.close()
        if self._packed is not None:
            self._packed.close()
        super().close()

    # -- the stream ---------------------------------------------------------------------------------------------

    def _read(self, size: int) -> bytes:
        """The next bytes of the stream; fewer than `size` only at its end."""
        if self._stream is not None:
            self._stream.seek(self._at)
            data = self._stream.read(size)
            self.done = self._at + len(data)
        else:
            while len(self._held) < size and (moment := next(self._rest, None)) is not None:
                self._held += moment.data
                self._damage += [str(moment.event.get("text"))] if moment.event is not None else []
            data, self._held = self._held[:size], self._held[size:]
            if self._packed is not None:
                self.done = self._packed.done
        self._at += len(data)
        return data

    def _log_until(self, end: int) -> Iterator[Moment]:
        """Log text up to offset `end` of the stream file."""
        while self._at < end and (data := self._read(min(PORTION, end - self._at))):
            yield Moment(self._m, data)

    # -- both ---------------------------------------------------------------------------------------------------

    def moments(self) -> Iterator[Moment]:
        """Bytes and events in their order."""
        leased, owner = b"", ""
        summary = read_end(self.path / INDEX)
        expected = 0 if summary is None else summary.bytes
        promised, ended = False, False  # a line that says that the session was closed
        try:
            sidecar = BufferedReader(open_regular(self.path / SIDECAR))
        except OSError as error:
            yield _damage(0.0, f"no times: {SIDECAR}: {error.strerror or error}")
            yield from self._log_until(1 << 62)
            yield from self._missing(expected, INDEX)
            return
        damaged = 0
        with sidecar:
            if self._begin:
                fields, _ = next(json_lines(sidecar), (None, True))
                promised = _natural((fields or {}).get("format")) > 1
                yield from self._time(fields or {})
                _seek(sidecar, self._begin)
            for fields, whole in json_lines(sidecar):
                if fields is None:
                    damaged += 1
                    continue
                yield from self._time(fields)
                event, offset = fields.get("event"), _offset(fields)
                promised = promised or (event == SESSION and _natural(fields.get("format")) > 1)
                if event == "end":
                    kept = _natural(fields.get("received")) - _natural(fields.get("unwritten"))
                    ended, expected = True, kept + self._shift
                if event == "bytes" and offset is not None:
                    at = offset - self._shift
                    length = _natural(fields.get("length"))
                    expected = max(expected, offset + length)
                    if at + length <= self._begin:
                        self._m = _seconds(fields, self._m)
                        continue
                    before, self._m = self._m, _seconds(fields, self._m)
                    now, self._m = self._m, before
                    if leased and fields.get("lease") != owner:
                        yield Moment(before, leased, owner)
                        leased = b""
                    yield from self._log_until(at)
                    self._m = now
                    if fields.get("lease") != PIPELINE and length:
                        owner = str(fields.get("lease"))[:40]
                        leased += self._read(min(length, MAX_LEASED - len(leased)))
                elif event == "gap" and offset is not None:
                    yield from self._log_until(offset - self._shift)
                    self._shift += _natural(fields.get("length"))
                    yield Moment(self._m, event=fields)
                elif fields.get("type") == "raw" and leased:
                    length = _natural(fields.get("length"))
                    yield Moment(self._m, leased[:length], owner)
                    if rest := leased[length:]:
                        yield Moment(self._m, rest)
                    leased = b""
                elif event == "end" or fields.get("type") in OWN_EVENTS or event == "port":
                    if leased:
                        yield Moment(self._m, leased, owner)
                        leased = b""
                    if offset is not None and fields.get("derived"):
                        yield from self._log_until(offset - self._shift)
                    self._m = _seconds(fields, self._m)
                    yield Moment(self._m, event=fields)
                if not whole:
                    damaged += 1
        if leased:
            yield Moment(self._m, leased, owner)
        yield from self._log_until(1 << 62)
        if damaged:
            yield _damage(
                self._m,
                f"{damaged:,} lines of {SIDECAR} are damaged: times and events of the session are missing there",
            )
        elif not self._dated:
            yield _damage(self._m, f"no times: {SIDECAR} is empty")
        elif promised and not ended and not is_running(self.path):
            text = f"{SIDECAR} has no end: the session was not closed, or its last times and events are missing"
            yield _damage(self._m, text)
        yield from self._missing(expected, SIDECAR)

    def _missing(self, expected: int, witness: str) -> Iterator[Moment]:
        """What is wrong with the stream at its end, `expected` bytes of which there should be."""
        for text in self._damage:
            yield _damage(self._m, text)
        if (missing := expected - self._shift - self._at) > 0:
            yield _damage(self._m, f"the last {missing:,} bytes are missing: the stream is shorter than {witness} says")

    def _time(self, fields: JsonObject) -> Iterator[Moment]:
        """The first line says when the session began; the computer's clock may be set later."""
        wall = fields.get("t")
        if not isinstance(wall, int | float):
            return
        m = _seconds(fields, self._m)
        if not self._dated:
            self._dated = True
            self.start = wall - m
            yield Moment(m, wall=float(wall))
        elif fields.get("event") == "clock":
            yield Moment(m, wall=float(wall))


def _damage(m: float, text: str) -> Moment:
    return Moment(m, event={"event": "damaged", "text": text})


def _natural(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 1 << 62 else 0


def _offset(fields: JsonObject) -> int | None:
    offset = fields.get("offset")
    return offset if isinstance(offset, int) and 0 <= offset < 1 << 62 else None


def _seconds(fields: JsonObject, otherwise: float) -> float:
    """The session's own time of a line; it never goes back."""
    m = fields.get("m")
    return max(otherwise, float(m)) if isinstance(m, int | float) and 0 <= m < 1e10 else otherwise


def _seek(file: BinaryIO, offset: int) -> None:
    """Go to the last line of a sidecar that speaks of bytes at or before `offset`, or a little before it."""
    low, high = 0, os.fstat(file.fileno()).st_size
    while high - low > PORTION:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()
        found = next((at for fields, _ in json_lines(file) if fields and (at := _offset(fields)) is not None), None)
        if found is not None and found <= offset:
            low = middle
        else:
            high = middle
    file.seek(low)
    if low:
        file.readline()
