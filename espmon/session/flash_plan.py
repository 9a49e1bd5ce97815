"""From what users have (a build folder, a list of files) to regions of flash. File work: run it off the event loop."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from espmon.records.record import JsonObject
from espmon.regular_file import read_regular
from espmon.session.elves import folders_below

MAX_REGIONS = 64
"""Separate pieces of one Intel HEX file that can be flashed at most."""

MAX_PLAN_BYTES = 1 << 20
"""Largest list of files that a build writes."""

MAX_BYTES = 256 << 20
"""The largest file that can go into any flash there is."""

SECTOR = 0x1000
"""Bytes that flash erases at least."""

PARTITIONS_AT = 0x8000
OTA_DATA_AT = 0xE000
APPLICATION_AT = 0x10000
"""Where builds put these parts unless they say otherwise."""


class PlanError(Exception):
    """What the user gave cannot be flashed; the message says why and names the file."""


class PlanLimitError(PlanError):
    """What the user gave is more than can be flashed at once."""


@dataclass(frozen=True, slots=True)
class Region:
    """Bytes and where they belong."""

    address: int
    data: bytes
    file: Path
    role: str
    """ "bootloader", "partitions", "application", "otadata", "nvs", "data" or ""."""

    encrypted: bool = False
    """The build wants the chip to encrypt it while it is written."""

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
        value = int(text, 0)
    except ValueError:
        value = -1
    if value < 0:
        raise PlanError(f"{text!r} is no address: write 0x10000 or 65536")
    return value


def read_file(path: Path) -> bytes:
    """A file's bytes. Raises `PlanError` when it cannot be read, is empty, or is too large."""
    try:
        data = read_regular(path, MAX_BYTES)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise PlanLimitError(f"{path} has more bytes than any flash holds") from error
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
    pieces = _by_sector(content.segments())
    if len(pieces) > MAX_REGIONS:
        raise PlanLimitError(f"{path} has {len(pieces)} separate pieces; at most {MAX_REGIONS} can be flashed")
    if not pieces:
        raise PlanError(f"{path} holds no data")
    if sum(end - start for start, end in pieces) > MAX_BYTES:
        raise PlanLimitError(f"{path} holds more than any flash")
    content.padding = 0xFF
    return [Region(start, bytes(content.tobinarray(start=start, end=end - 1)), path, "") for start, end in pieces]


def _by_sector(pieces: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """(start, end) joined where the gap lies inside one sector: erasing for the second would wipe out the first."""
    joined: list[tuple[int, int]] = []
    for start, end in pieces:
        if joined and start // SECTOR <= (joined[-1][1] - 1) // SECTOR:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def from_project(folder: Path) -> FlashPlan:
    """The plan of a build: ESP-IDF, PlatformIO or Arduino, in `folder` or its usual build folders.

    Raises `PlanError` with the places that were looked at.
    """
    folder = folder if os.path.isdir(folder) else folder.parent
    for place in (folder, folder / "build"):
        if os.path.isfile(place / "flasher_args.json"):  # Path.is_file raises where the folder may not be searched
            return _flasher_args(place / "flasher_args.json")
    for place in (folder, folder / "build"):
        if os.path.isfile(place / "flash_args"):
            return _flash_args(place / "flash_args")
    for application in [folder / "firmware.bin", *_newest((folder / ".pio" / "build").glob("*/firmware.bin"))]:
        if os.path.isfile(application):
            return _platformio(application)
    if sketches := _newest(path for place in folders_below(folder) for path in place.glob("*.ino.bin")):
        return _arduino(sketches[0])
    raise PlanError(
        f"{folder} holds no build: no flasher_args.json or flash_args (ESP-IDF), "
        "no .pio/build/*/firmware.bin (PlatformIO), no *.ino.bin (Arduino)"
    )


def _newest(paths: Iterable[Path]) -> list[Path]:
    """The paths, newest first, without those that a build takes away meanwhile."""
    found: list[tuple[float, Path]] = []
    for path in paths:
        with suppress(OSError):
            found.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(found, key=lambda item: item[0], reverse=True)]


OTA_DATA_NAMES = ("ota_data", "otadata", "boot_app0")
"""Parts of the names of files that say which application slot is started."""


def _role(name: str, address: int) -> str:
    lowered = Path(name).name.lower()
    if "bootloader" in lowered:
        return "bootloader"
    if any(part in lowered for part in OTA_DATA_NAMES):
        return "otadata"
    if lowered.startswith("nvs"):
        return "nvs"
    if "partition-table" in lowered or lowered.startswith("partition") or address == PARTITIONS_AT:
        return "partitions"
    return "application" if address == APPLICATION_AT else "data"


BUILD_ROLES = {"bootloader": "bootloader", "partition-table": "partitions", "app": "application", "otadata": "otadata"}
"""Name of a part in flasher_args.json -> role."""


def _flasher_args(path: Path) -> FlashPlan:
    try:
        table: JsonObject = json.loads(read_regular(path, MAX_PLAN_BYTES))
        files = {number(str(key)): str(name) for key, name in dict(table["flash_files"]).items()}
        parts = {name: part for name, part in table.items() if isinstance(part, dict) and "offset" in part}
        places = {number(str(part["offset"])): name for name, part in parts.items()}
        encrypted = {at for at, name in places.items() if str(parts[name].get("encrypted", "")).lower() == "true"}
        arguments = [str(word) for word in table.get("write_flash_args", [])]
        chip = table.get("extra_esptool_args", {}).get("chip")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PlanError(f"{path} is not what a build writes: {str(error) or type(error).__name__}") from error
    if not files:
        raise PlanError(f"{path} names no files: build the project first")
    if "--encrypt" in arguments:
        encrypted = set(files)
    regions = []
    for address, name in files.items():
        file = path.parent / name
        role = BUILD_ROLES.get(places.get(address, "")) or _role(name, address)
        if role == "application" and "app" in parts and places.get(address) != "app":
            role = "data"
        regions.append(Region(address, read_file(file), file, role, address in encrypted))
    return FlashPlan(tuple(sorted(regions, key=lambda region: region.address)), _chip(chip), str(path))


def _flash_args(path: Path) -> FlashPlan:
    """`flash_args`: the words for esptool, options first; files are named relative to it."""
    words = read_file(path).decode("utf-8", "replace").split()
    pairs = [
        (number(address), path.parent / name)
        for address, name in pairwise(words)
        if re.fullmatch(r"0x[0-9a-fA-F]+", address)
    ]
    if not pairs:
        raise PlanError(f"{path} names no files")
    encrypt = "--encrypt" in words
    regions = [Region(address, read_file(file), file, _role(file.name, address), encrypt) for address, file in pairs]
    return FlashPlan(tuple(sorted(regions, key=lambda region: region.address)), None, str(path))


def _platformio(application: Path) -> FlashPlan:
    folder = application.parent
    return _with_parts(application, folder / "bootloader.bin", folder / "partitions.bin", folder / "boot_app0.bin")


def _arduino(application: Path) -> FlashPlan:
    folder, sketch = application.parent, application.name.removesuffix(".bin")
    bootloader, partitions = folder / f"{sketch}.bootloader.bin", folder / f"{sketch}.partitions.bin"
    return _with_parts(application, bootloader, partitions, folder / "boot_app0.bin")


def _with_parts(application: Path, bootloader: Path, partitions: Path, ota_data: Path) -> FlashPlan:
    """An application with the parts that stand beside it, each where its chip and the partition table want it."""
    from espmon.rom.app_image import parse_description

    image = _piece(application, APPLICATION_AT, "application")
    if not bootloader.is_file():
        # An ESP8266 build has one image, at the start of flash; one with a descriptor belongs to the others.
        at = 0 if parse_description(image.data) is None else APPLICATION_AT
        return FlashPlan((_piece(application, at, "application"),), None, str(application.parent))
    chip, bootloader_at = _chip_of_bootloader(bootloader)
    regions = [_piece(bootloader, bootloader_at, "bootloader")]
    at, ota_at = APPLICATION_AT, OTA_DATA_AT
    if partitions.is_file():
        table = _piece(partitions, PARTITIONS_AT, "partitions")
        regions.append(table)
        at, ota_at = _places(table.data)
    if ota_data.is_file():
        regions.append(_piece(ota_data, ota_at, "otadata"))
    regions.append(_piece(application, at, "application"))
    return FlashPlan(tuple(sorted(regions, key=lambda region: region.address)), chip, str(application.parent))


def _places(table: bytes) -> tuple[int, int]:
    """Where a partition table has its first application and its OTA data; the usual places where it does not say."""
    from espmon.rom.app_image import parse_partitions

    rows, _ = parse_partitions(table)
    applications = [row.offset for row in rows if row.type_name == "app"]
    ota_data = [row.offset for row in rows if (row.type_name, row.subtype_name) == ("data", "ota")]
    return min(applications, default=APPLICATION_AT), min(ota_data, default=OTA_DATA_AT)


def _piece(path: Path, address: int, role: str) -> Region:
    return Region(address, read_file(path), path, role)


def _chip(name: object) -> str | None:
    return str(name).lower().replace("-", "") if name else None


def _chip_of_bootloader(path: Path) -> tuple[str, int]:
    """The chip that a bootloader was built for, by the chip id in its header, and where its bootloader belongs.

    Raises `PlanError` for what is no bootloader of a known chip.
    """
    from espmon.rom.app_image import parse_header
    from espmon.rom.chips import load_chips

    header = parse_header(read_file(path))
    chip = load_chips().by_image_id(header.chip_id) if header and header.chip_id is not None else None
    if chip is None:
        raise PlanError(f"{path} is no bootloader of a chip known here: give ADDR FILE pairs instead")
    return chip.key, chip.bootloader_offset
