"""The events read from finished lines: resets, boots and panics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.lazy import names_from

if TYPE_CHECKING:
    from espmon.records.events.boot import Boot, BootEvents
    from espmon.records.events.fold import StormFolder, signature
    from espmon.records.events.panic_events import PanicEvents
    from espmon.records.events.panic_record import Panic
    from espmon.records.events.reset import ResetEvents
    from espmon.records.events.reset_record import Reset

_HOMES = {
    "boot": "Boot BootEvents",
    "fold": "StormFolder signature",
    "panic_events": "PanicEvents",
    "panic_record": "Panic",
    "reset": "ResetEvents",
    "reset_record": "Reset",
}

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

__getattr__ = names_from(__name__, _HOMES)
