"""Coverage-guided fuzzing of the demultiplexer: it must not raise, must tile, and must not depend on the cuts.

    pip install espmon[fuzz]
    python -m tests.fuzz.records_demux --seed CORPUS
    python -m tests.fuzz.records_demux CORPUS -max_len=4096 -max_total_time=3600

The first command writes the seed corpus (made from the project's own test streams and crash logs) into the folder
CORPUS. The first byte of an input chooses the caps and how the rest is cut into reads.
"""

from __future__ import annotations

import sys
from pathlib import Path

SMALL_CAPS = 0x80
"""Bit of the first byte: caps that short inputs reach."""

MOST_OF_A_LOG = 3000
"""Bytes of a crash log that become a seed."""


def check(data: bytes) -> None:
    """Run one input. Raises when a law is broken."""
    from espmon.records import Demultiplexer
    from tests.records.streams import SMALL, as_json, assert_tiles, records

    if not data:
        return
    head, stream = data[0], data[1:]
    limits = SMALL if head & SMALL_CAPS else None
    step = (head & 0x7F) or 1
    whole = records(stream, demux=Demultiplexer(limits))
    assert_tiles(whole, len(stream))
    cut = records(stream, range(step, len(stream), step), demux=Demultiplexer(limits))
    assert as_json(cut) == as_json(whole)
    demux = Demultiplexer(limits)
    found = []
    for at in range(0, len(stream), step):
        found += [*demux.feed(stream[at : at + step]), *demux.idle()]
    found += [*demux.stall(), *demux.flush()]
    assert_tiles(found, len(stream))


def seed(folder: Path) -> None:
    """Write the seed corpus."""
    from tests.records import streams
    from tests.records.events.harness import FIXTURES

    pieces = [
        streams.framed_png(streams.png()), streams.framed_png(streams.png(), streamed=True), streams.core_dump(),
        streams.packet(b"T05thread:1;"), streams.binary_log(b"%d of %s", arguments=b"\0\0\0\1\xff\xfeab"),
        streams.BANNER, b"Backtrace: 0x400d1234:0x3ffb0000\r\n\r\nRebooting...\r\n", b"@ESPCAPS {}\r\n",
        *(
            streams.frame(b'{"a": [1, null]}', kind, encoding)
            for kind in ("json", "cbor", "file:a.txt", "png")
            for encoding in ("raw", "base64", "zlib", "base64+zlib")
        ),
    ]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    pieces += [path.read_bytes()[:MOST_OF_A_LOG] for path in sorted(FIXTURES.glob("*.log"))]
    for number, piece in enumerate(pieces):
        (folder / f"seed-{number:02}").write_bytes(bytes([number * 9 & 0xFF]) + b"I (1) a: b\r\n" + piece + b"> x")


def main() -> None:
    """Write the seed, or fuzz."""
    if sys.argv[1:2] == ["--seed"]:
        seed(Path(sys.argv[2]))
        return
    import atheris

    with atheris.instrument_imports(include=["espmon.records"]):
        import espmon.records.demux  # noqa: F401 everything: the package itself loads its names when they are used
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
