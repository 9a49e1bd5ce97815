"""What a chip does beside the loader's commands: its SPI controller with the flash behind it, its watchdog, its memory.

The mock knows none of it: register writes that start an SPI transfer, a flash that answers only once it is attached, a
watchdog that resets the chip, programs that are loaded into memory and are no stub.
"""

from __future__ import annotations

import json
import struct
import time
from importlib.resources import files
from typing import NamedTuple

from espmon.rom.chips import Chip, load_chips
from espmon.testing.nor_flash import NorFlash
from espmon.testing.quirks import Operation

USR_COMMAND, USR_ADDRESS, USR_MISO, USR_MOSI = 1 << 31, 1 << 30, 1 << 28, 1 << 27
START = 1 << 18
"""In the command register: run what the user registers say."""

SPI_WINDOW = 0x100
DATA_WORDS = 16

OK, FAILED_TO_ACT = b"\x00\x00", b"\x01\x06"

WATCHDOG_ENABLE = 1 << 31
WATCHDOG_HZ = 136_000
"""Rate of the slow clock that the RTC watchdog counts."""

MIN_BITE_SECONDS = 0.3
"""The watchdog bites no sooner, so that a host with a slow wire gets the answer to its last write."""

PROGRAM_TEXT = (
    b"\r\nsimulated board: a program was loaded, and would run from 0x%08x; its instructions are not simulated."
    b" Reset the board to go on.\r\n"
)
"""What comes in place of the output of a program that was loaded into memory."""

PROGRAM_SECONDS = 0.5
"""Time between two times that it comes: whoever opens the port later hears it, too."""

NEED_FLASH = frozenset({Operation.READ_FLASH_SLOW, Operation.SPI_FLASH_MD5, Operation.FLASH_DEFL_BEGIN})
"""Commands that a ROM cannot do before the flash is attached; FLASH_BEGIN with a size is another."""


class Answer(NamedTuple):
    """What a command is answered with."""

    value: int = 0
    status: bytes = OK


def stub_entries() -> frozenset[int]:
    """Where the stubs begin that esptool loads; empty where there is no esptool."""
    found: set[int] = set()
    try:
        folder = files("esptool") / "targets" / "stub_flasher"
    except ModuleNotFoundError:
        return frozenset()
    for version in folder.iterdir():
        for stub in version.iterdir() if version.is_dir() else ():
            if stub.name.endswith(".json"):
                found.add(int(json.loads(stub.read_text("utf-8"))["entry"]))
    return frozenset(found)


class Silicon:
    """One chip.

    Args:
        key: the chip's name; of one that `espmon.rom` does not know, nothing is done here.
        flash: the chip behind the SPI controller.
        attached: the flash answers from the start.
    """

    def __init__(self, key: str, flash: NorFlash, *, attached: bool) -> None:
        self._chip: Chip | None = load_chips().chips.get(key)
        self._flash = flash
        self._attached_from_start = attached
        self.reset()

    def reset(self) -> None:
        """The chip starts anew."""
        self.attached = self._attached_from_start
        self._spi: dict[int, int] = {}
        self._watchdog: dict[int, int] = {}
        self.bites_at: float | None = None
        """When the watchdog resets the chip, by the monotonic clock."""

    def answer(self, operation: int, data: bytes, *, stub: bool) -> Answer | None:
        """What the chip answers by itself; None leaves the command to the mock."""
        if operation == Operation.SPI_ATTACH:
            self.attached = True
        elif operation == Operation.FLASH_BEGIN and len(data) >= 4:
            size = struct.unpack_from("<I", data)[0]
            if self._chip is not None and self._chip.key == "esp8266":
                self.attached = True  # its ROM has no other command for it
            elif size and not self.attached and not stub:
                return Answer(status=FAILED_TO_ACT)
        elif operation in NEED_FLASH and not self.attached and not stub:
            return Answer(status=FAILED_TO_ACT)
        elif operation == Operation.WRITE_REG and len(data) >= 16:
            address, value, mask, _ = struct.unpack_from("<IIII", data)
            return self._write(address, value, mask, stub=stub)
        elif operation == Operation.READ_REG and len(data) >= 4:
            address = struct.unpack_from("<I", data)[0]
            if self._in_spi(address):
                return Answer(self._spi.get(address, 0))
        return None

    def _in_spi(self, address: int) -> bool:
        return self._chip is not None and 0 <= address - self._chip.spi.cmd < SPI_WINDOW

    def _write(self, address: int, value: int, mask: int, *, stub: bool) -> Answer | None:
        if self._chip is None:
            return None
        if self._in_spi(address):
            self._spi[address] = self._spi.get(address, 0) & ~mask | value & mask
            if address == self._chip.spi.cmd and self._spi[address] & START:
                self._transfer(self._chip, answers=self.attached or stub)
                self._spi[address] &= ~START
            return Answer()
        self._feed_watchdog(self._chip, address, value)
        return None

    def _transfer(self, chip: Chip, *, answers: bool) -> None:
        """Run the command of the user registers."""
        spi, held = chip.spi, self._spi
        usr, usr1, usr2 = (held.get(register, 0) for register in (spi.usr, spi.usr1, spi.usr2))
        if spi.miso_dlen is not None and spi.mosi_dlen is not None:
            received, sent = held.get(spi.miso_dlen, 0) + 1, held.get(spi.mosi_dlen, 0) + 1
        else:
            received, sent = (usr1 >> 8 & 0x1FF) + 1, (usr1 >> 17 & 0x1FF) + 1
        words = [spi.w0 + 4 * number for number in range(DATA_WORDS)]
        out = b"".join(struct.pack("<I", held.get(word, 0)) for word in words)[: -(-sent // 8)]
        address = held.get(spi.addr, 0)
        if spi.addr_msb:
            address >>= 31 - (usr1 >> 26 & 0x3F)
        count = -(-received // 8) if usr & USR_MISO else 0
        if not answers or not usr & USR_COMMAND:
            read = b"\xff" * count
        else:
            out = out if usr & USR_MOSI else b""
            read = self._flash.command(usr2 & 0xFF, address if usr & USR_ADDRESS else 0, out, count)
        if count:
            padded = read[: 4 * DATA_WORDS].ljust(-(-count // 4) * 4, b"\x00")
            for word, (value,) in zip(words, struct.iter_unpack("<I", padded), strict=False):
                held[word] = value

    def _feed_watchdog(self, chip: Chip, address: int, value: int) -> None:
        """A write to the RTC watchdog's registers: once it is unlocked and enabled, it resets the chip."""
        dog = chip.watchdog
        if dog is None or not dog.can_reset:
            return
        if address in (dog.wprotect, dog.cfg1):
            self._watchdog[address] = value
        elif address == dog.cfg0 and self._watchdog.get(dog.wprotect) == dog.wkey:
            ticks = self._watchdog.get(dog.cfg1, 0)
            bites = bool(value & WATCHDOG_ENABLE and ticks)
            self.bites_at = time.monotonic() + max(MIN_BITE_SECONDS, ticks / WATCHDOG_HZ) if bites else None
