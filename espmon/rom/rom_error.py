"""The one exception of the ROM room."""

from __future__ import annotations

from enum import StrEnum


class RomErrorKind(StrEnum):
    """What went wrong, for code that decides; the message is for people."""

    NO_ANSWER = "no answer"
    """Nothing that looks like a loader answered at all."""

    SILENT = "silent"
    """The loader answered before and stopped."""

    REFUSED = "refused"
    """The loader answered a command with an error."""

    BAD_REPLY = "bad reply"
    """The answer has not the shape that the protocol gives it."""

    UNKNOWN_CHIP = "unknown chip"
    """A loader answered, for a chip that is not in the table."""

    WRONG_CHIP = "wrong chip"
    """A loader answered, for another chip than the one that is expected."""

    SECURE_DOWNLOAD = "secure download mode"
    """The chip's fuses forbid what was asked."""

    UNSUPPORTED = "unsupported"
    """This chip or this loader has no such command."""

    FLASH = "flash"
    """A flash operation failed or did not verify."""

    IMAGE = "image"
    """A file to be written is not what it should be."""

    STUB = "stub"
    """The stub could not be loaded or started."""


class RomError(Exception):
    """The chip could not be reached or would not do what was asked.

    Args:
        kind: the machine-readable cause.
        message: one line saying what happened.
        hint: one line saying what the user can do, or "".
        code: the loader's own error code where it sent one.

    Attributes:
        transcript: the exchange that led here, one line an entry; empty where there was none.
        pushback: bytes of the application that were read after the board was brought back; they belong to the log.
        after: how the board was left, as in a probe's result.
        warnings: what else the user should know.
        names_unfinished: the message says already what is half written.
        can_force: it was refused for what it would do, and can be asked for all the same.
    """

    def __init__(
        self, kind: RomErrorKind, message: str, hint: str = "", code: int | None = None, *, can_force: bool = False
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
        self.code = code
        self.transcript = ""
        self.pushback = b""
        self.after = "unknown"
        self.warnings: list[str] = []
        self.names_unfinished = False
        self.can_force = can_force

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message
