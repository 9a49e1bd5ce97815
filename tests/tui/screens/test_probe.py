"""The result of a probe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from espmon.rom import ProbeResult
from espmon.rom.spi import FlashId
from espmon.tui.screens.probe_report import UNTOLD, probe_sections
from espmon.tui.screens.report_screen import ReportScreen
from tests.tui.screens.host import Host, run_before, screen_text
from tests.tui.sized_pictures import SIZES

PROBE = ProbeResult(
    chip="esp32s3",
    key="esp32s3",
    description="ESP32-S3 (QFN56) revision v0.2",
    revision="v0.2",
    mac="7c:df:a1:00:11:22",
    crystal_mhz=40,
    features=["Wi-Fi", "BT 5 (LE)", "Embedded PSRAM 8MB"],
    flash=FlashId(0x20, 0x4018, 16777216),
    usb_mode="USB-Serial/JTAG",
    security={"secure_boot": False, "flash_encryption": True},
    after="application",
    elapsed=0.42,
)
EXCHANGE = "0.010 -> SYNC\n0.020 <- SYNC ok"


def screen(warnings: tuple[str, ...] = ()) -> ReportScreen:
    return ReportScreen("Probe of gfx-board", probe_sections(PROBE, EXCHANGE), warnings=warnings)


def fields(probe: ProbeResult) -> dict[str, str]:
    return {label: text for section in probe_sections(probe) for label, text in section.rows}


def test_every_field_is_there_in_words() -> None:
    found = fields(PROBE)
    assert found["MAC"] == "7c:df:a1:00:11:22"
    assert found["size"] == "16.0 MiB (16777216 bytes)"
    assert found["features"] == "Wi-Fi, BT 5 (LE), Embedded PSRAM 8MB"
    assert (found["secure download mode"], found["flash encryption"]) == ("no", "yes")
    assert (found["took"], found["now running"]) == ("0.4 s", "application")


def test_what_the_chip_does_not_tell_is_said_and_never_invented() -> None:
    empty = ProbeResult(chip="ESP32", key="esp32", description="")
    untold = {label for label, text in fields(empty).items() if text == UNTOLD}
    assert untold == {"revision", "MAC", "crystal, MHz", "features", "USB mode"}
    assert [section.text for section in probe_sections(empty) if section.title in ("Flash", "Security")] == [UNTOLD] * 2


def test_an_address_that_only_some_chips_have_is_not_left_out() -> None:
    assert fields(replace(PROBE, eui64="aa:bb"))["EUI-64"] == "aa:bb"


async def test_the_exchange_can_be_copied_for_a_bug_report() -> None:
    app = Host(screen)
    async with app.run_test() as pilot:
        await pilot.press(*["tab"] * 4, "c")
        await pilot.pause()
        assert app.copied == "\n".join(["Exchange with the loader", EXCHANGE])


@pytest.mark.parametrize("size", SIZES)
def test_looks_as_accepted(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        assert pilot.app.size == size
        for part in ("Probe of gfx-board", "! It stayed in download mode", "ESP32-S3 (QFN56)", "16.0 MiB", "Copy part"):
            assert part in screen_text(pilot.app)

    app = Host(lambda: screen(("It stayed in download mode",)))
    assert snap_compare(app, terminal_size=size, run_before=run_before(check))
