"""Register contents for a chip, made up but always the same."""

from __future__ import annotations

import random

from espmon.rom import identity, load_chips


def made_up_fuses(key: str, seed: int) -> dict[int, int]:
    """Register contents for a chip: any bits in its fuses, a crystal that the host's rate agrees with."""
    chip = load_chips().chips[key]
    chooser = random.Random(f"{key} {seed}")
    words = {register: chooser.getrandbits(32) for register in identity.registers_of(chip)}
    if key == "esp8266":
        words[chip.mac_registers[2]] |= 1  # else the maker's prefix may be one that nobody knows
    if chip.crystal.clock is not None:
        mhz = chooser.choice([26, 40, 48] if key == "esp32c5" else [26, 40])
        words[chip.crystal.clock.register] = int(mhz * 1e6 * chip.crystal.divider / 115200)
    return words
