"""The one exception of the port room."""

from __future__ import annotations

from enum import StrEnum


class PortErrorKind(StrEnum):
    """What went wrong, for code that decides; the message is for people."""

    MISSING = "missing"
    PERMISSION = "permission"
    BUSY = "busy"
    NOT_A_TTY = "not a tty"
    REFUSED = "refused"
    LOST = "lost"
    STALLED = "stalled"
    AMBIGUOUS = "ambiguous"
    UNSUPPORTED = "unsupported"
    OTHER = "other"


class PortError(Exception):
    """A port could not be opened, used or kept.

    Args:
        kind: the machine-readable cause.
        message: one line, naming the port and what happened.
        hint: one line saying what the user can do, or "".
    """

    def __init__(self, kind: PortErrorKind, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message
