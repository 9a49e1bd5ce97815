"""What a board says while it starts, and what that means to someone who wanted its loader."""

from __future__ import annotations

import re

from espmon.rom.chips import Chip, Chips
from espmon.rom.rom_error import RomError, RomErrorKind

# Patterns are kept uncompiled: most probes never need them, and `re` keeps what it has compiled.

DOWNLOAD = rb"(?i)waiting for download|boot:0x[0-9a-f]+ \((?:DOWNLOAD|UART|SDIO|USB)|boot mode:\(1,"
"""The ROM says that it stays in its loader."""

FLASH_BOOT = rb"(?i)boot:0x[0-9a-f]+ \((?!DOWNLOAD|UART|SDIO|USB)|boot mode:\([2-7],"
"""The ROM says that it starts the application."""

MARKS = {"download mode": DOWNLOAD, "application": FLASH_BOOT}
"""What each mark means."""

REFUSED = (
    rb"invalid header: 0x[0-9a-f]+|flash read err[^\r\n]*|Invalid image block[^\r\n]*|csum err[^\r\n]*|ets_main\.c \d+"
)
"""The ROM says that what lies in the flash cannot be started."""

LOADS = rb"(?:^|\n)(?:load:|load |entry )0x"
"""The ROM has found something to start."""

ROM_LINE = rb"ets |ESP-ROM:|Build:|rst:|configsip|SPIWP|mode:|load:|entry |chksum|csum|tail |Saved PC|SHA-256"
"""How lines begin that the ROM itself prints."""

TEXT_LINE = rb"(?:^|\n)(?:\x1b\[[0-9;]*m)*([\x20-\x7e]{6,})(?:\x1b\[[0-9;]*m)*\r*\n"


def says(data: bytes) -> str | None:
    """ "download mode" or "application" as the text tells it; None when it does not (yet)."""
    marks = [(match.end(), kind) for kind, pattern in MARKS.items() for match in re.finditer(pattern, data)]
    if marks:
        return max(marks)[1]
    return "application" if _text(data) else None


def _text(data: bytes) -> bool:
    """Whether there is a line that the ROM does not print."""
    lines = (match.group(1) for match in re.finditer(TEXT_LINE, data))
    return any(not re.match(ROM_LINE, line) and not re.match(REFUSED, line) for line in lines)


def starts(data: bytes) -> bool:
    """Whether the ROM has begun to load an image, or something already runs that is not the ROM."""
    return re.search(LOADS, data) is not None or _text(data)


def refusal(data: bytes) -> str | None:
    """What the ROM says of a flash that it cannot start from; None when it says nothing of that kind."""
    found = re.search(REFUSED, data)
    return found.group().decode("ascii", "replace") if found else None


def no_answer(heard: bytes, *, lines: bool, reset: bool) -> RomError:
    """The error for a board whose loader could not be reached, by what was heard of it."""
    by_hand = "Hold BOOT (IO0), press and release EN (RST), let go of BOOT, and try again."
    if not lines or not reset:
        why = "this port has no DTR and RTS lines to reset it with" if not lines else "it was not to be reset"
        return RomError(RomErrorKind.NO_ANSWER, f"No loader answered, and {why}", by_hand)
    told = says(heard)
    if told == "download mode":
        return RomError(
            RomErrorKind.NO_ANSWER,
            "The board is in its loader but does not hear what is sent",
            "Check the wire from the adapter's TX to the board's RX, and that nothing else drives that pin.",
        )
    if told == "application":
        return RomError(
            RomErrorKind.NO_ANSWER,
            "The board was reset but started its application instead of the loader",
            f"Its BOOT pin (IO0) is not wired to DTR. {by_hand}",
        )
    if heard:
        return RomError(
            RomErrorKind.NO_ANSWER,
            "Something answers, but it is no ESP loader",
            f"Check that this is the right port. {by_hand}",
        )
    return RomError(
        RomErrorKind.NO_ANSWER,
        "The board does not answer at all",
        f"Check power, cable and port. {by_hand}",
    )


def unknown_chip(chip_id: int, chips: Chips) -> RomError:
    """The error for a loader that names a chip this table does not have."""
    name = chips.unsupported.get(chip_id)
    what = f"an early {name}, which was never sold" if name else f"chip number {chip_id}, which is not known here"
    return RomError(RomErrorKind.UNKNOWN_CHIP, f"A loader answers, for {what}", "The log can be read all the same.")


def wrong_chip(answered: Chip, expected: Chip) -> RomError:
    """The error for a loader of another chip than the one that was asked for."""
    return RomError(
        RomErrorKind.WRONG_CHIP,
        f"{answered.name} answers, and {expected.name} was asked for",
        "Check that this is the right port.",
    )


def unknown_magic(magic: int, *, stub: bool) -> RomError:
    """The error for a loader whose chip cannot be told by its magic register."""
    hint = "A stub left by another tool is running: press EN (RST) and try again." if stub else ""
    return RomError(
        RomErrorKind.UNKNOWN_CHIP,
        f"A loader answers, but its chip is not known here (magic 0x{magic:08x})",
        hint or "The log can be read all the same.",
    )
