"""`own:///dev/...`: the native port under another name."""

from __future__ import annotations

from typing import Any

import serial


class Serial(serial.Serial):
    """pyserial looks for this name."""

    @serial.Serial.port.setter  # type: ignore[attr-defined,untyped-decorator]
    def port(self, value: Any) -> None:
        serial.Serial.port.__set__(self, value and value.removeprefix("own://"))  # type: ignore[attr-defined]
