"""What CHANGE_BAUDRATE must be told so that a chip runs at the rate the host wants.

Some ROMs reckon with a crystal they do not have: the number sent to them is corrected by the ratio. The table's
`change_baud.rule` names one of these rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from espmon.rom.chips import Chip
from espmon.rom.identity import Words


def _calibrated(rule: Mapping[str, Any], chip: Chip, words: Words, crystal_mhz: int, baud: int) -> int:
    crystal = chip.crystal
    if crystal.stub_calibration is None or crystal.stub_clock is None:
        return baud
    calibration = words[crystal.stub_calibration] >> crystal.stub_shift & crystal.stub_mask
    hertz = calibration * 15625 * (words[crystal.stub_clock.register] & crystal.stub_clock.mask) // 40
    return baud * hertz // (40_000_000 if hertz > 33_000_000 else 26_000_000) if hertz else baud


def _fixed_ratio(rule: Mapping[str, Any], chip: Chip, words: Words, crystal_mhz: int, baud: int) -> int:
    return baud * int(rule["expected_mhz"]) // crystal_mhz if crystal_mhz == rule["crystal_mhz"] else baud


def _expected_register(rule: Mapping[str, Any], chip: Chip, words: Words, crystal_mhz: int, baud: int) -> int:
    expected = words[int(rule["register"], 16)] >> int(rule["shift"]) & int(rule["mask"], 16)
    # A ROM that reckons with 40 MHz on a 48 MHz crystal runs too fast by their ratio, and the other way round.
    return baud * expected // crystal_mhz if {expected, crystal_mhz} == {40, 48} else baud


UNSUPPORTED = "unsupported"
"""The rule of a ROM that stays at its rate."""

RULES: Mapping[str, Callable[[Mapping[str, Any], Chip, Words, int, int], int]] = {
    UNSUPPORTED: lambda rule, chip, words, crystal_mhz, baud: baud,
    "calibrated": _calibrated,
    "fixed_ratio": _fixed_ratio,
    "expected_register": _expected_register,
}


def is_unsupported(chip: Chip) -> bool:
    """The ROM has no such command."""
    return chip.change_baud is not None and chip.change_baud["rule"] == UNSUPPORTED


def registers_for_baud(chip: Chip) -> list[int]:
    """The registers that `rom_baud` needs besides the crystal's."""
    rule = chip.change_baud
    if rule is None:
        return []
    if rule["rule"] == "calibrated" and chip.crystal.stub_calibration is not None and chip.crystal.stub_clock:
        return [chip.crystal.stub_calibration, chip.crystal.stub_clock.register]
    return [int(rule["register"], 16)] if "register" in rule else []


def rom_baud(chip: Chip, words: Words, crystal_mhz: int, baud: int) -> int:
    """The number to send to the ROM of `chip` so that it runs at `baud`."""
    rule = chip.change_baud
    return baud if rule is None else RULES[rule["rule"]](rule, chip, words, crystal_mhz, baud)
