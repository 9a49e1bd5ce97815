"""A NOR flash chip: programming clears bits and sets none, erasing sets whole sectors, commands over SPI.

It has what `esp32_mock_bootloader.server` expects of a flash, too. Sources: JESD216 (SFDP), data sheets of W25Q32 and
its like; SFDP of the first revision, 9 words.
"""

from __future__ import annotations

import hashlib
import struct
import zlib

from espmon.testing.slip_peer import reply

SIZE = 4 << 20
SECTOR = 4096
JEDEC_ID = 0x164020
"""Capacity, kind, manufacturer: 4 MiB, as the mock's."""

STATUS_REGISTERS = 3
WRITE_ENABLE_LATCH, BUSY = 2, 1
"""Bits of the first status register that a write does not set."""

_READ_ID, _READ_SFDP, _READ_DATA = 0x9F, 0x5A, 0x03
_READ_STATUS = (0x05, 0x35, 0x15)
_WRITE_STATUS = (0x01, 0x31, 0x11)
_WRITE_ENABLE, _WRITE_ENABLE_VOLATILE, _WRITE_DISABLE = 0x06, 0x50, 0x04
_SECTOR_ERASE, _CHIP_ERASE, _PAGE_PROGRAM = 0x20, 0xC7, 0x02

_TABLE_AT = 0x30
_BASIC_TABLE = (
    0xFFF120E5,  # 4 KiB erase (0x20), one-bit and dual and quad reads
    SIZE * 8 - 1,
    0x6B08EB44,
    0xBB423B08,
    0xFFFFFFFE,
    0x0000FFFF,
    0xEB40FFFF,
    0x520F200C,  # erases: 4 KiB 0x20, 32 KiB 0x52
    0x0000D810,  # 64 KiB 0xD8
)
SFDP = (
    b"SFDP" + bytes([0, 1, 0, 0xFF]) + struct.pack("<BBBBI", 0, 0, 1, len(_BASIC_TABLE), _TABLE_AT | 0xFF000000)
).ljust(_TABLE_AT, b"\xff") + struct.pack(f"<{len(_BASIC_TABLE)}I", *_BASIC_TABLE)
"""Serial Flash Discoverable Parameters; 0xFF follows."""


class NorFlash:
    """The chip.

    Attributes:
        data: its content.
    """

    def __init__(self) -> None:
        self.data = bytearray(b"\xff" * SIZE)
        self._status = [0] * STATUS_REGISTERS
        self._at = 0
        self._inflater: zlib._Decompress | None = None

    # -- over SPI -----------------------------------------------------------------------------------------------

    def command(self, code: int, address: int, sent: bytes, count: int) -> bytes:
        """One command: its address, the bytes that follow it; `count` bytes are read back."""
        answer = b""
        if code == _READ_ID:
            answer = JEDEC_ID.to_bytes(3, "little")
        elif code == _READ_SFDP:
            answer = SFDP[address : address + count]
        elif code == _READ_DATA:
            answer = self.read(address, count)
        elif code in _READ_STATUS:
            answer = bytes([self._status[_READ_STATUS.index(code)]]) * count
        elif code in (_WRITE_ENABLE, _WRITE_ENABLE_VOLATILE):
            self._status[0] |= WRITE_ENABLE_LATCH
        elif code == _WRITE_DISABLE:
            self._status[0] &= ~WRITE_ENABLE_LATCH
        elif self._status[0] & WRITE_ENABLE_LATCH:
            self._status[0] &= ~WRITE_ENABLE_LATCH
            self._change(code, address, sent)
        return answer[:count].ljust(count, b"\xff")

    def _change(self, code: int, address: int, sent: bytes) -> None:
        """A command that needs the write enable latch, which it has used up."""
        if code in _WRITE_STATUS:
            first = _WRITE_STATUS.index(code)
            for number, value in enumerate(sent[: STATUS_REGISTERS - first], first):
                self._status[number] = value & ~(WRITE_ENABLE_LATCH | BUSY) if number == 0 else value
        elif code == _SECTOR_ERASE:
            self.erase_region(address // SECTOR * SECTOR, SECTOR)
        elif code == _CHIP_ERASE:
            self.erase_all()
        elif code == _PAGE_PROGRAM:
            self.program(address, sent)

    # -- its cells ----------------------------------------------------------------------------------------------

    def program(self, address: int, data: bytes) -> None:
        """Clear the bits that are clear in `data`; what lies behind the end is lost."""
        data = data[: max(0, SIZE - address)]
        there = self.data[address : address + len(data)]
        cells = int.from_bytes(there, "little") & int.from_bytes(data, "little")
        self.data[address : address + len(data)] = cells.to_bytes(len(data), "little")

    def read(self, offset: int, length: int) -> bytes:
        """What is there; nothing behind the end."""
        return bytes(self.data[offset : offset + length])

    def erase_region(self, offset: int, size: int) -> None:
        """Set all bits."""
        size = max(0, min(size, SIZE - offset))
        self.data[offset : offset + size] = b"\xff" * size

    def erase_all(self) -> None:
        """The whole chip."""
        self.erase_region(0, SIZE)

    # -- as the mock calls it -----------------------------------------------------------------------------------

    def begin_plain(self, payload: bytes) -> None:
        """FLASH_BEGIN: where the next blocks go."""
        self._at = struct.unpack_from("<IIII", payload)[3]

    def write_plain_block(self, payload: bytes) -> None:
        """FLASH_DATA."""
        self._take(payload[16 : 16 + struct.unpack_from("<I", payload)[0]])

    def begin_defl(self, payload: bytes) -> None:
        """FLASH_DEFL_BEGIN."""
        self.begin_plain(payload)
        self._inflater = zlib.decompressobj()

    def write_defl_block(self, payload: bytes) -> None:
        """FLASH_DEFL_DATA; what does not inflate is lost, as it is with the mock."""
        if self._inflater is None:
            return
        try:
            inflated = self._inflater.decompress(payload[16 : 16 + struct.unpack_from("<I", payload)[0]])
        except zlib.error:
            self._inflater = None
            return
        self._take(inflated)

    def end_defl(self) -> None:
        """FLASH_DEFL_END."""
        self._inflater = None

    def _take(self, data: bytes) -> None:
        self.program(self._at, data)
        self._at += len(data)

    def md5_stub_response(self, payload: bytes, *, stub: bool = False) -> bytes:
        """SPI_FLASH_MD5, as a framed answer: binary from a stub, in hex from a ROM."""
        address, size, _, _ = struct.unpack_from("<IIII", payload)
        digest = hashlib.md5(self.read(address, size)).digest()
        return reply(0x13, 0, digest if stub else digest.hex().encode(), b"\x00\x00")
