"""Lines a second into an OpenTelemetry collector on this computer, and what is dropped where that is too many.

    python -m tests.benchmarks.otlp_rate [--rate LINES] [--seconds S]

The collector is a process of its own that reads OTLP with `opentelemetry-proto`. Prints what was offered, taken and
dropped, whether the sum is exact, and the CPU time of this process (session, queue, encoding, sending) in seconds a
second. The limit is nothing dropped at 10,000 lines a second.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from espmon.session.connection import PortAccess
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from tests.session.collector import Collector
from tests.session.fakes import Port, ScriptedHandle

TICK_SECONDS = 0.02
LINE = b"I (%d) sensor: temperature 21.4 C, humidity 40 %%, sample %d\r\n"


def collect() -> None:
    """The collector: says where it is; when its input ends, how many records it has."""
    with Collector() as collector:
        print(collector.url, flush=True)
        sys.stdin.read()
        print(sum(1 for _, record in collector.logs if not record.event_name), flush=True)


async def send(rate: int, seconds: float, folder: Path) -> tuple[int, int, int, float]:
    """Offered, exported, dropped, CPU seconds."""
    handle = ScriptedHandle()
    session = Session(settings=Settings(recording=False, otlp=True), folder=folder, access=PortAccess(Port(handle)))
    await session.open(OpenRequest("fake://board"))
    telemetry = session._telemetry
    assert telemetry is not None
    began, number, cpu = time.monotonic(), 0, time.process_time()
    while (elapsed := time.monotonic() - began) < seconds:
        due = int(rate * elapsed)
        handle.push(b"".join(LINE % (each // 10, each) for each in range(number, due)))
        number = max(number, due)
        await asyncio.sleep(TICK_SECONDS)
    await handle.taken()
    await session.close()
    counts = telemetry.queue.counts
    return number, counts.exported, counts.dropped, time.process_time() - cpu


def main() -> int:
    """Measure; returns 1 where the sum is not exact."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--collect", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.collect:
        collect()
        return 0
    words = [sys.executable, "-m", "tests.benchmarks.otlp_rate", "--collect"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
        assert peer.stdout is not None
        assert peer.stdin is not None
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = peer.stdout.readline().strip()
        with tempfile.TemporaryDirectory() as folder:
            offered, exported, dropped, cpu = asyncio.run(send(options.rate, options.seconds, Path(folder)))
        peer.stdin.close()
        arrived = int(peer.stdout.readline())
    exact = offered <= exported + dropped <= offered + 8  # the session's own events are records, too
    print(
        f"{offered:,} lines in {options.seconds:g} s: {exported:,} exported, {arrived:,} arrived, {dropped:,} dropped"
    )
    print(f"CPU {cpu / options.seconds:.2f} s a second; the sum is {'exact' if exact else 'NOT exact'}")
    return 0 if exact else 1


if __name__ == "__main__":
    raise SystemExit(main())
