"""The log file with source locations under the lines that have addresses, as the screen shows them.

Looking addresses up takes time: the decoder's thread does it, block after block in the order of the log, and hands the
text on to the file's own thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Protocol

from espmon.postmortem.postmortem_error import PostmortemError
from espmon.records.lines import LineBlock
from espmon.session.addresses import Decorator, candidate_lines
from espmon.session.recording import Recording
from espmon.text import plain
from espmon.time_limit import time_limit

MARK = "  ↳ "
"""In front of a location."""

MAX_WAITING = 16 << 20
"""Bytes of text that wait for their locations; what comes beyond goes without."""

FINISH_SECONDS = 5.0
"""Longest wait for the last locations."""


class HasDecorator(Protocol):
    """ELF files that are ready."""

    @property
    def decorator(self) -> Decorator:
        """Looks addresses up."""


class Decoding(Protocol):
    """The decoder as far as this needs it."""

    @property
    def loaded(self) -> HasDecorator | None:
        """What decodes now, None without an ELF."""

    def submit(self, work: Callable[[], None]) -> Future[None]:
        """Run `work` on the decoder's thread, after all before it."""


class LocatedLog:
    """Belongs to the session's loop.

    Args:
        decoder: knows the ELF, and owns the thread.
    """

    def __init__(self, decoder: Decoding) -> None:
        self._decoder = decoder
        self._waiting = 0
        self._lock = threading.Lock()
        self._last: Future[None] | None = None

    def write(self, block: LineBlock, text: bytes, recording: Recording) -> None:
        """Write lines to the log file, now or soon.

        Args:
            block: the lines.
            text: the same as they go into the file, a line of it for each of the block.
            recording: has the file.
        """
        loaded = self._decoder.loaded
        if loaded is None and not self._waiting:
            recording.log_text(text)
            return
        with self._lock:
            self._waiting += len(text)
            decorator = None if loaded is None or self._waiting > MAX_WAITING else loaded.decorator
        self._last = self._decoder.submit(lambda: self._locate(block, text, recording, decorator))

    def _locate(self, block: LineBlock, text: bytes, recording: Recording, decorator: Decorator | None) -> None:
        """On the decoder's thread."""
        try:
            recording.log_text(text if decorator is None else located(block, text, decorator))
        finally:
            with self._lock:
                self._waiting -= len(text)

    async def finish(self) -> None:
        """Wait until what waits is handed on; bounded."""
        last, self._last = self._last, None
        if last is not None:
            with suppress(TimeoutError, asyncio.CancelledError):
                async with time_limit(FINISH_SECONDS):
                    await asyncio.wrap_future(last)


def located(block: LineBlock, text: bytes, decorator: Decorator) -> bytes:
    """The text of a block with the locations of each line below it."""
    rows: dict[int, tuple[str, ...]] = {}
    for index, raw in candidate_lines(block):
        with suppress(PostmortemError):  # the screen says which address cannot be decoded
            rows[index] = decorator.rows(raw)
    if not any(rows.values()):
        return text
    parts = []
    for index, line in enumerate(text.splitlines(keepends=True)):
        parts.append(line)
        parts += [f"{MARK}{plain(row)}\n".encode() for row in rows.get(index, ())]
    return b"".join(parts)
