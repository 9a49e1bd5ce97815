"""Decoders of payload kinds that are somebody's own: functions that other packages offer as `espmon.payloads`.

An entry point's name is the kind (`acme/telemetry`), its object a function: it gets the payload and the frame's fields,
and returns a plain value, a `Table` or a `PngPicture`. It is loaded when the first frame of its kind comes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from espmon.records.payload_table import PngPicture, Table, table_value
from espmon.records.spans.frame import Frame
from espmon.records.values import json_value

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "espmon.payloads"
KNOWN = frozenset({"png", "json", "cbor", "binlog", "file"})
"""Kinds that need no decoder, and get none."""

DECODE_SECONDS = 5.0
"""Longest wait for a decoder."""

PayloadDecoder = Callable[[bytes, Mapping[str, object]], object]
"""`decode(payload, fields)`; the fields are `kind`, `name`, `encoding`, `crc`, `offset` and `time`."""


def installed() -> Iterable[EntryPoint]:
    """What the installed packages offer."""
    from importlib.metadata import entry_points  # takes as long as all the rest, and is seldom needed

    return entry_points(group=GROUP)


class PayloadDecoders:
    """Finds and runs them. May be used from any thread.

    Args:
        offered: the entry points; asked once, when first needed.
    """

    def __init__(self, offered: Callable[[], Iterable[EntryPoint]] = installed) -> None:
        self._offered = offered
        self._found: dict[str, EntryPoint] | None = None
        self._loaded: dict[str, PayloadDecoder] = {}

    def wants(self, frame: Frame) -> bool:
        """Whether there is a decoder for this frame."""
        if frame.kind in KNOWN or not frame.complete:
            return False
        if self._found is None:
            self._found = {entry.name: entry for entry in self._offered()}
        return frame.kind in self._found

    def apply(self, frame: Frame) -> None:
        """Decode a frame that is wanted: its `value`, its `picture`, or (when the decoder fails) its `error` is set."""
        assert self._found is not None
        fields = {name: getattr(frame, name) for name in ("kind", "name", "encoding", "crc", "offset", "time")}
        try:
            decode = self._loaded.get(frame.kind) or self._found[frame.kind].load()
            self._loaded[frame.kind] = decode
            result = decode(frame.payload, fields)
            if isinstance(result, PngPicture):
                frame.show_as(result.data)
            else:
                value = table_value(result) if isinstance(result, Table) else result
                frame.value = json_value(json.dumps(value, default=str).encode())
        except Exception as error:  # noqa: BLE001 somebody else's code: whatever it does costs this one value
            frame.error = f"the decoder of {frame.kind} failed: {type(error).__name__}: {error}"
