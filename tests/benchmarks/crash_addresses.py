"""A log with 1 % address lines through a whole session pipeline, with an ELF, beside esp-idf-monitor.

Run: `python -m tests.benchmarks.crash_addresses [--megabytes 40] [--peer-seconds 10]`. Prints MB/s until the last
decoration is there, the longest delay of the event loop meanwhile, the same without an ELF, and the ratio to
esp-idf-monitor's serial handler in this process (it starts an addr2line for each address; with one from
binutils-multiarch on the PATH when the vendor's is absent).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import random
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from espmon.postmortem import Symbolizer
from espmon.records.demux import Demultiplexer
from espmon.records.limits import Limits
from espmon.session.decoder import Decoder
from espmon.session.event_log import EventLog
from espmon.session.pipeline import Pipeline
from espmon.session.publisher import Publisher
from espmon.session.settings import Settings
from espmon.session.store import LogStore
from tests.inputs import REAL

ELF = REAL / "coredump" / "esp32" / "app.elf"
READ = 16 << 10
"""Bytes of one read of the port."""

DISTINCT = 400
"""Different addresses in the log: what a real log has, with repetitions."""


def code_addresses(seed: int = 7) -> list[int]:
    """Addresses in functions of the ELF."""
    symbolizer = Symbolizer(ELF)
    chosen = random.Random(seed)
    found: list[int] = []
    while len(found) < DISTINCT:
        address = 0x400D0000 + chosen.randrange(0, 0x20000, 2)
        if symbolizer.is_code(address) and symbolizer.lookup(address):
            found.append(address)
    return found


def lines(size: int, percent: float, addresses: list[int]) -> Iterator[bytes]:
    """Log lines of `size` bytes in all, `percent` of them with an address."""
    chosen = random.Random(3)
    every = round(100 / percent) if percent else 0
    made = number = 0
    while made < size:
        number += 1
        if every and number % every == 0:
            line = b"W (%d) app: called from 0x%08x, retry %d\r\n" % (number, chosen.choice(addresses), number % 7)
        else:
            line = b"I (%d) sensor: temperature 21.%d C, humidity %d %%\r\n" % (number, number % 10, number % 100)
        made += len(line)
        yield line


async def espmon(log: bytes, elf: Path | None) -> tuple[float, float, int, float]:
    """Seconds until everything is decoded, longest delay of the loop, decorated lines, seconds until it is stored."""
    store = LogStore()
    late = 0.0
    decoder = Decoder(store, Publisher(), {})
    settings = Settings()
    pipeline = Pipeline(
        Demultiplexer(Limits()),
        store,
        EventLog(lambda entry: None),
        lambda change: decoder.lines_appended(),
        settings=settings,
    )
    if elf is not None:
        await decoder.load((elf,))

    async def watch() -> None:
        nonlocal late
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            late = max(late, time.perf_counter() - before - 0.001)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    began = time.perf_counter()
    for start in range(0, len(log), READ):
        pipeline.feed(log[start : start + READ], time.time())
        await asyncio.sleep(0)
    stored = time.perf_counter() - began
    while elf is not None and decoder.behind:  # noqa: ASYNC110 - the step that finds nothing tells nobody
        await asyncio.sleep(0.001)
    took = time.perf_counter() - began
    watching.cancel()
    found = sum(1 for line in range(len(store)) if decoder.decoration(line))
    decoder.stop()
    return took, late, found, stored


class Sink:
    """A console that swallows what is printed."""

    def write_bytes(self, data: bytes) -> None:
        """Take it."""


class Everything:
    """The peer's empty print filter."""

    def match(self, line: str) -> bool:
        """Let it pass."""
        return True


class NoCoredump:
    """The peer's core dump reader, out of the way."""

    def check(self, line: bytes) -> contextlib.AbstractContextManager[None]:
        """Nothing is in a dump."""
        return contextlib.nullcontext()


def peer(log: bytes, elf: Path, seconds: float) -> tuple[float, int]:
    """esp-idf-monitor's handler over the same lines for `seconds`: MB/s, lines with an address."""
    from esp_idf_monitor.base.logger import Logger
    from esp_idf_monitor.base.serial_handler import SerialHandler

    files = [str(elf)]
    logger = Logger(files, Sink(), False, "", True, "")
    handler = SerialHandler(b"", logger, "disable", 0, b"", "esp32", False, False, None, False, files, "", False)
    began = time.perf_counter()
    done = 0
    while done < len(log) and time.perf_counter() - began < seconds:
        handler.handle_serial_input(log[done : done + READ], None, NoCoredump(), None, Everything(), lambda line: None)
        done += READ
    return done / 1e6 / (time.perf_counter() - began), log[:done].count(b"0x4")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=40)
    parser.add_argument("--percent", type=float, default=1.0)
    parser.add_argument("--peer-seconds", type=float, default=10.0)
    options = parser.parse_args()
    if not ELF.is_file():
        sys.exit(f"{ELF} is not there")
    addresses = code_addresses()
    log = b"".join(lines(options.megabytes << 20, options.percent, addresses))
    size = len(log) / 1e6
    took, late, _, _ = asyncio.run(espmon(log, None))
    print(f"espmon, no ELF:   {size / took:6.1f} MB/s, loop at most {1000 * late:.1f} ms late")
    took, late, found, stored = asyncio.run(espmon(log, ELF))
    ours = size / took
    print(
        f"espmon, ELF:      {ours:6.1f} MB/s until the last decoration ({size / stored:.1f} MB/s until stored), "
        f"loop at most {1000 * late:.1f} ms late, {found:,} lines decorated"
    )
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        theirs, decoded = peer(log, ELF, options.peer_seconds)
    print(f"esp-idf-monitor:  {theirs:6.2f} MB/s, {decoded:,} addresses asked; ratio {ours / theirs:,.0f}")


if __name__ == "__main__":
    main()
