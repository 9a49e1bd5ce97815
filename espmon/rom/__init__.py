"""The ROM room: the loader's protocol, the chips as data, and the probe.

Everything public is named here and imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.lazy import names_from

if TYPE_CHECKING:
    from espmon.rom.channel import Channel, EntrySequence
    from espmon.rom.chips import Chip, Chips, load_chips
    from espmon.rom.loader import Loader
    from espmon.rom.probe_options import ProbeOptions
    from espmon.rom.prober import ProbeResult, probe
    from espmon.rom.rom_error import RomError, RomErrorKind

__all__ = [
    "Channel", "Chip", "Chips", "EntrySequence", "Loader", "ProbeOptions", "ProbeResult", "RomError", "RomErrorKind",
    "load_chips", "probe",
]  # fmt: skip

_HOMES = {
    "channel": "Channel EntrySequence",
    "chips": "Chip Chips load_chips",
    "loader": "Loader",
    "probe_options": "ProbeOptions",
    "prober": "ProbeResult probe",
    "rom_error": "RomError RomErrorKind",
}


__getattr__ = names_from(__name__, _HOMES)
