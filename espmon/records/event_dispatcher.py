"""Offers lines and spans to the event recognizers, and puts their events in place.

Almost all lines concern nobody: one search over a whole block says so. Events come in the order in which they began:
one that began earlier is ended when a later one is reported. An event never stands behind a line that came after it,
unless that line was given out before the event was complete.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from espmon.records.anchors import anchored
from espmon.records.batch import Part
from espmon.records.event import EventRecognizer, Gathering, LineView, LooksBack, PromptReader, Restartable
from espmon.records.lines import DecodedBlock, LineBlock, line_text
from espmon.records.recent_lines import RecentLines
from espmon.records.record import Record


class EventDispatcher:
    """All event recognizers of one stream, in the order in which they are asked."""

    def __init__(self, recognizers: Sequence[EventRecognizer]) -> None:
        self._recognizers = tuple(recognizers)
        self._asked = [(recognizer, anchored(recognizer.needles).search) for recognizer in recognizers]
        needles = {needle for recognizer in recognizers for needle in recognizer.needles}
        self._search = anchored(needles).search
        self._gathering = [recognizer for recognizer in recognizers if isinstance(recognizer, Gathering)]
        self.recent = RecentLines()
        """What came last. The demultiplexer adds the lines that it does not offer."""
        self._said: list[Record] = []  # of the unfinished line
        for recognizer in recognizers:
            if isinstance(recognizer, LooksBack):
                recognizer.recent = self.recent
        self.needles = needles
        self.attentive = False
        """True while a recognizer wants every line."""

    def _look_up(self) -> None:
        self.attentive = any(recognizer.attentive for recognizer in self._recognizers)

    def take(self, block: LineBlock) -> Sequence[Part]:
        """The block, cut where events stand, with the events in between."""
        self.recent.add(block)
        said = "\n".join(block.texts).encode("utf-8", "replace") if isinstance(block, DecodedBlock) else block.data
        if not self.attentive and self._search(said) is None:
            return (block,)
        parts: list[Part] = []
        cut = index = 0
        count = len(block)
        while index < count:
            if not self.attentive:
                index = self._next(block, index)
                if index == count:
                    break
            events = self._line(block, index)
            before = [event for event in events if _ends_before(event, block.line_offset(index))]
            if before and index > cut:
                parts.append(block.part(cut, index))
                cut = index
            parts.extend(before)
            index += 1
            if len(events) > len(before):
                parts.append(block.part(cut, index))
                parts.extend(event for event in events if event not in before)
                cut = index
        if cut < count:
            parts.append(block.part(cut, count))
        return parts

    def _next(self, block: LineBlock, index: int) -> int:
        """The next line from `index` on that has a needle in it."""
        if isinstance(block, DecodedBlock):
            while index < len(block) and self._search(block.body(index)) is None:
                index += 1
            return index
        hit = self._search(block.data, block.starts[index])
        return len(block) if hit is None else bisect_right(block.starts, hit.start()) - 1

    def _line(self, block: LineBlock, index: int) -> list[Record]:
        body = block.body(index)
        found: list[tuple[EventRecognizer, Record]] = []
        view: LineView | None = None
        for recognizer, search in self._asked:
            if recognizer.attentive or search(body):
                if view is None:
                    raw = block.raw(index)
                    view = LineView(
                        block.line_offset(index), len(raw), block.text(index), block.host_time(index),
                        partial=block.source == "text" and raw[-1:] not in (b"\n", b"\r"),
                        raw=raw, recent=self.recent,
                    )  # fmt: skip
                found.extend((recognizer, event) for event in recognizer.line(view))
        if view is None:
            return []
        events = self._in_order(found)
        self._look_up()
        if self._said:
            events = [event for event in events if not self._was_said(event)]
            if block.line_offset(index + 1) > self._said[0].offset:
                self._said.clear()
        return events

    def _in_order(self, found: Iterable[tuple[EventRecognizer, Record]]) -> list[Record]:
        """Events in the order in which they began, with those that are still open and began earlier.

        Of two that began with the same line, the recognizer that is asked first goes first.
        """
        placed: list[tuple[int, int, Record]] = []
        for recognizer, event in found:
            if recognizer not in self._gathering:
                placed.append((event.offset, -1, event))
                continue
            rank = self._gathering.index(recognizer)
            placed.append((event.offset, rank, event))
            for other, gathering in enumerate(self._gathering):
                since = gathering.open_since
                if since is not None and (since, other) < (event.offset, rank):
                    placed.extend((early.offset, other, early) for early in gathering.end())
        placed.sort(key=lambda row: row[:2])
        return [event for _, _, event in placed]

    def quiet(self, line: bytes, offset: int, time: float | None) -> list[Record]:
        """The events that an unfinished line tells as it stands, as far as they were not told yet."""
        view: LineView | None = None
        events: list[Record] = []
        for recognizer, search in self._asked:
            if isinstance(recognizer, PromptReader) and search(line):
                if view is None:
                    view = LineView(offset, len(line), line_text(line.rstrip(b"\r")), time, partial=True, raw=line)
                events.extend(event for event in recognizer.quiet(view) if not self._was_said(event))
        self._said.extend(events)
        return events

    def _was_said(self, event: Record) -> bool:
        return any(
            event.offset == said.offset and event.type == said.type and event.to_json() == said.to_json()
            for said in self._said
        )

    def events(self, block: LineBlock) -> list[Record]:
        """The events that the lines of a block complete, for lines that stand inside another record."""
        return [event for index in range(len(block)) for event in self._line(block, index)]

    def complete(self, record: Record, at: int, parts: list[Part]) -> None:
        """Add the events that a span record completes: those that ended before it stand before it, at `parts[at]`."""
        events = self._in_order((one, event) for one in self._recognizers for event in one.span(record))
        self._look_up()
        for event in events:
            if _ends_before(event, record.offset):
                parts.insert(at, event)
                at += 1
            else:
                parts.append(event)

    def end(self) -> list[Record]:
        """The events that are still open."""
        events = self._in_order([(one, event) for one in self._recognizers for event in one.end()])
        self._look_up()
        return events

    def restarted(self) -> None:
        """Tell those who want to know that the board is being restarted on purpose."""
        for recognizer in self._recognizers:
            if isinstance(recognizer, Restartable):
                recognizer.restarted()


def _ends_before(event: Record, offset: int) -> bool:
    return event.derived and event.offset + event.length <= offset
