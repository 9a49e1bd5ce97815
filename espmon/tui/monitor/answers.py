"""Answers to what a board asks its terminal: device status and cursor position.

Firmware consoles ask `ESC [ 5 n` when they start and take silence for a dumb terminal. Answering sends bytes to the
board, so it begins only after the user has sent something.
"""

from __future__ import annotations

import re

from espmon.session.store import LogStore
from espmon.tui.monitor.session_link import SessionLink

QUERY = re.compile(rb"\x1b\[(?:999C\x1b\[)?[56]n")
COLUMNS = 80
"""Width told to boards that measure it by moving the cursor far to the right (`ESC [ 999 C`)."""

ANSWERS_A_FRAME = 8
"""Most answers at a time: a flood of queries must not become a flood of answers."""


def answer(query: bytes) -> bytes:
    """What a terminal replies: 5 = ready, 6 = row and column of the cursor."""
    if query.endswith(b"5n"):
        return b"\x1b[0n"
    return f"\x1b[1;{COLUMNS if b'999C' in query else 1}R".encode()


class TerminalAnswers:
    """Looks through new lines and answers.

    Args:
        link: where answers go.
    """

    def __init__(self, link: SessionLink) -> None:
        self._link = link
        self._next = 0

    def look(self, store: LogStore) -> None:
        """Answer the queries in the lines that are new."""
        end = len(store)
        start, self._next = self._next, end
        if not self._link.sent or start >= end:
            return
        found: list[bytes] = []
        for segment in store.segments(max(start, store.first)):
            block = segment.block
            low = max(0, start - segment.first)
            if b"\x1b[" in block.data:
                found.extend(match.group() for match in QUERY.finditer(block.data, block.starts[low]))
        for query in found[:ANSWERS_A_FRAME]:
            self._link.answer(answer(query))
