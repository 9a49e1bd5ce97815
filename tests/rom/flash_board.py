"""A chip whose flash behaves like flash, on a virtual clock: bits only fall until a sector is erased, ROM and stub have
their own rules, and a fault schedule stands between it and the host.

It is written apart from `espmon.rom`, from the protocol's facts, so that a mistake there cannot hide itself here.
"""

from __future__ import annotations

import asyncio
import hashlib
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from espmon.testing import Fault, LineSequence, WireLost
from espmon.testing.quirks import Operation, damage
from espmon.testing.slip_peer import Splitter, encode, reply
from espmon.time_limit import time_limit

SECTOR = 4096
OK, BAD_CHECKSUM, INVALID = b"\x00\x00", b"\x01\x07", b"\x01\x05"
MAGIC = 0x40001000
BOOT = b"ESP-ROM:x\r\nrst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)\r\nI (24) boot: hello\r\n"
DOWNLOAD = b"ESP-ROM:x\r\nrst:0x1 (POWERON),boot:0x0 (DOWNLOAD(USB/UART0))\r\nwaiting for download\r\n"
MAGICS = {"esp8266": 0xFFF0C101, "esp32": 0x00F01D83}


def checksum(payload: bytes) -> int:
    value = 0xEF
    for byte in payload:
        value ^= byte
    return value


class FlashBoard:
    """A `Channel` with a chip and its flash behind it.

    Args:
        chip_id: what the security info says (5: ESP32-C3); None with `magic`.
        magic: the word at 0x40001000 of chips without security info.
        spi: (W0 address, USR2 address) of the flash controller, for the flash id.
        size: bytes of flash; a power of two.
        flags: security flags.
        lines: whether the port has modem lines.
        reply_faults: reply number -> what happens to it.
        request_faults: request number -> what happens to it.
        delays: reply number -> seconds it comes late.
        reset_at: request numbers at which the chip resets into its application.
        cut_at: bytes towards the host after which the wire is cut.
        write_seconds: seconds that a megabyte takes to be written or erased.
    """

    def __init__(
        self,
        *,
        chip_id: int | None = 5,
        magic: int = 0,
        spi: tuple[int, int] = (0x60002058, 0x60002020),
        size: int = 4 << 20,
        flags: int = 0,
        crypt_count: int = 0,
        lines: bool = True,
        md5: bool = True,
        registers: Mapping[int, int] | None = None,
        reply_faults: Mapping[int, Fault] | None = None,
        request_faults: Mapping[int, Fault] | None = None,
        delays: Mapping[int, float] | None = None,
        reset_at: Sequence[int] = (),
        cut_at: int | None = None,
        write_seconds: float = 0.0,
        usb: tuple[int, int] | None = None,
    ) -> None:
        self.baud = 115200
        self.usb = usb
        self.has_modem_lines = lines
        self.in_loader = not lines
        self.stub = False
        self.flash = bytearray(b"\xff" * size)
        self.requests: list[tuple[int, bytes]] = []
        self.counts: Counter[int] = Counter()
        self.played: list[str] = []
        self.bauds: list[int] = []
        self.silent: set[int] = set()
        self.erased: list[tuple[int, int]] = []
        self.chip_baud = 115200
        self._chip_id, self._magic, self._size, self._md5 = chip_id, magic, size, md5
        self._w0, self._usr2 = spi
        self._flags, self._crypt = flags, crypt_count
        self._registers = dict(registers or {})
        self._reply_faults, self._request_faults = dict(reply_faults or {}), dict(request_faults or {})
        self._delays, self._reset_at, self._cut_at = dict(delays or {}), set(reset_at), cut_at
        self._write_seconds = write_seconds
        self._replies = self._received = self._sent = 0
        self._busy_until = 0.0
        self._lost = False
        self._splitter = Splitter()
        self._waiting = bytearray()
        self._arrived = asyncio.Event()
        self._at = self._expected = 0
        self._left = 0
        self._inflate: Any = None
        self._stream: list[bytes] = []

    # -- the channel --------------------------------------------------------------------------------------------

    async def read(self, timeout: float | None = None) -> bytes:
        try:
            async with time_limit(timeout):
                await self._arrived.wait()
        except TimeoutError:
            return b""
        data = bytes(self._waiting)
        self._waiting.clear()
        self._arrived.clear()
        if not data and self._lost:
            self._arrived.set()
            raise WireLost("the wire was cut")
        if self._lost:
            self._arrived.set()
        return data

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        await asyncio.sleep(0)
        if self._lost:
            raise WireLost("the wire was cut")
        if self.in_loader and self.baud == self.chip_baud:
            for frame in self._splitter.feed(data):
                self._take(frame)

    async def set_baud(self, baud: int) -> None:
        self.baud = baud
        self.bauds.append(baud)

    def loader_entries(self) -> Sequence[LineSequence]:
        return [LineSequence("tight")] if self.has_modem_lines else []

    def hard_reset_sequence(self) -> LineSequence | None:
        return LineSequence("hard") if self.has_modem_lines else None

    async def run_sequence(self, sequence: Any) -> None:
        self.played.append(sequence.name)
        await asyncio.sleep(0.1)
        self._restart(sequence.name != "hard")

    def _restart(self, in_loader: bool) -> None:
        self.in_loader, self.stub, self.chip_baud = in_loader, False, 115200
        self._inflate, self._stream, self._left = None, [], 0
        self._busy_until = 0.0
        self._say(DOWNLOAD if in_loader else BOOT)

    def _say(self, data: bytes) -> None:
        if self._lost:
            return
        if self._cut_at is not None and self._sent + len(data) >= self._cut_at:
            data = data[: max(0, self._cut_at - self._sent)]
            self._lost = True
        self._sent += len(data)
        self._waiting += data
        self._arrived.set()

    # -- the chip -----------------------------------------------------------------------------------------------

    def _take(self, frame: bytes) -> None:
        if self._stream and len(frame) == 4:
            self._go_on(struct.unpack("<I", frame)[0])
            return
        self._stream = []
        number, self._received = self._received, self._received + 1
        if number in self._reset_at:
            self._restart(False)
            return
        fault = self._request_faults.get(number)
        for copy in range(2 if fault is Fault.DUPLICATE else 1):
            message = frame if fault is Fault.DUPLICATE else damage(frame, fault)
            if len(message) >= 8 and message[0] == 0 and struct.unpack_from("<H", message, 2)[0] == len(message) - 8:
                self._obey(message[1], message[8:], struct.unpack_from("<I", message, 4)[0])
            del copy

    def _obey(self, op: int, data: bytes, check: int) -> None:
        self.requests.append((op, data))
        self.counts[op] += 1
        if op in self.silent:
            return
        now = asyncio.get_running_loop().time()
        late_before = max(0.0, self._busy_until - now)
        answer = self._answer(op, data, check)
        # A ROM answers when it is done, a stub before it writes.
        late = late_before if self.stub else max(0.0, self._busy_until - now)
        self._deliver(answer, late)

    def _deliver(self, answer: bytes, late: float) -> None:
        number, self._replies = self._replies, self._replies + 1
        message = damage(answer, self._reply_faults.get(number))
        late += self._delays.get(number, 0.0)
        if late:
            asyncio.get_running_loop().call_later(late, self._say, message)
        else:
            self._say(message)

    def _reply(self, op: int, payload: bytes = b"", status: bytes = OK, value: int = 0) -> bytes:
        tail = b"" if self.stub or self._magic == MAGICS["esp8266"] else b"\0\0"
        return reply(op, value, payload, status + tail)

    def _answer(self, op: int, data: bytes, check: int) -> bytes:
        known: dict[int, Callable[[int, bytes], bytes]] = {
            Operation.SYNC: self._sync,
            Operation.GET_SECURITY_INFO: self._security,
            Operation.READ_REG: self._read_reg,
            Operation.WRITE_REG: self._write_reg,
            Operation.SPI_ATTACH: self._accept,
            Operation.SPI_SET_PARAMS: self._accept,
            Operation.MEM_BEGIN: self._accept,
            Operation.MEM_END: self._mem_end,
            Operation.CHANGE_BAUDRATE: self._change_baud,
            Operation.SPI_FLASH_MD5: self._digest,
            Operation.FLASH_BEGIN: self._begin,
            Operation.FLASH_DEFL_BEGIN: self._begin,
            Operation.READ_FLASH_SLOW: self._read_slow,
            Operation.ERASE_FLASH: self._erase_flash,
            Operation.ERASE_REGION: self._erase_region,
            Operation.READ_FLASH: self._read_flash,
        }
        if op in (Operation.FLASH_DATA, Operation.FLASH_DEFL_DATA, Operation.MEM_DATA):
            return self._data(op, data, check)
        if op not in known or (self._flags & 4 and op in FORBIDDEN):
            return self._reply(op, status=INVALID)
        return known[op](op, data)

    def _accept(self, op: int, data: bytes) -> bytes:
        return self._reply(op)

    def _sync(self, op: int, data: bytes) -> bytes:
        return self._reply(op, value=0 if self.stub else 0x20120707) * 8

    def _security(self, op: int, data: bytes) -> bytes:
        if self._chip_id is None:
            return self._reply(op, status=INVALID)
        return self._reply(op, struct.pack("<IB7xII", self._flags, self._crypt, self._chip_id, 0))

    def _read_reg(self, op: int, data: bytes) -> bytes:
        address = struct.unpack("<I", data)[0]
        if address == MAGIC:
            return self._reply(op, value=self._magic)
        if address == self._w0 and self._registers.get(self._usr2, 0) & 0xFF == 0x9F:
            return self._reply(op, value=(self._size.bit_length() - 1) << 16 | 0x4020)
        return self._reply(op, value=self._registers.get(address, 0))

    def _write_reg(self, op: int, data: bytes) -> bytes:
        address, value, mask, _ = struct.unpack("<IIII", data)
        self._registers[address] = (self._registers.get(address, 0) & ~mask) | (value & mask & ~(1 << 18))
        return self._reply(op)

    def _mem_end(self, op: int, data: bytes) -> bytes:
        answer = self._reply(op)
        self.stub = True
        return answer + encode(b"OHAI")

    def _change_baud(self, op: int, data: bytes) -> bytes:
        answer = self._reply(op)
        self.chip_baud = struct.unpack_from("<I", data)[0]
        return answer

    def _digest(self, op: int, data: bytes) -> bytes:
        if not self._md5 and not self.stub:
            return self._reply(op, status=INVALID)
        address, size, _, _ = struct.unpack("<IIII", data)
        digest = hashlib.md5(self.flash[address : address + size])
        return self._reply(op, digest.digest() if self.stub else digest.hexdigest().encode())

    def _take_time(self, size: int) -> None:
        now = asyncio.get_running_loop().time()
        self._busy_until = max(now, self._busy_until) + self._write_seconds * size / (1 << 20)

    def _erase(self, start: int, end: int) -> None:
        start, end = start // SECTOR * SECTOR, -(-end // SECTOR) * SECTOR
        self.flash[start:end] = b"\xff" * (min(end, self._size) - start)
        self.erased.append((start, end))
        self._take_time(end - start)

    def _begin(self, op: int, data: bytes) -> bytes:
        with_word = self.stub or self._chip_id is not None
        if len(data) != (20 if with_word else 16):
            return self._reply(op, status=INVALID)
        size, blocks, block, address = struct.unpack_from("<IIII", data)
        del blocks, block
        self._inflate = zlib.decompressobj() if op == Operation.FLASH_DEFL_BEGIN else None
        self._at, self._expected, self._left = address, 0, size
        if not self.stub:
            self._erase(address, address + self._really_erased(address, size))
        self._fresh = address // SECTOR * SECTOR
        return self._reply(op)

    def _really_erased(self, address: int, size: int) -> int:
        if self._magic != MAGICS["esp8266"]:
            return size
        # This ROM erases single sectors to the next 64 KiB border and forgets to take them off the count.
        sectors = -(-size // SECTOR)
        head = 16 - address // SECTOR % 16
        return (2 * sectors if sectors <= head else sectors + head) * SECTOR

    def _data(self, op: int, data: bytes, check: int) -> bytes:
        length, number, _, _ = struct.unpack_from("<IIII", data)
        payload = data[16:]
        if len(payload) != length or checksum(payload) != check & 0xFF:
            return self._reply(op, status=b"\x01\xc1" if self.stub else BAD_CHECKSUM)
        if op == Operation.MEM_DATA:
            return self._reply(op)
        if number != self._expected:
            return self._reply(op, status=INVALID)
        self._expected += 1
        if op == Operation.FLASH_DEFL_DATA:
            if self._inflate is None:
                return self._reply(op, status=b"\x01\xc6")
            try:
                payload = self._inflate.decompress(payload)
            except zlib.error:
                return self._reply(op, status=b"\x01\x0b")
        self._program(payload)
        return self._reply(op)

    def _program(self, payload: bytes) -> None:
        end = self._at + len(payload)
        while self.stub and self._fresh < end:
            self._erase(self._fresh, self._fresh + SECTOR)
            self._fresh += SECTOR
        old = int.from_bytes(self.flash[self._at : end], "little")
        self.flash[self._at : end] = (old & int.from_bytes(payload, "little")).to_bytes(len(payload), "little")
        self._at = end
        self._take_time(len(payload))

    def _read_slow(self, op: int, data: bytes) -> bytes:
        address, size = struct.unpack_from("<II", data)
        return self._reply(op, bytes(self.flash[address : address + size]).ljust(64, b"\xff"))

    def _erase_flash(self, op: int, data: bytes) -> bytes:
        if not self.stub:
            return self._reply(op, status=INVALID)
        self._erase(0, self._size)
        return self._reply(op)

    def _erase_region(self, op: int, data: bytes) -> bytes:
        if not self.stub:
            return self._reply(op, status=INVALID)
        address, size = struct.unpack("<II", data)
        self._erase(address, address + size)
        return self._reply(op)

    def _read_flash(self, op: int, data: bytes) -> bytes:
        if not self.stub:
            return self._reply(op, status=INVALID)
        address, size, packet, _ = struct.unpack("<IIII", data)
        content = bytes(self.flash[address : address + size])
        self._stream = [content[at : at + packet] for at in range(0, size, packet)] + [hashlib.md5(content).digest()]
        return self._reply(op) + encode(self._stream.pop(0))

    def _go_on(self, acknowledged: int) -> None:
        del acknowledged
        self._deliver(encode(self._stream.pop(0)), 0.0)


FORBIDDEN = {
    Operation.READ_REG,
    Operation.WRITE_REG,
    Operation.MEM_BEGIN,
    Operation.MEM_END,
    Operation.SPI_FLASH_MD5,
    Operation.READ_FLASH_SLOW,
}
"""What secure download mode refuses."""
