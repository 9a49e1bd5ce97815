"""What was said on the wire, with times, for bug reports."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

HEAD_ENTRIES = 200
"""Entries kept from the beginning."""

TAIL_ENTRIES = 400
"""Entries kept from the end; what lies between is counted."""

SHOWN_BYTES = 48
"""Bytes shown of one entry; the rest is counted."""

Entry = tuple[float, str, bytes | str, int]
"""Seconds since the start, "sent", "received" or "note", what (its beginning), and how long it was."""

_PRINTABLE = bytes(byte if 32 <= byte < 127 else ord(".") for byte in range(256))


class Transcript:
    """Bounded: the beginning and the end of an exchange are kept, the middle is counted."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._start = clock()
        self._head: list[Entry] = []
        self._tail: deque[Entry] = deque(maxlen=TAIL_ENTRIES)
        self._count = 0

    def sent(self, data: bytes) -> None:
        """Bytes went to the board."""
        self._add("sent", data)

    def received(self, data: bytes) -> None:
        """Bytes came from the board."""
        self._add("received", data)

    def note(self, text: str) -> None:
        """Something else happened."""
        self._add("note", text)

    def lines(self) -> list[str]:
        """One line an entry: seconds, direction, bytes as hex with their text."""
        missing = self._count - len(self._head) - len(self._tail)
        middle = [f"           ... {missing} entries left out ..."] if missing else []
        return [*map(_line, self._head), *middle, *map(_line, self._tail)]

    def text(self) -> str:
        """All lines in one text."""
        return "\n".join(self.lines())

    def _add(self, kind: str, what: bytes | str) -> None:
        # Entries are kept raw and cut short: most transcripts are never read.
        begin = bytes(what[:SHOWN_BYTES]) if isinstance(what, bytes) else what
        entry = (self._clock() - self._start, kind, begin, len(what))
        self._count += 1
        if len(self._head) < HEAD_ENTRIES:
            self._head.append(entry)
        else:
            self._tail.append(entry)


def _hex(shown: bytes) -> str:
    return f"{shown.hex(' ')}  |{shown.translate(_PRINTABLE).decode('ascii')}|"


SIGNS = {"sent": "->", "received": "<-", "note": "--"}


def _line(entry: Entry) -> str:
    seconds, kind, what, size = entry
    if isinstance(what, bytes):
        what = f"{size} bytes: {_hex(what)} ..." if size > SHOWN_BYTES else _hex(what)
    return f"{seconds:10.4f} {SIGNS[kind]} {what}"
