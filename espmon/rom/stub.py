"""The stub: a faster loader in the chip's RAM, taken from an installed esptool package without importing it."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from espmon.rom.errors import RomError, RomErrorKind
from espmon.rom.loader import Loader
from espmon.rom.protocol import STUB_GREETING, Op, data_block

VERSIONS = ("2", "1")
"""Folders of the package's stub images, best first."""

GREETING_WAIT = 3.0
STUB_BYTES = 256 << 10
"""No stub is larger; a file that claims to be is damaged."""


@dataclass(frozen=True, slots=True)
class Stub:
    """A stub's code and data, and where they go."""

    entry: int
    segments: tuple[tuple[int, bytes], ...]


def stub_folder() -> Path | None:
    """The stub images of the installed esptool package; None without it."""
    try:
        spec = find_spec("esptool")
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "targets" / "stub_flasher"
    return folder if folder.is_dir() else None


def load_stub(name: str, folder: Path | None = None) -> Stub:
    """Read a stub image (file work: off the event loop). Raises `RomError` STUB."""
    folder = folder or stub_folder()
    if folder is None:
        raise RomError(RomErrorKind.STUB, "No stub is installed", "pip install 'espmon[stub]' makes flashing faster")
    for version in VERSIONS:
        path = folder / version / f"{name}.json"
        if path.is_file():
            return _parse(path)
    raise RomError(RomErrorKind.STUB, f"The installed esptool package has no stub {name!r}")


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


async def run_stub(loader: Loader, stub: Stub) -> None:
    """Upload a stub and start it; afterwards `loader.is_stub` holds. Raises `RomError` STUB, or the loader's own."""
    if loader.is_stub:
        return
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
    greeting = await loader.read_packet(GREETING_WAIT)
    if greeting != STUB_GREETING:
        raise RomError(
            RomErrorKind.STUB,
            "The stub was uploaded and does not answer",
            "Flashing without it works: --no-stub",
        )
    loader.is_stub = True
    loader.transcript.note("the stub runs")
