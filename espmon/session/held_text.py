"""Is the payload that is being received a payload at all, or the console's log behind a header that means nothing?

A header of a few bytes, by accident or on purpose, can claim 16 MB of what follows. Nothing in the bytes says for sure
that they are log; their pace does: what a board sends as a payload comes in one go.
"""

from __future__ import annotations

from array import array

from espmon.records.columns import read_columns
from espmon.records.span import CaptureStatus

HELD_SECONDS = 3.0
"""Time for which text may be held back, at least."""

LEFT_SECONDS = 10.0
"""A payload that will be whole within this time, as fast as it comes, is waited for."""

PAUSE_SECONDS = 0.4
"""A pause that a board does not make in the middle of a payload."""

PAUSES = 2
"""So many of them, each behind a line end, and the text is log whatever its lines look like."""

MAX_RECENT = 4096
"""Bytes of what came last that are looked at."""

LINES = 3
"""Lines that must be there to judge."""

LAYOUT = b"\x1b\r\n\t"
"""Controls that text has."""

REASON = "the console's log goes on in it"


class HeldText:
    """Watches one capture after the other."""

    def __init__(self) -> None:
        self._offset = -1
        self._began = self._last = 0.0
        self._pauses = 0
        self._recent = bytearray()

    def is_log(self, capture: CaptureStatus | None, data: bytes, now: float) -> bool:
        """Take what was read while `capture` runs (None: none does); True when it is the log and no payload."""
        if capture is None or capture.kind != "frame" or capture.expected is None:
            self._offset = -1
            return False
        if capture.offset != self._offset:
            self._offset, self._began, self._last, self._pauses = capture.offset, now, now, 0
            self._recent.clear()
        if now - self._last >= PAUSE_SECONDS and self._recent.endswith(b"\n"):
            self._pauses += 1
        self._last = now
        self._recent += data
        del self._recent[:-MAX_RECENT]
        elapsed = now - self._began
        if elapsed < HELD_SECONDS or capture.expected - capture.received < capture.received / elapsed * LEFT_SECONDS:
            return False
        return self._looks_like_log()

    def _looks_like_log(self) -> bool:
        lines = bytes(self._recent).split(b"\n")[1:-1]
        text = b"".join(line + b"\n" for line in lines)
        if len(lines) < LINES or not text.translate(None, LAYOUT).decode("utf-8", "replace").isprintable():
            return False
        starts = array("I", [0])
        for line in lines:
            starts.append(starts[-1] + len(line) + 1)
        levels = read_columns(text, starts).levels
        return self._pauses >= PAUSES or sum(map(bool, levels)) * 2 >= len(lines)
