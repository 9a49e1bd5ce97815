"""rzCOBS, the encoding of defmt frames: no zero is left in them, and what was zero takes little room.

Source: the README of the crate rzcobs. The codes stand behind what they encode, so it is read from its end.
"""

from __future__ import annotations

from espmon.records.defmt.defmt_table import DefmtError

GROUP = 7
"""Bytes that a code below 0x80 stands for: one bit each, 1 where it was a zero."""

RUN = 134
"""Bytes before the code 0xFF, none of them zero."""


def decode_rzcobs(data: bytes) -> bytes:
    """Decode a whole frame without its separators. Zeros may be left at its end that were not in the message.

    Raises `DefmtError` where it is cut or damaged.
    """
    pieces: list[bytes] = []
    at = len(data)
    while at:
        at -= 1
        code = data[at]
        if not code:
            raise DefmtError("a zero inside a frame")
        if code < 0x80:
            taken = GROUP - code.bit_count()
            group = bytearray(GROUP)
            source = at - taken
            if source >= 0:
                for bit in range(GROUP):
                    if not code >> bit & 1:
                        group[bit] = data[source]
                        source += 1
            pieces.append(bytes(group))
        else:
            taken = RUN if code == 0xFF else (code & 0x7F) + GROUP
            pieces.append(data[max(at - taken, 0) : at] + (b"" if code == 0xFF else b"\0"))
        at -= taken
        if at < 0:
            raise DefmtError("bytes are missing")
    return b"".join(reversed(pieces))
