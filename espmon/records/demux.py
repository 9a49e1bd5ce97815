"""Bytes in, records out: the one place where a stream is taken apart.

Two modes. In *text*, each read is searched for the triggers of all recognizers at once, and what lies between hits is
cut into lines at the speed of C. In a *capture*, bytes go to the payload in progress until it ends; what it rejects is
parsed as text. While a stream is nothing but lines, `feed` takes a short way that says the same.

Five laws hold, and property tests keep them: the spans tile the stream; any cut of the stream into reads gives the same
records; pauses change no line; memory is bounded whatever comes; no byte makes a call raise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from espmon.records.arrivals import Arrivals
from espmon.records.batch import Batch, Part
from espmon.records.event import EventRecognizer
from espmon.records.event_dispatcher import EventDispatcher
from espmon.records.limits import Limits
from espmon.records.line_shapes import LineShapes
from espmon.records.lines import LineBlock, block_of, line_text, whole_lines
from espmon.records.notes import Note
from espmon.records.plain_reads import BOOT_FRAME, CR, FRAME, HASH, LF, NUL, PlainReads
from espmon.records.recognizers import EVENTS, SPANS
from espmon.records.record import Raw
from espmon.records.span import Capture, CaptureStatus, Cut, Found, More, Outcome, Setup, Where
from espmon.records.spans.header_lines import line_end
from espmon.records.triggers import Triggers

if TYPE_CHECKING:
    from espmon.records.defmt.defmt_table import DefmtTable
    from espmon.records.span import SpanRecognizer, StringSource

NEAR_CAP = 4096
"""So near the cap of a line, the times of its reads are noted: its next piece begins in one of them."""

SLACK = 64
"""Longest trigger: an unfinished line is cut at its cap only when a header that begins before it would be known."""

LATE_END = "the line end of the payload before it"
"""Reason of the `raw` record for a line end that came after its payload was given out."""

NO_TAIL = re.compile(rb"[\n\x01\x02]")
"""What is held back as the beginning of a payload is no text to be shown once it has one of these."""

REJECTS = 2
"""How often bytes may be rejected until payloads are no longer looked for in them: the bound on hostile input."""


class Demultiplexer:
    """Turns a device's bytes into records. No I/O, no clock: the caller says when the line went quiet.

    Args:
        limits: caps on everything that is kept.
        strings, defmt: where the strings of a binary log and of defmt frames are; see also `use_strings`.
        spans: span recognizers; None for all of the registry.
        events: event recognizers; None for all of the registry.
        begin: stream offset of the first byte that it gets.
        watched: strings that others look for in the lines: none of them stands in a block that is `plain`.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        strings: StringSource | None = None,
        defmt: DefmtTable | None = None,
        spans: Sequence[SpanRecognizer] | None = None,
        events: Sequence[EventRecognizer] | None = None,
        begin: int = 0,
        watched: Iterable[bytes] = (),
    ) -> None:
        self._limits = limits or Limits()
        self._setup = Setup(self._limits, strings, defmt)
        self._triggers = Triggers([make(self._setup) for make in SPANS] if spans is None else spans)
        self._events = EventDispatcher([make() for make in EVENTS] if events is None else events)
        self._portion = self._limits.read
        self._cap = self._limits.line
        self._short = self._cap - min(NEAR_CAP, self._cap // 2)
        self._plain = False  # no capture, nothing held, nobody waits for lines: the short way is open
        shapes = LineShapes([*self._triggers.literals, *self._events.needles, *watched])
        self._reads = PlainReads(shapes, self._events.recent, self._cap, self._portion)
        self._plain_lines = self._reads.lines
        self._nothing = Batch(())
        self._offset = begin  # of the first byte that is held
        self._searched = begin  # stream offset up to which no trigger is left in the unfinished line
        self._line = b""  # an unfinished line, and whatever else of the text is held; empty in a capture
        self._payload = bytearray()  # the running capture from its first byte on
        self._capture: Capture | None = None
        self._alert = False  # a quiet read may still complete something
        self._held: str | None = None  # the kind of payload that bytes are held for
        self._late_end = False  # a payload was given out before its line end came
        self._told: tuple[int, int] | None = None  # offset and length of the unfinished line that was last told
        self._final = False  # nothing more comes: recognizers that want more get no more
        self._continued = False  # the unfinished line is the rest of one that was cut at the cap
        self._rejects = 0  # depth of rejection, valid up to _rejected_until
        self._rejected_until = 0
        self._began: float | None = None  # when the first byte that is held came
        self._arrivals = Arrivals()

    @property
    def offset(self) -> int:
        """Bytes of the stream so far."""
        return self._offset + len(self._line) + len(self._payload)

    @property
    def capture(self) -> CaptureStatus | None:
        """The payload that is being received, None between payloads."""
        capture = self._capture
        if capture is None:
            return None
        return CaptureStatus(capture.kind, len(self._payload), capture.expected, capture.lines, self._offset)

    @property
    def pending(self) -> bytes:
        """The bytes of text that are held until they can be decided (empty during a capture)."""
        return self._line

    @property
    def unfinished(self) -> LineBlock | None:
        """The unfinished line as it stands: one line in a block of its own. None when there is none."""
        line = self._line
        if not line:
            return None
        if self._held is not None:
            line = line[:held] if NO_TAIL.search(line, held := self._searched - self._offset) else line
        return LineBlock(line, self._offset, (0, len(line)), self._began, partial=True) if line else None

    def feed(self, data: bytes, time: float | None = None) -> Batch | LineBlock:
        """Take the next bytes of the stream; `time` is when they came (host seconds). Returns what they complete."""
        if self._plain:
            if data.__class__ is not bytes:
                data = bytes(data)
            rest = self._line
            if LF not in data:
                quiet = not (CR in rest or HASH in data or FRAME in data or BOOT_FRAME in data or NUL in data)
                if quiet and (CR not in data or CR not in data[:-1]) and len(rest) + len(data) <= self._short:
                    if not rest:
                        self._began = time
                    self._line = rest + data
                    return self._nothing
            elif (block := self._plain_lines(rest, data, self._offset, time, self._began)) is not None:
                self._line = self._reads.rest
                self._offset += len(block.data)
                self._continued = False
                self._began = time
                return block
        parts: list[Part] = []
        self._arrivals.begin(self._offset, self._began)
        self._arrivals.note(self.offset, time)
        data = bytes(data)
        for at in range(0, len(data), self._portion):
            self._take(data[at : at + self._portion], parts)
        self._began = self._arrivals.at(self._offset)
        self._plain = self._capture is None and not self._alert and not self._events.attentive
        return Batch(parts)

    def use_strings(self, strings: StringSource | None, defmt: DefmtTable | None = None) -> None:
        """Decode frames of the binary log and of defmt with these strings from now on."""
        self._setup.strings, self._setup.defmt = strings, defmt

    def restarted(self) -> None:
        """The caller restarts the board, or has opened its port anew: the resets that follow are no boot loop yet."""
        self._events.restarted()

    def idle(self, time: float | None = None) -> Batch:
        """The line went quiet for a moment. No line ends by that.

        A running capture goes on, unless only the line end of its end line is missing. Recognizers are told of an
        unfinished line as it stands, once for each length it has.
        """
        parts = self._begin(time)
        if self._capture is not None:
            outcome = self._capture.idle(self._payload, 0)
            self._settle(outcome, parts)
            self._late_end = outcome is not None and self._capture is None
        if self._capture is None and self._line:
            self._take(b"", parts)  # a quiet read may have brought what a recognizer waits for
        if self._capture is None and self._line and self._told != (self._offset, len(self._line)):
            self._told = self._offset, len(self._line)
            parts.extend(self._events.quiet(self._line, self._offset, self._arrivals.at(self._offset)))
        return self._batch(parts)

    def stall(self, reason: str = "nothing came any more", time: float | None = None) -> Batch:
        """The line has been quiet for too long: end a running capture. An unfinished line stays unfinished."""
        parts = self._begin(time)
        self._end_captures(parts, reason)
        return self._batch(parts)

    def settle(self, time: float | None = None) -> Batch:
        """The line has been quiet for a second or so: tell what is still open (a crash that nothing followed).

        Nothing ends by that. When more comes, an event that was told is reported again only if it has changed, with
        the same type and offset: the later one holds.
        """
        parts = self._begin(time)
        if self._capture is None:
            parts.extend(self._events.so_far())
        return self._batch(parts)

    def abort_capture(self, reason: str = "stopped by the user", time: float | None = None) -> Batch:
        """End the running capture; what came is kept or shown as text. Nothing happens between captures."""
        parts = self._begin(time)
        if self._capture is not None:
            self._settle(self._capture.end(self._payload, 0, reason), parts)
        return self._batch(parts)

    def flush(self, time: float | None = None) -> Batch:
        """The stream ends, or is interrupted: end everything that is open. Feeding may go on afterwards."""
        parts = self._begin(time)
        self._close(parts, "the stream ended")
        parts.extend(self._events.end())
        return self._batch(parts)

    def raw(self, data: bytes, reason: str, time: float | None = None) -> Batch:
        """Bytes that are part of the stream but no text (they came during a lease): one `raw` record.

        The lease ends the unfinished line, and whatever else is open.
        """
        parts = self._begin(time)
        self._close(parts, f"the port was handed to {reason}")
        if data:
            parts.append(Raw(self._offset, data, reason, self._arrivals.at(self._offset)))
            self._offset += len(data)
        return self._batch(parts)

    def _begin(self, time: float | None) -> list[Part]:
        """A call that is not a plain read: the next read decides anew which way to go."""
        self._arrivals.begin(self._offset, self._began)
        self._arrivals.note(self.offset, time)
        self._plain = False
        return []

    def _batch(self, parts: list[Part]) -> Batch:
        self._began = self._arrivals.at(self._offset)
        return Batch(parts)

    # -- the two modes --------------------------------------------------------------------------------------------

    def _take(self, data: bytes, parts: list[Part]) -> None:
        if self._capture is not None:
            self._payload += data
            self._settle(self._capture.scan(self._payload, 0), parts)
            return
        data = self._line + data
        self._line = b""
        if self._late_end:
            end = line_end(data, 0)
            if isinstance(end, More) and not self._final:
                self._line, self._alert = data, True
                return
            self._late_end = False
            if isinstance(end, int):
                parts.append(Raw(self._offset, data[:end], LATE_END, self._arrivals.at(self._offset)))
                self._offset += end
                data = data[end:]
        self._keep(data, self._parse(data, 0, parts))

    def _settle(self, outcome: Outcome | None, parts: list[Part]) -> None:
        """Go on after a capture that has its bytes in `_payload`."""
        if outcome is None:
            return
        data, self._payload = bytes(self._payload), bytearray()
        at = self._finish(data, 0, outcome, parts)
        self._keep(data, self._parse(data, at, parts))

    def _keep(self, data: bytes, at: int) -> None:
        if self._capture is not None:
            self._payload += data[at:]
        else:
            self._line = data[at:]
        # After a CR, an unfinished packet or a held byte, the next read decides whatever is in it.
        self._alert = self._held is not None or self._late_end or self._line.endswith(b"\r") or b"#" in self._line[-2:]

    def _finish(self, data: bytes, start: int, outcome: Outcome, parts: list[Part]) -> int:
        """Take the record of a capture that starts at `start`; returns where parsing goes on."""
        begin, end = self._offset, self._offset + outcome.length
        self._capture = None
        self._continued = False
        if outcome.rejected:
            self._rejects = self._rejects + 1 if begin < self._rejected_until else 1
            self._rejected_until = max(self._rejected_until, end + outcome.rejected)
        if isinstance(outcome.record, LineBlock):
            self._found(Found(outcome.length, outcome.record), parts)
            return start + outcome.length
        at = len(parts)
        parts.append(outcome.record)
        for position, line in outcome.foreign:
            text = line_text(line.rstrip(b"\r\n"))
            time = self._arrivals.at(begin + position)
            parts.append(Note(begin + position, len(line), time, kind="interleaved", text=text))
            parts.extend(self._events.events(block_of(line, begin + position, self._cap, time)))
        self._events.complete(outcome.record, at, parts)
        self._offset = end
        return start + outcome.length

    def _parse(self, data: bytes, at: int, parts: list[Part]) -> int:
        """Parse `data` from `at` (stream offset `_offset`) on; returns where the unfinished part begins."""
        while True:
            at = self._text(data, at, parts)
            if self._capture is None:
                return at
            outcome = self._capture.scan(data, at)
            if outcome is None:
                return at
            at = self._finish(data, at, outcome, parts)

    def _text(self, data: bytes, start: int, parts: list[Part]) -> int:
        """Take text from `start` on, up to the first byte of a capture or of the unfinished line."""
        at = max(start, start + self._searched - self._offset)
        limit = len(data)
        self._held = None
        while True:
            hit = self._triggers.find(data, at)
            if hit is None:
                # A trigger may be cut at the end of the data; everything before that is decided for good.
                self._searched = self._offset + max(at, len(data) - SLACK) - start
                break
            span, begin, behind = hit
            answer = None if begin < start else self._probe(data, start, begin, span)
            if answer is None or (self._final and isinstance(answer, More)):
                at = behind
                continue
            at = begin
            if isinstance(answer, Cut):
                self._emit(data[start:at], parts)
                self._continued = False
                start, at = at, behind
                continue
            if isinstance(answer, More):
                self._held = span.kind
                self._searched = self._offset + at - start
                limit = at
                break
            if at > start:
                self._emit(data[start:at], parts)
            self._continued = False
            if not isinstance(answer, Found):
                self._capture = answer
                return at
            self._found(answer, parts)
            start = at = at + answer.length
        return self._lines(data, start, limit, parts)

    def _lines(self, data: bytes, start: int, limit: int, parts: list[Part]) -> int:
        """Emit the whole lines in `data[start:limit]`, and what an unfinished line has above its cap."""
        end = whole_lines(data, start, limit)
        if end > start:
            self._emit(data[start:end] if start or end < len(data) else data, parts)
            self._continued = False
        cap = self._cap
        while limit - end > cap + SLACK:
            self._emit(data[end : end + cap], parts)
            end += cap
            self._continued = True
        return end

    def _probe(self, data: bytes, start: int, at: int, span: SpanRecognizer) -> Found | Capture | Cut | More | None:
        """Ask the recognizer whose trigger was hit at `at`."""
        offset = self._offset + at - start
        rejected = offset < self._rejected_until
        time = self._arrivals.at(offset)
        answer = span.probe(data, at, Where(data, start, at, self._continued, rejected, offset, time))
        if rejected and self._rejects >= REJECTS and not isinstance(answer, Found | More):
            return None
        return answer

    # -- what goes out --------------------------------------------------------------------------------------------

    def _found(self, found: Found, parts: list[Part]) -> None:
        self._offset += found.length
        if isinstance(found.part, LineBlock):
            parts.extend(self._events.take(found.part))
        else:
            parts.append(found.part)
            self._events.complete(found.part, len(parts) - 1, parts)

    def _emit(self, data: bytes, parts: list[Part]) -> None:
        block = block_of(data, self._offset, self._cap, None)
        self._offset += len(data)
        for part in self._arrivals.dated(block):
            parts.extend(self._events.take(part))

    def _end_captures(self, parts: list[Part], reason: str) -> None:
        while self._capture is not None:
            self._settle(self._capture.end(self._payload, 0, reason), parts)  # what it rejects may hold another

    def _close(self, parts: list[Part], reason: str) -> None:
        """End everything that is open but events: captures one after the other, then the unfinished line."""
        self._final = True
        self._end_captures(parts, reason)
        if self._held is not None or self._late_end:
            self._take(b"", parts)
            if self._capture is not None:
                self._close(parts, reason)
        if self._line:
            data, self._line = self._line, b""
            self._emit(data, parts)
        self._final = self._alert = self._continued = self._late_end = False
        self._held = None
