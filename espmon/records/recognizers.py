"""Every recognizer, once. Adding one is one module and one line here."""

from __future__ import annotations

from collections.abc import Callable

from espmon.records.console_events import CapsRecognizer, CoredumpPrompt
from espmon.records.event import EventRecognizer
from espmon.records.events.boot import BootEvents
from espmon.records.events.panic_events import PanicEvents
from espmon.records.events.reset import ResetEvents
from espmon.records.span import Setup, SpanRecognizer
from espmon.records.spans.binlog import BinlogRecognizer
from espmon.records.spans.coredump_capture import CoredumpRecognizer
from espmon.records.spans.defmt_span import DefmtRecognizer
from espmon.records.spans.frame import FrameRecognizer
from espmon.records.spans.gdb_packets import GdbRecognizer
from espmon.records.spans.png import PngRecognizer
from espmon.records.spans.reset_banner import ResetBannerRecognizer

SPANS: tuple[Callable[[Setup], SpanRecognizer], ...] = (
    FrameRecognizer,
    PngRecognizer,
    CoredumpRecognizer,
    GdbRecognizer,
    BinlogRecognizer,
    DefmtRecognizer,
    ResetBannerRecognizer,
)
"""What ends the text before it: payloads that take bytes out of it, and a reset in the middle of a line."""

EVENTS: tuple[Callable[[], EventRecognizer], ...] = (
    CapsRecognizer,
    CoredumpPrompt,
    ResetEvents,
    BootEvents,
    PanicEvents,
)
"""What is read from finished lines."""
