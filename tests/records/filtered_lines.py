"""The printed log as the reference tool makes it: a stream in any cut, its lines filtered as they arrive."""

from __future__ import annotations

import re
from collections.abc import Iterator

from espmon.records.print_filter import PrintFilter

_LINE_END = re.compile(rb"\r+\n?|\n")


class FilteredLines:
    """Filters a stream as it arrives, in any cut.

    `feed` yields whole lines that pass. `idle`, called when nothing came for a while, yields an unfinished line when it
    passes as it stands; from then on the rest of that line passes too. An unfinished line that does not pass is judged
    again when there is more of it.
    """

    MAX_HELD = 64 * 1024
    """A line longer than this is judged as it stands."""

    def __init__(self, print_filter: PrintFilter) -> None:
        self._filter = print_filter
        self._held = b""
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take received bytes; yield the pieces to print: whole lines, or the rest of a line that has begun."""
        held, self._held = self._held, b""
        # What is held was searched before; only a CR at its end may turn out to be the first half of a CR LF.
        search_from = len(held.rstrip(b"\r"))
        data = held + data
        start = 0
        for match in _LINE_END.finditer(data, search_from):
            if match.end() == len(data) and not match[0].endswith(b"\n"):
                break
            line = data[start : match.end()]
            start = match.end()
            if self._begun or self._filter.passes(line):
                yield line
            self._begun = False
        rest = data[start:]
        if self._begun and rest and not rest.endswith(b"\r"):
            yield rest
        elif len(rest) > self.MAX_HELD:
            self._held = rest
            yield from self.idle()
            self._held = b""
        else:
            self._held = rest

    def idle(self) -> Iterator[bytes]:
        """Nothing came for a while, or the stream ended: yield the unfinished line if it passes."""
        held = self._held
        if held and (self._begun or self._filter.passes(held)):
            self._held = b""
            self._begun = not held.endswith(b"\r")
            yield held
