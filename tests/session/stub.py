"""A fake chip in its debug stub: answers requests, and misbehaves where a test says so."""

from __future__ import annotations

from collections.abc import Callable

from espmon.postmortem import Symbolizer
from espmon.postmortem.rsp import Packet, Parser, encode
from espmon.session.gdb_client import GdbClient
from espmon.session.stopped import StackReader, snapshot, stack_pointer

BANNER = b"ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\nrst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\r\n"

SP = 0x3FC8B000
CODE = 0x42000100


def registers() -> bytes:
    """A `g` reply of a RISC-V core: each register its number, but sp and pc."""
    values = [*range(33)]
    values[2], values[32] = SP, CODE
    return b"".join(value.to_bytes(4, "little").hex().encode() for value in values)


class Stub:
    """The chip's side. `script` changes the answer to one request: (payload, bytes to send) -> bytes to send."""

    def __init__(self, script: Callable[[bytes, bytes], bytes] = lambda payload, answer: answer) -> None:
        self.requests: list[bytes] = []
        self.acknowledged = 0
        self._parser = Parser()
        self._script = script

    def __call__(self, data: bytes) -> bytes:
        out = b""
        for item in self._parser.feed(data):
            if isinstance(item, Packet):
                self.requests.append(item.payload)
                out += self._script(item.payload, b"+" + encode(self.answer(item.payload)))
            else:
                self.acknowledged += 1
        return out

    def answer(self, payload: bytes) -> bytes:
        """What a sound stub answers."""
        if payload == b"?" or payload == b"s":
            return b"T05"
        if payload == b"g":
            return registers()
        if payload[:1] == b"m":
            address, length = (int(part, 16) for part in payload[1:].split(b","))
            return bytes(address + at & 0xFF for at in range(length)).hex().encode() if address < SP + 4096 else b"E01"
        if payload == b"qfThreadInfo":
            return b"m1,2"
        if payload == b"qsThreadInfo":
            return b"l"
        if payload.startswith(b"qThreadExtraInfo,"):
            return b"Name: main".hex().encode()
        if payload[:1] == b"H":
            return b"OK"
        return b""


def times(count: int, change: Callable[[bytes], bytes], only: bytes = b"g") -> Callable[[bytes, bytes], bytes]:
    """A script that changes the first `count` answers to requests that start with `only`."""
    left = [count]

    def script(payload: bytes, answer: bytes) -> bytes:
        if payload.startswith(only) and left[0]:
            left[0] -= 1
            return change(answer)
        return answer

    return script


async def unwound(debugger: GdbClient, symbolizer: Symbolizer) -> list[str | None]:
    """The functions on the stack, innermost first, as espmon unwinds them from the stub's registers."""
    registers = await debugger.registers()
    stack = StackReader(stack_pointer(registers))
    wanted: tuple[int, int] | None = stack.first
    while wanted is not None:
        stack.add(wanted[0], await debugger.memory(*wanted))
        found = snapshot(None, None, (), registers, stack, symbolizer)
        wanted = stack.wanted
    return [frame.function for frame in found.frames]
