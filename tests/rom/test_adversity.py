"""A real loader's bad days: latency, losses, silence, repeats, a reset or a cut wire in the middle."""

from __future__ import annotations

import pytest

from espmon.rom import ProbeResult, RomError, RomErrorKind, load_chips, probe
from espmon.rom import boot_text as boot
from espmon.testing import Fault, MockChannel, Operation, Quirks, WireLost

DAMAGE = [Fault.LOSE, Fault.LOSE_BYTE, Fault.TRUNCATE, Fault.DUPLICATE, Fault.REJECT]


async def _probe(quirks: Quirks, chip: str = "esp32c3", *, flash_id: bool = True) -> tuple[MockChannel, ProbeResult]:
    async with MockChannel(chip, quirks) as channel:
        return channel, await probe(channel, flash_id=flash_id)


async def _error(quirks: Quirks, chip: str = "esp32c3") -> tuple[MockChannel, RomError]:
    async with MockChannel(chip, quirks, in_loader=False) as channel:
        with pytest.raises(RomError) as caught:
            await probe(channel)
        return channel, caught.value


async def _told(quirks: Quirks, chip: str = "esp32c3") -> dict[str, object]:
    _, result = await _probe(quirks, chip)
    return {name: value for name, value in result.to_json().items() if name not in ("elapsed", "warnings")}


@pytest.mark.parametrize("fault", DAMAGE)
@pytest.mark.parametrize("number", [0, 1, 2, 5, 12])
async def test_a_damaged_reply_changes_nothing_in_the_result(fault: Fault, number: int) -> None:
    assert await _told(Quirks(reply_faults={number: fault})) == await _told(Quirks())


@pytest.mark.parametrize("fault", DAMAGE[:-1])
@pytest.mark.parametrize("number", [1, 4])
async def test_a_damaged_request_changes_nothing_in_the_result(fault: Fault, number: int) -> None:
    assert await _told(Quirks(request_faults={number: fault})) == await _told(Quirks())


async def test_a_slow_remote_line_only_takes_longer() -> None:
    assert await _told(Quirks(latency=0.13)) == await _told(Quirks())


@pytest.mark.parametrize("chip", ["esp32", "esp32s2", "esp32c3"])
async def test_a_refusal_repeated_eight_times_is_no_answer_to_the_next_command(chip: str) -> None:
    # Whatever the chip refuses on the way, GET_SECURITY_INFO included, comes eight times.
    assert await _told(Quirks(error_repeats=8), chip) == await _told(Quirks(), chip)


async def test_a_chip_that_resets_in_the_middle_is_asked_again() -> None:
    channel, result = await _probe(Quirks(reset_after=6))
    assert result.mac == "24:0a:c4:1f:67:7d"
    assert any("fell silent" in warning for warning in result.warnings)
    assert channel.played == ["classic 50 ms", "hard reset"]


async def test_a_chip_that_keeps_falling_silent_is_reported_and_started() -> None:
    channel, error = await _error(Quirks(silent_after=4))
    assert error.kind is RomErrorKind.SILENT
    assert channel.played[-1] == "hard reset"
    assert error.after == "application"


async def test_a_stub_that_runs_already_is_used_as_it_is() -> None:
    channel, result = await _probe(Quirks(stub_running=True))
    assert (result.loader, result.mac) == ("stub", "24:0a:c4:1f:67:7d")
    assert channel.played == ["hard reset"]


async def test_the_esp32_stub_measures_its_crystal_another_way() -> None:
    assert (await _told(Quirks(stub_running=True), "esp32"))["crystal_mhz"] == 26


async def test_a_stub_answers_the_flash_id_without_the_roms_long_form() -> None:
    channel, _ = await _probe(Quirks(stub_running=True))
    attach = [data for op, data in channel.peer.requests if op == Operation.SPI_ATTACH]
    assert attach == [bytes(4)]


async def test_a_cut_wire_is_the_channels_error_not_a_chips() -> None:
    async with MockChannel("esp32c3", Quirks(disconnect_at=200)) as channel:
        with pytest.raises(WireLost):
            await probe(channel)


async def test_a_flash_chip_that_does_not_answer_costs_a_warning() -> None:
    w0 = 0x60002058
    _, result = await _probe(Quirks(registers={w0: 0xFFFFFFFF}))
    assert result.flash is None
    assert any("No flash chip answered" in warning for warning in result.warnings)


async def test_a_flash_chip_whose_id_does_not_tell_its_size_is_named_all_the_same() -> None:
    _, result = await _probe(Quirks(registers={0x60002058: 0xEE40C8}))
    assert result.to_json()["flash"] == {"manufacturer": "0xc8", "device": "0x40ee", "size": None}
    assert any("does not tell its size" in warning for warning in result.warnings)


async def test_without_flash_id_the_flash_is_not_touched() -> None:
    channel, result = await _probe(Quirks(), flash_id=False)
    assert result.flash is None
    assert result.warnings == []
    assert channel.peer.counts[Operation.SPI_ATTACH] == 0


async def test_a_crystal_of_no_usual_rate_is_doubted() -> None:
    _, result = await _probe(Quirks(registers={0x3FF40014: int(36e6 / 115200)}), "esp32")
    assert result.crystal_mhz == 40
    assert any("measures 35.9" in warning for warning in result.warnings)


def test_early_silicon_that_was_never_sold_is_named() -> None:
    assert "ESP32-C6(beta)" in boot.unknown_chip(7, load_chips()).message


async def test_the_security_flags_of_a_locked_chip_are_told() -> None:
    _, result = await _probe(Quirks(security_flags=0b1000001, flash_crypt_count=0b111))
    assert result.security is not None
    assert {name for name, on in result.security.items() if on} == {
        "secure_boot_en",
        "soft_dis_jtag",
        "flash_encryption",
    }


@pytest.mark.parametrize(
    ("revision_fuses", "efuse6", "boots_securely"),
    [
        ({}, 0x10, True),
        ({}, 0x20, False),
        ({0x3FF5A00C: 1 << 15, 0x3FF5A014: 1 << 20, 0x3FF6607C: 1 << 31}, 0x20, True),
    ],
    ids=["version 1", "version 2 needs revision 3", "version 2 on revision 3"],
)
async def test_the_esp32_tells_secure_boot_by_its_fuses(
    revision_fuses: dict[int, int], efuse6: int, boots_securely: bool
) -> None:
    _, result = await _probe(Quirks(registers={**revision_fuses, 0x3FF5A018: efuse6}), "esp32")
    assert result.security == {"secure_boot_en": boots_securely, "flash_encryption": False}


@pytest.mark.parametrize(
    ("chip", "usb", "registers", "mode"),
    [
        ("esp32c3", (0x303A, 0x1001), {}, "USB-Serial/JTAG"),
        ("esp32s3", (0x303A, 0x0009), {}, "USB-OTG"),
        ("esp32s3", (0x10C4, 0xEA60), {0x3FCEF14C: 4}, "UART"),
        ("esp32s3", None, {0x3FCEF14C: 4}, "USB-Serial/JTAG"),
        ("esp32s3", None, {0x3FCEF14C: 3}, "USB-OTG"),
        ("esp32c3", None, {0x3FCDF07C: 3}, "USB-Serial/JTAG"),
        ("esp32c3", None, {0x3FCDF078: 3, 0x60008858: 1 << 24, 0x60008850: 1 << 18}, "USB-Serial/JTAG"),
        ("esp32c3", None, {}, "UART"),
        ("esp32", (0x10C4, 0xEA60), {}, None),
    ],
)
async def test_the_usb_mode_comes_from_the_port_first_and_from_the_rom_else(
    chip: str, usb: tuple[int, int] | None, registers: dict[int, int], mode: str | None
) -> None:
    async with MockChannel(chip, Quirks(registers=registers), usb=usb) as channel:
        assert (await probe(channel)).usb_mode == mode


@pytest.mark.parametrize("chip", ["esp32c3", "esp32s3", "esp32p4"])
async def test_over_usb_serial_jtag_the_watchdogs_are_switched_off(chip: str) -> None:
    async with MockChannel(chip, usb=(0x303A, 0x1001)) as channel:
        await probe(channel, flash_id=False)
    assert channel.peer.counts[Operation.WRITE_REG] == 6


async def test_over_a_uart_the_watchdogs_are_left_alone() -> None:
    channel, _ = await _probe(Quirks(), flash_id=False)
    assert channel.peer.counts[Operation.WRITE_REG] == 0
