"""The events read from finished lines: resets, boots and panics."""

from espmon.records.events.boot import Boot, BootEvents
from espmon.records.events.fold import StormFolder, signature
from espmon.records.events.panic_events import PanicEvents
from espmon.records.events.panic_record import BacktraceFrame, CoreState, Panic
from espmon.records.events.reset import Reset, ResetEvents

__all__ = [
    "BacktraceFrame",
    "Boot",
    "BootEvents",
    "CoreState",
    "Panic",
    "PanicEvents",
    "Reset",
    "ResetEvents",
    "StormFolder",
    "signature",
]
