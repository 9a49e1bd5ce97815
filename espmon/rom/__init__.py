"""The ROM room: the loader's protocol, the chips as data, and the probe.

Everything public is named here and imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from espmon.rom.channel import Channel, EntrySequence
    from espmon.rom.chips import Chip, Chips, load_chips
    from espmon.rom.errors import RomError, RomErrorKind
    from espmon.rom.loader import Loader
    from espmon.rom.probing import ProbeResult, probe

__all__ = [
    "Channel",
    "Chip",
    "Chips",
    "EntrySequence",
    "Loader",
    "ProbeResult",
    "RomError",
    "RomErrorKind",
    "load_chips",
    "probe",
]

_HOMES = {
    "Channel": "channel",
    "Chip": "chips",
    "Chips": "chips",
    "EntrySequence": "channel",
    "Loader": "loader",
    "ProbeResult": "probing",
    "RomError": "errors",
    "RomErrorKind": "errors",
    "load_chips": "chips",
    "probe": "probing",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
