"""What each simulated chip prints before its application runs: a table, read from boot logs and data sheets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SimulatedChip:
    """One row.

    Attributes:
        key: the name esptool takes.
        title: as people write it.
        riscv: the demo ELF's instruction set; Xtensa chips print panics that no ELF here fits.
        chip_id: the number in core dumps and image headers (-1: it has none).
        rom: the first line or lines of the ROM.
        flash_boot: boot value and name for a start from flash.
        download_boot: the same for the loader.
        resets: reset codes and names: power on, software, watchdog.
        loads: the segments the ROM loads, as it prints them.
        bootloader_at: where the ROM looks for the bootloader in flash.
        revision: of the silicon, 100 * major + minor; what `fuses` say (0: no fuse is burned).
        min_revision: the lowest that the application runs on.
        fuses: register -> word that is not as the loader's kit has it.
    """

    key: str
    title: str
    riscv: bool
    chip_id: int
    rom: tuple[str, ...]
    flash_boot: str = "0xc (SPI_FAST_FLASH_BOOT)"
    download_boot: str = "0x4 (DOWNLOAD(USB/UART0/1))"
    power_on: str = "0x1 (POWERON)"
    software: str = "0xc (RTC_SW_CPU_RST)"
    watchdog: str = "0x7 (TG0WDT_SYS_RST)"
    loads: tuple[str, ...] = (
        "SPIWP:0xee",
        "mode:DIO, clock div:1",
        "load:0x3fcd5820,len:0x1574",
        "load:0x403cc710,len:0xc30",
        "load:0x403ce710,len:0x2f64",
        "entry 0x403cc71a",
    )
    bootloader_at: int = 0
    revision: int = 0
    min_revision: int = 0
    fuses: Mapping[int, int] = field(default_factory=dict)


XTENSA_LOADS = (
    "configsip: 0, SPIWP:0xee",
    "clk_drv:0x00,q_drv:0x00,d_drv:0x00,cs0_drv:0x00,hd_drv:0x00,wp_drv:0x00",
    "mode:DIO, clock div:2",
    "load:0x3fff0030,len:7176",
    "load:0x40078000,len:15564",
    "load:0x40080400,len:4",
    "entry 0x40080640",
)

_ROWS = (
    SimulatedChip(
        "esp8266", "ESP8266", False, -1, (), loads=("load 0x4010f000, len 3460, room 16 ", "tail 4", "chksum 0xcc")
    ),
    SimulatedChip(
        "esp32",
        "ESP32",
        False,
        0,
        ("ets Jul 29 2019 12:21:46", ""),
        "0x13 (SPI_FAST_FLASH_BOOT)",
        "0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))",
        "0x1 (POWERON_RESET)",
        "0xc (SW_CPU_RESET)",
        "0x8 (TG1WDT_SYS_RESET)",
        XTENSA_LOADS,
        bootloader_at=0x1000,
    ),
    SimulatedChip(
        "esp32s2",
        "ESP32-S2",
        False,
        2,
        ("ESP-ROM:esp32s2-rc4-20191025", "Build:Oct 25 2019"),
        "0x8 (SPI_FAST_FLASH_BOOT)",
        "0x0 (DOWNLOAD(USB/UART0/1/SPI))",
        bootloader_at=0x1000,
    ),
    SimulatedChip(
        "esp32s3",
        "ESP32-S3",
        False,
        9,
        ("ESP-ROM:esp32s3-20210327", "Build:Mar 27 2021"),
        "0x8 (SPI_FAST_FLASH_BOOT)",
        "0x0 (DOWNLOAD(USB/UART0))",
    ),
    SimulatedChip("esp32c2", "ESP32-C2", True, 12, ("ESP-ROM:esp8684-api2-20220127", "Build:Jan 27 2022")),
    SimulatedChip(
        "esp32c3",
        "ESP32-C3",
        True,
        5,
        ("ESP-ROM:esp32c3-api1-20210207", "Build:Feb  7 2021"),
        revision=4,
        min_revision=3,
        # WAFER_VERSION_MINOR_LO of EFUSE_RD_MAC_SPI_SYS_3 (technical reference manual, eFuse controller).
        fuses={0x60008850: 4 << 18},
    ),
    SimulatedChip(
        "esp32c6",
        "ESP32-C6",
        True,
        13,
        ("ESP-ROM:esp32c6-20220919", "Build:Sep 19 2022"),
        download_boot="0x4 (DOWNLOAD(USB/UART0/SDIO_REI_FEO))",
        software="0xc (SW_CPU)",
        watchdog="0x7 (TG0_WDT_HPSYS)",
    ),
    SimulatedChip("esp32h2", "ESP32-H2", True, 16, ("ESP-ROM:esp32h2-20221101", "Build:Nov  1 2022")),
    SimulatedChip(
        "esp32p4",
        "ESP32-P4",
        True,
        18,
        ("ESP-ROM:esp32p4-eco2-20240710", "Build:Jul 10 2024"),
        flash_boot="0x30f (SPI_FAST_FLASH_BOOT)",
        download_boot="0x307 (DOWNLOAD(USB/UART0/SPI))",
        software="0xc (SW_CPU_RESET)",
        bootloader_at=0x2000,
    ),
    # The ROM's version line of these is not known here: the name alone.
    *(
        SimulatedChip(key, title, True, chip_id, (f"ESP-ROM:{key}",), bootloader_at=bootloader_at)
        for key, title, chip_id, bootloader_at in (
            ("esp32c5", "ESP32-C5", 23, 0x2000),
            ("esp32c61", "ESP32-C61", 20, 0),
            ("esp32h21", "ESP32-H21", 25, 0),
            ("esp32h4", "ESP32-H4", 28, 0x2000),
            ("esp32s31", "ESP32-S31", 32, 0x2000),
            ("esp32e22", "ESP32-E22", 31, 0),
        )
    ),
)

CHIPS = {row.key: row for row in _ROWS}
"""Key -> row."""
