"""What a gzip file holds, of one part or of several; one that is cut or damaged gives what it has."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

GZIP = 31
"""`wbits` of zlib for gzip's own head and sums."""


class GzipDamage(Exception):
    """The rest cannot be had. The message is for people."""


def unpacked(file: BinaryIO, portion: int) -> Iterator[tuple[bytes, int]]:
    """Bytes as they were before they were packed, and how many packed ones were read so far.

    Args:
        file: at its beginning.
        portion: bytes read, and given out, at once at most.

    Raises:
        OSError: it cannot be read.
        GzipDamage: after the last bytes that could be had.
    """
    unpacker, begun, done = zlib.decompressobj(wbits=GZIP), False, 0
    while packed := file.read(portion):
        done += len(packed)
        while packed:
            if unpacker.eof:
                if not packed.strip(b"\0"):
                    break
                unpacker, begun = zlib.decompressobj(wbits=GZIP), False
            begun, before = True, unpacker.copy()
            try:
                data = unpacker.decompress(packed, portion)
            except zlib.error as error:
                if rest := _before_damage(before, packed):
                    yield rest, done
                raise GzipDamage(f"the gzip file is damaged: {error}") from error
            if data:
                yield data, done
            packed = unpacker.unconsumed_tail or unpacker.unused_data
    if begun and not unpacker.eof:
        raise GzipDamage("the gzip file is cut off: the rest is missing")


def _before_damage(unpacker: zlib._Decompress, packed: bytes) -> bytes:
    """What comes before the byte that zlib refuses: it keeps that back when it refuses."""
    data = bytearray()
    try:
        for at in range(len(packed)):
            data += unpacker.decompress(packed[at : at + 1])
    except zlib.error:
        pass
    return bytes(data)
