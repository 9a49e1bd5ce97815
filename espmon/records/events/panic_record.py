"""The panic record: a crash report on the wire as an event of the stream."""

from __future__ import annotations

from typing import ClassVar

from espmon.model.architecture import is_code_address
from espmon.model.crash_facts import CrashFacts
from espmon.model.stack_frame import StackFrame
from espmon.records.events.crash_title import crash_title
from espmon.records.record import Event, Severity

MAX_FRAMES = 256
"""Backtrace entries kept."""

MAX_DAMAGED = 32
"""Remarks about unreadable parts kept."""

MAX_STACK = 64 * 1024
"""Bytes of dumped stack memory kept."""

MAX_MESSAGE = 2048
"""Characters of the message kept."""


class Panic(CrashFacts, Event):
    """One crash, as far as it was printed."""

    type: ClassVar[str] = "panic"

    def __init__(self, offset: int, length: int = 0, time: float | None = None, *, kind: str = "other") -> None:
        Event.__init__(self, offset, length, time)
        CrashFacts.__init__(self, kind=kind)

    @property
    def title(self) -> str:
        """The board's name for it; the report has a sentence of its own."""
        return crash_title(self)

    @property
    def severity(self) -> Severity:
        """A warning where the program went on."""
        return Severity.ERROR if self.fatal else Severity.WARNING

    def damage(self, what: str) -> None:
        """Remember something that could not be read (bounded, each once)."""
        if what not in self.damaged and len(self.damaged) < MAX_DAMAGED:
            self.damaged.append(what[:160])

    def say(self, text: str) -> None:
        """Add a line to the message (bounded)."""
        whole = text if self.message is None else f"{self.message}\n{text}"
        self.message = whole[:MAX_MESSAGE]

    @property
    def crash_frame(self) -> StackFrame | None:
        """The first backtrace entry that is code: where it happened."""
        return next((frame for frame in self.backtrace if is_code_address(frame.pc)), None)
