"""Texts of several lines, and how fast they are sent: boards without flow control lose what comes too fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from espmon.session.sent import SentBy
from espmon.user_pattern import UserPattern

MAX_DELAY_SECONDS = 60.0
"""Longest pause between two lines or characters."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """Pauses in a text that is sent."""

    line_delay: float = 0.0
    """Seconds after each line."""

    char_delay: float = 0.0
    """Seconds after each character."""

    prompt: UserPattern | None = None
    """What the board says when it is ready for the next line; waited for after each line."""

    prompt_seconds: float = 10.0
    """Longest wait for it; then sending stops."""

    def describe(self) -> str:
        """The pauses in a few words."""
        parts = []
        if self.line_delay:
            parts.append(f"{self.line_delay:g} s after each line")
        if self.char_delay:
            parts.append(f"{self.char_delay:g} s after each character")
        if self.prompt is not None:
            parts.append(f"waiting for {self.prompt.name}")
        return ", ".join(parts) or "without pauses"


class Text(NamedTuple):
    """What is to be sent."""

    title: str
    """What it is, as people call it: a file's name, "pasted text"."""

    lines: Sequence[bytes]
    """Without line ends."""

    eol: bytes
    by: SentBy = SentBy.TEXT


NO_PAUSES = Pacing()
"""Everything at once."""


def delay_of(text: str) -> float | None:
    """The pause that `text` names in seconds, None when it names none or one above `MAX_DELAY_SECONDS`."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds <= MAX_DELAY_SECONDS else None
