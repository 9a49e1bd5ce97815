"""Each of the 15 chips, probed here and by esptool, on the same loader with the same fuses."""

from __future__ import annotations

import pytest

from espmon.rom import Chips, ProbeResult, load_chips, probe
from espmon.testing import MockChannel, Quirks
from tests.rom import peer
from tests.rom.fuses import made_up_fuses

CHIPS = load_chips()
KEYS = list(CHIPS.chips)
STRICT = Quirks(error_repeats=8)
FRIENDLY = Quirks(strict=False)


async def _probe(key: str, quirks: Quirks, *, in_loader: bool = True) -> ProbeResult:
    async with MockChannel(key, quirks, in_loader=in_loader) as channel:
        return await probe(channel)


def _size(text: str, chips: Chips) -> int | None:
    units = {"KB": 1 << 10, "MB": 1 << 20}
    return int(text[:-2]) * units[text[-2:]] if text else None


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("seed", [0, 1, 2], ids=["blank fuses", "fuses 1", "fuses 2"])
async def test_every_field_agrees_with_esptool(key: str, seed: int) -> None:
    registers = made_up_fuses(key, seed) if seed else {}
    quirks = Quirks(error_repeats=1, registers=registers)
    ours = await _probe(key, quirks)
    async with MockChannel(key, quirks) as channel:
        theirs = peer.ask(channel.peer)
    assert ours.flash is not None
    assert (ours.chip, ours.description, ours.features) == (
        theirs.chip,
        theirs.description.replace("unknown", "Unknown"),
        theirs.features,
    )
    assert (ours.mac, ours.eui64, ours.crystal_mhz) == (theirs.mac, theirs.eui64, theirs.crystal_mhz)
    assert (ours.flash.manufacturer, ours.flash.device) == (theirs.manufacturer, theirs.device)
    assert ours.flash.size == _size(theirs.size, CHIPS)


@pytest.mark.parametrize("key", KEYS)
async def test_the_friendly_mock_and_the_strict_one_give_the_same_result(key: str) -> None:
    friendly, strict = await _probe(key, FRIENDLY), await _probe(key, STRICT)
    told = [{**result.to_json(), "elapsed": 0, "security": None} for result in (friendly, strict)]
    assert told[0] == told[1]


@pytest.mark.parametrize("key", KEYS)
async def test_every_chip_runs_its_application_afterwards(key: str) -> None:
    assert (await _probe(key, STRICT, in_loader=False)).after == "application"


@pytest.mark.parametrize("key", KEYS)
async def test_every_chip_survives_single_bytes_and_noise_before_the_first_reply(key: str) -> None:
    quirks = Quirks(chunk=1, leading_noise=b"ets Jul 29 2019\r\n\xc0\x00\xdb", error_repeats=8)
    assert (await _probe(key, quirks)).chip == CHIPS.chips[key].name


@pytest.mark.parametrize("key", [key for key in KEYS if key not in ("esp8266", "esp32")])
async def test_secure_download_mode_forbids_and_says_so(key: str) -> None:
    result = await _probe(key, Quirks(secure_download=True, error_repeats=8))
    told = result.to_json()
    assert told["chip"] == CHIPS.chips[key].name
    assert told["secure_download"] is True
    assert told["security"]["secure_download_enable"] is True
    assert [told[name] for name in ("mac", "eui64", "revision", "features", "flash")] == [None] * 5
    assert any("secure download mode" in warning for warning in told["warnings"])
    assert told["after"] == "application"
