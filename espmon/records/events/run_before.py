"""What a program said before a reset ended it: how long it had run, and whether it wanted the restart."""

from __future__ import annotations

import re
from functools import cached_property

from espmon.model.rom_banners import rom_chip
from espmon.records.event import LineView
from espmon.records.events.line_cleaning import clean
from espmon.records.events.log_clock import WallTime, last_uptime, last_wall_time, uptime_of, wall_time_of

ANNOUNCED_LINES = 3
"""Lines before the ROM's in which a program announces a restart."""

MAX_ANNOUNCEMENT = 160
"""Characters of it kept."""

STILL_LINES = 64
"""A clock that stands still over so many lines says nothing."""

ROM = re.compile(r"$|ets J|ESP-ROM|Build:|SPIWP|configsip|clk_drv|mode:|load:|(?:Core ?\d )?Saved PC|\(\d+\) *$")
"""Lines that the ROM prints before it starts what it has loaded."""

ROM_OR_LOADER = re.compile(
    r"$|rst|ets |configsip|clk_drv|mode:|load:|tail |ho \d|entry |csum|flash read err|invalid header|waiting for"
    r"|Falling|ESP-ROM|Build:|SPIWP|(?:Core \d )?Saved PC|Fast boot|1st stage|~ld|chksum|v[0-9a-f]{8}$"
    r"|(?:[EWIDV] \(\d+\) )?(?:boot(?:\.\w+|_comm)?|esp_image|flash_parts|qio_mode|secure_boot\w*|flash_encrypt|efuse"
    r"|bootloader\w*): "
)
"""Lines of the ROM and of the second stage: no word of the program."""

ANNOUNCED = re.compile(r"\b(?:restart|reboot|reset)(?:t?ing|s|t?ed)?\b", re.IGNORECASE)
"""A program says so before it calls esp_restart()."""

ONE_TIME = re.compile(r"flash encryption|secure boot", re.IGNORECASE)
"""What the second stage restarts the chip for, once."""

END_OF_CRASH = "Rebooting..."
"""A crash ends in this word, too: it announces nothing."""

NOTHING_TO_START = re.compile(
    r"E (?:\(\d+\) )?boot: (?:No bootable |load partition table error|Failed to (?:verify partition|load|find))"
)
AFTER_CRASH = re.compile(r"$|Rebooting\.|ELF file SHA256:|CPU halted")
BACKTRACE = re.compile(r"Backtrace: ?0x[0-9a-fA-F]{8}:0x")
LOG_HEAD = re.compile(r"^(?:[EWIDV] \([\d:. -]+\) |\[ *\d*\]\[[EWIDV]\]|\[[EWIDVC]\])[^:]{0,64}: *")


class RunBefore:
    """The lines before a reset's banner, back to the last reset, as far as they are kept.

    Args:
        line: the banner.
        begun: stream offset behind the banner before it; 0 before the first one.
    """

    def __init__(self, line: LineView, begun: int) -> None:
        self._banner = line.text
        self._raw = [before.text for before in line.recent.before(line.offset, begun)]
        self._lines = [clean(text) for text in self._raw]

    @property
    def chip(self) -> str | None:
        """The chip that the ROM's first line names; that of the ESP32 says only when it was made."""
        return next((chip for text in self._lines[:ANNOUNCED_LINES] if (chip := rom_chip(text)) is not None), None)

    @cached_property
    def _said(self) -> list[int]:
        """Which lines are the program's own words."""
        return [index for index, text in enumerate(self._lines) if not ROM_OR_LOADER.match(text)]

    @property
    def spoke(self) -> bool:
        """The program said something, and not only the ROM and the second stage."""
        return bool(self._said)

    @property
    def uptime(self) -> float | None:
        """Seconds that the program had run when it said something with a time last; of the second stage only where the
        program said nothing. None where nothing tells.
        """
        # Not of cleaned lines: Zephyr's time looks like a host tool's.
        lines = [self._raw[index] for index in self._said] or self._raw
        times = {uptime for text in lines[:STILL_LINES] if (uptime := uptime_of(text)) is not None}
        if len(times) == 1 and len(lines) >= STILL_LINES:
            return None
        return last_uptime(lines)

    @property
    def wall_time(self) -> WallTime | None:
        """The time of day of the reset, by the log."""
        return wall_time_of(self._banner) or last_wall_time(self._raw)

    @property
    def only_rom(self) -> bool:
        """The run got no further than the ROM."""
        return all(ROM.match(text) for text in self._lines)

    @property
    def loaded(self) -> bool:
        """The ROM loaded some of what it found in the flash."""
        return any(text.startswith("load:") for text in self._lines)

    @property
    def gave_up(self) -> bool:
        """The second stage found nothing to start."""
        return any(NOTHING_TO_START.search(text) for text in self._lines[: 2 * ANNOUNCED_LINES])

    @property
    def ends_in_backtrace(self) -> bool:
        """A backtrace stands right before the ROM's first lines: a program that gave up prints no more than that."""
        last = next((text for text in self._lines if not AFTER_CRASH.match(text) and not ROM.match(text)), "")
        return BACKTRACE.match(last) is not None

    @property
    def announcement(self) -> str | None:
        """What was said last, without its log header, when it speaks of a restart."""
        said = [text for text in self._lines[: 2 * ANNOUNCED_LINES] if not ROM.match(text) and text != END_OF_CRASH]
        told = next((text for text in said[:ANNOUNCED_LINES] if ANNOUNCED.search(text)), None)
        return None if told is None else LOG_HEAD.sub("", told)[:MAX_ANNOUNCEMENT]
