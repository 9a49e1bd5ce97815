"""What a chip's fuses forbid: secure boot, flash encryption, secure download mode."""

from __future__ import annotations

from espmon.rom import identity
from espmon.rom.loader import Loader


def told_flags(loader: Loader) -> dict[str, bool] | None:
    """Flag -> set, as GET_SECURITY_INFO told it; None for chips that do not know that command."""
    info = loader.security
    if info is None:
        return None
    flags = {name: bool(info.flags >> bit & 1) for name, bit in loader.chips.security_flags.items()}
    return flags | {"flash_encryption": info.flash_crypt_count.bit_count() % 2 == 1}


async def security_flags(loader: Loader) -> dict[str, bool]:
    """Flag -> set, from GET_SECURITY_INFO, or from the fuses of chips that have none; empty where nothing is told."""
    told = told_flags(loader)
    if told is not None or loader.secure_download:
        return told or {}
    chip = loader.chip
    fuses = await loader.read_words(identity.security_registers(chip))
    return identity.fuse_flags(chip, fuses, await loader.revision())
