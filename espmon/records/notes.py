"""Remarks about the stream that are no reset, panic or boot."""

from __future__ import annotations

from typing import ClassVar

from espmon.records.capabilities import MAX_VERSION, VERSION
from espmon.records.record import Event, JsonObject


class Note(Event):
    """A remark.

    Kinds: "prompt" (the board waits for a key; `action` says which), "interleaved" (a text line of another task inside
    a core dump; `text` is that line), "hint" (what a line of the running program means, and what to do), "baud" (the
    stream looks as if it was read at a wrong rate).
    """

    __slots__ = json_fields = ("kind", "text", "action")

    type: ClassVar[str] = "note"

    def __init__(
        self, offset: int, length: int, time: float | None, *, kind: str, text: str, action: str | None = None
    ) -> None:
        super().__init__(offset, length, time)
        self.kind = kind
        self.text = text
        self.action = action
        """What the host is asked to do: "enter" (send a line end), else None."""

    @property
    def title(self) -> str:
        """The remark."""
        return self.text or "Note"


class Caps(Event):
    """What the firmware says it can do: `@ESPCAPS {json}`."""

    __slots__ = json_fields = ("value", "error")

    type: ClassVar[str] = "caps"

    def __init__(
        self, offset: int, length: int, time: float | None, *, value: JsonObject | None, error: str | None = None
    ) -> None:
        super().__init__(offset, length, time)
        self.value = value
        self.error = error

    @property
    def title(self) -> str:
        """What it is, and by which version of the format where that is a later one."""
        title, version = "Capabilities announced by the board", (self.value or {}).get("version")
        later = type(version) is int and VERSION < version < MAX_VERSION
        return f"{title}, version {version} of the format: read as far as it is known here" if later else title
