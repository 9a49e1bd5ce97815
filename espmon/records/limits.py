"""Every cap of the records room, by name: whatever a board sends, memory stays bounded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps in bytes unless a field says otherwise. All are settings; the defaults suit a desktop."""

    line: int = 64 << 10
    """A longer text line is shown whole, in pieces of this size."""

    frame: int = 16 << 20
    """Payload of one structured frame, and what its compressed payload may unpack to."""

    unpacked_per_byte: int = 16
    """What compressed frames may unpack to, all together, for each byte of the stream so far; `frame` once on top."""

    png: int = 16 << 20
    """Payload of one PNG screenshot."""

    coredump: int = 32 << 20
    """A core dump as text on the wire."""

    coredump_foreign: int = 24
    """Lines in a row that are not base64 before a core dump counts as over (its end line was lost)."""

    gdb: int = 4096
    """One gdb packet."""

    defmt: int = 16 << 10
    """One defmt frame."""

    value: int = 1 << 20
    """A JSON or CBOR payload larger than this keeps its bytes, but is not decoded into a value."""

    read: int = 256 << 10
    """Larger reads are worked through in portions of this size."""
