"""A log file of any tool, byte for byte: idf.py, esptool, `script`, PuTTY, a terminal's capture. It may still grow."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from espmon.regular_file import open_regular
from espmon.session.replay.moment import Moment
from espmon.session.replay.replay_source import PORTION, Source

LINE_SEARCH = 64 << 10
"""Bytes in which the next line's beginning is looked for."""


class PlainFile(Source):
    """A file of which every byte is log.

    Args:
        path: the file.
        begin: position of the first byte that is read.
        follow: go on when it grows, also in a new file of the same name. Moments without bytes come meanwhile.
    """

    def __init__(self, path: Path, *, kind: str = "log file", begin: int = 0, follow: bool = False) -> None:
        super().__init__(path)
        self.kind = kind
        self._begin = begin
        self._follow = follow
        self._file: BinaryIO = BufferedReader(open_regular(path))
        status = os.fstat(self._file.fileno())
        self.size, self.done = status.st_size, begin
        self.start = status.st_mtime
        self.backing.add(begin, BufferedReader(open_regular(path)), begin)

    @property
    def begin(self) -> int:
        """Position of its first byte."""
        return self._begin

    def tail(self, size: int) -> Source | None:
        """The last lines of it."""
        if self._begin or self.size <= size:
            return None
        return PlainFile(self.path, kind=self.kind, begin=line_start(self._file, self.size - size), follow=False)

    def moments(self) -> Iterator[Moment]:
        """The bytes; while it is followed, a moment without bytes whenever there are none."""
        file, offset = self._file, self._begin
        file.seek(offset)
        while True:
            while data := file.read(PORTION):
                offset += len(data)
                self.done = offset
                self.size = max(self.size, offset)
                yield Moment(None, data)
            if not self._follow:
                return
            yield Moment()
            if (new := self._replaced(file)) is not None:
                while data := file.read(PORTION):  # what came in between
                    offset += len(data)
                    yield Moment(None, data)
                file.close()
                file = self._file = new
                self.backing.add(offset, BufferedReader(open_regular(self.path)), 0)
                yield Moment(None, event={"event": "rotated"}, wall=time.time())

    def _replaced(self, file: BinaryIO) -> BinaryIO | None:
        """The file that has the name now, where that is another one, or the same begun anew."""
        mine = os.fstat(file.fileno())
        try:
            now = os.stat(self.path)
        except OSError:
            return None  # renamed, and the new one is still to come
        if os.path.samestat(mine, now) and now.st_size >= file.tell():
            return None
        try:
            return BufferedReader(open_regular(self.path))
        except OSError:
            return None

    def close(self) -> None:
        """Let go of the files."""
        self._file.close()
        super().close()


def line_start(file: BinaryIO, position: int) -> int:
    """Where the first line begins that begins at or behind `position`; `position` where none does soon."""
    file.seek(position)
    return position + file.read(LINE_SEARCH).find(b"\n") + 1
