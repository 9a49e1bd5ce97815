"""Streams and session folders that tests of recordings share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from espmon.records.batch import Part
from espmon.records.demux import Demultiplexer
from espmon.records.record import Event, JsonObject
from espmon.session.archive.session_index import INDEX, SessionIndexer
from espmon.session.session_folder import SIDECAR, STREAM, new_session_folder

LINE = b"I (1234) wifi: state: run -> init (0x0)\r\n"

BOOT = (
    b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
    b"I (29) boot: ESP-IDF v5.1 2nd stage bootloader\r\n"
    b"I (300) cpu_start: Project name:     hello\r\nI (301) cpu_start: App version:      1.2\r\n"
    b"I (302) cpu_start: ELF file SHA256:  0123456789abcdef...\r\nI (310) main_task: Calling app_main()\r\n"
)

PANIC = (
    b"Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n\r\n"
    b"Core  0 register dump:\r\n"
    b"PC      : 0x400d1234  PS      : 0x00060030  A0      : 0x800d5678  A1      : 0x3ffb0000\r\n"
    b"EXCVADDR: 0x00000000\r\n\r\n"
    b"Backtrace: 0x400d1231:0x3ffb0000 0x400d5675:0x3ffb0020\r\n\r\nRebooting...\r\n"
)


def demuxed(portions: Sequence[bytes], *, start: float, step: float) -> Iterator[Part]:
    """What becomes of portions that come one a `step`, the first at `start`, in seconds."""
    demux = Demultiplexer()
    for number, data in enumerate(portions):
        yield from demux.feed(data, start + number * step).parts
    yield from demux.flush(start + len(portions) * step).parts


def made_session(root: Path, data: bytes, *, name: str = "bench", now: float = 1_700_000_000.0) -> Path:
    """A closed session that received `data`, 512 bytes each second, as a session leaves it."""
    folder = new_session_folder(root, name, now)
    portions = [data[at : at + 512] for at in range(0, len(data), 512)]
    (folder / STREAM).write_bytes(data)
    index: list[JsonObject] = []
    indexer = SessionIndexer(lambda fields, when: index.append({"t": when, "m": when - now, **fields}), lambda: now)
    sidecar: list[JsonObject] = [{"t": now, "m": 0.0, "event": "port", "name": name, "url": "/dev/ttyUSB0"}]
    for number, portion in enumerate(portions):
        times = {"t": now + number, "m": float(number)}
        sidecar.append({**times, "event": "bytes", "offset": number * 512, "length": len(portion), "lease": "pipeline"})
    for part in demuxed(portions, start=now, step=1.0):
        indexer.take(part, None)
        if isinstance(part, Event):
            sidecar.append({"t": part.time, "m": (part.time or now) - now, **part.to_json()})
    indexer.end()
    sidecar.append({"t": now, "m": float(len(portions)), "event": "end", "received": len(data), "unwritten": 0})
    with (folder / SIDECAR).open("a") as file:
        file.write("".join(json.dumps(line) + "\n" for line in sidecar))
    (folder / INDEX).write_text("".join(json.dumps(line) + "\n" for line in index))
    return folder
