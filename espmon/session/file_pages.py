"""Lines that are in a file: read a page at a time when somebody looks at them."""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict
from collections.abc import Sequence

from espmon.records.heads import Heads
from espmon.records.lines import LineBlock, split_lines
from espmon.records.paged_block import PagedBlock
from espmon.records.traits import Traits
from espmon.session.backing import Backing
from espmon.session.text_page import ArrivalBlock, TextPage, note_times

MAX_PAGES = 256
"""Pages that are kept in memory."""

MAX_UNIT_PAGE = 1 << 20
"""A block of more bytes than this stays out of the pages' cache."""


class FilePage(LineBlock):
    """Lines as they were read from the file; where they begin is found out when somebody wants to know.

    Args:
        data: their bytes.
        offset: stream offset of the first one.
        count: so many lines they are.
        cap: longest body of a line.
    """

    __slots__ = ("_cap", "_count", "_starts")

    def __init__(self, data: bytes, offset: int, count: int, cap: int) -> None:
        self._count = count
        self._cap = cap
        self._starts: array[int] | None = None
        super().__init__(data, offset, ())

    @property
    def starts(self) -> Sequence[int]:
        """Where the lines begin in `data`."""
        starts = self._starts
        if starts is None:
            size, count = len(self.data), self._count
            found = split_lines(self.data, self._cap)
            if len(found) != count + 1:
                kept = found[: min(count, len(found) - 1)]
                found = [*kept, *[size] * (count + 1 - len(kept))]
            starts = self._starts = array("I", found)
        return starts

    @starts.setter
    def starts(self, value: Sequence[int]) -> None:
        """A page has none when it is made."""

    def __len__(self) -> int:
        return self._count


class Pages:
    """The pages that were looked at last. May be used from any thread.

    Args:
        backing: where the bytes are.
        cap: longest body of a line, as the demultiplexer has it.
    """

    def __init__(self, backing: Backing, cap: int) -> None:
        self._backing = backing
        self._cap = cap
        self._kept: OrderedDict[tuple[int, int], FilePage] = OrderedDict()
        self._lock = threading.Lock()

    def glance(self, offset: int, size: int, count: int) -> FilePage:
        """The same for who reads all of the log: what is kept stays what was looked at."""
        with self._lock:
            found = self._kept.get((offset, size))
        return found or self._read(offset, size, count)

    def page(self, offset: int, size: int, count: int) -> FilePage:
        """The `count` lines in the `size` bytes from stream offset `offset` on."""
        key = offset, size
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        found = self._read(offset, size, count)
        if size <= MAX_UNIT_PAGE:
            with self._lock:
                self._kept[key] = found
                while len(self._kept) > MAX_PAGES:
                    self._kept.popitem(last=False)
        return found

    def _read(self, offset: int, size: int, count: int) -> FilePage:
        try:
            data = self._backing.read_at(offset, size)
        except OSError:
            data = b""
        # What the file has lost since is shown as empty lines: their number must not change.
        return FilePage(data + b"\n" * (size - len(data)), offset, count, self._cap)


class FileBlock(PagedBlock, ArrivalBlock):
    """Lines that are read when somebody looks at them. Immutable; several reads may have brought them."""

    __slots__ = ("_count", "_pages", "_size")

    def __init__(
        self, pages: Pages, offset: int, size: int, count: int, run_lines: array[int], run_times: array[float]
    ) -> None:
        super().__init__(offset, run_lines, run_times)
        self._pages = pages
        self._size = size
        self._count = count

    @property
    def page(self) -> LineBlock:
        """The lines as they were read."""
        page = self._pages.page(self.offset, self._size, self._count)
        if self._heads is not None and page.known_heads is None:
            page.keep_known(self._heads, self._traits)
        return page

    def __len__(self) -> int:
        return self._count

    @property
    def length(self) -> int:
        """Bytes of the stream that the block covers."""
        return self._size

    @property
    def heads(self) -> Heads:
        """Levels and tags of all lines; read on first use."""
        return self._heads or self._read_through().heads

    @property
    def traits(self) -> Traits:
        """What else than plain characters is in the lines; read on first use."""
        return self._traits or self._read_through().traits

    def _read_through(self) -> LineBlock:
        page = self._pages.glance(self.offset, self._size, self._count)
        self.keep_known(page.heads, page.traits)
        return page

    def longer(self, block: LineBlock) -> FileBlock:
        """This block and the one that follows it, as one. To be asked once."""
        note_times(self._run_lines, self._run_times, self._count, block)
        size, count = self._size + block.length, self._count + len(block)
        return FileBlock(self._pages, self.offset, size, count, self._run_lines, self._run_times)


def left_to_file(page: TextPage, pages: Pages) -> FileBlock:
    """The same lines, of which only what their heads say stays in memory."""
    block = FileBlock(pages, page.offset, page.length, len(page), *page.arrivals)
    block.keep_known(page.known_heads, page.known_traits)
    return block
