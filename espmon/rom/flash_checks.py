"""What is wrong with writing these files to this chip, said before anything is erased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from espmon.rom.app_image import image_problems, looks_like_image, overlaps
from espmon.rom.flash_regions import Piece
from espmon.rom.flasher import SECTOR, Flasher
from espmon.rom.security import security_flags

SECURE_BOOTLOADER_END = 0x8000
"""Below this address stands the bootloader, with the digests that secure boot checks."""

SECURE_DOWNLOAD = (
    "the chip is in secure download mode: what is written cannot be read back, so it is not verified and nothing is "
    "skipped"
)


@dataclass(slots=True)
class Verdict:
    """What stands against writing."""

    problems: list[str] = field(default_factory=list)
    """Reasons not to write, one line each; only `force` goes on."""

    warnings: list[str] = field(default_factory=list)
    """What the user should know all the same."""


async def judge(flasher: Flasher, pieces: Sequence[Piece], *, built_for: str | None = None) -> Verdict:
    """Why these files should not be written to this chip.

    Args:
        flasher: prepared, so that the flash size is known where the chip tells it.
        pieces: all files of the job.
        built_for: the chip's key that the build names.
    """
    loader, chip = flasher.loader, flasher.loader.chip
    verdict = Verdict()
    found = verdict.problems
    if built_for is not None and built_for != chip.key and built_for in loader.chips.chips:
        found.append(f"the build is for the {loader.chips.chips[built_for].name}, and this is an {chip.name}")
    found += overlaps([(piece.address, len(piece.data), piece.file) for piece in pieces])
    revision = await loader.revision() if chip.has_revision and not loader.secure_download else None
    for piece in pieces:
        if piece.address % SECTOR:
            found.append(f"{piece.file}: 0x{piece.address:x} is no multiple of 0x{SECTOR:x}")
        if flasher.flash_size is not None and piece.address + len(piece.data) > flasher.flash_size:
            found.append(
                f"{piece.file}: it ends at 0x{piece.address + len(piece.data):x}, "
                f"beyond the end of the flash (0x{flasher.flash_size:x})"
            )
        if _is_image(piece, chip.bootloader_offset):
            reasons = image_problems(
                piece.data,
                chip=chip.name,
                chip_id=chip.image_chip_id,
                flash_size=flasher.flash_size,
                revision=revision,
            )
            found += [f"{piece.file}: {reason}" for reason in reasons]
        if piece.encrypted:
            found.append(f"{piece.file}: the build wants it encrypted while it is written, which espmon does not do")
    await _fuses(flasher, pieces, verdict)
    return verdict


def _is_image(piece: Piece, bootloader_offset: int) -> bool:
    return piece.image or piece.address == bootloader_offset or looks_like_image(piece.data)


async def _fuses(flasher: Flasher, pieces: Sequence[Piece], verdict: Verdict) -> None:
    flags = await security_flags(flasher.loader)
    if flasher.loader.secure_download:
        verdict.warnings.append(SECURE_DOWNLOAD)
    elif not flasher.tells_digests:
        verdict.warnings.append(f"the {flasher.loader.chip.name} ROM tells no digests: what is written is not verified")
    if flags.get("flash_encryption"):
        verdict.problems.append("flash encryption is on: what is written in plain text will not start")
    if flags.get("secure_boot_en"):
        if any(piece.address < SECURE_BOOTLOADER_END for piece in pieces):
            verdict.problems.append(
                "secure boot is on: writing below 0x8000 may replace the bootloader by one that does not start"
            )
        verdict.warnings.append("secure boot is on: only applications signed for this chip will start")


async def reading_warnings(flasher: Flasher) -> list[str]:
    """What to know of what is read from this chip."""
    encrypted = (await security_flags(flasher.loader)).get("flash_encryption")
    return ["flash encryption is on: what is read and compared is the encrypted content"] if encrypted else []


async def erase_problems(flasher: Flasher) -> list[str]:
    """Why this chip should not be erased."""
    flags = await security_flags(flasher.loader)
    names = {"flash_encryption": "flash encryption", "secure_boot_en": "secure boot"}
    return [
        f"{words} is on: what is erased may not be restorable through this port"
        for flag, words in names.items()
        if flags.get(flag)
    ]
