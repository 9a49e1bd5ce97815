"""Boot logs: from the ROM's banner to the first line of the application."""

from __future__ import annotations

import hashlib

from espmon.data import load_table
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
    (0, "nvs", "WiFi data", "01 02", 0x9000, 0x4000),
    (1, "otadata", "OTA data", "01 00", 0xD000, 0x2000),
    (2, "phy_init", "RF data", "01 01", 0xF000, 0x1000),
    (3, "factory", "factory app", "00 00", APPLICATION_AT, 0x100000),
    (4, "coredump", "Unknown data", "01 03", 0x110000, 0x10000),
    (5, "ota_0", "OTA app", "00 10", 0x120000, 0x100000),
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
    """Second stage bootloader and start-up of the application: `data/boot_log.json`, filled in."""
    values = {
        "application_at": f"0x{APPLICATION_AT:x}",
        "idf": IDF,
        "key": chip.key,
        "min_revision": revision_text(chip.min_revision),
        "project": PROJECT,
        "revision": revision_text(chip.revision),
        "sha": printed_sha(chip, elf_sha256),
        "stamp": f"{BUILD_DATE} {BUILD_TIME}",
        "title": chip.title,
        "version": VERSION,
    }
    table = load_table(__file__, "boot_log.json")
    partitions = (
        f"{58 + 8 * index} boot: {number:2} {label:<16} {usage:<16} {kind} {offset:08x} {length:08x}"
        for index, (number, label, usage, kind, offset, length) in enumerate(PARTITIONS)
    )
    rows = [*table["before_the_partitions"], *partitions, *table["behind_the_partitions"]]
    parts = (row.format(**values).split(" ", 1) for row in rows)
    return "".join(log_line("I", int(when), *said.split(": ", 1)) for when, said in parts)
