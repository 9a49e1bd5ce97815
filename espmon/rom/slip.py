"""SLIP packets (RFC 1055): one byte marks the ends, two escapes keep it out of the payload.

Both halves are sans-IO. The decoder takes the mark as a separator, not as a bracket: whatever stands between two marks
is offered as a packet, and what a boot log or line noise leaves there is turned down by whoever reads the packet's
header. So a stray mark never puts it out of step for more than one packet.
"""

from __future__ import annotations

END = 0xC0
ESCAPE = 0xDB

MAX_PACKET = 1 << 17
"""Most encoded bytes that one packet may have: a 64 KiB block in which every byte needs an escape. The protocol's
16-bit length cannot say more."""


def encode(payload: bytes) -> bytes:
    """One packet with a mark at both ends."""
    body = payload.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
    return b"\xc0" + body + b"\xc0"


def _unescape(body: bytes) -> bytes | None:
    first, *rest = body.split(b"\xdb")
    out = [first]
    for piece in rest:
        if piece[:1] == b"\xdc":
            out.append(b"\xc0" + piece[1:])
        elif piece[:1] == b"\xdd":
            out.append(b"\xdb" + piece[1:])
        else:
            return None
    return b"".join(out)


class Decoder:
    """Bytes in, packets out; any cut of the stream gives the same packets."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._overrun = False
        self.dropped = 0
        """Encoded bytes thrown away: broken escapes and packets over `MAX_PACKET`."""

    def feed(self, data: bytes) -> list[bytes]:
        """The packets that `data` completes, unescaped; empty ones are left out."""
        packets: list[bytes] = []
        *complete, rest = data.split(b"\xc0")
        for piece in complete:
            self._append(piece)
            body = bytes(self._pending)
            self._pending.clear()
            if self._overrun:
                self._overrun = False
                continue
            packet = body if b"\xdb" not in body else _unescape(body)
            if packet is None:
                self.dropped += len(body)
            elif packet:
                packets.append(packet)
        self._append(rest)
        return packets

    def pending(self) -> bytes:
        """What came after the last mark: the start of a packet, or text that is none."""
        return bytes(self._pending)

    def clear(self) -> None:
        """Forget an unfinished packet."""
        self._pending.clear()
        self._overrun = False

    def _append(self, piece: bytes) -> None:
        if self._overrun:
            self.dropped += len(piece)
            return
        self._pending += piece
        if len(self._pending) > MAX_PACKET:
            self.dropped += len(self._pending)
            self._pending.clear()
            self._overrun = True
