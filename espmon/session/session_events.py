"""The events that a session makes itself: its port came or went, a probe or a flash ended, a remark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from espmon.records.record import Event, JsonObject, Severity
from espmon.text import counted

if TYPE_CHECKING:
    from espmon.rom import ProbeResult
    from espmon.rom.flash_regions import FlashOutcome


class LinkState(StrEnum):
    """What happened to the port."""

    OPENED = "opened"
    LOST = "lost"
    REOPENED = "reopened"


class LinkEvent(Event):
    """The port was opened, lost or reopened.

    Attributes:
        state: what happened.
        reason: why it was lost, or how it came back, in plain words, "" when there is nothing to say.
        gap: seconds in which nothing could be received; None when there was no such time.
    """

    __slots__ = ("gap", "reason", "state")

    type: ClassVar[str] = "link"

    def __init__(self, offset: int, time: float, state: LinkState, reason: str = "", gap: float | None = None) -> None:
        super().__init__(offset, 0, time)
        self.state = state
        self.reason = reason
        self.gap = gap

    @property
    def title(self) -> str:
        """What happened, and why."""
        return f"Link {self.state.value}: {self.reason}" if self.reason else f"Link {self.state.value}"

    @property
    def severity(self) -> Severity:
        """A warning when the port is gone."""
        return Severity.WARNING if self.state is LinkState.LOST else Severity.INFO

    @property
    def log_text(self) -> str:
        """The line of the log that says it, "" for a port that was opened."""
        if self.state is LinkState.LOST:
            return f"port lost: {self.reason}"
        if self.state is LinkState.REOPENED:
            how = f", {self.reason}" if self.reason else ""
            return f"port reopened after {self.gap or 0.0:.2f} s{how}; what was sent in between is not here"
        return ""

    def fields(self) -> JsonObject:
        """The fields of a `link` in JSON."""
        return {"state": self.state.value, "reason": self.reason, "gap": self.gap}


@dataclass(frozen=True, slots=True)
class Failure:
    """An action that did not do what it was asked for."""

    message: str
    """What happened; of a cancelled one, how the board was left. One sentence."""

    hint: str = ""
    """What the user can do, "" when there is nothing to say."""

    cancelled: bool = False
    """The user did not want it any longer."""

    after: str = ""
    """How the board was left: "application", "download mode", "unknown"; "" when nothing is known."""

    warnings: Sequence[str] = ()
    unfinished: tuple[str, ...] = ()
    """Files that are half written."""

    @property
    def sentence(self) -> str:
        """What happened, also where it was cancelled."""
        return f"Cancelled. {self.message}" if self.cancelled else self.message

    def to_json(self) -> JsonObject:
        """The failure as events have it."""
        return {
            "cancelled" if self.cancelled else "error": self.sentence,
            "hint": self.hint,
            "warnings": list(self.warnings),
            "after": self.after,
            "unfinished": list(self.unfinished),
        }


class ProbeEvent(Event):
    """A probe ended.

    Attributes:
        result: what the chip told, or why it did not.
        transcript: the exchange, for bug reports.
    """

    __slots__ = ("result", "transcript")

    type: ClassVar[str] = "probe"

    def __init__(self, offset: int, time: float, result: ProbeResult | Failure, transcript: str) -> None:
        super().__init__(offset, 0, time)
        self.result = result
        self.transcript = transcript

    @property
    def failure(self) -> Failure | None:
        """Why nothing was found; None when something was."""
        return self.result if isinstance(self.result, Failure) else None

    @property
    def title(self) -> str:
        """The chip, or why it did not tell."""
        result = self.result
        return f"Probe: {result.sentence if isinstance(result, Failure) else result.description or result.chip}"

    def fields(self) -> JsonObject:
        """The probe's fields, flat, and the transcript of the exchange."""
        return {**self.result.to_json(), "transcript": self.transcript}


class FlashEvent(Event):
    """A flash action ended.

    Attributes:
        action: "verify", "write", "erase", "read", "info", "coredump" or "check".
        result: what it did, or why it did not.
        transcript: the exchange, for bug reports.
    """

    __slots__ = ("action", "result", "transcript")

    type: ClassVar[str] = "flash"

    def __init__(
        self, offset: int, time: float, action: str, result: FlashOutcome | Failure, transcript: str = ""
    ) -> None:
        super().__init__(offset, 0, time)
        self.action = action
        self.result = result
        self.transcript = transcript

    @property
    def failure(self) -> Failure | None:
        """Why it did not do its work; None when it did."""
        return self.result if isinstance(self.result, Failure) else None

    @property
    def right(self) -> bool:
        """It did its work, and every region is as wanted."""
        return not isinstance(self.result, Failure) and self.result.ok

    @property
    def title(self) -> str:
        """What happened, in one line."""
        result, what = self.result, f"Flash {self.action}"
        if isinstance(result, Failure):
            return f"{what} cancelled. {result.message}" if result.cancelled else f"{what} failed: {result.message}"
        if self.action == "info":
            return f"{what}: {counted(len(result.partitions), 'partition')}, {result.elapsed:.2f} s"
        regions = result.regions
        wrong = [region for region in regions if not region.ok]
        if wrong:
            places = ", ".join(f"0x{region.address:08x}" for region in wrong)
            return f"{what}: {len(wrong)} of {counted(len(regions), 'region')} different, at {places}"
        written = sum(region.written for region in regions)
        detail = f", {written:,} bytes written" if self.action == "write" else ""
        return f"{what}: {counted(len(regions), 'region')} right{detail}, {result.elapsed:.2f} s"

    @property
    def severity(self) -> Severity:
        """A warning when it did not do its work."""
        return Severity.INFO if self.failure is None else Severity.WARNING

    def fields(self) -> JsonObject:
        """The outcome's fields, and the transcript of the exchange."""
        return {
            "action": self.action,
            **self.result.to_json(),
            "summary": self.title,
            "transcript": self.transcript,
        }


class SessionNote(Event):
    """Something the session did, or wants the reader of the log to know.

    Attributes:
        text: one sentence.
        evidence: what speaks for it.
    """

    __slots__ = ("_severity", "evidence", "text")

    type: ClassVar[str] = "note"

    def __init__(
        self,
        offset: int,
        time: float | None,
        text: str,
        evidence: Sequence[str] = (),
        severity: Severity = Severity.INFO,
    ) -> None:
        super().__init__(offset, 0, time)
        self.text = text
        self.evidence = evidence
        self._severity = severity

    @property
    def severity(self) -> Severity:
        """As bad as what it remarks on."""
        return self._severity

    @property
    def title(self) -> str:
        """The remark."""
        return self.text

    def fields(self) -> JsonObject:
        """The fields of a session's `note` in JSON."""
        return {"text": self.text, "evidence": list(self.evidence)}
