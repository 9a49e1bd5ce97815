"""`blind:///dev/...`: a port that does not tell its file descriptor."""

from __future__ import annotations

import io
from typing import Any

import serial


class Serial(serial.Serial):
    """pyserial looks for this name."""

    @serial.Serial.port.setter  # type: ignore[attr-defined,untyped-decorator]
    def port(self, value: Any) -> None:
        serial.Serial.port.__set__(self, value and value.removeprefix("blind://"))  # type: ignore[attr-defined]

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")
