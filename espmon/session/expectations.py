"""What a run without a screen waits for: expressions, crashes, resets, boots. Sans-IO: lines and records in, a verdict
out.

Expressions are the user's and may be slow (see `user_pattern`): feed this beside the reading loop, not on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from espmon.records.batch import Part
from espmon.records.events.panic_record import Panic
from espmon.records.events.reset_record import Reset
from espmon.records.lines import SGR, LineBlock
from espmon.records.record import Record
from espmon.text import plain
from espmon.user_pattern import PatternTooSlow, UserPattern

BOOT_HEAD_BYTES = 512
"""A first reset within so many bytes of the stream is the boot that opening the port began; ROM lines stand before."""

MAX_QUOTED = 120
"""Characters of a line or an expression that a sentence quotes."""


class Outcome(StrEnum):
    """How a run ended."""

    PASSED = "passed"
    FAILED = "failed"
    LIMIT = "limit"
    """Time, bytes or boots were used up before what was expected had come."""


class EndCause(StrEnum):
    """What ends a run that nothing else ended."""

    TIMEOUT = "timeout"
    IDLE = "idle timeout"
    BYTES = "bytes"
    BOOTS = "boots"
    SCRIPT = "script"


PLAIN_ENDS = frozenset({EndCause.TIMEOUT, EndCause.BOOTS, EndCause.SCRIPT})
"""Ends that are as good as any while nothing is expected; the others are limits."""


class Verdict(NamedTuple):
    """Why a run ends."""

    outcome: Outcome
    sentence: str
    """One sentence, safe to show."""


class Reply(NamedTuple):
    """A text to send when an expression is seen for the first time."""

    pattern: UserPattern
    text: str


@dataclass(frozen=True, slots=True)
class Goals:
    """What a run waits for.

    Attributes:
        until: ends the run when seen, whatever else is expected.
        expect: all of them, in this order, or with `expect_any` one of them.
        expect_any: one of `expect` is enough.
        fail_on: expressions that fail the run when seen.
        fail_events: keys of `FAIL_EVENTS`, or "error".
        boots: boots to see whole: the run ends where the next one begins.
        replies: what is sent when something is seen.
        asked_reset: the run itself resets the board: its first reset is no failure.
    """

    until: Sequence[UserPattern] = ()
    expect: Sequence[UserPattern] = ()
    expect_any: bool = False
    fail_on: Sequence[UserPattern] = ()
    fail_events: frozenset[str] = frozenset()
    boots: int | None = None
    replies: Sequence[Reply] = ()
    asked_reset: bool = False


def _panicked(record: Record) -> str:
    return record.title if isinstance(record, Panic) and record.fatal and not record.previous_boot else ""


def _restarted(record: Record) -> str:
    return record.title if isinstance(record, Reset) and record.expected is not True else ""


def _other_elf(record: Record) -> str:
    return "the ELF is not the program that crashed" if isinstance(record, Panic) and record.elf_match is False else ""


FAIL_EVENTS: Mapping[str, Callable[[Record], str]] = {
    "panic": _panicked,
    "reset": _restarted,
    "wrong-elf": _other_elf,
}
"""Event of `--fail-on` -> what a record says of it, "" where it says nothing."""

FAIL_WORDS = frozenset({*FAIL_EVENTS, "error"})
"""What `--fail-on` takes beside expressions; "error" is a log line of level E."""


class Expectations:
    """Reads what the boards of one run say, in the order received, until there is a verdict.

    Args:
        goals: what is waited for.
        send: called with (board, text) when a reply is due.
    """

    def __init__(self, goals: Goals, send: Callable[[str, str], object] = lambda board, text: None) -> None:
        self._goals = goals
        self._send = send
        self._replies = [*goals.replies]
        self._next = 0
        self._seen: tuple[str, int, int] = ("", -1, 0)
        """Board and offset of the line that met the last expectation, and where in its text that ended."""

        self._resets: dict[str, list[int]] = {}
        sought = [*goals.until, *goals.expect, *goals.fail_on, *(reply.pattern for reply in goals.replies)]
        self.reads_unfinished = bool(sought)
        """Whether the line that is still being received matters."""

        self._begins = [pattern.begins.encode() for pattern in sought] if all(one.begins for one in sought) else []
        self._errors = "error" in goals.fail_events
        self._events = [FAIL_EVENTS[name] for name in sorted(goals.fail_events) if name in FAIL_EVENTS]

    @property
    def open(self) -> list[str]:
        """The expressions that are still waited for."""
        left = self._goals.expect[self._next :]
        return [pattern.name for pattern in (*left, *self._goals.until)]

    # -- what came ----------------------------------------------------------------------------------------------

    def take(self, board: str, part: Part) -> Verdict | None:
        """Lines or a record of a board."""
        return self._lines(board, part) if isinstance(part, LineBlock) else self._record(board, part)

    def unfinished(self, board: str, block: LineBlock) -> Verdict | None:
        """The line that is still being received, as it stands: a prompt has no line end."""
        return self._text(board, block.offset, block.text(0)) if self.reads_unfinished else None

    def wrong_elf(self, sentence: str) -> Verdict | None:
        """The ELF that was given is not what the board runs."""
        return Verdict(Outcome.FAILED, plain(sentence)) if "wrong-elf" in self._goals.fail_events else None

    def end(self, cause: EndCause, sentence: str) -> Verdict:
        """The verdict where nothing but `cause` ends the run; `sentence` says what that was."""
        if waiting := self.open:
            return Verdict(Outcome.LIMIT, f"{sentence}; still expected: {_quoted(waiting[0])}")
        return Verdict(Outcome.PASSED if cause in PLAIN_ENDS else Outcome.LIMIT, sentence)

    def _lines(self, board: str, block: LineBlock) -> Verdict | None:
        levels = block.levels if self._errors else b""
        index = levels.index(ord("E")) if ord("E") in levels else len(block)
        if self.reads_unfinished and not self._has_none(block):
            for line in range(min(index + 1, len(block))):
                if verdict := self._text(board, block.line_offset(line), block.text(line)):
                    return verdict
        if index < len(block):
            return Verdict(Outcome.FAILED, f"An error was logged: {_quoted(block.text(index))}")
        return None

    def _has_none(self, block: LineBlock) -> bool:
        """True when nothing in a block can begin a match: many times sooner than line by line."""
        if not self._begins or block.source != "text":
            return False
        data = block.data
        text = SGR.sub(b"", data) if b"\x1b" in data else data
        return not any(begin in text for begin in self._begins)

    def _record(self, board: str, record: Record) -> Verdict | None:
        if isinstance(record, Reset):
            seen = self._resets.setdefault(board, [])
            if record.offset in seen[-1:]:
                return None  # the same one, with more known of it
            seen.append(record.offset)
            if self._goals.boots is not None and len(seen) > self._goals.boots:
                return self.end(EndCause.BOOTS, f"Boot {len(seen)} began, {self._goals.boots} were asked for")
            if len(seen) == 1 and (self._goals.asked_reset or record.offset < BOOT_HEAD_BYTES):
                return None
        for event in self._events:
            if said := event(record):
                return Verdict(Outcome.FAILED, plain(said)[: 2 * MAX_QUOTED])
        return None

    # -- expressions --------------------------------------------------------------------------------------------

    def _text(self, board: str, offset: int, text: str) -> Verdict | None:
        goals = self._goals
        for pattern in goals.fail_on:
            if self._end_of(pattern, text) is not None:
                return Verdict(Outcome.FAILED, f"Seen: {_quoted(pattern.name)} in {_quoted(text)}")
        for reply in [reply for reply in self._replies if self._end_of(reply.pattern, text) is not None]:
            self._replies.remove(reply)
            self._send(board, reply.text)
        if verdict := self._expected(board, offset, text):
            return verdict
        for pattern in goals.until:
            if self._end_of(pattern, text) is not None:
                left = goals.expect[self._next :]
                if left:
                    return Verdict(
                        Outcome.FAILED, f"Seen: {_quoted(pattern.name)}, and never {_quoted(left[0].name)} before it"
                    )
                return Verdict(Outcome.PASSED, f"Seen: {_quoted(pattern.name)} in {_quoted(text)}")
        return self._switched_off()

    def _expected(self, board: str, offset: int, text: str) -> Verdict | None:
        """Look for what is expected next; one line may have several of them, one behind the other."""
        expect = self._goals.expect
        if self._next >= len(expect):
            return None
        at = self._seen[2] if self._seen[:2] == (board, offset) else 0
        if self._goals.expect_any:
            found = any(self._end_of(pattern, text) is not None for pattern in expect)
            self._next = len(expect) if found else 0
        else:
            while self._next < len(expect) and (end := self._end_of(expect[self._next], text[at:])) is not None:
                at += end
                self._next += 1
                self._seen = (board, offset, at)
        if self._next < len(expect) or self._goals.until:
            return None
        count = "what was expected" if len(expect) == 1 or self._goals.expect_any else f"all {len(expect)} expected"
        return Verdict(Outcome.PASSED, f"Seen {count}, last in {_quoted(text)}")

    @staticmethod
    def _end_of(pattern: UserPattern, text: str) -> int | None:
        """Where the first match in `text` ends."""
        try:
            match = pattern.search(text)
        except PatternTooSlow:
            return None  # counted by the pattern, which is switched off when it happens too often
        return None if match is None else match.end()

    def _switched_off(self) -> Verdict | None:
        goals = self._goals
        for pattern in (*goals.fail_on, *goals.until, *goals.expect[self._next :]):
            if pattern.off:
                return Verdict(Outcome.FAILED, plain(pattern.problem))
        return None


def _quoted(text: str) -> str:
    shown = plain(text)
    return f"`{shown if len(shown) <= MAX_QUOTED else shown[: MAX_QUOTED - 1] + '…'}`"
