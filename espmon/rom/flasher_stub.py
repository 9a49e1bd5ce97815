"""The stub: a faster loader in the chip's RAM, taken from an installed esptool package without importing it."""

from __future__ import annotations

import base64
import json
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from espmon.rom.loader import Loader
from espmon.rom.protocol import STUB_GREETING, Op, data_block
from espmon.rom.rom_error import RomError, RomErrorKind

PACKAGE = "esptool"
VERSIONS = ("2", "1")
"""Folders of the package's stub images, best first."""

GREETING_SECONDS = 3.0
STUB_BYTES = 256 << 10
"""No stub is larger; a file that claims to be is damaged."""


@dataclass(frozen=True, slots=True)
class Stub:
    """A stub's code and data, and where they go."""

    entry: int
    """Where it starts."""

    segments: tuple[tuple[int, bytes], ...]
    """(address, bytes) of code and data."""


def stub_folders(paths: Sequence[str] | None = None) -> list[Path]:
    """The folders of stub images of installed esptool packages, in the order of the module search path.

    The path itself is searched, not the module "esptool": beside the program `espmon` stands a script `esptool.py`,
    which hides the package of that name from whatever the program imports.

    Args:
        paths: the search path; None: that of this interpreter.
    """
    places = [Path(entry, PACKAGE) for entry in (sys.path if paths is None else paths)]
    try:
        spec = find_spec(PACKAGE)
    except (ImportError, ValueError):
        spec = None
    if paths is None and spec is not None:
        # Where an import hook puts it (an editable installation).
        places += [Path(place) for place in spec.submodule_search_locations or ()]
    folders = [place / "targets" / "stub_flasher" for place in places]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def load_stub(name: str, folder: Path | None = None) -> Stub:
    """Read a stub image (file work: off the event loop). Raises `RomError` STUB."""
    folders = stub_folders() if folder is None else [folder]
    if not folders:
        raise RomError(
            RomErrorKind.STUB,
            "No stub is installed",
            "pip install 'espmon[stub]' makes flashing up to eight times faster",
        )
    for place in folders:
        for version in VERSIONS:
            path = place / version / f"{name}.json"
            if path.is_file():
                return _parse(path)
    raise RomError(
        RomErrorKind.STUB,
        f"The installed esptool package has no stub {name!r}",
        "pip install --upgrade esptool may bring it",
    )


def _parse(path: Path) -> Stub:
    try:
        image = json.loads(path.read_bytes())
        segments = [(int(image["text_start"]), base64.b64decode(image["text"], validate=True))]
        if image.get("data"):
            segments.append((int(image["data_start"]), base64.b64decode(image["data"], validate=True)))
        entry = int(image["entry"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RomError(RomErrorKind.STUB, f"{path} is no stub image: {error}") from error
    if sum(len(data) for _, data in segments) > STUB_BYTES:
        raise RomError(RomErrorKind.STUB, f"{path} is too large for a stub")
    return Stub(entry, tuple(segments))


async def why_no_stub(loader: Loader) -> str | None:
    """Why this chip cannot run a stub now, in words; None when it can."""
    chip = loader.chip
    if loader.secure_download:
        return "secure download mode forbids it"
    revision = await loader.revision()
    if chip.stub_file(revision) is None:
        return f"there is none for the {chip.name}"
    if chip.stub_never_when == "revision 0" and revision == 0:
        return f"the {chip.name} of revision 0 cannot run it"
    if chip.stub_never_when == "secure boot" and _secure_boot(loader):
        return f"secure boot is on, and the {chip.name} does not run it then"
    return None


def _secure_boot(loader: Loader) -> bool:
    bit = loader.chips.security_flags.get("secure_boot_en")
    return loader.security is not None and bit is not None and bool(loader.security.flags >> bit & 1)


UPLOAD_TRIES = 3
"""How often the upload starts anew."""


async def run_stub(loader: Loader, stub: Stub) -> None:
    """Upload a stub and start it, unless one runs; afterwards `loader.is_stub` holds.

    Raises:
        RomError: STUB when it does not start, or the loader's own when it cannot be uploaded.
    """
    for left in reversed(range(UPLOAD_TRIES)):
        if loader.is_stub:
            return
        try:
            await _upload(loader, stub)
        except RomError:
            if not left:
                raise
            # A SYNC tells what runs now: the ROM still, or the stub whose greeting was lost.
            await loader.barrier()


async def _upload(loader: Loader, stub: Stub) -> None:
    size = loader.chip.ram_block
    if loader.channel.usb is not None and loader.channel.usb[1] == loader.chip.otg_pid:
        size = loader.chip.otg_block or size
    for address, data in stub.segments:
        blocks = (len(data) + size - 1) // size
        await loader.command(Op.MEM_BEGIN, struct.pack("<IIII", len(data), blocks, size, address))
        for number in range(blocks):
            payload, check = data_block(data[number * size : (number + 1) * size], number)
            await loader.command(Op.MEM_DATA, payload, checksum=check)
    await loader.command(Op.MEM_END, struct.pack("<II", 0, stub.entry))
    greeting = await loader.read_packet(GREETING_SECONDS)
    if greeting != STUB_GREETING:
        raise RomError(
            RomErrorKind.STUB,
            "The stub was uploaded and does not answer",
            "Flashing without it works: --no-stub",
        )
    loader.is_stub = True
    loader.transcript.note("the stub runs")
