"""What the simulated board sends as an application's emitter does: bytes of the compiled `firmware/c/espmon_emit.h`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "data"
"""What `tests/fixtures/emitted/build.py` has made."""

PICTURES = 6
"""Pictures, and payloads of each kind, that there are; then they begin again."""


@cache
def emitted(name: str) -> bytes:
    """`caps`, `screenshot-N` (between PNG_BEGIN and PNG_END), `frame-N` (an @ESPFRAME png), `json-N` or `cbor-N`."""
    return (FOLDER / f"{name}.bin").read_bytes()
