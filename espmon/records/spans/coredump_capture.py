"""Core dumps that a board prints on its console: base64 lines between two marker lines.

Each line is base64 of its own. The capture ends at the end line, a restart of the board, another start line, a long run
of lines that are no base64, its cap, or when the session says that nothing comes any more. Whatever came is kept: the
record covers it, and with `complete` false it says what is missing. Text behind the last good line is log text again.

Lines of other tasks between the base64 lines belong to the span, because it is one run of bytes; each is reported as a
note and read by the event recognizers, so nothing that they say is lost.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from typing import ClassVar

from espmon.model.rom_banners import RESET_BANNER
from espmon.records.limits import Limits
from espmon.records.record import JsonObject, PayloadRecord, Severity
from espmon.records.span import MORE, Bytes, Found, More, Outcome, Setup, Where
from espmon.records.spans.core_dump_header import judge
from espmon.records.spans.header_lines import header_line, line_end

START = re.compile(rb"={17} CORE DUMP START ={17}[^\S\r\n]*\r{0,2}\n")
START_TEXT = b"================= CORE DUMP START ="
END = re.compile(rb"={8,17} CORE DUMP END ={8,17}")
END_WHOLE = re.compile(rb"={17} CORE DUMP END ={17}")
"""Before its line end has come, the end line must be there to the last byte."""

BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4}){0,15}(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)")
"""One line: at most 48 bytes, padded on its own."""

LINE = re.compile(rb"([^\r\n]*)([\r\n])")
CUT_LINE = re.compile(rb"([A-Za-z0-9+/]{1,64}={0,2})((?:\x1b\[[0-9;]*m)?[EWIDV] \([\d:. -]+\) .*)", re.DOTALL)
"""A log line of another task that was printed in the middle of a base64 line."""

LINE_BYTES = 4096
"""A line inside a core dump that is longer than this is not part of it."""

FULL = 64
"""Characters of a base64 line in the middle of a dump."""

NAMED = 8
"""Damaged lines named in an error; of more, the number is given."""


class Coredump(PayloadRecord):
    """A captured core dump. `payload` is the decoded image.

    Attributes:
        lines: base64 lines received.
        checksum: "ok", "bad" or "unknown".
        damaged_lines: numbers of lines between the markers (from 1) that are not base64.
        report: the decoded report in JSON, once somebody who has the ELF has made one.
    """

    __slots__ = ("checksum", "damaged_lines", "lines", "report")

    type: ClassVar[str] = "coredump"

    def __init__(
        self,
        offset: int,
        length: int,
        time: float | None,
        *,
        payload: bytes,
        lines: int,
        checksum: str,
        complete: bool,
        error: str | None,
        damaged_lines: tuple[int, ...] = (),
    ) -> None:
        super().__init__(offset, length, time, payload=payload, complete=complete, error=error)
        self.lines = lines
        self.checksum = checksum
        self.damaged_lines = damaged_lines
        self.report: JsonObject | None = None

    @property
    def noun(self) -> str:
        """What people call it."""
        return "Core dump"

    @property
    def title(self) -> str:
        """With its checksum, where it is whole."""
        return f"{super().title}, checksum {self.checksum}" if self.complete else super().title

    @property
    def severity(self) -> Severity:
        """Something crashed."""
        return Severity.ERROR if self.complete else super().severity

    def about(self) -> JsonObject:
        """The fields of a `coredump` in JSON, without the digest."""
        fields: JsonObject = {
            "lines": self.lines,
            "checksum": self.checksum,
            "damaged_lines": list(self.damaged_lines),
            **super().about(),
        }
        return fields if self.report is None else {**fields, "report": self.report}

    def fields(self) -> JsonObject:
        """The fields of a `coredump` in JSON; the digest also of a damaged one, to tell whether two are the same."""
        return {**super().fields(), "sha256": self.sha256}


class CoredumpCapture:
    """A core dump in progress. Positions are relative to the first byte of its start line."""

    kind = "coredump"
    expected = None

    def __init__(self, header: int, where: Where, limits: Limits) -> None:
        self._where = where
        self._limits = limits
        self._at = header
        self._good = header  # behind the last line that is certainly part of the dump
        self._image = bytearray()
        self._number = 0
        self._bad: list[int] = []
        self._foreign: list[tuple[int, bytes]] = []
        self._doubtful: list[tuple[int, int, bytes]] = []  # number, position, line: not base64, since the last good one
        self.lines = 0

    def scan(self, data: Bytes, start: int) -> Outcome | None:
        """Read on, line by line."""
        while True:
            line = LINE.match(data, start + self._at)
            if line is None:
                return self._unfinished(data, start)
            if len(line[1]) > LINE_BYTES:
                return self._stop("a line of more than 4096 bytes interrupts it")
            outcome = self._line(data, start, line)
            if outcome is not None:
                return outcome
            if self._at <= line.start() - start:
                return None
            if self._at > self._limits.coredump:
                return self._stop(f"it is longer than the cap of {self._limits.coredump} bytes")

    def _unfinished(self, data: Bytes, start: int) -> Outcome | None:
        if len(data) - start - self._at > LINE_BYTES:
            return self._stop("a line of more than 4096 bytes interrupts it")
        return None

    def _line(self, data: Bytes, start: int, line: re.Match[bytes]) -> Outcome | None:
        """Take one line. When it cannot be decided yet, `_at` stays where it is."""
        body = line[1].strip()
        at = self._at
        if not body:
            if self._good == at:
                self._good = line.end() - start  # the LF of a CR LF
            self._at = line.end() - start
            return None
        cut = self._cut_by_another(body)
        if cut is not None or BASE64.fullmatch(body):
            self._take(cut[1] + body if cut else body, line.end() - start, cut)
            return None
        end = END.search(body)
        if end:
            return self._end_line(data, start, start + at + line[1].rindex(end[0]) + len(end[0]))
        banner = RESET_BANNER.search(line[1])
        if banner:
            return self._restart(line[1], banner.start())
        if START_TEXT in body:
            return self._stop("another core dump starts")
        self._number += 1
        self._doubtful.append((self._number, at, bytes(line[0])))
        if len(self._doubtful) > self._limits.coredump_foreign:
            return self._stop(f"{len(self._doubtful)} lines in a row are not base64")
        self._at = line.end() - start
        return None

    def _cut_by_another(self, body: bytes) -> re.Match[bytes] | None:
        """The line before, when it is one base64 line with another task's line printed into it, and `body` its rest."""
        cut = CUT_LINE.fullmatch(self._doubtful[-1][2]) if self._doubtful else None
        if cut is None or not BASE64.fullmatch(cut[1] + body):
            return None
        # A body that is a line of its own is one, unless the line before was cut inside four characters.
        return cut if len(cut[1]) % 4 or not BASE64.fullmatch(body) or len(cut[1]) + len(body) == FULL else None

    def _take(self, body: bytes, end: int, cut: re.Match[bytes] | None = None) -> None:
        if cut is not None:
            # The line before is whole after all: only the other task's part of it is foreign.
            number, at, _ = self._doubtful.pop()
            self._foreign.append((at + cut.start(2), cut[2]))
            self._number = number - 1
        self._settle()
        self._number += 1
        self.lines += 1
        self._image += binascii.a2b_base64(body)
        self._at = self._good = end

    def _settle(self) -> None:
        """Lines that are not base64 turn out to stand inside the dump."""
        for number, at, line in self._doubtful:
            self._bad.append(number)
            self._foreign.append((at, line))
        self._doubtful.clear()

    def _end_line(self, data: Bytes, start: int, stop: int, *, idle: bool = False) -> Outcome | None:
        end = line_end(data, stop)
        if isinstance(end, More) and not idle:
            return None
        self._settle()
        return self._outcome(end - start if isinstance(end, int) else stop - start, None)

    def _restart(self, line: bytes, banner: int) -> Outcome:
        """The board restarted, perhaps in the middle of a line: what stands before the banner is still the dump's."""
        before = line[:banner].strip()
        whole = before[: len(before) // 4 * 4]
        if BASE64.fullmatch(whole):
            self._take(whole, self._at + banner)
        return self._stop("the board restarted")

    def idle(self, data: Bytes, start: int) -> Outcome | None:
        """End if only the end line's own line end is missing."""
        rest = bytes(data[start + self._at : start + self._at + 256])
        end = END_WHOLE.search(rest)
        if end is None or b"\n" in rest[: end.start()]:
            return None
        return self._end_line(data, start, start + self._at + end.end(), idle=True)

    def end(self, data: Bytes, start: int, reason: str) -> Outcome:
        """End here and keep what came; an unfinished last line counts if it is whole base64."""
        done = self.idle(data, start)
        if done is not None:
            return done
        rest = bytes(data[start + self._at : start + self._at + LINE_BYTES])
        if rest and not self._doubtful and BASE64.fullmatch(rest):
            self._take(rest, self._at + len(rest))
        return self._stop(reason, len(data) - start)

    def _stop(self, reason: str, seen: int | None = None) -> Outcome:
        return self._outcome(self._good, reason, (self._at if seen is None else seen) - self._good)

    def _outcome(self, length: int, reason: str | None, rejected: int = 0) -> Outcome:
        image = bytes(self._image)
        verdict = judge(image)
        # Lines of other tasks do no harm as long as the checksum says that every byte is there.
        errors = [reason] if reason else []
        if verdict.checksum != "ok":
            errors += [self._name_bad()] if self._bad else []
            errors += [verdict.error] if verdict.error else []
        complete = reason is None and verdict.missing <= 0 and bool(image)
        if verdict.checksum != "ok" and self._bad:
            complete = False
        record = Coredump(
            self._where.offset, length, self._where.time, payload=image, lines=self.lines, complete=complete,
            checksum=verdict.checksum, error="; ".join(errors) or None, damaged_lines=tuple(self._bad),
        )  # fmt: skip
        return Outcome(length, record, rejected, tuple(self._foreign))

    def _name_bad(self) -> str:
        if len(self._bad) == 1:
            return f"line {self._bad[0]} is not base64"
        if len(self._bad) <= NAMED:
            return f"lines {', '.join(map(str, self._bad))} are not base64"
        return f"{len(self._bad)} lines are not base64, the first is line {self._bad[0]}"


class CoredumpRecognizer:
    """Finds the start line, also behind an unfinished line."""

    kind = "coredump"
    triggers: Sequence[bytes] = (START_TEXT,)

    def __init__(self, setup: Setup) -> None:
        self._limits = setup.limits

    def probe(self, data: bytes, at: int, where: Where) -> Found | CoredumpCapture | More | None:
        """Decide about a hit."""
        line = header_line(data, at)
        if line is None or line is MORE or isinstance(line, More):
            return line
        return CoredumpCapture(len(line), where, self._limits) if START.fullmatch(line) else None
