"""The text of the running session in its recording: what memory has no room for is read there again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from weakref import finalize

from espmon.regular_file import open_regular
from espmon.session.backing import Backing
from espmon.session.file_pages import FileBlock, Pages, left_to_file
from espmon.session.text_page import TextPage


class RecordedText:
    """Where in the stream's file the bytes of the stream are. Written by the session's loop, read by any thread.

    The file stays open for as long as somebody has a page that was left to it: a session that has ended is read on.

    Args:
        path: the stream's file; it is opened when memory leaves something to it.
        cap: longest body of a line, as the demultiplexer has it.
        written: bytes that the file has by now.
    """

    def __init__(self, path: Path, cap: int, written: Callable[[], int]) -> None:
        self._path = path
        self._written = written
        self._backing = Backing()
        self._pages = Pages(self._backing, cap)
        self._file: BufferedReader | None = None
        self._starts: list[int] = []
        self._places: list[int] = []
        self._offset = -1
        self._size = 0

    def took(self, offset: int, size: int) -> None:
        """The file is given `size` bytes from stream offset `offset` on, behind all that it was given before."""
        if offset != self._offset:
            self._starts.append(offset)
            self._places.append(self._size)
            if self._file is not None:
                self._backing.add(offset, self._file, self._size)
        self._offset = offset + size
        self._size += size

    def holds(self, offset: int, size: int) -> bool:
        """Whether all of these bytes are in the file, one behind the other, and it can be read."""
        at = bisect_right(self._starts, offset) - 1
        if at < 0:
            return False
        begin = self._places[at] + offset - self._starts[at]
        end = self._places[at + 1] if at + 1 < len(self._places) else self._size
        return begin + size <= min(end, self._written()) and (self._file is not None or self._open())

    def _open(self) -> bool:
        try:
            self._file = BufferedReader(open_regular(self._path))
        except OSError:
            return False  # memory then keeps the newest only, as where nothing is recorded
        finalize(self._backing, self._file.close)
        for start, place in zip(self._starts, self._places, strict=True):
            self._backing.add(start, self._file, place)
        return True

    def block(self, page: TextPage) -> FileBlock:
        """A page of the log that is left to the file."""
        return left_to_file(page, self._pages)
