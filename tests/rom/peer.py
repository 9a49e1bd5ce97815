"""esptool, in process, on the far side of a loader's socket: the reference for what a chip is."""

from __future__ import annotations

import select
import socket
from dataclasses import dataclass
from typing import Any

import esptool.cmds

from espmon.testing import LoaderPeer


class SocketSerial:
    """As much of `serial.Serial` as esptool uses, over a socket."""

    name = port = "peer"
    is_open = True
    baudrate = 115200
    write_timeout: float | None = None
    dtr = rts = False

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._buffer = bytearray()
        self.timeout: float | None = 3.0

    def _fill(self, timeout: float | None) -> None:
        ready, _, _ = select.select([self._end], [], [], timeout)
        if ready:
            self._buffer += self._end.recv(65536)

    @property
    def in_waiting(self) -> int:
        self._fill(0)
        return len(self._buffer)

    def inWaiting(self) -> int:
        return self.in_waiting

    def read(self, size: int = 1) -> bytes:
        if not self._buffer:
            self._fill(self.timeout)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def write(self, data: bytes) -> int:
        self._end.sendall(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def flushInput(self) -> None:
        self._fill(0)
        self._buffer.clear()

    reset_input_buffer = flushInput
    flushOutput = reset_output_buffer = flush

    def setDTR(self, state: bool) -> None:
        """No lines."""

    setRTS = setDTR

    def close(self) -> None:
        """The peer closes its own socket."""


@dataclass(frozen=True)
class Reference:
    """What esptool says about a chip."""

    chip: str
    description: str
    features: list[str]
    crystal_mhz: int
    mac: str
    eui64: str | None
    manufacturer: int
    device: int
    size: str


def ask(peer: LoaderPeer) -> Reference:
    """Let esptool connect to a running loader and read everything, through ROM."""
    esp: Any = esptool.cmds.detect_chip(SocketSerial(peer.socket), connect_mode="no-reset", connect_attempts=2)
    spi_attach = getattr(esptool.cmds, "attach_flash", None)
    if spi_attach is not None:
        spi_attach(esp)
    word = esp.flash_id()
    eui64 = esp.read_mac("EUI64")
    return Reference(
        chip=esp.CHIP_NAME,
        description=esp.get_chip_description(),
        features=[text.removesuffix(" ()") for text in esp.get_chip_features()],
        crystal_mhz=int(esp.get_crystal_freq()),
        mac=bytes(esp.read_mac("BASE_MAC")).hex(":"),
        eui64=bytes(eui64).hex(":") if eui64 else None,
        manufacturer=word & 0xFF,
        device=(word & 0xFF00) | (word >> 16 & 0xFF),
        size=esptool.cmds.detect_flash_size(esp) or "",
    )
