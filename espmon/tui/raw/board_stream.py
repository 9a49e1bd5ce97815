"""What the board printed, byte by byte and once, for the emulator: read from the log, payloads and leases left out."""

from __future__ import annotations

from espmon.session.store import LogStore

MAX_BACKLOG = 256 << 10
"""Bytes that are given at once. Of more, only the end: it is what a screen shows after all of it."""

SHOWN_BACKLOG = 32 << 10
"""Bytes that are given of a longer backlog."""

CANCEL = b"\x18"
"""CAN ends whatever sequence was cut."""


class BoardStream:
    """Follows a log. `read` is cheap where nothing has come.

    Args:
        store: the log.
        lines: lines of the past that are given first.
    """

    def __init__(self, store: LogStore, lines: int = 0) -> None:
        self._store = store
        self._line = max(store.first, len(store) - lines)
        self._given = 0
        """Stream offset behind the last byte given."""

        self.skipped = 0
        """Bytes of the board that were not given, because more came than anybody could see."""

    def read(self) -> bytes:
        """Return what the board has printed since the last call, the unfinished line included."""
        store, parts, size = self._store, [], 0
        end, tail = len(store), store.unfinished
        for segment in store.segments(self._line) if end > self._line else ():
            block = segment.block
            if block.source == "mark" or segment.first + len(block) <= self._line:
                continue
            if block.decoded:
                first = max(0, self._line - segment.first)
                data = b"".join(block.text(at).encode() + b"\r\n" for at in range(first, len(block)))
            else:
                begin = block.starts[max(0, self._line - segment.first)]
                data = block.data[max(begin, self._given - block.offset) :]
            self._given = max(self._given, block.offset + block.length)
            parts.append(data)
            size += len(data)
        self._line = max(self._line, end)
        if tail is not None and (version := tail.offset + tail.length) > self._given:
            data = tail.data[max(0, self._given - tail.offset) :]
            self._given = version
            parts.append(data)
            size += len(data)
        if size <= MAX_BACKLOG:
            return b"".join(parts)
        data = b"".join(parts)[-SHOWN_BACKLOG:]
        data = data[data.find(b"\n") + 1 :]
        self.skipped += size - len(data)
        return CANCEL + data
