"""Bytes to records: the demultiplexer, the record types and what they say.

Sans-IO: nothing here reads a port, a clock or a file.
"""

from espmon.records.batch import Batch, Part
from espmon.records.console import CAPS_QUERY
from espmon.records.demux import Demultiplexer
from espmon.records.event import EventRecognizer, LineView
from espmon.records.limits import Limits
from espmon.records.lines import Line, LineBlock
from espmon.records.notes import Caps, Note
from espmon.records.record import Event, JsonObject, Raw, Record
from espmon.records.span import CaptureStatus
from espmon.records.spans.coredump import Coredump
from espmon.records.spans.frame import Frame
from espmon.records.spans.gdb import Gdb
from espmon.records.spans.png import Png

__all__ = [
    "CAPS_QUERY",
    "Batch",
    "Caps",
    "CaptureStatus",
    "Coredump",
    "Demultiplexer",
    "Event",
    "EventRecognizer",
    "Frame",
    "Gdb",
    "JsonObject",
    "Limits",
    "Line",
    "LineBlock",
    "LineView",
    "Note",
    "Part",
    "Png",
    "Raw",
    "Record",
]
