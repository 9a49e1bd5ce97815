"""The same register contents read by this room's tables and by esptool's chip classes give the same chip."""

from __future__ import annotations

import random
from typing import Any

import pytest
from esptool.targets import CHIP_DEFS

from espmon.rom import identity
from espmon.rom.chips import Chips, load_chips

CONTENTS = 1000
"""Random register contents a chip."""


class _Registers(dict[int, int]):
    """Register contents made up when first read: mostly few bits, as fuses are, sometimes any."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)

    def __missing__(self, register: int) -> int:
        word = self._random.getrandbits(32)
        for _ in range(self._random.randrange(4)):
            word &= self._random.getrandbits(32)
        self[register] = word
        return word


def _peer(key: str, words: _Registers) -> Any:
    reader = object.__new__(CHIP_DEFS[key])
    reader.secure_download_mode = False
    reader.read_reg = lambda addr, timeout=0: words[addr]
    return reader


@pytest.fixture(scope="module")
def chips() -> Chips:
    return load_chips()


def _cases() -> list[str]:
    return list(CHIP_DEFS)


def _normal(features: list[str]) -> list[str]:
    return [text.removesuffix(" ()") for text in features]


def test_the_table_has_every_chip_that_esptool_has() -> None:
    assert set(load_chips().chips) == set(CHIP_DEFS)


@pytest.mark.parametrize("key", _cases())
def test_description_agrees_on_random_fuses(key: str, chips: Chips) -> None:
    chip = chips.chips[key]
    for seed in range(CONTENTS):
        words = _Registers(seed)
        ours = identity.description(chip, identity.field_values(chip, words))
        theirs = _peer(key, words).get_chip_description()
        assert ours == theirs.replace("unknown", "Unknown"), seed


@pytest.mark.parametrize("key", _cases())
def test_features_agree_on_random_fuses(key: str, chips: Chips) -> None:
    chip = chips.chips[key]
    for seed in range(CONTENTS):
        words = _Registers(seed)
        ours = identity.features(chip, identity.field_values(chip, words))
        assert ours == _normal(_peer(key, words).get_chip_features()), seed
