"""Offers lines and spans to the event recognizers, and puts their events in place.

Almost all lines concern nobody: one search over a whole block says so. Events come in the order in which they began:
one that began earlier is ended when a later one is reported. An event never stands behind a line that came after it,
unless that line was given out before the event was complete.
"""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from espmon.records.anchors import anchored
from espmon.records.batch import Part
from espmon.records.event import EventRecognizer, Gathering, LineView, LooksBack, PromptReader, Restartable
from espmon.records.lines import DecodedBlock, LineBlock, line_text
from espmon.records.recent_lines import RecentLines
from espmon.records.record import JsonObject, Record

MAX_TOLD = 16
"""Events told before they were certain that are remembered."""


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
        self._told: OrderedDict[tuple[str, int], JsonObject] = OrderedDict()  # what was told of things that go on
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
        return self._news(events)

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
                events.extend(event for event in recognizer.quiet(view) if self._first_told(event))
        return events

    def so_far(self) -> list[Record]:
        """The events that would be reported if the stream ended here, as far as they were not told like this before.

        Nothing is closed. What becomes of them is reported when it is known: not at all where it is what was told,
        else by an event of the same type at the same offset.
        """
        shared: dict[int, object] = {id(self.recent): self.recent}
        found: list[tuple[int, int, Record]] = []
        for rank, recognizer in enumerate(self._recognizers):
            found.extend((event.offset, rank, event) for event in copy.deepcopy(recognizer, shared).end())
        found.sort(key=lambda row: row[:2])
        return [event for _, _, event in found if self._first_told(event)]

    def _first_told(self, event: Record) -> bool:
        """Remember that this was told before it was certain; False when exactly this was told already."""
        key, said = (event.type, event.offset), event.to_json()
        if self._told.get(key) == said:
            return False
        self._told[key] = said
        if len(self._told) > MAX_TOLD:
            self._told.popitem(last=False)
        return True

    def _news(self, events: list[Record]) -> list[Record]:
        """Events that are certain now, without those that were told before just as they are."""
        if not self._told:
            return events
        return [event for event in events if self._told.pop((event.type, event.offset), None) != event.to_json()]

    def events(self, block: LineBlock) -> list[Record]:
        """The events that the lines of a block complete, for lines that stand inside another record."""
        return [event for index in range(len(block)) for event in self._line(block, index)]

    def complete(self, record: Record, at: int, parts: list[Part]) -> None:
        """Add the events that a span record completes: those that ended before it stand before it, at `parts[at]`."""
        events = self._in_order((one, event) for one in self._recognizers for event in one.span(record))
        self._look_up()
        events = self._news(events)
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
        return self._news(events)

    def restarted(self) -> None:
        """Tell those who want to know that the board is being restarted on purpose."""
        for recognizer in self._recognizers:
            if isinstance(recognizer, Restartable):
                recognizer.restarted()


def _ends_before(event: Record, offset: int) -> bool:
    return event.derived and event.offset + event.length <= offset
