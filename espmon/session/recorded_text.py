"""The text of the running session in its recording: what memory has no room for is read there again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path

from espmon.regular_file import open_regular
from espmon.session.backing import Backing
from espmon.session.file_pages import FileBlock, Pages, left_to_file
from espmon.session.text_page import TextPage


class RecordedText:
    """Where in the stream's file the bytes of the stream are. Written by the session's loop, read by any thread.

    Args:
        path: the stream's file.
        cap: longest body of a line, as the demultiplexer has it.
        written: bytes that the file has by now.

    Raises:
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path, cap: int, written: Callable[[], int]) -> None:
        self._written = written
        self._file = BufferedReader(open_regular(path))
        self._backing = Backing()
        self._pages = Pages(self._backing, cap)
        self._starts: list[int] = []
        self._places: list[int] = []
        self._offset = -1
        self._size = 0

    def took(self, offset: int, size: int) -> None:
        """The file is given `size` bytes from stream offset `offset` on, behind all that it was given before."""
        if offset != self._offset:
            self._starts.append(offset)
            self._places.append(self._size)
            self._backing.add(offset, self._file, self._size)
        self._offset = offset + size
        self._size += size

    def holds(self, offset: int, size: int) -> bool:
        """Whether all of these bytes are in the file, one behind the other."""
        at = bisect_right(self._starts, offset) - 1
        if at < 0:
            return False
        begin = self._places[at] + offset - self._starts[at]
        end = self._places[at + 1] if at + 1 < len(self._places) else self._size
        return begin + size <= min(end, self._written())

    def block(self, page: TextPage) -> FileBlock:
        """A page of the log that is left to the file."""
        return left_to_file(page, self._pages)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
