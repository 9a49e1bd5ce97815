"""The one exception of the Python interface."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from espmon.postmortem.panic_report import PanicReport


class BoardErrorKind(StrEnum):
    """What went wrong, for code that decides; the message is for people."""

    USAGE = "usage"
    """A call that cannot be right: no such ELF, no regular expression, a board that is closed."""

    PORT = "port"
    """The port cannot be opened, or was lost."""

    CHIP = "chip"
    """The chip did not answer or refused."""

    TIMEOUT = "timeout"
    """What was waited for did not come in time."""

    PANIC = "panic"
    """The board crashed; `BoardError.report` says how."""

    BEHIND = "behind"
    """Records were not read fast enough."""


class BoardError(Exception):
    """A board did not do what was asked of it.

    Args:
        kind: the machine-readable cause.
        message: one line, harmless to a terminal.
        hint: what to do about it or to look at, "" when there is nothing to say. May have several lines.
        report: the decoded crash; given exactly with kind PANIC.
    """

    def __init__(self, kind: BoardErrorKind, message: str, hint: str = "", report: PanicReport | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
        self.report = report

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message
