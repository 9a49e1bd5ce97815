"""The ROM ELF of an installed toolchain is found by chip and revision, and used once the board has named them."""

from __future__ import annotations

from pathlib import Path

import pytest

from espmon.session.rom_elves import find_rom_elf, revision_number
from tests.postmortem.made import ROM_FUNCTION, rom_program
from tests.session.test_reports import Case

NAMES = [
    "esp32_rev0_rom.elf", "esp32_rev300_rom.elf", "esp32c3_rev3_rom.elf", "esp32c3_rev101_rom.elf",
    "esp32s3_rev0_rom.elf", "roms.json", "esp32s2_rev0_rom.txt",
]  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / ".espressif" / "tools" / "esp-rom-elfs" / "20241011"
    folder.mkdir(parents=True)
    for name in NAMES:
        (folder / name).write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("chip", "revision", "name"),
    [
        ("esp32", 300, "esp32_rev300_rom.elf"),
        ("esp32", 301, "esp32_rev300_rom.elf"),
        ("ESP32-D0WD-V3 (revision v1.0)", 100, "esp32_rev0_rom.elf"),
        ("ESP32-C3 (QFN32)", 4, "esp32c3_rev3_rom.elf"),
        ("esp32c3", 101, "esp32c3_rev101_rom.elf"),
        ("esp32c3", 0, "esp32c3_rev3_rom.elf"),
        ("ESP32-S3", None, "esp32s3_rev0_rom.elf"),
        ("esp32", None, None),
        ("esp32s2", 0, None),
        ("esp8266", None, None),
        (None, 300, None),
    ],
)
def test_the_elf_is_that_of_the_chip_and_the_revision(
    home: Path, chip: str | None, revision: int | None, name: str | None
) -> None:
    found = find_rom_elf(chip, revision, {}, home)
    assert (found.name if found else None) == name


def test_a_chosen_folder_goes_first_and_the_newest_release_next(home: Path, tmp_path: Path) -> None:
    newer = home / ".espressif" / "tools" / "esp-rom-elfs" / "20250101"
    newer.mkdir()
    (newer / "esp32s3_rev0_rom.elf").write_bytes(b"")
    assert find_rom_elf("esp32s3", 1, {}, home) == newer / "esp32s3_rev0_rom.elf"
    chosen = tmp_path / "chosen"
    chosen.mkdir()
    (chosen / "esp32s3_rev0_rom.elf").write_bytes(b"")
    assert find_rom_elf("esp32s3", 1, {"ESP_ROM_ELF_DIR": str(chosen)}, home) == chosen / "esp32s3_rev0_rom.elf"
    # What the chosen folder does not have is still found.
    assert find_rom_elf("esp32", 300, {"ESP_ROM_ELF_DIR": str(chosen)}, home) is not None
    assert find_rom_elf("esp32s3", 1, {"ESP_ROM_ELF_DIR": "/nowhere"}, home) == newer / "esp32s3_rev0_rom.elf"


@pytest.mark.parametrize(("text", "number"), [("v3.1", 301), ("3", 300), ("v0.4", 4), ("", None), (None, None)])
def test_revisions_are_read_as_logs_have_them(text: str | None, number: int | None) -> None:
    assert revision_number(text) == number


BOOT = b"""ESP-ROM:esp32c3-api1-20210207
rst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)
I (30) boot: ESP-IDF v5.1 2nd stage bootloader
I (31) boot: chip revision: v0.4
I (40) cpu_start: Project name:     app
I (41) main_task: Calling app_main()
"""


async def test_the_screen_names_rom_code_once_the_boot_log_has_named_the_chip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from espmon.sim.firmware_image import ELF

    rom_program(tmp_path / "esp32c3_rev3_rom.elf", "rom_function")
    monkeypatch.setenv("ESP_ROM_ELF_DIR", str(tmp_path))
    case = Case(tmp_path)
    await case.open(ELF)
    case.handle.push(BOOT + f"stopped at 0x{ROM_FUNCTION:08x}\n".encode())
    last = BOOT.count(b"\n")
    await case.watch.until(lambda: "rom_function" in "".join(case.session.decoration(last)))
    await case.session.close()
