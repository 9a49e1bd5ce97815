"""Streams and session folders that tests of recordings share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from espmon.records.batch import Part
from espmon.records.demux import Demultiplexer

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
