"""Boot logs: from the ROM's banner to the first line of the application."""

from __future__ import annotations

import hashlib

from espmon.sim.firmware_image import SHA_PREFIX
from espmon.sim.simulated_chips import SimulatedChip

GREEN, YELLOW, RED, PLAIN = "\x1b[0;32m", "\x1b[0;33m", "\x1b[0;31m", "\x1b[0m"
COLOURS = {"I": GREEN, "W": YELLOW, "E": RED}
NEWLINE = "\r\n"

POWER_ON, SOFTWARE, WATCHDOG = "power_on", "software", "watchdog"
"""Why a boot happened; names of columns of the chip table."""

PROJECT, VERSION, IDF = "espmon_demo", "1.0.0", "v5.3-simulated"
BUILD_DATE, BUILD_TIME = "Jan  1 2026", "12:00:00"
APPLICATION_AT = 0x10000
"""Where the application stands in flash."""

PARTITIONS = (
    (0, "nvs", "WiFi data", "01 02", 0x9000, 0x6000),
    (1, "phy_init", "RF data", "01 01", 0xF000, 0x1000),
    (2, "factory", "factory app", "00 00", APPLICATION_AT, 0x100000),
    (3, "coredump", "Unknown data", "01 03", 0x110000, 0x10000),
)
"""(number, label, usage, type and subtype, offset, size) of each row, as the bootloader prints it."""


def revision_text(revision: int) -> str:
    """`v0.4` of 4, `v1.2` of 102."""
    return f"v{revision // 100}.{revision % 100}"


def log_line(level: str, milliseconds: int, tag: str, text: str) -> str:
    """A log line as ESP-IDF colours it."""
    colour = COLOURS.get(level, "")
    return f"{colour}{level} ({milliseconds}) {tag}: {text}{PLAIN if colour else ''}{NEWLINE}"


def application_sha(chip: SimulatedChip, elf_sha256: str) -> str:
    """The SHA-256 of the application's ELF: that of the shipped ELF where its instruction set fits.

    An Xtensa board has that of an ELF nobody has, so that a monitor has to say that none fits.
    """
    return elf_sha256 if chip.riscv else hashlib.sha256(b"espmon demo, not shipped: " + chip.key.encode()).hexdigest()


def printed_sha(chip: SimulatedChip, elf_sha256: str) -> str:
    """The prefix of `application_sha` that the application prints."""
    return application_sha(chip, elf_sha256)[:SHA_PREFIX]


def rom_banner(chip: SimulatedChip, reason: str = POWER_ON) -> str:
    """What the ROM prints when it starts the bootloader in flash."""
    if chip.key == "esp8266":
        cause = {POWER_ON: 2, SOFTWARE: 3, WATCHDOG: 4}[reason]
        lines = ["", f" ets Jan  8 2013,rst cause:{cause}, boot mode:(3,6)", "", *chip.loads]
    else:
        lines = [*chip.rom, f"rst:{getattr(chip, reason)},boot:{chip.flash_boot}", *chip.loads]
    return NEWLINE.join(lines) + NEWLINE


def download_banner(chip: SimulatedChip) -> str:
    """What the ROM prints when it stays in its loader."""
    if chip.key == "esp8266":
        return f"{NEWLINE} ets Jan  8 2013,rst cause:2, boot mode:(1,6){NEWLINE}{NEWLINE}"
    lines = [*chip.rom, f"rst:{chip.power_on},boot:{chip.download_boot}", "waiting for download"]
    return NEWLINE.join(lines) + NEWLINE


def application_log(chip: SimulatedChip, elf_sha256: str) -> str:
    """Second stage bootloader and start-up of the application."""
    stamp = f"{BUILD_DATE} {BUILD_TIME}"
    lines = [
        log_line("I", 24, "boot", f"ESP-IDF {IDF} 2nd stage bootloader"),
        log_line("I", 24, "boot", f"compile time {stamp}"),
        log_line("I", 25, "boot", f"chip revision: {revision_text(chip.revision)}"),
        log_line("I", 28, f"boot.{chip.key}", "SPI Speed      : 80MHz"),
        log_line("I", 33, f"boot.{chip.key}", "SPI Mode       : DIO"),
        log_line("I", 38, f"boot.{chip.key}", "SPI Flash Size : 4MB"),
        log_line("I", 42, "boot", "Enabling RNG early entropy source..."),
        log_line("I", 48, "boot", "Partition Table:"),
        log_line("I", 51, "boot", "## Label            Usage          Type ST Offset   Length"),
    ]
    for index, (number, label, usage, kind, offset, length) in enumerate(PARTITIONS):
        row = f"{number:2} {label:<16} {usage:<16} {kind} {offset:08x} {length:08x}"
        lines.append(log_line("I", 58 + 8 * index, "boot", row))
    lines += [
        log_line("I", 91, "boot", "End of partition table"),
        log_line("I", 160, "boot", f"Loaded app from partition at offset 0x{APPLICATION_AT:x}"),
        log_line("I", 160, "boot", "Disabling RNG early entropy source..."),
        log_line("I", 171, "cpu_start", "Unicore app"),
        log_line("I", 180, "cpu_start", "Pro cpu start user code"),
        log_line("I", 180, "cpu_start", "cpu freq: 160000000 Hz"),
        log_line("I", 180, "app_init", "Application information:"),
        log_line("I", 183, "app_init", f"Project name:     {PROJECT}"),
        log_line("I", 188, "app_init", f"App version:      {VERSION}"),
        log_line("I", 193, "app_init", f"Compile time:     {stamp}"),
        log_line("I", 199, "app_init", f"ELF file SHA256:  {printed_sha(chip, elf_sha256)}..."),
        log_line("I", 204, "app_init", f"ESP-IDF:          {IDF}"),
        log_line("I", 209, "efuse_init", f"Min chip rev:     {revision_text(chip.min_revision)}"),
        log_line("I", 219, "heap_init", "Initializing. RAM available for dynamic allocation:"),
        log_line("I", 226, "heap_init", "At 3FC8E7E0 len 00031820 (198 KiB): RAM"),
        log_line("I", 240, "spi_flash", "detected chip: generic"),
        log_line("I", 244, "spi_flash", "flash io: dio"),
        log_line("I", 258, "main_task", "Started on CPU0"),
        log_line("I", 258, "main_task", "Calling app_main()"),
        log_line("I", 268, "demo", f"espmon demo application on a simulated {chip.title}"),
    ]
    return "".join(lines)
