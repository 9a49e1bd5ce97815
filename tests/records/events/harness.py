"""Feeds whole logs to event recognizers the way the demultiplexer does: needles first, then while attentive."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from espmon.records.event import EventRecognizer, LineView, LooksBack
from espmon.records.events import Boot, BootEvents, Panic, PanicEvents, Reset, ResetEvents
from espmon.records.lines import LineBlock, line_text
from espmon.records.recent_lines import RecentLines
from espmon.records.record import Record

FIXTURES = Path(__file__).parent / "fixtures"
_LINE = re.compile(rb"[^\r\n]*(?:\r*\n|\r|\Z)")


def views(data: bytes) -> Iterator[tuple[bytes, LineView]]:
    recent = RecentLines()
    for match in _LINE.finditer(data):
        raw = match[0]
        if raw:
            recent.add(LineBlock(raw, match.start(), [0, len(raw)]))
            yield raw, LineView(match.start(), len(raw), line_text(raw.rstrip(b"\r\n")), None, recent=recent)


def read(data: bytes | str, recognizers: Sequence[EventRecognizer] | None = None) -> list[Record]:
    """All events of a log, in the order of the stream."""
    if isinstance(data, str):
        data = data.encode()
    if recognizers is None:
        recognizers = [ResetEvents(), BootEvents(), PanicEvents()]
    events: list[Record] = []
    for raw, view in views(data):
        for recognizer in recognizers:
            if isinstance(recognizer, LooksBack):
                recognizer.recent = view.recent
            if recognizer.attentive or any(needle in raw for needle in recognizer.needles):
                events.extend(recognizer.line(view))
    for recognizer in recognizers:
        events.extend(recognizer.end())
    return sorted(events, key=lambda event: event.offset)


def fixture(name: str) -> bytes:
    return (FIXTURES / f"{name}.log").read_bytes()


def panics(data: bytes | str) -> list[Panic]:
    return [event for event in read(data, [PanicEvents()]) if isinstance(event, Panic)]


def resets(data: bytes | str) -> list[Reset]:
    return [event for event in read(data, [ResetEvents()]) if isinstance(event, Reset)]


def boots(data: bytes | str) -> list[Boot]:
    return [event for event in read(data, [BootEvents()]) if isinstance(event, Boot)]


def only(data: bytes | str) -> Panic:
    (panic,) = panics(data)
    return panic


def trace(panic: Panic) -> list[str]:
    return [f"0x{frame.pc:08x}" for frame in panic.backtrace]
