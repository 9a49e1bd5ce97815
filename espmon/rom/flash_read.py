"""Reading flash, piece by piece, each checked by its MD5 and read again when it arrived damaged."""

from __future__ import annotations

import struct

from espmon.rom.flasher import Flasher
from espmon.rom.protocol import Op
from espmon.rom.rom_error import RomError, RomErrorKind

PIECE = 256 << 10
"""Bytes read and checked at once through a stub."""

ROM_PIECE = 4096
"""The same through ROM, which is slower by far."""

PIECE_TRIES = 6
SHRINK = 4
"""A piece that arrived damaged is asked for again in so many parts."""

PACKET = 4096
AHEAD = 64
"""Packets that the stub sends ahead of our acknowledgements."""

PACKET_SECONDS = 3.0
ROM_BYTES = 64
"""Bytes that a ROM reads at once."""


async def read(flasher: Flasher, address: int, size: int, step: str = "") -> bytes:
    """Flash content.

    Raises:
        RomError: FLASH when a piece arrives damaged `PIECE_TRIES` times; UNSUPPORTED, SECURE_DOWNLOAD where the loader
            cannot or must not read.
    """
    loader = flasher.loader
    if loader.secure_download:
        raise RomError(
            RomErrorKind.SECURE_DOWNLOAD, "The chip is in secure download mode, which forbids reading its flash"
        )
    if loader.is_basic:
        raise RomError(
            RomErrorKind.UNSUPPORTED,
            "The ESP8266 ROM cannot read flash",
            "Allow the stub, and pip install 'espmon[stub]'",
        )
    await flasher.prepare()
    flasher.check_range(address, size)
    step = step or f"Reading 0x{size:x} bytes at 0x{address:x}"
    data = bytearray()
    flasher.meter.tell(step)
    while len(data) < size:
        length = min(PIECE if loader.is_stub else ROM_PIECE, size - len(data))
        data += await _piece(flasher, address + len(data), length, step, len(data))
        flasher.meter.tell(step, len(data))
    return bytes(data)


async def _piece(flasher: Flasher, address: int, size: int, step: str, before: int) -> bytes:
    """At least a byte of what begins at `address`: less than `size` where the line spoils longer pieces."""
    problem: RomError | None = None
    for _ in range(PIECE_TRIES):
        data = b""
        try:
            await flasher.prepare()
            through = _through_stub if flasher.loader.is_stub else _through_rom
            data = await through(flasher, address, size, step, before)
        except RomError as error:
            problem = error
            await flasher.recover(error)
        if data and (await flasher.matches(address, data))[0]:
            return data
        size = min(size, max(PACKET, size // SHRINK))
    raise RomError(
        RomErrorKind.FLASH,
        f"0x{size:x} bytes at 0x{address:x} arrive damaged each time they are read"
        + (f" ({problem.message})" if problem else ""),
        "Try another cable or a lower baud rate",
    )


async def _through_stub(flasher: Flasher, address: int, size: int, step: str, before: int) -> bytes:
    loader = flasher.loader
    await loader.command(Op.READ_FLASH, struct.pack("<IIII", address, size, PACKET, AHEAD))
    data = bytearray()
    while len(data) < size:
        packet = await loader.read_packet(PACKET_SECONDS)
        if packet is None or len(packet) != min(PACKET, size - len(data)):
            # A packet got lost or changed its length: what follows cannot be placed, what came before can.
            await flasher.recover(RomError(RomErrorKind.SILENT, "The stub stopped sending flash"))
            break
        data += packet
        await loader.write_packet(struct.pack("<I", len(data)))
        flasher.meter.tell(step, before + len(data))
    else:
        await loader.read_packet(PACKET_SECONDS)  # the stub's digest of the same; it is asked for afterwards
    return bytes(data)


async def _through_rom(flasher: Flasher, address: int, size: int, step: str, before: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        want = min(ROM_BYTES, size - len(data))
        reply = await flasher.loader.command(
            Op.READ_FLASH_SLOW,
            struct.pack("<II", address + len(data), want),
            payload=(ROM_BYTES,),
            attempts=3,
            ask_again=True,
        )
        data += reply.data[:want]
        flasher.meter.tell(step, before + len(data))
    return bytes(data)
