"""The events read from finished lines: resets, boots and panics."""

from espmon.records.events.boot import Boot, BootEvents
from espmon.records.events.fold import StormFolder, signature
from espmon.records.events.panic_events import PanicEvents
from espmon.records.events.panic_record import Panic
from espmon.records.events.reset import ResetEvents
from espmon.records.events.reset_record import Reset

__all__ = [
    "Boot",
    "BootEvents",
    "Panic",
    "PanicEvents",
    "Reset",
    "ResetEvents",
    "StormFolder",
    "signature",
]
