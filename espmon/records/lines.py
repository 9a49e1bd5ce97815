"""Runs of text lines as columns: bytes and offsets, never an object a line until someone looks at one.

A `LineBlock` holds consecutive lines of the stream. Level, tag and device time are read from the bytes when first asked
for, for the whole block at once, so that receiving costs nothing but finding the line ends.

A line ends with LF, CR LF or CR CR LF. A CR alone ends a line too: a board that repaints a progress bar gives one line
a state, so nothing that it said is lost; what follows overwrites it on a terminal. A line with nothing behind it is
`partial`: a payload, a reset, a lease, the line cap or the end of the stream cut it there. Time never does.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, repeat
from typing import ClassVar

from espmon.records.columns import Columns, read_columns
from espmon.records.heads import Heads, heads_of
from espmon.records.record import Record
from espmon.records.traits import Traits, traits_of

SGR = re.compile(rb"\x1b\[[0-9;:]*m")
"""Select Graphic Rendition: the only escape sequence that a log line is allowed to keep."""

CR = 0x0D

COMPACT = 16
"""Blocks of more lines keep their starts in four bytes each."""

LINE = re.compile(rb"[^\r\n]*(?:\r{0,2}\n|\r|\Z)")
"""One line with its end (matches empty at the end of the data)."""


def line_text(raw: bytes) -> str:
    """The text of one line without its end: SGR removed, bad UTF-8 shown as `\\xNN`, nothing dropped."""
    if b"\x1b" in raw:
        raw = SGR.sub(b"", raw)
    return raw.decode("utf-8", "backslashreplace")


class Line(Record):
    """One text line (a span record): a view of one line of a block, read when looked at."""

    __slots__ = ("_block", "_index")

    type: ClassVar[str] = "line"
    json_fields = ("text", "level", "tag", "device_ms", "eol", "partial", "ansi", "source")

    def __init__(self, block: LineBlock, index: int) -> None:
        starts = block.starts
        first = starts[index]
        self.offset = block.offset + first
        self.length = starts[index + 1] - first
        self.time = block.host_time(index)
        self._block = block
        self._index = index

    @property
    def raw(self) -> bytes:
        """The line's bytes, line end included."""
        return self._block.raw(self._index)

    @property
    def text(self) -> str:
        """The line's text: no line end, no SGR, bad bytes shown."""
        return self._block.text(self._index)

    @property
    def eol(self) -> str:
        """The line end: LF, CR LF, CR CR LF, CR, or nothing."""
        return self._block.eol(self._index)

    @property
    def partial(self) -> bool:
        """True when a payload, a reset, a lease, the cap or the end of the stream ended the line."""
        return self._block.unfinished(self._index)

    @property
    def ansi(self) -> bool:
        """True if it carried colour."""
        return b"\x1b[" in self._block.body(self._index)

    @property
    def level(self) -> str | None:
        """E, W, I, D, V or None."""
        return self._block.level(self._index)

    @property
    def tag(self) -> str | None:
        """The log tag, or None."""
        return self._block.tag(self._index)

    @property
    def device_ms(self) -> int | None:
        """Device time in milliseconds, or None."""
        return self._block.device_ms(self._index)

    @property
    def source(self) -> str:
        """ "text", "binlog" or "defmt"."""
        return self._block.source


class LineBlock:
    """Consecutive text lines as columns. Immutable once made; safe to read from any thread.

    Args:
        data: the lines' bytes, line ends included, back to back.
        offset: stream offset of `data[0]`.
        starts: n + 1 positions in `data`; line i is `data[starts[i]:starts[i + 1]]`.
        time: host seconds when the first bytes of the lines came, None offline.
        partial: the last line has no line end (a payload, a cap, the end of the stream).
        began: the same for the first line, where it began in an earlier read than the others.
    """

    __slots__ = ("_columns", "_heads", "_traits", "began", "data", "offset", "partial", "starts", "time")

    source: ClassVar[str] = "text"
    decoded: ClassVar[bool] = False
    """The text is not in the bytes: it was decoded from them."""

    plain: ClassVar[bool] = False
    """True where it is known that the lines hold nothing that the demultiplexer was told to look for."""

    def __init__(
        self,
        data: bytes,
        offset: int,
        starts: Sequence[int],
        time: float | None = None,
        began: float | None = None,
        partial: bool = False,
    ) -> None:
        self.data = data
        self.offset = offset
        self.starts = starts
        self.time = time
        self.began = time if began is None else began
        self.partial = partial
        self._columns: Columns | None = None
        self._heads: Heads | None = None
        self._traits: Traits | None = None

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def page(self) -> LineBlock:
        """The same lines with everything in memory: for who looks at many of them. It need not have their times."""
        return self

    @property
    def parts(self) -> tuple[LineBlock]:
        """A block is a batch of its lines and nothing else."""
        return (self,)

    @property
    def length(self) -> int:
        """Bytes of the stream that the block covers."""
        return len(self.data)

    @property
    def columns(self) -> Columns:
        """Levels, tags and times of all lines; read on first use, then kept. Fast to use over many lines."""
        columns = self._columns
        if columns is None:
            # Two threads may both compute it; they get the same values, and the last one is kept.
            columns = self._columns = self._read_columns()
        return columns

    def _read_columns(self) -> Columns:
        return read_columns(self.data, self.starts)

    @property
    def heads(self) -> Heads:
        """Levels and tags of all lines, small enough to be kept for millions; read on first use."""
        heads = self._heads
        if heads is None:
            heads = self._heads = heads_of(self.columns)
        return heads

    @property
    def known_heads(self) -> Heads | None:
        """The same, None when nobody has asked for them yet."""
        return self._heads

    @property
    def traits(self) -> Traits:
        """What else than plain characters is in the lines; read on first use."""
        traits = self._traits
        if traits is None:
            traits = self._traits = traits_of(self.data, len(self))
        return traits

    @property
    def known_traits(self) -> Traits | None:
        """The same, None when nobody has asked for them yet."""
        return self._traits

    def keep_known(self, heads: Heads | None, traits: Traits | None) -> None:
        """What is known already of the lines of this block."""
        self._heads, self._traits = heads, traits

    @property
    def levels(self) -> bytes:
        """One byte a line: the code of E, W, I, D or V, or 0."""
        return self.heads.levels

    @property
    def tags(self) -> Sequence[str | None]:
        """One tag a line, None where there is none. Equal tags of a block are the same object."""
        heads = self.heads
        return [heads.table[code][1] for code in heads.codes]

    @property
    def times(self) -> Sequence[int | None]:
        """Device milliseconds of each line, None where there are none."""
        return self.columns.times

    def host_time(self, index: int) -> float | None:
        """Host seconds when the line's first byte came, None offline."""
        return self.time if index else self.began

    def overwritten(self) -> Sequence[int]:
        """The lines that a CR alone ends, by index: on a terminal, what follows overwrites them."""
        data, starts = self.data, self.starts
        if data.count(b"\n") == len(starts) - 1:  # each line has an LF: none is left to a CR
            return ()
        return [index for index in range(len(self)) if data[starts[index + 1] - 1] == CR]

    def line_offset(self, index: int) -> int:
        """Stream offset of line `index`; of the end of the block for the index after the last."""
        return self.offset + self.starts[index]

    def raw(self, index: int) -> bytes:
        """The line's bytes, line end included."""
        return self.data[self.starts[index] : self.starts[index + 1]]

    def body(self, index: int) -> bytes:
        """The line's bytes without the line end; colour codes are still in it."""
        return self.raw(index).rstrip(b"\r\n")

    def text(self, index: int) -> str:
        """The line's text: no line end, no SGR, bad bytes shown."""
        return line_text(self.body(index))

    def level(self, index: int) -> str | None:
        """E, W, I, D, V or None."""
        heads = self.heads
        code = heads.table[heads.codes[index]][0]
        return chr(code) if code else None

    def tag(self, index: int) -> str | None:
        """The log tag, or None."""
        heads = self.heads
        return heads.table[heads.codes[index]][1]

    def device_ms(self, index: int) -> int | None:
        """Device time in milliseconds, or None. A time of day counts from midnight, a date from 1970 (UTC)."""
        return self.columns.times[index]

    def eol(self, index: int) -> str:
        """The line end: LF, CR LF, CR CR LF, CR, or nothing."""
        raw = self.raw(index)
        return raw[len(raw.rstrip(b"\r\n")) :].decode()

    def unfinished(self, index: int) -> bool:
        """True when a payload, a reset, a lease, the cap or the end of the stream ended the line."""
        return self.data[self.starts[index + 1] - 1] not in b"\r\n"

    def record(self, index: int) -> Line:
        """The line as a record."""
        return Line(self, index)

    def __iter__(self) -> Iterator[Line]:
        return map(Line, repeat(self), range(len(self.starts) - 1))

    def part(self, first: int, stop: int) -> LineBlock:
        """The lines from `first` up to `stop` (excluded) as a block."""
        if not first and stop == len(self):
            return self
        begin, end = self.starts[first], self.starts[stop]
        starts = array("I", [start - begin for start in self.starts[first : stop + 1]])
        partial = self.partial and stop == len(self)
        began = None if first else self.began
        return LineBlock(self.data[begin:end], self.offset + begin, starts, self.time, partial=partial, began=began)


class DecodedBlock(LineBlock):
    """Lines that were decoded from binary log frames: the bytes are the frames, the text is what they say.

    A frame that prints several lines (a buffer dump) is divided among them, so that each line covers bytes of its own.
    """

    __slots__ = ("texts",)

    source: ClassVar[str] = "binlog"
    decoded: ClassVar[bool] = True

    def __init__(
        self,
        data: bytes,
        offset: int,
        starts: Sequence[int],
        texts: Sequence[str],
        columns: Columns,
        *,
        time: float | None = None,
    ) -> None:
        super().__init__(data, offset, starts, time=time)
        self.texts = texts
        self._columns = columns

    def body(self, index: int) -> bytes:
        """The decoded line as bytes, as if the board had sent text."""
        return self.texts[index].encode("utf-8", "replace")

    def text(self, index: int) -> str:
        """The decoded line."""
        return line_text(self.body(index)) if "\x1b" in self.texts[index] else self.texts[index]

    def part(self, first: int, stop: int) -> LineBlock:
        """The lines from `first` up to `stop` (excluded) as a block."""
        begin, end = self.starts[first], self.starts[stop]
        starts = array("I", [start - begin for start in self.starts[first : stop + 1]])
        columns = self.columns
        kept = Columns(columns.levels[first:stop], columns.tags[first:stop], columns.times[first:stop])
        return type(self)(
            self.data[begin:end], self.offset + begin, starts, self.texts[first:stop], kept, time=self.time
        )

    def overwritten(self) -> Sequence[int]:
        """Decoded lines are whole."""
        return ()

    def eol(self, index: int) -> str:
        """Decoded lines are whole."""
        return "\n"

    def unfinished(self, index: int) -> bool:
        """Decoded lines are whole."""
        return False


class DefmtBlock(DecodedBlock):
    """Lines that were decoded from defmt frames."""

    __slots__ = ()

    source: ClassVar[str] = "defmt"


def whole_lines(data: bytes, start: int, limit: int) -> int:
    """Where in `data[start:limit]` the last line ends that nothing can be added to: a CR may still become CR LF."""
    end = max(data.rfind(b"\n", start, limit) + 1, start)
    if data.find(b"\r", end, limit) < 0:
        return end
    tail = data[end:limit]
    open_end = len(tail) - len(tail.rstrip(b"\r"))
    if open_end > 2:
        return limit - 2
    body = tail[: len(tail) - open_end]
    return end + body.rfind(b"\r") + 1


def split_lines(data: bytes, cap: int) -> list[int]:
    """Where the lines of `data` start, and its end. A body longer than `cap` is cut in pieces of `cap`."""
    # For bytes, splitlines knows LF, CR LF and CR, which is what is wanted here, at the speed of C.
    lengths = list(map(len, data.splitlines(True)))
    if data.count(b"\n") != len(lengths) and b"\r\r\n" in data:  # of that it makes two lines
        lengths = [len(line) for line in LINE.findall(data)]
        if not lengths[-1]:
            lengths.pop()
    if len(data) > cap and max(lengths) > cap:
        lengths = cut_long(data, lengths, cap)
    return list(accumulate(lengths, initial=0))


def cut_long(data: bytes, lengths: list[int], cap: int) -> list[int]:
    """Line lengths, with lines whose body exceeds `cap` cut in pieces."""
    cut: list[int] = []
    at = 0
    for length in lengths:
        end = at + length
        body = len(data[at:end].rstrip(b"\r\n"))
        while body > cap:
            cut.append(cap)
            body -= cap
            at += cap
        cut.append(end - at)
        at = end
    return cut


def block_of(data: bytes, offset: int, cap: int, time: float | None, began: float | None = None) -> LineBlock:
    """All of `data` as lines; the last one may lack its end."""
    starts: Sequence[int] = split_lines(data, cap)
    if len(starts) > COMPACT:
        starts = array("I", starts)
    return LineBlock(data, offset, starts, time, partial=data[-1] not in b"\r\n", began=began)
