"""What a chip's ROM prints when it starts: the end of everything that was being sent before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from espmon.model.chip_identity import chip_identities

RESET_BANNER = re.compile(rb"ets [A-Z][a-z]{2} [ \d]\d \d{4}[ ,]|ESP-ROM:esp|rst:0x[0-9a-f]{1,2} \(")
"""A ROM's first lines, in the middle of anything."""

ROM_BANNER = re.compile(rb"ESP-ROM:esp(?:32|8)[a-z\d]{0,4}-|ets J(?:an|un|ul) [ \d]\d 20\d\d[ ,]")
"""The first line of every chip's ROM, closely enough to tell it where it stands in the middle of another line."""

BANNER_REACH = 32
"""Bytes that `RESET_BANNER` may need to be decided: how far a search over new bytes starts before them."""


@cache
def _roms() -> tuple[re.Pattern[str], Mapping[str, str]]:
    """What tells a ROM, and the chip by what it found (a date with single spaces)."""
    chips = chip_identities().values()
    dates = {" ".join(date.split()): chip.key for chip in chips for date in chip.rom_dates}
    names = {name: chip.key for chip in chips for name in chip.rom_names}
    dated = "|".join(date.replace(" ", " +") for date in dates)
    return re.compile(rf"-ROM:(esp(?:32[a-z]*\d*|8684))|\bets ({dated})"), {**dates, **names}


def rom_chip(text: str) -> str | None:
    """Returns the key of the chip whose ROM prints this line, or the name that an unknown ROM gives itself; None
    for any other line.
    """
    pattern, keys = _roms()
    match = pattern.search(text)
    if match is None:
        return None
    found = " ".join((match[1] or match[2]).split())
    return keys.get(found, found)
