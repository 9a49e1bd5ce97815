"""A ROM loader in a thread: esp32-mock-bootloader made strict, damaged or slow, with its requests counted.

The mock gives the registers, the flash and the stub; this module stands between it and the wire, so that replies have
silicon's form and so that anything may be lost on the way. Needs the `demo` extra; it is imported on `start`.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from espmon.testing.nor_flash import NorFlash
from espmon.testing.quirks import ALLOWED_IN_SECURE_DOWNLOAD, Fault, Operation, Quirks, damage
from espmon.testing.silicon import PROGRAM_SECONDS, PROGRAM_TEXT, Silicon, stub_entries
from espmon.testing.slip_peer import Splitter, encode, reply

BOOT_TEXT = b"ESP-ROM:mock\r\nrst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)\r\nI (24) boot: application\r\n"
"""What the application prints after a reset."""

DOWNLOAD_TEXT = b"ESP-ROM:mock\r\nrst:0x1 (POWERON),boot:0x0 (DOWNLOAD(USB/UART0/1))\r\nwaiting for download\r\n"
"""What the ROM prints when it enters the loader."""

RATE_TOLERANCE = 0.05
INVALID_MESSAGE = b"\x01\x05"
SECURE_DOWNLOAD_FLAG = 1 << 2
SYNC_REPLIES = 8
MIN_PAYLOADS: dict[int, int] = {
    Operation.FLASH_BEGIN: 16,
    Operation.FLASH_DEFL_BEGIN: 16,
    Operation.SPI_FLASH_MD5: 16,
    Operation.MEM_BEGIN: 16,
    Operation.CHANGE_BAUDRATE: 8,
}
"""Shortest payload of a command; a shorter one is refused (the mock would stumble)."""

ACKNOWLEDGEMENT_BYTES = 4
"""While flash is being read, the host answers each packet with the count of bytes it has."""

SECTOR = 4096
BEGINS = frozenset({Operation.FLASH_BEGIN, Operation.FLASH_DEFL_BEGIN})
"""Commands with which a ROM erases."""

ENDS = frozenset({Operation.FLASH_END, Operation.FLASH_DEFL_END})
"""Commands whose first word says what comes next: 0 reboots, 1 runs the application (ROM) or stays (stub)."""


class LoaderPeer:
    """One chip at the far end of a socket pair: `socket` is the host's end, already non-blocking.

    Args:
        chip: a name that esptool knows ("esp32c3").
        quirks: what is special about this one.
        in_loader: False: the application runs (deaf to commands) until `enter_loader`.
        flash: the `flash` of another peer, to share it; a fresh one otherwise.
        contents: (address, bytes) of what stands in a fresh flash; the rest of it is erased.

    Attributes:
        requests: (operation, payload) of each command that arrived whole, in order.
        counts: how often each operation arrived; `counts[Operation.READ_REG]`.
        ignored: commands that arrived while the application ran.
        sent: bytes sent to the host so far.
        host_baud: the host's rate, told by `MockChannel.set_baud`.
        on_reboot: called (in the chip's thread) when the application starts: by a FLASH_END, or after the watchdog.
        bitten: the watchdog has reset the chip.
        download_text: what the ROM prints when it enters the loader.
    """

    def __init__(
        self,
        chip: str = "esp32c3",
        quirks: Quirks | None = None,
        *,
        in_loader: bool = True,
        flash: Any = None,
        contents: Iterable[tuple[int, bytes]] = (),
    ) -> None:
        self.chip = chip
        self.quirks = quirks or Quirks()
        self.flash = flash
        self._contents = contents
        self.requests: list[tuple[int, bytes]] = []
        self.counts: Counter[int] = Counter()
        self.ignored = 0
        self.sent = 0
        self.host_baud = 115200
        self.bitten = False
        self.download_text = DOWNLOAD_TEXT
        self.on_reboot: Callable[[], object] | None = None
        self._baud: int | None = None
        self._in_loader = in_loader
        self._entry_text = b"" if in_loader else BOOT_TEXT
        self._stub = self.quirks.stub_running
        self._entered = 0
        self._answered = 0
        self._replies = 0
        self._received = 0
        self._reset_done = False
        self._program = b""
        self._current: tuple[int, bytes] | None = None
        self._operation = 0
        self._streaming = False
        self._generation = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._splitter = Splitter()
        self._frames: list[bytes] = []
        self.socket, self._wire = socket.socketpair()
        self.socket.setblocking(False)
        self._wake, self._waker = socket.socketpair()
        self._thread: threading.Thread | None = None

    def start(self) -> LoaderPeer:
        """Run the chip; returns itself."""
        if self.flash is None:
            self.flash = NorFlash()
            for address, data in self._contents:
                self.flash.data[address : address + len(data)] = data
        self._silicon = Silicon(self.chip, self.flash, attached=not self.quirks.attach_first)
        self._thread = threading.Thread(target=self._run, name=f"loader-{self.chip}", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Cut the wire and wait for the thread."""
        self._stop.set()
        with contextlib.suppress(OSError):
            # A host that still waits to write learns it now, not when the descriptor has gone.
            self.socket.shutdown(socket.SHUT_RDWR)
        self._waker.send(b"x")
        if self._thread is not None:
            self._thread.join(5.0)
        for end in (self.socket, self._wire, self._wake, self._waker):
            end.close()

    def __enter__(self) -> LoaderPeer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def mode(self) -> str:
        """ "loader" or "application"."""
        return "loader" if self._in_loader else "application"

    def enter_loader(self) -> None:
        """Reset the chip with IO0 low: RAM is lost, the banner comes, the rate is found again at the next SYNC."""
        self._reset(True, self.download_text)

    def boot(self) -> None:
        """Reset the chip with IO0 high: the application runs."""
        self._reset(False, BOOT_TEXT)

    # -- the chip's side, all in the thread ---------------------------------------------------------------------

    def _reset(self, in_loader: bool, text: bytes) -> None:
        self._program = b""
        with self._lock:
            while select.select([self._wire], [], [], 0)[0] and self._wire.recv(65536):
                pass  # what the host sent before the reset is gone
            self._in_loader, self._entry_text = in_loader, text
            self._generation += 1
        self._waker.send(b"x")

    def _run(self) -> None:
        try:
            self._live()
        finally:
            with contextlib.suppress(OSError):
                self._wire.shutdown(socket.SHUT_RDWR)

    def _live(self) -> None:
        from esp32_mock_bootloader.server import BootloaderConnection, handle_client

        generation = 0
        while not self._stop.is_set():
            with self._lock:
                fresh = generation != self._generation
                generation = self._generation
                text, self._entry_text = self._entry_text, b""
            if fresh:
                self._stub, self._baud, self._entered, self._answered = False, None, 0, 0
                self._frames.clear()
                self._silicon.reset()
            self._transmit(text)
            wire = _Wire(self, generation)
            if self._in_loader:
                handle_client(
                    BootloaderConnection(sock=wire),
                    self._stop,
                    self.chip,
                    flash=self.flash,
                    exit_on_disconnect=True,
                )
            else:
                while wire.next_request() is not None:
                    self.ignored += 1

    def _wait_request(self, generation: int) -> bytes | None:
        """The next whole command; None when the chip was reset or the wire is gone."""
        while not self._frames:
            if self._stop.is_set() or generation != self._generation:
                return None
            ready, _, _ = select.select([self._wire, self._wake], [], [], self._until_next())
            if not ready:
                self._let_time_pass()
                continue
            if self._wake in ready:
                self._wake.recv(64)
                continue
            with self._lock:
                if generation != self._generation:
                    return None
                data = self._wire.recv(65536)
            if not data:
                self._stop.set()
                return None
            if self.quirks.paced:
                time.sleep(len(data) * 10 / self.host_baud)
            if self._hears():
                self._frames.extend(self._splitter.feed(data))
        return self._frames.pop(0)

    def _until_next(self) -> float | None:
        """Seconds until something happens by itself: the watchdog, or a program that says again what it is."""
        if (bites_at := self._silicon.bites_at) is not None:
            return max(0.0, bites_at - time.monotonic())
        return PROGRAM_SECONDS if self._program else None

    def _let_time_pass(self) -> None:
        """The program says it again, or the watchdog resets the chip into its application."""
        if self._silicon.bites_at is None:
            self._transmit(self._program)
            return
        self.bitten = True
        self._silicon.bites_at = None
        self.boot()
        if self.on_reboot:
            self.on_reboot()

    def _hears(self) -> bool:
        if self._baud is None or not self.quirks.rate_matters:
            return True
        return abs(self.host_baud / self._baud - 1) < RATE_TOLERANCE

    def _transmit(self, data: bytes) -> None:
        if not data:
            return
        if not self._hears():
            data = bytes(byte ^ 0xA5 for byte in data)
        cut = self.quirks.disconnect_at
        if cut is not None and self.sent + len(data) >= cut:
            data = data[: max(0, cut - self.sent)]
            self._stop.set()
        step = self.quirks.chunk or len(data) or 1
        try:
            for start in range(0, len(data), step):
                piece = data[start : start + step]
                if self.quirks.paced:
                    time.sleep(len(piece) * 10 / (self._baud or self.host_baud))
                self._wire.sendall(piece)
                self.sent += len(piece)
            if self._stop.is_set():
                self._wire.shutdown(socket.SHUT_RDWR)
        except OSError:
            self._stop.set()

    def _status(self, status: bytes = b"\x00\x00") -> bytes:
        if self._stub or self.chip == "esp8266":
            return status
        return status + b"\x00\x00"

    def _answer(self, operation: int, value: int, payload: bytes = b"", status: bytes = b"\x00\x00") -> None:
        times = self.quirks.error_repeats if status != b"\x00\x00" else 1
        self._deliver(reply(operation, value, payload, self._status(status)) * times)

    def _deliver(self, message: bytes) -> None:
        """Send the answer to one request through all that may happen to it."""
        fault = self.quirks.reply_faults.get(self._replies)
        self._replies += 1
        if fault is Fault.REJECT:
            message = reply(self._operation, 0, b"", self._status(INVALID_MESSAGE)) * self.quirks.error_repeats
        if self.quirks.leading_noise and not self._entered:
            self._transmit(self.quirks.leading_noise)
        self._entered += 1
        if self.quirks.latency:
            time.sleep(self.quirks.latency)
        self._transmit(damage(message, fault))

    def _accept(self, frame: bytes) -> bytes | None:
        """Look at a command; the framed bytes the mock shall see, or None when this module has dealt with it."""
        if self._streaming and len(frame) == ACKNOWLEDGEMENT_BYTES:
            return encode(frame)
        number, self._received = self._received, self._received + 1
        frame = damage(frame, self.quirks.request_faults.get(number))
        if len(frame) < 8 or frame[0] != 0 or len(frame) - 8 != struct.unpack_from("<H", frame, 2)[0]:
            return None
        operation, data = frame[1], frame[8:]
        self._operation, self._streaming = operation, False
        self.requests.append((operation, data))
        self.counts[operation] += 1
        if self._baud is None:
            self._baud = self.host_baud
        if number == self.quirks.reset_after and not self._reset_done:
            self._reset_done = True
            self.boot()
            return None
        self._answered += 1
        quiet = self.quirks.silent_after is not None and self._answered > self.quirks.silent_after
        if quiet or operation in self.quirks.silent:
            return None
        if operation == Operation.SYNC:
            if self.counts[operation] > self.quirks.ignored_syncs:
                self._deliver(reply(operation, 0 if self._stub else 0x20120707, b"", self._status()) * SYNC_REPLIES)
            return None
        if self.quirks.secure_download and operation not in ALLOWED_IN_SECURE_DOWNLOAD:
            self._answer(operation, 0, status=INVALID_MESSAGE)
            return None
        if operation == Operation.READ_REG and len(data) >= 4:
            address = struct.unpack_from("<I", data)[0]
            if address in self.quirks.registers:
                self._answer(operation, self.quirks.registers[address])
                return None
        if len(data) < MIN_PAYLOADS.get(operation, 0):
            self._answer(operation, 0, status=INVALID_MESSAGE)
            return None
        if self.quirks.strict and (self._accept_strictly(operation) or self._leave_to_silicon(operation, data)):
            return None
        if self.quirks.strict and operation in BEGINS:
            # ROM and stub erase whole sectors before they write; the mock leaves what is there.
            size, _, _, address = struct.unpack_from("<IIII", data)
            first = address // SECTOR * SECTOR
            self.flash.erase_region(first, -(-(address + size) // SECTOR) * SECTOR - first)
        return encode(frame)

    def _accept_strictly(self, operation: int) -> bool:
        """Commands that silicon answers in another way than the mock; True when answered."""
        from esp32_mock_bootloader.chips import PROFILES

        if operation == Operation.GET_SECURITY_INFO:
            if self.chip in {"esp8266", "esp32"}:
                self._answer(operation, 0, status=INVALID_MESSAGE)
                return True
            flags = self.quirks.security_flags | (SECURE_DOWNLOAD_FLAG if self.quirks.secure_download else 0)
            info = struct.pack("<IB7x", flags, self.quirks.flash_crypt_count)
            if self.chip != "esp32s2":
                info += struct.pack("<II", PROFILES[self.chip].image_chip_id or 0, 0)
            self._answer(operation, 0, info)
            return True
        if operation == Operation.SPI_FLASH_MD5 and self.chip == "esp8266" and not self._stub:
            self._answer(operation, 0, status=INVALID_MESSAGE)
            return True
        return False

    def _leave_to_silicon(self, operation: int, data: bytes) -> bool:
        """What is no business of the mock's; True when answered."""
        if (answer := self._silicon.answer(operation, data, stub=self._stub)) is not None:
            self._answer(operation, answer.value, status=answer.status)
            return True
        if operation == Operation.MEM_END and self.quirks.programs and len(data) >= 8:
            stays, entry = struct.unpack_from("<II", data)
            if not stays and entry and entry not in stub_entries():
                self._answer(operation, 0)
                self._reset(False, b"")
                self._program = PROGRAM_TEXT % entry
                return True
        return False

    def _forward(self, message: bytes) -> None:
        """What the mock wrote in answer to the command that was let through."""
        if self._streaming:
            self._transmit(message)
            return
        frames = Splitter().feed(message)
        operation, payload = self._operation, frames[0]
        value = struct.unpack_from("<I", payload, 4)[0]
        body, status = self._parts(operation, payload[8:])
        started = operation == Operation.MEM_END and any(frame == b"OHAI" for frame in frames)
        if not self.quirks.strict:
            self._deliver(message)
        elif status != b"\x00\x00":
            self._answer(operation, value, body, status)
        else:
            self._deliver(reply(operation, value, body, self._status()) + (encode(b"OHAI") if started else b""))
        self._stub = self._stub or started
        self._streaming = operation == Operation.READ_FLASH and status == b"\x00\x00"
        if operation in ENDS:
            self._end(reboots=self.requests[-1][1][:4] == bytes(4))
        if operation == Operation.CHANGE_BAUDRATE and status == b"\x00\x00":
            self._baud = struct.unpack_from("<I", self.requests[-1][1])[0]

    def _end(self, *, reboots: bool) -> None:
        """After FLASH_END: a ROM reboots or runs the application; a stub stays, or lets the ROM's loader start again.

        A software reset does not look at the strapping pins again, and a stub runs only where they said "loader".
        """
        if not self._stub:
            self.boot()
            if self.on_reboot:
                self.on_reboot()
        elif reboots:
            self.enter_loader()

    def _parts(self, operation: int, rest: bytes) -> tuple[bytes, bytes]:
        """(payload, two status bytes) of a reply of the mock."""
        sizes: dict[int, int] = {Operation.READ_FLASH_SLOW: 64, Operation.GET_SECURITY_INFO: 20}
        size = sizes.get(operation, 0)
        if operation == Operation.SPI_FLASH_MD5:
            size = 16 if self._stub else 32
        size = size if len(rest) > size else 0
        return rest[:size], rest[size : size + 2]


class _Wire:
    """What the mock takes for a socket: whole commands come out of it, replies go into it."""

    def __init__(self, peer: LoaderPeer, generation: int) -> None:
        self._peer = peer
        self._generation = generation

    def next_request(self) -> bytes | None:
        """The next command, undecoded; None at the end of this stay."""
        return self._peer._wait_request(self._generation)

    def recv(self, size: int) -> bytes:
        """The next command for the mock, framed; b"" at the end of this stay."""
        while (frame := self.next_request()) is not None:
            if (message := self._peer._accept(frame)) is not None:
                return message
        return b""

    def sendall(self, data: bytes) -> None:
        """A reply of the mock."""
        self._peer._forward(data)

    def settimeout(self, timeout: float) -> None:
        """The mock polls; this wire wakes it instead."""

    def close(self) -> None:
        """The wire outlives one time in the loader."""
