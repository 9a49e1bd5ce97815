"""Files saved for payloads. Names come from the stream's offset and the record's type, never from the device's path."""

from __future__ import annotations

from pathlib import Path

from espmon.records.record import Record
from espmon.session.file_system import FileSystem, write_atomically
from espmon.session.session_folder import safe_name

SUFFIXES = {"png": ".png", "coredump": ".coredump.bin", "json": ".json", "cbor": ".cbor", "binlog": ".binlog"}
"""Record type or frame kind -> suffix; everything else is `.bin`."""


def artifact_name(record: Record) -> str:
    """File name for a payload record: `<offset>-<kind>[-<safe part of the device's name>]<suffix>`."""
    kind = str(getattr(record, "kind", None) or record.type)
    name = str(getattr(record, "name", None) or "")
    partial = "" if getattr(record, "complete", True) else ".partial"
    suffix = SUFFIXES.get(kind, ".bin")
    base = f"{record.offset:010d}-{safe_name(kind)}"
    if name:
        leaf = name.replace("\\", "/").rsplit("/", 1)[-1]
        stem, dot, ending = leaf.rpartition(".")
        base += "-" + safe_name(stem if dot else leaf)
        if dot and ending.isalnum() and len(ending) <= 8:
            suffix = f".{ending}"
    return base + partial + suffix


def save_artifact(folder: Path, record: Record, payload: bytes, files: FileSystem | None = None) -> Path:
    """Write a payload atomically into `folder`. Runs off the event loop. Raises OSError."""
    path = folder / artifact_name(record)
    write_atomically(path, payload, files)
    return path
