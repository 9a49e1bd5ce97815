"""Log files whose bytes are written in another way: gzip, and the recordings of asciinema.

What they hold is put into a file without a name, from which the screen reads it again.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from espmon.regular_file import open_regular, read_regular
from espmon.session.archive.gzip_stream import GzipDamage, unpacked
from espmon.session.replay.moment import Moment, SourceError
from espmon.session.replay.replay_source import PORTION, Source

MAX_UNPACKED = 64 << 30
"""Bytes that a compressed file may hold."""

SPARE_BYTES = 512 << 20
"""Room that the temporary disk keeps."""

LOOK_BYTES = 64 << 20
"""Bytes written between two looks at that room."""

MAX_OLD_CAST = 256 << 20
"""Bytes of an asciinema recording of the first version, which is one JSON value."""


class Spool:
    """A file without a name that grows up to a limit."""

    def __init__(self) -> None:
        self.file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 closed with the backing
        self._size = self._looked = 0

    def write(self, data: bytes) -> None:
        """Append. Raises `SourceError` when there is too much of it, or no room."""
        self._size += len(data)
        if self._size - self._looked > LOOK_BYTES or not self._looked:
            self._looked = self._size
            if shutil.disk_usage(tempfile.gettempdir()).free < SPARE_BYTES + LOOK_BYTES:
                raise SourceError("what it holds does not fit on the disk for temporary files (TMPDIR)")
        if self._size > MAX_UNPACKED:
            raise SourceError(f"it holds more than {MAX_UNPACKED:,} bytes")
        self.file.seek(0, 2)
        self.file.write(data)
        self.file.flush()


class UnpackedFile(Source):
    """What unpacking a file gives, kept in a spool."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._spool = Spool()
        self.backing.add(0, self._spool.file, 0)
        self._file = BufferedReader(open_regular(path))
        self.size = path.stat().st_size
        self.start = path.stat().st_mtime

    def kept(self, data: bytes) -> bytes:
        """Keep bytes of the stream; returns them."""
        with self.backing.lock:
            self._spool.write(data)
        return data

    def close(self) -> None:
        """Let go of the files."""
        self._file.close()
        super().close()


class GzipFile(UnpackedFile):
    """A log compressed with gzip, of one part or of several; one that is cut gives what it has."""

    kind = "gzip"

    def moments(self) -> Iterator[Moment]:
        """The bytes, and a remark where the file is damaged."""
        try:
            for data, done in unpacked(self._file, PORTION):
                self.done = done
                yield Moment(None, self.kept(data))
        except GzipDamage as error:
            yield Moment(event={"event": "damaged", "text": str(error)})


class AsciinemaFile(UnpackedFile):
    """A recording of asciinema, of versions 1 to 3: what the terminal was sent, and when."""

    kind = "asciinema"
    timed = True

    def moments(self) -> Iterator[Moment]:
        """What was printed."""
        head = self._file.readline(PORTION)
        try:
            first = json.loads(head)
        except (ValueError, RecursionError):
            first = None
        if not isinstance(first, dict) or first.get("version") not in (2, 3):
            yield from self._old()
            return
        began = first.get("timestamp")
        if isinstance(began, int | float):
            yield Moment(0.0, wall=float(began))
        relative, m = first["version"] == 3, 0.0
        while line := self._file.readline(1 << 20):
            self.done += len(line)
            try:
                event = json.loads(line)
            except (ValueError, RecursionError):
                if line.strip() and not line.startswith(b"#"):
                    yield Moment(m, event={"event": "damaged", "text": "a line of the recording is damaged"})
                continue
            if not (isinstance(event, list) and len(event) >= 3 and isinstance(event[2], str)):
                continue
            m = later(m, event[0], relative=relative)
            if event[1] == "o":
                yield Moment(m, self.kept(event[2].encode("utf-8", "surrogateescape")))

    def _old(self) -> Iterator[Moment]:
        try:
            whole = json.loads(read_regular(self.path, MAX_OLD_CAST))
        except (ValueError, RecursionError):
            raise SourceError("this is no recording of asciinema") from None
        m = 0.0
        printed = whole.get("stdout") if isinstance(whole, dict) else None
        for event in printed if isinstance(printed, list) else ():
            if isinstance(event, list) and len(event) == 2 and isinstance(event[1], str):
                m = later(m, event[0], relative=True)
                yield Moment(m, self.kept(event[1].encode("utf-8", "surrogateescape")))


def later(m: float, step: object, *, relative: bool) -> float:
    """The time of the next event; it never goes back, whatever the file says."""
    if not isinstance(step, int | float) or not 0 <= step < 1e9:
        return m
    return m + step if relative else max(m, float(step))
