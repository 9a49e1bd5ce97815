"""The GDB Remote Serial Protocol, sans-IO: packets, acknowledgements, retransmission.

A packet is `$payload#cs`, cs the byte sum modulo 256 in two hex digits. `+` acknowledges, `-` asks again. `}` escapes
(next byte XOR 0x20); in replies, `*` repeats the byte before it (count = next byte - 29). Source: the GDB manual,
appendix "GDB Remote Serial Protocol".
"""

from __future__ import annotations

import contextlib
import re
from enum import Enum
from typing import NamedTuple

from espmon.model.rom_banners import RESET_BANNER

MAX_PACKET = 64 << 10
"""Longest packet accepted, before run-length expansion."""

MAX_EXPANDED = 1 << 20
"""Longest payload after run-length expansion."""

MAX_NOISE = 64 << 10
"""Most bytes kept of what is no packet."""

CONTROL = re.compile(rb"[\x00-\x1f]")

RETRIES = 4
"""How often a request is sent again before the target is given up."""


class RspError(Exception):
    """The target does not answer, or not what the protocol says. The message is for the user."""


class TargetGone(RspError):
    """The target is no longer in its stub: it was reset, or runs. `log` is what it printed, the tail of what came."""

    def __init__(self, message: str, log: bytes) -> None:
        super().__init__(message)
        self.log = log


class Packet(NamedTuple):
    """A packet that arrived; `payload` is unescaped and expanded."""

    payload: bytes
    ok: bool
    """False: the checksum was wrong."""

    notification: bool = False
    """It began with `%`: not an answer, and not acknowledged."""


class Ack(Enum):
    """An acknowledgement."""

    GOOD = b"+"
    AGAIN = b"-"


class Noise(NamedTuple):
    """Bytes between packets: log text of a target that runs on, mostly."""

    data: bytes


Item = Packet | Ack | Noise


def checksum(body: bytes) -> int:
    """Byte sum modulo 256."""
    return sum(body) & 0xFF


def encode(payload: bytes) -> bytes:
    """A payload as a packet, escaped where the protocol demands it."""
    body = bytearray()
    for byte in payload:
        if byte in b"$#}*":
            body += b"}" + bytes([byte ^ 0x20])
        else:
            body.append(byte)
    sealed = bytes(body)
    return b"$%s#%02x" % (sealed, checksum(sealed))


def decode_body(body: bytes) -> bytes:
    """Undo escapes and run-length encoding. A damaged run or a trailing escape is kept as it stands."""
    if b"}" not in body and b"*" not in body:
        return body
    out = bytearray()
    index = 0
    while index < len(body):
        byte = body[index]
        if byte == 0x7D and index + 1 < len(body):
            out.append(body[index + 1] ^ 0x20)
            index += 2
        elif byte == 0x2A and out and index + 1 < len(body) and body[index + 1] >= 32:
            out += out[-1:] * (body[index + 1] - 29)
            index += 2
        else:
            out.append(byte)
            index += 1
        if len(out) > MAX_EXPANDED:
            break
    return bytes(out[:MAX_EXPANDED])


class Parser:
    """Cuts received bytes into packets, acknowledgements and noise, whatever the reads were.

    A `+` or `-` is an acknowledgement only where one can stand: first, or behind a packet or another one. Behind other
    bytes it is part of a log line (`-5 degrees`), which must not make anybody send something again.

    Args:
        text: replies hold no control characters (all that is asked for here is hex and names), so that a `$` in a log
            line does not swallow the lines after it.
    """

    def __init__(self, *, text: bool = False) -> None:
        self._held = bytearray()
        self._text = text
        self._in_noise = False

    def begin(self) -> None:
        """A request is sent now: the next byte may be an acknowledgement."""
        self._in_noise = False

    @property
    def inside(self) -> bool:
        """Whether a packet has begun and is not complete."""
        return bool(self._held)

    def feed(self, data: bytes) -> list[Item]:
        """Read on; returns what became complete, in order."""
        self._held += data
        items: list[Item] = []
        held = self._held
        at = 0
        while at < len(held):
            byte = held[at]
            if byte in b"+-" and not self._in_noise:
                items.append(Ack.GOOD if byte == 0x2B else Ack.AGAIN)
                at += 1
            elif byte in b"$%":
                end = held.find(b"#", at + 1)
                cut = self._cut(at, end)
                if cut is not None:
                    items.append(Noise(bytes(held[at:cut])))
                    self._in_noise = True
                    at = cut
                elif end < 0 or end + 2 >= len(held):
                    break
                else:
                    body = bytes(held[at + 1 : end])
                    given = bytes(held[end + 1 : end + 3])
                    items.append(Packet(decode_body(body), b"%02x" % checksum(body) == given.lower(), byte == 0x25))
                    self._in_noise = False
                    at = end + 3
            else:
                stop = min((found for mark in b"$%" if (found := held.find(mark, at + 1)) >= 0), default=len(held))
                items.append(Noise(bytes(held[at:stop])))
                self._in_noise = True
                at = stop
        del held[:at]
        return items

    def _cut(self, at: int, end: int) -> int | None:
        """Where what began at `at` turns out to be no packet: at the next one's start, or where its text ends."""
        held = self._held
        limit = end if end >= 0 else len(held)
        again = held.find(b"$", at + 1, limit)
        if self._text:
            control = CONTROL.search(held, at + 1, limit)
            if control and (again < 0 or control.start() < again):
                return control.start()
        if again >= 0:
            return again
        return len(held) if end < 0 and len(held) - at > MAX_PACKET else None

    def pending(self) -> bytes:
        """Bytes of a packet that is not complete, given back and forgotten."""
        held = bytes(self._held)
        self._held.clear()
        return held


class Exchange:
    """One request and its reply.

    Send `start()`; give what arrives to `feed`, send what it returns; when nothing arrives for the time limit, send
    `again()`. `result` is the reply's payload once there is one.

    Args:
        payload: the request.
        once: the request must not be executed twice (step): it is sent again only when the target asks for it.
    """

    def __init__(self, payload: bytes, *, once: bool = False) -> None:
        self._payload = payload
        self._packet = encode(payload)
        self._once = once
        self._left = RETRIES
        self.result: bytes | None = None
        self.repeated = False
        """Whether the request was sent more than once: the target may answer each of them."""
        self.heard = False
        """Whether the target acknowledged anything."""
        self.noise = bytearray()
        """What arrived and was no packet, the last `MAX_NOISE` bytes of it."""
        self.console = bytearray()
        """What the target's program printed through the debugger (`O` packets)."""

    def start(self) -> bytes:
        """What to send first."""
        return self._packet

    def again(self) -> bytes:
        """What to send when time passed. Raises `RspError` when that was tried often enough."""
        if not self._left:
            raise RspError("The debug stub does not answer")
        self._left -= 1
        if self._once and self.heard:
            return b""
        self.repeated = True
        return self._packet

    def feed(self, item: Item) -> bytes:
        """Read one item; returns bytes to send at once (an acknowledgement, a repetition), or b""."""
        if item is Ack.AGAIN:
            self.heard = False
            return self.again()
        if item is Ack.GOOD:
            self.heard = True
        elif isinstance(item, Noise):
            self.noise += item.data
            del self.noise[:-MAX_NOISE]
        elif isinstance(item, Packet) and not item.notification:
            return self._reply(item)
        return b""

    def _reply(self, packet: Packet) -> bytes:
        if not packet.ok:
            if not self._left:
                raise RspError("The debug stub's answers arrive damaged")
            self._left -= 1
            return b"-"
        payload = packet.payload
        if payload == self._payload:
            self.noise += self._packet  # a console that runs repeats what is typed at it; no reply is its own request
            return b""
        if payload[:1] == b"O" and payload != b"OK":
            with contextlib.suppress(ValueError):
                self.console += bytes.fromhex(payload[1:].decode("ascii"))
                del self.console[:-MAX_NOISE]
            return b"+"
        if self.noise.endswith(b"+"):
            del self.noise[-1:]  # behind a log line, and an acknowledgement all the same
        self.result = payload
        return b"+"


LOG_LINES = 3
"""So many finished lines of text instead of a reply: the program runs."""


def gone(received: bytes) -> TargetGone | None:
    """What was received since a request, instead of a reply: does it show that the target left its stub?"""
    banner = RESET_BANNER.search(received)
    if banner:
        line = max(received.rfind(b"\n", 0, banner.start()), received.rfind(b"\r", 0, banner.start())) + 1
        return TargetGone("The board was reset while it was inspected", received[line:])
    if received.count(b"\n") >= LOG_LINES:
        return TargetGone("The board is not in its debug stub: it prints log text", received)
    return None
