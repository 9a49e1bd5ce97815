"""Bytes to records: the demultiplexer, the record types and what they say.

Sans-IO: nothing here reads a port, a clock or a file. Names are loaded when first used: a screen that shows lines does
not wait for the tables of resets and panics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.lazy import names_from

if TYPE_CHECKING:
    from espmon.records.batch import Batch, Part
    from espmon.records.console_events import CAPS_QUERY
    from espmon.records.demux import Demultiplexer
    from espmon.records.event import EventRecognizer, LineView
    from espmon.records.limits import Limits
    from espmon.records.lines import Line, LineBlock
    from espmon.records.notes import Caps, Note
    from espmon.records.payload_table import PngPicture, Table
    from espmon.records.record import Event, JsonObject, Raw, Record
    from espmon.records.span import CaptureStatus
    from espmon.records.spans.coredump_capture import Coredump
    from espmon.records.spans.frame import Frame
    from espmon.records.spans.gdb_packets import Gdb
    from espmon.records.spans.png import Png

_HOMES = {
    "batch": "Batch Part",
    "console_events": "CAPS_QUERY",
    "demux": "Demultiplexer",
    "event": "EventRecognizer LineView",
    "limits": "Limits",
    "lines": "Line LineBlock",
    "notes": "Caps Note",
    "payload_table": "PngPicture Table",
    "record": "Event JsonObject Raw Record",
    "span": "CaptureStatus",
    "spans.coredump_capture": "Coredump",
    "spans.frame": "Frame",
    "spans.gdb_packets": "Gdb",
    "spans.png": "Png",
}

__all__ = [
    "CAPS_QUERY", "Batch", "Caps", "CaptureStatus", "Coredump", "Demultiplexer", "Event", "EventRecognizer", "Frame",
    "Gdb", "JsonObject", "Limits", "Line", "LineBlock", "LineView", "Note", "Part", "Png", "PngPicture", "Raw",
    "Record", "Table",
]  # fmt: skip


__getattr__ = names_from(__name__, _HOMES)
