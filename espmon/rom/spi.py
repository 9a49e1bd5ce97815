"""Commands to the flash chip itself, through the SPI controller's registers. Works in ROM and stub."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from espmon.rom.chips import Chips, SpiRegisters
from espmon.rom.rom_error import RomError, RomErrorKind

START = 1 << 18
"""CMD register: run the user-defined command; the bit clears when it is done."""

USE_COMMAND = 1 << 31
USE_ADDRESS = 1 << 30
USE_DUMMY = 1 << 29
USE_MISO = 1 << 28
USE_MOSI = 1 << 27
COMMAND_BITS_SHIFT = 28
ADDRESS_BITS_SHIFT = 26
OLD_MOSI_SHIFT = 17
OLD_MISO_SHIFT = 8

POLLS = 10
"""How often to look whether a command is done."""

WORD_BITS = 32
MAX_DATA = 64
"""Bytes that the controller's data registers hold."""

READ_JEDEC_ID = 0x9F


class Registers(Protocol):
    """What reads and writes registers: the loader."""

    async def read_reg(self, address: int) -> int:
        """A register's content."""

    async def write_reg(self, address: int, value: int) -> None:
        """Set a register."""


class FlashId(NamedTuple):
    """Who made the flash chip, and what it is."""

    manufacturer: int
    """JEDEC manufacturer, 8 bits."""

    device: int
    """JEDEC device, 16 bits: memory type and capacity."""

    size: int | None
    """Bytes; None when the id does not tell."""

    @classmethod
    def from_word(cls, word: int, chips: Chips) -> FlashId | None:
        """Take the answer to READ_JEDEC_ID apart; None when no flash chip drove the line."""
        if word & 0xFFFFFF in (0, 0xFFFFFF):
            return None
        manufacturer, device = word & 0xFF, (word & 0xFF00) | (word >> 16 & 0xFF)
        return cls(manufacturer, device, chips.flash_size(manufacturer, device))


async def spi_command(
    registers: Registers,
    spi: SpiRegisters,
    command: int,
    data: bytes = b"",
    *,
    read_bits: int = 0,
    address: int | None = None,
    address_bits: int = 0,
    dummy_bits: int = 0,
) -> int:
    """Run one command on the flash chip and return up to 32 bits of its answer.

    Args:
        registers: the loader.
        spi: the controller's registers.
        command: the 8-bit command.
        data: bytes to send after command and address, at most `MAX_DATA`.
        read_bits: bits to read, at most 32.
        address: an address to send, of `address_bits` bits.
        address_bits: the address's length.
        dummy_bits: clock cycles between address and data.

    Raises:
        RomError: UNSUPPORTED for too much data, SILENT when the controller never finishes, and those of the loader.
    """
    if read_bits > WORD_BITS or len(data) > MAX_DATA:
        raise RomError(RomErrorKind.UNSUPPORTED, "The SPI controller reads 32 bits and writes 64 bytes at most")
    use = USE_COMMAND
    use |= USE_MISO if read_bits else 0
    use |= USE_MOSI if data else 0
    use |= USE_DUMMY if dummy_bits else 0
    use |= USE_ADDRESS if address_bits else 0
    lengths = (dummy_bits - 1 if dummy_bits else 0) | ((address_bits - 1) << ADDRESS_BITS_SHIFT if address_bits else 0)
    old_usr, old_usr2 = await registers.read_reg(spi.usr), await registers.read_reg(spi.usr2)
    write_bits = 8 * len(data)
    if spi.mosi_dlen is not None and spi.miso_dlen is not None:
        if write_bits:
            await registers.write_reg(spi.mosi_dlen, write_bits - 1)
        if read_bits:
            await registers.write_reg(spi.miso_dlen, read_bits - 1)
    else:
        lengths |= (read_bits - 1 << OLD_MISO_SHIFT) if read_bits else 0
        lengths |= (write_bits - 1 << OLD_MOSI_SHIFT) if write_bits else 0
    await registers.write_reg(spi.usr1, lengths)
    await registers.write_reg(spi.usr, use)
    await registers.write_reg(spi.usr2, (7 << COMMAND_BITS_SHIFT) | command)
    if address is not None and address_bits:
        await registers.write_reg(spi.addr, address << (WORD_BITS - address_bits) if spi.addr_msb else address)
    padded = data.ljust((len(data) + 3) // 4 * 4, b"\0") or bytes(4)
    for offset in range(0, len(padded), 4):
        await registers.write_reg(spi.w0 + offset, int.from_bytes(padded[offset : offset + 4], "little"))
    await registers.write_reg(spi.cmd, START)
    for _ in range(POLLS):
        if not await registers.read_reg(spi.cmd) & START:
            break
    else:
        raise RomError(
            RomErrorKind.SILENT,
            "The chip's flash controller did not finish a command",
            "The flash may be missing or wired to other pins.",
        )
    answer = await registers.read_reg(spi.w0)
    await registers.write_reg(spi.usr, old_usr)
    await registers.write_reg(spi.usr2, old_usr2)
    return answer & ((1 << read_bits) - 1)
