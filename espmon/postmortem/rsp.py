"""The GDB Remote Serial Protocol, sans-IO: packets, acknowledgements, retransmission.

A packet is `$payload#cs`, cs the byte sum modulo 256 in two hex digits. `+` acknowledges, `-` asks again. `}` escapes
(next byte XOR 0x20); in replies, `*` repeats the byte before it (count = next byte - 29). Source: the GDB manual,
appendix "GDB Remote Serial Protocol".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

PACKET_CAP = 64 << 10
"""Longest packet accepted, before run-length expansion."""

EXPANDED_CAP = 1 << 20
"""Longest payload after run-length expansion."""

RETRIES = 4
"""How often a request is sent again before the target is given up."""


class RspError(Exception):
    """The target does not answer, or not what the protocol says. The message is for the user."""


@dataclass(frozen=True, slots=True)
class Packet:
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


@dataclass(frozen=True, slots=True)
class Noise:
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
        if len(out) > EXPANDED_CAP:
            break
    return bytes(out[:EXPANDED_CAP])


class Parser:
    """Cuts received bytes into packets, acknowledgements and noise, whatever the reads were."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[Item]:
        """Read on; returns what became complete, in order."""
        self._held += data
        items: list[Item] = []
        held = self._held
        at = 0
        while at < len(held):
            byte = held[at]
            if byte in b"+-":
                items.append(Ack.GOOD if byte == 0x2B else Ack.AGAIN)
                at += 1
            elif byte in b"$%":
                end = held.find(b"#", at + 1)
                again = held.find(b"$", at + 1, end if end >= 0 else len(held))
                if again >= 0:
                    # A new packet begins inside: what stood before it was cut off.
                    items.append(Noise(bytes(held[at:again])))
                    at = again
                elif end < 0 and len(held) - at > PACKET_CAP:
                    items.append(Noise(bytes(held[at:])))
                    at = len(held)
                elif end < 0 or end + 2 >= len(held):
                    break
                else:
                    body = bytes(held[at + 1 : end])
                    given = bytes(held[end + 1 : end + 3])
                    items.append(Packet(decode_body(body), b"%02x" % checksum(body) == given.lower(), byte == 0x25))
                    at = end + 3
            else:
                stop = min((found for mark in b"+-$%" if (found := held.find(mark, at)) >= 0), default=len(held))
                items.append(Noise(bytes(held[at:stop])))
                at = stop
        del held[:at]
        return items

    def pending(self) -> bytes:
        """Bytes of a packet that is not complete, given back and forgotten."""
        held = bytes(self._held)
        self._held.clear()
        return held


class Exchange:
    """One request and its reply.

    Send `start()`; give what arrives to `feed`, send what it returns in `reply_with`; when nothing arrives for the
    time limit, send `again()`. `result` is the reply's payload once there is one.
    """

    def __init__(self, payload: bytes, *, no_ack: bool = False) -> None:
        self._packet = encode(payload)
        self._no_ack = no_ack
        self._left = RETRIES
        self.result: bytes | None = None
        self.noise = bytearray()

    def start(self) -> bytes:
        """What to send first."""
        return self._packet

    def again(self) -> bytes:
        """Send the request once more. Raises `RspError` when that was tried often enough."""
        if not self._left:
            raise RspError("The debug stub does not answer")
        self._left -= 1
        return self._packet

    def feed(self, item: Item) -> bytes:
        """Read one item; returns bytes to send at once (an acknowledgement, a repetition), or b""."""
        if item is Ack.AGAIN:
            return self.again()
        if isinstance(item, Noise):
            self.noise += item.data
        elif isinstance(item, Packet) and not item.notification:
            if not item.ok:
                if not self._left:
                    raise RspError("The debug stub's answers arrive damaged")
                self._left -= 1
                return b"" if self._no_ack else b"-"
            self.result = item.payload
            return b"" if self._no_ack else b"+"
        return b""
