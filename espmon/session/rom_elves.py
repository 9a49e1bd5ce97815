"""Finding the ELF of a chip's mask ROM among the installed toolchains: names and frame information for ROM code.

ESP-IDF installs them below `tools/esp-rom-elfs/RELEASE`, as `CHIP_revN_rom.elf` with N = 100 * major + minor, and its
export script leaves the folder in ESP_ROM_ELF_DIR; PlatformIO has them as a package.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from espmon.model.chip_identity import chip_named

MAX_RELEASES = 64
"""Releases of the ROM ELFs looked into."""

MAX_FILES = 256
"""Files of one release looked at; there are two dozen."""

FILE_NAME = re.compile(r"(esp32[a-z]*\d*)_rev(\d{1,4})_rom\.elf")
REVISION = re.compile(r"v?(\d{1,2})(?:\.(\d{1,2}))?$")


class RomElf(NamedTuple):
    """The ELF of a ROM: of which chip ("esp32c3"), from which revision on (100 * major + minor)."""

    path: Path
    chip: str
    revision: int


def find_rom_elf(
    chip: str | None,
    revision: int | None,
    environment: Mapping[str, str] = os.environ,
    home: Path | None = None,
) -> Path | None:
    """Return the ROM ELF of a chip in a revision; None when none is installed, or more than one could be it.

    Args:
        chip: as a log, a dump or a probe names it ("esp32c3", "ESP32-C3 (QFN32)").
        revision: 100 * major + minor, None where it is not known.
        environment: where ESP_ROM_ELF_DIR and IDF_TOOLS_PATH are looked up.
        home: the user's folder.
    """
    named = chip_named(chip or "")
    if named is None:
        return None
    for folder in _folders(environment, home):
        of_chip = sorted((item for item in _roms(folder) if item.chip == named.key), key=lambda item: item.revision)
        if not of_chip:
            continue
        if revision is None:
            # One ROM's names may be wrong for another: better none than those.
            return of_chip[0].path if len(of_chip) == 1 else None
        fitting = [item for item in of_chip if item.revision <= revision]
        return (fitting or of_chip[:1])[-1].path
    return None


def revision_number(text: str | None) -> int | None:
    """Return a revision as 100 * major + minor: 301 of "v3.1", 300 of "3"; None for what is none."""
    found = REVISION.match((text or "").strip())
    return 100 * int(found[1]) + int(found[2] or 0) if found else None


def _folders(environment: Mapping[str, str], home: Path | None) -> Iterator[Path]:
    """The folders that may hold ROM ELFs, the one the user has chosen first, then the newest release."""
    if chosen := environment.get("ESP_ROM_ELF_DIR"):
        yield Path(chosen)
    user = Path(os.path.expanduser("~")) if home is None else home
    tools = [Path(environment["IDF_TOOLS_PATH"])] if environment.get("IDF_TOOLS_PATH") else []
    for root in (*tools, user / ".espressif"):
        yield from _releases(root / "tools" / "esp-rom-elfs")
    yield user / ".platformio" / "packages" / "tool-esp-rom-elfs"


def _releases(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = sorted((entry.name for entry in entries if entry.is_dir()), reverse=True)
    except OSError:
        return []
    return [folder / name for name in names[:MAX_RELEASES]]


def _roms(folder: Path) -> Iterator[RomElf]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file())[:MAX_FILES]
    except OSError:
        return
    for name in names:
        if found := FILE_NAME.fullmatch(name):
            yield RomElf(folder / name, found[1], int(found[2]))
