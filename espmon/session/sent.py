"""What was sent to the board: who sent it, how the log shows it, and the event that the recording keeps."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import ClassVar

from espmon.records.record import Event, JsonObject, Severity
from espmon.text import plain

MAX_RECORDED = 4096
"""Bytes of one piece that its event keeps; it counts all of them."""

MAX_MARKED_LINES = 20
"""Lines of one piece that the log shows."""

MAX_MARKED_CHARACTERS = 200
"""Characters of a sent line that the log shows."""

ARROW = "→"
"""In front of what was sent, wherever it is shown."""

_LINE_END = re.compile(r"\r\n|\r|\n")


class SentBy(StrEnum):
    """Where bytes for the board came from."""

    LINE = "line"
    """A whole line: typed into the input line, or `espmon run --send`."""

    KEYS = "keys"
    """Key by key, in raw mode. The board's echo shows them."""

    TEXT = "text"
    """A paste of many lines, or a file sent as text."""

    BYTES = "bytes"
    """Bytes written in hex."""

    MACRO = "macro"
    REPLY = "reply"
    """Because of what the board said, as the settings wish."""

    SHARE = "share"
    """A whole line of another program's, through `espmon share`."""


class LocalEcho(StrEnum):
    """What of the sent text is shown without waiting for the board's echo."""

    OFF = "off"
    LINES = "lines"
    """Whole lines stand in the log, marked."""

    KEYS = "keys"
    """Keys typed in raw mode are shown by the terminal, too."""


class SentEvent(Event):
    """Bytes were sent to the board.

    Attributes:
        by: where they came from.
        data: the bytes.
        rule: the rule of the settings that wished it, "" where none did.
    """

    __slots__ = ("by", "data", "rule")

    type: ClassVar[str] = "sent"

    def __init__(self, offset: int, time: float, by: SentBy, data: bytes, rule: str = "") -> None:
        super().__init__(offset, 0, time)
        self.by = by
        self.data = data
        self.rule = rule

    @property
    def title(self) -> str:
        """The first line of what was sent, and the rule that wished it."""
        return f"Sent: {next(shown_lines(self.data, self.by))}{self.who}"

    @property
    def who(self) -> str:
        """The rule, to be written behind what it sent."""
        return f" ({self.rule})" if self.rule else ""

    @property
    def severity(self) -> Severity:
        """Nothing to worry about."""
        return Severity.INFO

    def fields(self) -> JsonObject:
        """The fields of a `sent` in JSON; `data` is base64 of the first `MAX_RECORDED` bytes."""
        kept = self.data[:MAX_RECORDED]
        fields: JsonObject = {"by": self.by.value, "bytes": len(self.data), "data": base64.b64encode(kept).decode()}
        return {**fields, "rule": self.rule} if self.rule else fields


def shown_lines(data: bytes, by: SentBy) -> Iterator[str]:
    """What was sent, line by line and safe to show; at least one line, at most `MAX_MARKED_LINES` and how many more."""
    if by is SentBy.BYTES:
        yield f"{data[: MAX_MARKED_CHARACTERS // 3].hex(' ')}{'…' if len(data) > MAX_MARKED_CHARACTERS // 3 else ''}"
        return
    lines = _LINE_END.split(data.decode("utf-8", "backslashreplace"))
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    for line in lines[:MAX_MARKED_LINES]:
        cut = "…" if len(line) > MAX_MARKED_CHARACTERS else ""
        yield (plain(line[:MAX_MARKED_CHARACTERS]) + cut) or "↵"
    if len(lines) > MAX_MARKED_LINES:
        yield f"… and {len(lines) - MAX_MARKED_LINES:,} more lines"
