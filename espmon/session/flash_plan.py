"""From what users have (a build folder, a list of files) to regions of flash. File work: run it off the event loop."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

MOST_REGIONS = 64
MOST_BYTES = 256 << 20
"""The largest file that can go into any flash there is."""

PARTITIONS_AT = 0x8000
OTA_DATA_AT = 0xE000
APPLICATION_AT = 0x10000

PROJECT_FILES = ("flasher_args.json", "flash_args")


class PlanError(Exception):
    """What the user gave cannot be flashed; the message says why and names the file."""


@dataclass(frozen=True, slots=True)
class Region:
    """Bytes and where they belong."""

    address: int
    data: bytes
    file: Path
    role: str
    """ "bootloader", "partitions", "application", "data" or ""."""

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class FlashPlan:
    """What goes where."""

    regions: tuple[Region, ...]
    chip: str | None = None
    """The chip it was built for, when the build says so."""

    source: str = ""
    """Where the plan comes from, for people."""

    def only(self, role: str) -> FlashPlan:
        """The plan with the regions of one role. Raises `PlanError` when there is none."""
        chosen = tuple(region for region in self.regions if region.role == role)
        if not chosen:
            raise PlanError(f"{self.source} has no {role}")
        return FlashPlan(chosen, self.chip, self.source)


def number(text: str) -> int:
    """A decimal or 0x number. Raises `PlanError`."""
    try:
        return int(text, 0)
    except ValueError:
        raise PlanError(f"{text!r} is no address: write 0x10000 or 65536") from None


def read_file(path: Path) -> bytes:
    """A file's bytes. Raises `PlanError` when it cannot be read, is empty, or is too large."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise PlanError(f"{path} has {size} bytes: more than any flash holds")
        data = path.read_bytes()
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror or error}") from error
    if not data:
        raise PlanError(f"{path} is empty")
    return data


def from_pairs(words: Sequence[str]) -> FlashPlan:
    """`ADDR FILE ADDR FILE ...`; an Intel HEX file (`.hex`) needs no address. Raises `PlanError`."""
    regions: list[Region] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word.lower().endswith((".hex", ".ihex")):
            regions += intel_hex(Path(word))
            continue
        address = number(word)
        if not left:
            raise PlanError(f"a file is missing behind {word}")
        path = Path(left.pop(0))
        regions.append(Region(address, read_file(path), path, ""))
    if not regions:
        raise PlanError("nothing to flash: give ADDR FILE pairs, a .hex file, or --project DIR")
    return FlashPlan(tuple(regions), source="the command line")


def intel_hex(path: Path) -> list[Region]:
    """The contiguous pieces of an Intel HEX file. Raises `PlanError`."""
    from intelhex import IntelHex, IntelHexError

    read_file(path)
    try:
        content = IntelHex(str(path))
    except (IntelHexError, UnicodeDecodeError, ValueError) as error:
        raise PlanError(f"{path} is no Intel HEX file: {error}") from error
    pieces = content.segments()
    if len(pieces) > MOST_REGIONS:
        raise PlanError(f"{path} has {len(pieces)} separate pieces; at most {MOST_REGIONS} can be flashed")
    return [Region(start, bytes(content.tobinarray(start=start, end=end - 1)), path, "") for start, end in pieces]


def from_project(folder: Path) -> FlashPlan:
    """The plan of a build: ESP-IDF, PlatformIO or Arduino, in `folder` or its usual build folders.

    Raises `PlanError` with the places that were looked at.
    """
    folder = folder if folder.is_dir() else folder.parent
    for place in (folder, folder / "build"):
        if (place / "flasher_args.json").is_file():
            return _flasher_args(place / "flasher_args.json")
    for place in (folder, folder / "build"):
        if (place / "flash_args").is_file():
            return _flash_args(place / "flash_args")
    environments = sorted(
        (folder / ".pio" / "build").glob("*/firmware.bin"), key=lambda path: path.stat().st_mtime, reverse=True
    )
    for application in [folder / "firmware.bin", *environments]:
        if application.is_file():
            return _platformio(application)
    sketches = sorted(folder.rglob("*.ino.bin"), key=lambda path: path.stat().st_mtime, reverse=True)
    if sketches:
        return _arduino(sketches[0])
    raise PlanError(
        f"{folder} holds no build: no flasher_args.json or flash_args (ESP-IDF), "
        "no .pio/build/*/firmware.bin (PlatformIO), no *.ino.bin (Arduino)"
    )


def _role(name: str, address: int) -> str:
    lowered = name.lower()
    if "bootloader" in lowered:
        return "bootloader"
    if "partition" in lowered or address == PARTITIONS_AT:
        return "partitions"
    if "ota_data" in lowered or "otadata" in lowered or "boot_app0" in lowered:
        return "data"
    return "application" if address == APPLICATION_AT else "data"


def _flasher_args(path: Path) -> FlashPlan:
    try:
        table: Any = json.loads(path.read_text("utf-8"))
        files = dict(table["flash_files"])
        application = number(str(table["app"]["offset"])) if "app" in table else None
        chip = table.get("extra_esptool_args", {}).get("chip")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PlanError(f"{path} is not what a build writes: {error}") from error
    regions = []
    for key, name in files.items():
        address = number(str(key))
        file = path.parent / str(name)
        role = "application" if address == application else _role(str(name), address)
        regions.append(Region(address, read_file(file), file, role))
    return FlashPlan(tuple(sorted(regions, key=lambda region: region.address)), _chip(chip), str(path))


def _flash_args(path: Path) -> FlashPlan:
    words = read_file(path).decode("utf-8", "replace").split()
    pairs = [
        (number(address), path.parent / name)
        for address, name in pairwise(words)
        if re.fullmatch(r"0x[0-9a-fA-F]+", address)
    ]
    if not pairs:
        raise PlanError(f"{path} names no files")
    regions = tuple(Region(address, read_file(file), file, _role(file.name, address)) for address, file in pairs)
    return FlashPlan(regions, None, str(path))


def _platformio(application: Path) -> FlashPlan:
    folder = application.parent
    chip, bootloader_at = _chip_of_bootloader(folder / "bootloader.bin")
    regions = [Region(APPLICATION_AT, read_file(application), application, "application")]
    if not (folder / "bootloader.bin").is_file():
        # An ESP8266 build has one image, at the start of flash.
        return FlashPlan((Region(0, regions[0].data, application, "application"),), None, str(folder))
    regions.append(_piece(folder / "bootloader.bin", bootloader_at, "bootloader"))
    if (folder / "partitions.bin").is_file():
        regions.append(_piece(folder / "partitions.bin", PARTITIONS_AT, "partitions"))
    return FlashPlan(tuple(sorted(regions, key=lambda region: region.address)), chip, str(folder))


def _arduino(application: Path) -> FlashPlan:
    folder, sketch = application.parent, application.name.removesuffix(".bin")
    bootloader, partitions = folder / f"{sketch}.bootloader.bin", folder / f"{sketch}.partitions.bin"
    if not bootloader.is_file():
        return FlashPlan((_piece(application, 0, "application"),), None, str(folder))
    chip, bootloader_at = _chip_of_bootloader(bootloader)
    regions = [_piece(bootloader, bootloader_at, "bootloader")]
    if partitions.is_file():
        regions.append(_piece(partitions, PARTITIONS_AT, "partitions"))
    if (folder / "boot_app0.bin").is_file():
        regions.append(_piece(folder / "boot_app0.bin", OTA_DATA_AT, "data"))
    regions.append(_piece(application, APPLICATION_AT, "application"))
    return FlashPlan(tuple(regions), chip, str(folder))


def _piece(path: Path, address: int, role: str) -> Region:
    return Region(address, read_file(path), path, role)


def _chip(name: object) -> str | None:
    return str(name).lower().replace("-", "") if name else None


def _chip_of_bootloader(path: Path) -> tuple[str | None, int]:
    """The chip that a bootloader was built for, by the chip id in its header, and where its bootloader belongs."""
    from espmon.rom.chips import load_chips
    from espmon.rom.image import parse_header

    header = parse_header(read_file(path)) if path.is_file() else None
    chip = load_chips().by_image_id(header.chip_id) if header and header.chip_id is not None else None
    return (chip.key, chip.bootloader_offset) if chip else (None, 0)
